/* SPDX-License-Identifier: Apache-2.0 */
/* Stacks that end, and stack pointers that are anything. */
#include "support.h"

TEST(stack, infinite_recursion)
{
    struct box box;
    mote_value result;
    int rc;

    box_run(&box, "faults");
    for (int i = 0; i < 3; i++) {
        rc = box_call(&box, "recurse", NO_ARGS, &result);
        check_exception(&box, rc, MOTE_FAULT_STACK, 14);
        CHECK_INT(mote_sandbox_report(box.sandbox)->access, MOTE_ACCESS_WRITE);
        CHECK_HAS(mote_sandbox_report(box.sandbox)->symbol, "descend");
        expect_alive(&box);
    }
    box_close(&box);
}

/* Just below the stack, whose size is 8 MiB unless the image says otherwise. */
TEST(stack, huge_array)
{
    struct box box;
    mote_value result;
    int rc;

    box_run(&box, "faults");
    rc = box_call(&box, "big_stack_array", ARGS(v_u64(8 * MIB)), &result);
    check_exception(&box, rc, MOTE_FAULT_STACK, 14);
    expect_alive(&box);
    must_call(&box, "big_stack_array", ARGS(v_u64(4 * MIB)), &result);
    box_close(&box);
}

/* Far below it: no guard is that large, but nothing may be there either. */
TEST(stack, monstrous_array)
{
    const uint64_t sizes[] = {16 * MIB, 64 * MIB, 1024 * MIB, 1ull << 40, 1ull << 46, 1ull << 62};
    struct box box;
    mote_value result;

    box_run(&box, "faults");
    for (size_t i = 0; i < COUNT(sizes); i++) {
        CHECK_CODE(box_call(&box, "big_stack_array", ARGS(v_u64(sizes[i])), &result), MOTE_EFAULT);
        expect_alive(&box);
    }
    box_close(&box);
}

/* Every use of `use_stack_at` in the guest: push, syscall, ud2, int3, doorbell. */
TEST(stack, pointer_that_is_anything)
{
    uint64_t all[] = {0, 8, 0x1000, 1ull << 47, 1ull << 63, UINT64_MAX, UINT64_MAX - 7, 0};
    struct box box;
    mote_value result;

    box_run(&box, "faults");
    must_call(&box, "address_of_doorbell", NO_ARGS, &result);
    all[COUNT(all) - 1] = result.of.u64;
    for (uint32_t i = 0; i < COUNT(all) * 5; i++) {
        int rc = box_call(&box, "use_stack_at", ARGS(v_u64(all[i / 5]), v_u32(i % 5)), NULL);

        if (i % 5 < 4) {
            CHECK_CODE(rc, MOTE_EFAULT);
        }
        CHECK(rc != MOTE_ESTRANGE);
        expect_alive(&box);
    }
    box_close(&box);
}

/* With such a stack pointer, exceptions are still told from each other. */
TEST(stack, exceptions_need_no_stack)
{
    struct box box;
    int rc;

    box_run(&box, "faults");
    rc = box_call(&box, "use_stack_at", ARGS(v_u64(0), v_u32(2)), NULL);
    check_exception(&box, rc, MOTE_FAULT_ILLEGAL, 6);
    CHECK_HEX(mote_sandbox_report(box.sandbox)->registers.rsp, 0);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    rc = box_call(&box, "use_stack_at", ARGS(v_u64(1ull << 63), v_u32(1)), NULL);
    check_exception(&box, rc, MOTE_FAULT_ILLEGAL, 6); /* after the system call */
    CHECK_INT(mote_sandbox_report(box.sandbox)->syscalls, 1);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    rc = box_call(&box, "use_stack_at", ARGS(v_u64(8), v_u32(3)), NULL);
    check_exception(&box, rc, MOTE_FAULT_BREAKPOINT, 3);
    box_close(&box);
}

TEST(stack, spin_with_bad_pointer)
{
    struct box box;
    int rc;

    box_run(&box, "faults");
    rc = call_deadline(&box, "use_stack_at", SECOND / 20, ARGS(v_u64(1ull << 63), v_u32(5)), NULL);
    check_fault(&box, rc, MOTE_EDEADLINE, MOTE_FAULT_DEADLINE);
    expect_alive(&box);
    box_close(&box);
}
