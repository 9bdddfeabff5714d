/* SPDX-License-Identifier: Apache-2.0 */
/* Exceptions of the processor, really raised, and instructions that a guest must not have. */
#include "support.h"

#include <stdio.h>
#include <string.h>

static void raises(const char *export, const mote_value *args, size_t nargs, mote_value *result,
                   mote_fault_kind fault, uint32_t vector)
{
    struct box box;
    int rc;

    box_run(&box, "faults");
    for (int i = 0; i < 3; i++) {
        rc = box_call(&box, export, args, nargs, result);
        check_exception(&box, rc, fault, vector);
        expect_alive(&box);
    }
    box_close(&box);
}

TEST(exceptions, divide_0)
{
    mote_value result;

    raises("divide", ARGS(v_i32(1), v_i32(0)), &result, MOTE_FAULT_DIVIDE, 0);
}

TEST(exceptions, divide_overflow_0)
{
    mote_value result;

    raises("divide", ARGS(v_i32(INT32_MIN), v_i32(-1)), &result, MOTE_FAULT_DIVIDE, 0);
}

TEST(exceptions, debug_1)
{
    raises("single_step", NO_ARGS, NULL, MOTE_FAULT_BREAKPOINT, 1);
}

/* QEMU knows no icebp. */
TEST(exceptions, icebp_1)
{
    if (emulated()) {
        raises("int1", NO_ARGS, NULL, MOTE_FAULT_ILLEGAL, 6);
    } else {
        raises("int1", NO_ARGS, NULL, MOTE_FAULT_BREAKPOINT, 1);
    }
}

TEST(exceptions, breakpoint_3)
{
    raises("int3", NO_ARGS, NULL, MOTE_FAULT_BREAKPOINT, 3);
}

TEST(exceptions, illegal_6)
{
    raises("ud2", NO_ARGS, NULL, MOTE_FAULT_ILLEGAL, 6);
}

TEST(exceptions, protection_13)
{
    raises("non_canonical", NO_ARGS, NULL, MOTE_FAULT_PROTECTION, 13);
}

TEST(exceptions, misaligned_sse_13)
{
    raises("misaligned_sse", NO_ARGS, NULL, MOTE_FAULT_PROTECTION, 13);
}

TEST(exceptions, page_fault_14)
{
    raises("wild_write", ARGS(v_u64(0x1000)), NULL, MOTE_FAULT_PAGE, 14);
}

TEST(exceptions, x87_16)
{
    raises("x87_fault", NO_ARGS, NULL, MOTE_FAULT_FLOAT, 16);
}

/* QEMU never raises it: there the call comes back, and what it unmasked is gone with the reset. */
TEST(exceptions, sse_19)
{
    struct box box;

    if (!emulated()) {
        raises("sse_fault", NO_ARGS, NULL, MOTE_FAULT_FLOAT, 19);
        return;
    }
    box_run(&box, "faults");
    must_call(&box, "sse_fault", NO_ARGS, NULL);
    expect_alive(&box);
    box_close(&box);
}

/* The contract leaves open what a stack segment fault is called. QEMU raises #GP in its place. */
TEST(exceptions, stack_segment_12)
{
    struct box box;

    box_run(&box, "faults");
    CHECK_CODE(box_call(&box, "stack_segment", NO_ARGS, NULL), MOTE_EFAULT);
    CHECK_INT(mote_sandbox_report(box.sandbox)->vector, emulated() ? 13 : 12);
    CHECK(mote_sandbox_report(box.sandbox)->fault != MOTE_FAULT_NONE);
    expect_alive(&box);
    box_close(&box);
}

/* With CR0.AM clear, AC means nothing; but kvm-pvm runs guests under the host's CR0. */
TEST(exceptions, alignment_check_17)
{
    struct box box;
    mote_value result;
    int rc;

    box_run(&box, "faults");
    rc = box_call(&box, "misaligned_with_ac", NO_ARGS, &result);
    if (rc == MOTE_OK) {
        CHECK_INT(result.of.u32, 1);
    } else {
        CHECK_CODE(rc, MOTE_EFAULT);
        CHECK_INT(mote_sandbox_report(box.sandbox)->vector, 17);
    }
    expect_alive(&box);
    box_close(&box);
}

TEST(exceptions, report_names_the_place)
{
    const mote_report *report;
    struct box box;
    mote_value result;

    box_run(&box, "faults");
    must_call(&box, "address_of_code", NO_ARGS, &result);
    CHECK_CODE(box_call(&box, "wild_write", ARGS(v_u64(0x1234)), NULL), MOTE_EFAULT);
    report = mote_sandbox_report(box.sandbox);
    CHECK(report->size >= sizeof(mote_report));
    CHECK_HAS(report->symbol, "wild_write");
    CHECK_HAS(mote_sandbox_error(box.sandbox)->text, "0x1234");
    CHECK_HAS(mote_sandbox_error(box.sandbox)->text, "wild_write");
    CHECK(report->registers.rip - result.of.u64 + (1 << 20) < (2 << 20));
    CHECK(report->registers.rsp != 0);
    CHECK_HEX(report->error_code & 6, 6); /* a write, by the user */
    box_close(&box);
}

