/* SPDX-License-Identifier: Apache-2.0 */
/* Ports: the doorbell's alone, in the right way alone. */
#include "support.h"

#include <string.h>

enum { OUT, IN, OUTS, INS, REP_OUTS, REP_INS, WAYS };

#define NO_PORT 0x10000u

static int access_port(struct box *box, uint32_t port, uint32_t width, uint32_t way)
{
    mote_value result;
    mote_call_options options = {sizeof(options), 5 * SECOND};

    return mote_call(box->sandbox, find(box->image, "port"), &options,
                     ARGS(v_u32(port), v_u32(width), v_u32(way)), &result, 1);
}

/* The guest may read the gate page; the host's own view leaves it out. */
static void read_doorbell(struct box *box, unsigned char *code, size_t size)
{
    mote_value address;
    mote_value byte;

    must_call(box, "address_of_doorbell", NO_ARGS, &address);
    for (size_t i = 0; i < size; i++) {
        must_call(box, "wild_read", ARGS(v_u64(address.of.u64 + i)), &byte);
        code[i] = (unsigned char)byte.of.u32;
    }
}

/* The doorbell's port, read from its stub: `out` with the port in the instruction or in dx. */
static uint32_t doorbell_port(struct box *box)
{
    unsigned char code[32];

    read_doorbell(box, code, sizeof(code));
    for (size_t i = 0; i + 8 < sizeof(code); i++) {
        bool to_dx = (code[i] == 0x66 && code[i + 1] == 0xba) || code[i] == 0xba;
        size_t at = i + (code[i] == 0x66 ? 2 : 1);

        if (to_dx) {
            return (uint32_t)(code[at] | code[at + 1] << 8);
        }
        if (code[i] == 0xe6 || code[i] == 0xe7) {
            return code[i + 1];
        }
    }
    return NO_PORT;
}

static void refused(struct box *box, uint32_t port, uint32_t width, uint32_t way)
{
    int rc = access_port(box, port, width, way);

    if (rc != MOTE_EFAULT || mote_sandbox_report(box->sandbox)->fault != MOTE_FAULT_PROTECTION) {
        FAIL("port 0x%x, width %u, way %u: %s, %s", port, width, way, mote_error_name(rc),
             mote_fault_name(mote_sandbox_report(box->sandbox)->fault));
    }
    CHECK_INT(mote_sandbox_report(box->sandbox)->vector, 13);
    CHECK_CODE(mote_reset(box->sandbox), MOTE_OK);
}

/* No byte of the access may touch the doorbell's. */
static bool apart(uint32_t port, uint32_t width, uint32_t doorbell)
{
    return port + width <= doorbell || port >= doorbell + 4;
}

TEST(ports, out_other)
{
    struct box box;
    uint32_t doorbell;
    uint32_t step = 0x10000 / test_repeat(2000);

    box_run(&box, "faults");
    doorbell = doorbell_port(&box);
    for (uint32_t port = 0; port <= 0xffff; port += step) {
        if (apart(port, 1, doorbell)) {
            refused(&box, port, 1, OUT);
        }
    }
    expect_alive(&box);
    box_close(&box);
}

/* Those that hypervisors and machines answer to, in every width and way. */
TEST(ports, well_known)
{
    const uint32_t all[] = {0x20,  0x21,  0x40,  0x43,  0x60,  0x61,   0x64,   0x70,  0x80,
                            0x92,  0xb2,  0xcf8, 0xcfc, 0x3f8, 0x3fd,  0x402,  0x510, 0x511,
                            0x604, 0x7fc, 0xf4,  0xe9,  0x501, 0x5658, 0xffff, 0};
    struct box box;
    uint32_t doorbell;

    box_run(&box, "faults");
    doorbell = doorbell_port(&box);
    for (size_t i = 0; i < COUNT(all) * WAYS; i++) {
        for (uint32_t width = 1; width <= 4; width *= 2) {
            if (apart(all[i / WAYS], width, doorbell)) {
                refused(&box, all[i / WAYS], width, (uint32_t)(i % WAYS));
            }
        }
    }
    expect_alive(&box);
    box_close(&box);
}

TEST(ports, in)
{
    struct box box;

    box_run(&box, "faults");
    refused(&box, 0x20, 1, IN); /* low ones, which the bitmap itself has bits for */
    refused(&box, 0x21, 1, INS);
    refused(&box, 0x40, 1, REP_INS);
    refused(&box, 0x3f8, 1, INS);
    refused(&box, 0xcfc, 4, REP_INS);
    expect_alive(&box);
    box_close(&box);
}

/* An `in` from the doorbell's own port reaches the host. Whatever becomes of it, the next call is
 * right: nothing is left pending. */
TEST(ports, call_after_in)
{
    const uint32_t ways[] = {IN, INS, REP_INS};
    struct box box;
    uint32_t doorbell;

    box_run(&box, "faults");
    doorbell = doorbell_port(&box);
    CHECK(doorbell != NO_PORT);
    for (size_t i = 0; i < COUNT(ways) * 3; i++) {
        CHECK_CODE(access_port(&box, doorbell, 1, ways[i % COUNT(ways)]), MOTE_EFAULT);
        expect_alive(&box);
    }
    box_close(&box);
}

/* An access that touches the doorbell's port and the one beside it. */
TEST(ports, beside_the_doorbell)
{
    struct box box;
    uint32_t doorbell;

    box_run(&box, "faults");
    doorbell = doorbell_port(&box);
    CHECK(doorbell != NO_PORT);
    for (uint32_t width = 1; width <= 4; width *= 2) {
        for (int beside = -3; beside <= 4; beside++) {
            uint32_t port = doorbell + (uint32_t)beside;

            if (port <= 0xffff && port != doorbell) {
                int rc = access_port(&box, port, width, OUT);

                CHECK_CODE(rc, MOTE_EFAULT);
                expect_alive(&box);
            }
        }
    }
    box_close(&box);
}

static void ring(struct box *box, uint32_t doorbell, uint32_t width, uint32_t way)
{
    int rc = access_port(box, doorbell, width, way);
    mote_fault_kind fault = mote_sandbox_report(box->sandbox)->fault;

    if (rc == MOTE_EFAULT) {
        CHECK(fault == MOTE_FAULT_DOORBELL || fault == MOTE_FAULT_PROTECTION);
    } else {
        CHECK(width == 1 && (way == OUT || way == OUTS || way == REP_OUTS));
        CHECK(rc != MOTE_ESTRANGE);
    }
    expect_alive(box);
}

/* The doorbell in a wrong way is a bad doorbell, or refused by the processor. `outsb` is reported
 * by KVM exactly like `out`, so it rings; what it then asks for is what the mailbox says. */
TEST(ports, bad_doorbell)
{
    struct box box;
    uint32_t doorbell;

    box_run(&box, "faults");
    doorbell = doorbell_port(&box);
    CHECK(doorbell != NO_PORT);
    for (uint32_t way = OUT; way < WAYS; way++) {
        for (uint32_t width = 1; width <= 4; width *= 2) {
            ring(&box, doorbell, width, way);
        }
    }
    box_close(&box);
}
