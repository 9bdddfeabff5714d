/* SPDX-License-Identifier: Apache-2.0 */
/* Guests that give up, in all the ways that C has; and what a poisoned sandbox answers. */
#include "support.h"

#include <string.h>

TEST(abort, code_and_text)
{
    const mote_report *report;
    struct box box;
    int rc;

    box_run(&box, "faults");
    rc = box_call(&box, "abort_text", ARGS(v_u32(4711), mote_string("the well is dry")), NULL);
    check_fault(&box, rc, MOTE_EABORTED, MOTE_FAULT_ABORT);
    report = mote_sandbox_report(box.sandbox);
    CHECK_INT(report->code, 4711);
    CHECK(strcmp(report->text, "the well is dry") == 0);
    CHECK_INT(mote_sandbox_error(box.sandbox)->domain, MOTE_DOMAIN_GUEST);
    CHECK_INT(mote_sandbox_error(box.sandbox)->detail, 4711);
    CHECK_HAS(mote_sandbox_error(box.sandbox)->text, "the well is dry");
    expect_alive(&box);
    box_close(&box);
}

TEST(abort, no_text)
{
    struct box box;
    int rc;

    box_run(&box, "faults");
    rc = box_call(&box, "abort_text", ARGS(v_u32(UINT32_MAX), mote_string("")), NULL);
    check_fault(&box, rc, MOTE_EABORTED, MOTE_FAULT_ABORT);
    CHECK_INT(mote_sandbox_report(box.sandbox)->text[0], 0);
    CHECK_INT((uint32_t)mote_sandbox_report(box.sandbox)->code, UINT32_MAX);
    expect_alive(&box);
    box_close(&box);
}

TEST(abort, long_text)
{
    const uint32_t sizes[] = {1, 1023, 1024, 1025, 4096, 1000000};
    const mote_report *report;
    struct box box;
    int rc;

    box_run(&box, "faults");
    for (size_t i = 0; i < COUNT(sizes); i++) {
        rc = box_call(&box, "abort_long", ARGS(v_u32(sizes[i])), NULL);
        check_fault(&box, rc, MOTE_EABORTED, MOTE_FAULT_ABORT);
        report = mote_sandbox_report(box.sandbox);
        CHECK_INT(report->code, 7);
        CHECK_INT(strnlen(report->text, sizeof(report->text)), sizes[i] < 1024 ? sizes[i] : 1024);
        CHECK_INT(strspn(report->text, "x"), strlen(report->text));
        expect_alive(&box);
    }
    box_close(&box);
}

TEST(abort, wasm_trap)
{
    struct box box;
    int rc;

    box_run(&box, "faults");
    rc = box_call(&box, "abort_trap", ARGS(mote_string("integer divide by zero")), NULL);
    check_fault(&box, rc, MOTE_EFAULT, MOTE_FAULT_TRAP);
    CHECK(strcmp(mote_sandbox_report(box.sandbox)->text, "integer divide by zero") == 0);
    expect_alive(&box);
    box_close(&box);
}

/* abort() and assert() of libc raise a signal, which nobody has, and then end in an instruction:
 * an abort or a fault, as the personality sees it. */
TEST(abort, of_libc)
{
    const char *exports[] = {"abort_libc", "abort_assert", "abort_trap_instruction"};
    struct box box;

    box_run(&box, "faults");
    for (size_t i = 0; i < COUNT(exports); i++) {
        int rc = box_call(&box, exports[i], NO_ARGS, NULL);

        CHECK(rc == MOTE_EABORTED || rc == MOTE_EFAULT);
        CHECK(mote_sandbox_report(box.sandbox)->fault != MOTE_FAULT_NONE);
        CHECK_INT(mote_sandbox_state(box.sandbox), MOTE_STATE_POISONED);
        expect_alive(&box);
    }
    box_close(&box);
}

/* A signal is either refused to the guest, or its end. */
TEST(abort, signals)
{
    const int32_t signals[] = {6, 9, 11, 15, 19, 31};
    struct box box;

    box_run(&box, "faults");
    for (size_t i = 0; i < COUNT(signals); i++) {
        int rc = box_call(&box, "raise_signal", ARGS(v_i32(signals[i])), NULL);

        CHECK(rc == MOTE_OK || rc == MOTE_EABORTED || rc == MOTE_EFAULT);
        expect_alive(&box);
    }
    box_close(&box);
}