/* ---- single steps ------------------------------------------------------------------ */

/* TF set: at a system call and at the doorbell it must neither confuse the host nor leak into what
 * comes after. */
static void steps(const char *export)
{
    struct box box;
    int rc;

    box_run(&box, "faults");
    for (int i = 0; i < 3; i++) {
        rc = box_call(&box, export, NO_ARGS, NULL);
        CHECK(rc == MOTE_EFAULT || rc == MOTE_EPROTOCOL);
        expect_alive(&box);
    }
    box_close(&box);
}

TEST(exceptions, step_over_syscall)
{
    steps("single_step_syscall");
}

TEST(exceptions, step_into_doorbell)
{
    steps("single_step_doorbell");
}

/* ---- int n ------------------------------------------------------------------ */

TEST(exceptions, int_n)
{
    struct box box;
    unsigned step = 256 / test_repeat(256);

    box_run(&box, "faults");
    for (uint32_t vector = 0; vector < 256; vector += step) {
        const mote_report *report;
        int rc = box_call(&box, "int_n", ARGS(v_u32(vector)), NULL);

        report = mote_sandbox_report(box.sandbox);
        /* kvm-pvm lets `int 4` be an overflow, and `int 0x1a` return. */
        if (rc == MOTE_OK ? vector != 0x1a
                          : rc != MOTE_EFAULT || (report->fault != MOTE_FAULT_PROTECTION &&
                                                  report->fault != MOTE_FAULT_ILLEGAL &&
                                                  vector != 3 && vector != 4)) {
            FAIL("int 0x%x: %s, %s", vector, mote_error_name(rc), mote_fault_name(report->fault));
        }
        expect_alive(&box);
    }
    box_close(&box);
}

/* ---- instructions ------------------------------------------------------------------ */

static bool may_return(struct box *box, uint32_t n, char *name, size_t size)
{
    mote_value result;

    must_call(box, "privileged_name", ARGS(v_u32(n)), &result);
    snprintf(name, size, "%.*s", (int)result.of.bytes.size, (const char *)result.of.bytes.data);
    must_call(box, "privileged_may_return", ARGS(v_u32(n)), &result);
    return result.of.boolean;
}

static void try_instruction(struct box *box, uint32_t n)
{
    char name[64];
    bool harmless = may_return(box, n, name, sizeof(name));
    int rc = box_call(box, "privileged", ARGS(v_u32(n)), NULL);
    const mote_report *report = mote_sandbox_report(box->sandbox);

    if (rc == MOTE_OK ? !harmless
                      : rc != MOTE_EFAULT || (report->fault != MOTE_FAULT_PROTECTION &&
                                              report->fault != MOTE_FAULT_ILLEGAL)) {
        FAIL("%s: %s, %s (vector %u)", name, mote_error_name(rc), mote_fault_name(report->fault),
             report->vector);
    }
    expect_alive(box);
}

TEST(exceptions, privileged_instructions)
{
    struct box box;
    mote_value count;

    box_run(&box, "faults");
    must_call(&box, "privileged_count", NO_ARGS, &count);
    CHECK(count.of.u32 > 40);
    for (uint32_t n = 0; n < count.of.u32; n++) {
        try_instruction(&box, n);
    }
    box_close(&box);
}

/* ---- segments ------------------------------------------------------------------ */

/* Every selector of the GDT and LDT, in every segment register: loaded or refused, and then the
 * sandbox still answers. */
TEST(exceptions, load_any_selector)
{
    struct box box;

    box_run(&box, "faults");
    for (uint32_t i = 0; i < 0x60 * 5; i++) {
        int rc = box_call(&box, "load_selector", ARGS(v_u32(i / 5), v_u32(i % 5)), NULL);

        CHECK(rc == MOTE_OK || rc == MOTE_EFAULT);
        expect_alive(&box);
    }
    box_close(&box);
}

/* Far jumps, calls and returns to every selector at every privilege: none ends in a privileged
 * place. What they jump to is `ud2`-less code of the guest, so any end is a fault or an answer. */
static void any_gate(const char *export, size_t nargs)
{
    struct box box;
    mote_value code;

    box_run(&box, "faults");
    must_call(&box, "address_of_code", NO_ARGS, &code);
    for (uint32_t selector = 0; selector < 0x60; selector++) {
        const mote_value gate[] = {v_u32(selector), code};
        const mote_value iret[] = {v_u32(selector), v_u32(selector + 8), v_u64(0x3202), code};
        int rc = call_deadline(&box, export, 5 * SECOND, nargs == 2 ? gate : iret, nargs, NULL);

        if (rc == MOTE_ESTRANGE || rc == MOTE_EDEADLINE) {
            FAIL("%s to selector 0x%x: %s", export, selector, mote_error_name(rc));
        }
        expect_alive(&box);
    }
    box_close(&box);
}

TEST(exceptions, far_jump)
{
    any_gate("far_jump", 2);
}

TEST(exceptions, far_call)
{
    any_gate("far_call", 2);
}

TEST(exceptions, interrupt_return)
{
    any_gate("interrupt_return", 4);
}
