/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resident sandboxes. That they mean what others mean is shown by all tests of this program, run
 * with --resident; here is what is different: no exits, sleep and waking, and guests that lie.
 */
#include "taint_support.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

/* Who polls that long never sleeps in a test: then there is no exit at all. */
#define LONG (100 * SECOND)

/* Where there is one processor, calls are by exit. */
static bool can_be_resident(void)
{
    cpu_set_t set;

    return sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) >= 2;
}

static void make_resident(struct box *box, uint64_t guest_spin_ns, uint64_t call_spin_ns)
{
    mote_error error = MOTE_ERROR_INIT;
    mote_resident_options options = {sizeof(options), guest_spin_ns, call_spin_ns, 0};

    CHECK_CODE(mote_resident_start(box->sandbox, &options, &error), MOTE_OK);
}

static void check_exits(struct box *box, uint64_t exits)
{
    if (can_be_resident()) {
        CHECK_INT(mote_sandbox_report(box->sandbox)->exits, exits);
    }
}

static void check_echo(struct box *box, uint32_t number)
{
    mote_value result;

    must_call(box, "echo_u32", ARGS(v_u32(number)), &result);
    CHECK_INT(result.of.u32, number);
}

TEST(resident, warm_calls_have_no_exit)
{
    struct box box;

    box_run(&box, "echo");
    make_resident(&box, LONG, LONG);
    for (uint32_t i = 0; i < test_repeat(2000); i++) {
        check_echo(&box, i);
        check_exits(&box, 0);
    }
    box_close(&box);
}

TEST(resident, guest_and_caller_sleep)
{
    struct box box;

    box_run(&box, "echo");
    make_resident(&box, 1, 1);
    for (uint32_t i = 0; i < test_repeat(300); i++) {
        check_echo(&box, i);
        if (i % 100 == 0) {
            sleep_ms(1);
        }
    }
    box_close(&box);
}

/* Any mixture of who sleeps and who polls, and none between two calls. */
TEST(resident, starts_and_stops)
{
    static const uint64_t spins[] = {1, 1000, LONG};
    struct box box;

    box_run(&box, "echo");
    for (uint32_t i = 0; i < test_repeat(90); i++) {
        make_resident(&box, spins[i % 3], spins[i / 3 % 3]);
        check_echo(&box, i);
        if (i % 2) {
            CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
        }
        if (i % 5) {
            CHECK_CODE(mote_resident_stop(box.sandbox), MOTE_OK);
        }
        check_echo(&box, i + 1);
    }
    CHECK_CODE(mote_resident_stop(box.sandbox), MOTE_OK);
    CHECK_CODE(mote_resident_stop(box.sandbox), MOTE_OK);
    check_echo(&box, 7);
    CHECK(mote_sandbox_report(box.sandbox)->exits == 1);
    box_close(&box);
}

/* Parked while the guest is to start anew: there is no VM to set that right in. */
TEST(resident, parked_after_a_reset_and_stopped)
{
    struct box box;

    box_run(&box, "echo");
    for (uint32_t i = 0; i < 3; i++) {
        make_resident(&box, LONG, LONG);
        check_echo(&box, i);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
        CHECK_CODE(mote_sandbox_park(box.sandbox), MOTE_OK);
        CHECK_CODE(mote_resident_stop(box.sandbox), MOTE_OK);
        CHECK_INT(mote_sandbox_state(box.sandbox), MOTE_STATE_READY);
        check_echo(&box, i);
    }
    make_resident(&box, LONG, LONG);
    check_echo(&box, 4);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    CHECK_CODE(mote_sandbox_park(box.sandbox), MOTE_OK);
    box_close(&box);
}

TEST(resident, large_arguments)
{
    struct box box;
    mote_value result;
    size_t size = 4 * MIB;
    char *bytes = calloc(1, size);

    box_run(&box, "echo");
    make_resident(&box, LONG, LONG);
    for (int i = 0; i < 3; i++) {
        bytes[size - 1] = (char)i;
        must_call(&box, "echo_bytes", ARGS(v_bytes(bytes, size)), &result);
        CHECK(result.of.bytes.size == size && !memcmp(result.of.bytes.data, bytes, size));
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    }
    free(bytes);
    box_close(&box);
}

/* A reset by exit in between, when more was written than is kept. */
TEST(resident, fresh_without_exit)
{
    struct box box;
    mote_value traces;

    box_run(&box, "dirty");
    make_resident(&box, LONG, LONG);
    for (unsigned i = 0; i < test_repeat(100); i++) {
        must_call(&box, "dirty", ARGS(v_u32(i % 64)), NULL);
        check_exits(&box, 0);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
        if (i % 10 == 9) {
            must_call(&box, "dirty_bss", ARGS(v_u32(2000)), NULL);
            CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
        }
        must_call(&box, "traces", NO_ARGS, &traces);
        CHECK_INT(traces.of.u64, 1);
        check_exits(&box, 0);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    }
    box_close(&box);
}