TEST(abort, exit)
{
    const char *exports[] = {"exit_code", "exit_at_once"};
    struct box box;

    box_run(&box, "faults");
    for (size_t i = 0; i < COUNT(exports); i++) {
        CHECK_CODE(box_call(&box, exports[i], ARGS(v_i32(3)), NULL), MOTE_EEXITED);
        CHECK_INT(mote_sandbox_report(box.sandbox)->fault, MOTE_FAULT_EXIT);
        CHECK_INT(mote_sandbox_report(box.sandbox)->code, 3);
        CHECK(mote_sandbox_state(box.sandbox) != MOTE_STATE_READY);
        CHECK(box_call(&box, "alive", NO_ARGS, &(mote_value){0}) != MOTE_OK);
        expect_alive(&box);
    }
    box_close(&box);
}

/* ---- poisoned ------------------------------------------------------------------ */

TEST(faults, poisoned_until_reset)
{
    struct box box;
    mote_value result;
    int status = 0;

    box_run(&box, "faults");
    CHECK_CODE(box_call(&box, "ud2", NO_ARGS, NULL), MOTE_EFAULT);
    for (int i = 0; i < 3; i++) {
        CHECK_CODE(box_call(&box, "alive", NO_ARGS, &result), MOTE_EPOISONED);
        CHECK_CODE(mote_sandbox_error(box.sandbox)->code, MOTE_EPOISONED);
        CHECK(mote_sandbox_error(box.sandbox)->remedy[0] != '\0');
        CHECK_INT(mote_sandbox_state(box.sandbox), MOTE_STATE_POISONED);
    }
    CHECK(mote_run(box.sandbox, NULL, &status) != MOTE_OK);
    expect_alive(&box);
    must_call(&box, "alive", NO_ARGS, &result);
    box_close(&box);
}

/* Many faults of many kinds, one after the other, on one sandbox. */
TEST(faults, again_and_again)
{
    const char *exports[] = {"write_code", "ud2",           "exec_stack", "int3",
                             "x87_fault",  "non_canonical", "abort_libc"};
    struct box box;
    unsigned rounds = test_repeat(50);

    box_run(&box, "faults");
    for (unsigned i = 0; i < rounds * COUNT(exports); i++) {
        CHECK(box_call(&box, exports[i % COUNT(exports)], NO_ARGS, NULL) != MOTE_OK);
        expect_alive(&box);
    }
    CHECK(mote_sandbox_report(box.sandbox)->resets >= (uint64_t)rounds * COUNT(exports));
    box_close(&box);
}

/* A faulted sandbox may be thrown away as it is. */
TEST(faults, free_while_poisoned)
{
    struct box box;

    box_run(&box, "faults");
    CHECK_CODE(box_call(&box, "ud2", NO_ARGS, NULL), MOTE_EFAULT);
    box_close(&box);
    box_run(&box, "faults");
    expect_alive(&box);
    box_close(&box);
}

/* ---- texts that would do something to a terminal -------------------------------------------- */

/* Control characters of ASCII and of U+0080 to U+009F, and bytes that are no UTF-8. */
static void expect_printable(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;

    for (size_t i = 0; at[i] != '\0'; i++) {
        bool c1 = at[i] == 0xc2 && at[i + 1] >= 0x80 && at[i + 1] < 0xa0;

        if (at[i] < ' ' || at[i] == 0x7f || at[i] >= 0xf8 || c1) {
            FAIL("byte %zu of the text is 0x%02x 0x%02x", i, at[i], at[i + 1]);
        }
    }
}

#define ESCAPES "\033[31mred\033[0m \a\b\r\n\t\177 \302\233K \377\376 \303\244 end"

TEST(abort, error_text_is_printable)
{
    struct box box;
    mote_value result;

    box_run(&box, "echo");
    CHECK_CODE(box_call(&box, "fail", ARGS(v_u32(3), mote_string(ESCAPES)), &result), MOTE_EGUEST);
    expect_printable(mote_sandbox_error(box.sandbox)->text);
    CHECK_HAS(mote_sandbox_error(box.sandbox)->text, "red");
    CHECK_HAS(mote_sandbox_error(box.sandbox)->text, "\303\244 end");
    box_close(&box);
    box_run(&box, "faults");
    CHECK_CODE(box_call(&box, "abort_text", ARGS(v_u32(3), mote_string(ESCAPES)), NULL),
               MOTE_EABORTED);
    expect_printable(mote_sandbox_error(box.sandbox)->text);
    CHECK_HAS(mote_sandbox_error(box.sandbox)->text, "\303\244 end");
    box_close(&box);
}