/* The gate page puts back what general registers hold, and the scrub stub the rest. */
TEST(resident, fresh_registers)
{
    static const uint32_t more[] = {0, TAINT_SELECTORS | TAINT_SS, TAINT_PENDING_X87};
    struct box box;
    unsigned char *reference;
    uint32_t flags;

    box_run(&box, "taint");
    flags = taint_capabilities(&box);
    reference = taint_look(box.sandbox, box.image, flags);
    make_resident(&box, LONG, LONG);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    for (size_t i = 0; i < COUNT(more); i++) {
        unsigned char *seen;

        taint_fill(&box, flags | more[i], 0x1b);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
        seen = taint_look(box.sandbox, box.image, flags);
        check_exits(&box, 0);
        CHECK_BYTES(seen, reference, LOOK_SIZE);
        free(seen);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    }
    free(reference);
    box_close(&box);
}

TEST(resident, after_every_fault)
{
    static const char *const ends[] = {"spin", "divide", "alive"};
    struct box box;

    box_run(&box, "faults");
    make_resident(&box, LONG, LONG);
    for (size_t i = 0; i < COUNT(ends) * 3; i++) {
        (void)call_deadline(&box, ends[i % COUNT(ends)], SECOND / 50, NO_ARGS, NULL);
        expect_alive(&box);
    }
    CHECK_CODE(mote_resident_stop(box.sandbox), MOTE_OK);
    expect_alive(&box);
    box_close(&box);
}

TEST(resident, wrong_options)
{
    struct box box;
    mote_error error = MOTE_ERROR_INIT;
    mote_resident_options options = {sizeof(options), 0, 0, 1000000};

    box_run(&box, "echo");
    CHECK_CODE(mote_resident_start(box.sandbox, &options, &error), MOTE_EINVAL);
    CHECK_HAS(error.text, "processor");
    options.size = 1;
    CHECK_CODE(mote_resident_start(box.sandbox, &options, &error), MOTE_EINVAL);
    CHECK_CODE(mote_resident_start(NULL, NULL, &error), MOTE_EINVAL);
    CHECK_CODE(mote_resident_stop(NULL), MOTE_EINVAL);
    check_echo(&box, 1);
    box_close(&box);
}

/* ---- guests that lie ---- */

/* A fresh call without an exit is fresh for an honest guest. One that lies keeps what it likes:
 * that is why a resident sandbox serves one tenant. A reset by exit ends it. */
TEST(resident, a_liar_keeps_its_secret_until_there_is_an_exit)
{
    struct box box;
    mote_value told;

    box_run(&box, "resident_liar");
    make_resident(&box, LONG, LONG);
    if (can_be_resident()) {
        must_call(&box, "keep", ARGS(v_u64(0x5ec2e7)), NULL);
        check_exits(&box, 0);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
        must_call(&box, "tell", NO_ARGS, &told);
        CHECK_HEX(told.of.u64, 0x5ec2e7);
        check_exits(&box, 0);
        must_call(&box, "keep", ARGS(v_u64(0x5ec2e7)), NULL);
    }
    CHECK_CODE(mote_resident_stop(box.sandbox), MOTE_OK);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    must_call(&box, "tell", NO_ARGS, &told);
    CHECK_HEX(told.of.u64, 0);
    box_close(&box);
}

/* It rings falsely and rewrites the mailbox while the host reads it: the call ends somehow, and
 * neither the host nor another sandbox notices. */
TEST(resident, a_liar_rewrites_what_the_host_reads)
{
    struct box box;
    mote_sandbox *other;
    mote_value result;

    box_run(&box, "resident_liar");
    make_resident(&box, LONG, 1000);
    other = open_sandbox(box.image, box.policy);
    for (uint32_t i = 0; i < test_repeat(400); i++) {
        int rc = call_deadline(&box, "scribble", SECOND / 100, ARGS(v_u32(i)), &result);

        CHECK(rc != MOTE_ESTRANGE && rc != MOTE_ESYSTEM);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
        CHECK_CODE(call(other, box.image, "tell", NO_ARGS, &result), MOTE_OK);
        CHECK_INT(result.of.u64, 0);
    }
    CHECK_CODE(mote_sandbox_free(other), MOTE_OK);
    CHECK_CODE(mote_resident_stop(box.sandbox), MOTE_OK);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    must_call(&box, "tell", NO_ARGS, &result);
    CHECK_INT(result.of.u64, 0);
    box_close(&box);
}
