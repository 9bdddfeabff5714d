/* SPDX-License-Identifier: Apache-2.0 */
/* MOTE_OPT_CALL_BYTES: what one call, or one host call, may carry in each direction. */
#include "support.h"

#define CALL_BYTES 1000

static struct plan {
    unsigned calls;
    bool too_much; /* the host function gives more than it may */
} plan;

static int fn_unused(void *user, mote_context *context, const mote_value *args, size_t nargs,
                     mote_value *result)
{
    (void)user;
    (void)context;
    (void)args;
    (void)nargs;
    (void)result;
    return -1;
}

static int fn_text(void *user, mote_context *context, const mote_value *args, size_t nargs,
                   mote_value *result)
{
    static char bytes[2 * CALL_BYTES];
    struct plan *p = user;

    (void)context;
    (void)nargs;
    p->calls++;
    CHECK(args[0].of.bytes.size <= CALL_BYTES);
    *result = v_text(bytes, p->too_much ? sizeof(bytes) : args[0].of.bytes.size);
    return 0;
}

static void open_capped(struct box *box)
{
    box_open(box, "hostcalls");
    set_option(box, MOTE_OPT_CALL_BYTES, CALL_BYTES);
    grant(box, "greet", "(string)->string", fn_text, &plan);
    grant(box, "add", "(i32,i32)->i32", fn_unused, NULL);
    grant(box, "fail", "()->i32", fn_unused, NULL);
    grant(box, "take", "(bytes)->void", fn_unused, NULL);
    grant(box, "give", "(u32)->bytes", fn_unused, NULL);
    grant(box, "mixed", "(i32,u32,i64,u64,f32,f64,bool,string,bytes,i32,f64)->f64", fn_unused,
          NULL);
    box_start(box);
}

TEST(call_bytes, of_a_call)
{
    static const char text[CALL_BYTES + 1];
    struct box box;
    mote_value result;

    open_capped(&box);
    must_call(&box, "greet", ARGS(v_text(text, CALL_BYTES)), &result);
    CHECK_INT(result.of.bytes.size, CALL_BYTES);
    CHECK_CODE(box_call(&box, "greet", ARGS(v_text(text, CALL_BYTES + 1)), &result), MOTE_ELIMIT);
    CHECK_HAS(mote_sandbox_error(box.sandbox)->text, "1001 bytes of arguments");
    CHECK_HAS(mote_sandbox_error(box.sandbox)->remedy, "MOTE_OPT_CALL_BYTES");
    CHECK_INT(mote_sandbox_state(box.sandbox), MOTE_STATE_READY);
    CHECK_INT(plan.calls, 1);
    box_close(&box);
}

/* A host function that gives too much has run; the guest is told. */
TEST(call_bytes, of_a_host_function)
{
    struct box box;
    mote_value result;

    open_capped(&box);
    plan.too_much = true;
    CHECK_CODE(box_call(&box, "greet", ARGS(mote_string("hello")), &result), MOTE_EGUEST);
    CHECK_INT(plan.calls, 1);
    CHECK_HAS(mote_sandbox_error(box.sandbox)->text, "result too large");
    CHECK_INT(mote_sandbox_report(box.sandbox)->code, 4); /* MOTE_GUEST_ENOMEM */
    /* take_and_give sends as much as it wants. */
    CHECK_CODE(box_call(&box, "round_trip", ARGS(v_u32(CALL_BYTES + 1)), &result), MOTE_EGUEST);
    CHECK_HAS(mote_sandbox_error(box.sandbox)->text, "arguments too large");
    CHECK_INT(mote_sandbox_state(box.sandbox), MOTE_STATE_READY);
    box_close(&box);
}

TEST(call_bytes, of_results)
{
    struct box box;
    mote_value result;

    box_open(&box, "mailbox_liar");
    set_option(&box, MOTE_OPT_CALL_BYTES, CALL_BYTES);
    grant(&box, "add", "(i32,i32)->i32", fn_unused, NULL);
    grant(&box, "take", "(bytes)->void", fn_unused, NULL);
    grant(&box, "give", "(u32)->bytes", fn_unused, NULL);
    grant(&box, "tell", "(u32)->i32", fn_unused, NULL);
    box_start(&box);
    CHECK_CODE(box_call(&box, "lie_bytes", ARGS(v_u64(0x400000), v_u64(CALL_BYTES + 1)), &result),
               MOTE_ELIMIT);
    CHECK_HAS(mote_sandbox_error(box.sandbox)->text, "1001 bytes of results");
    CHECK_INT(mote_sandbox_state(box.sandbox), MOTE_STATE_READY);
    must_call(&box, "lie_bytes", ARGS(v_u64(0x400000), v_u64(CALL_BYTES)), &result);
    CHECK_INT(result.of.bytes.size, CALL_BYTES);
    must_call(&box, "alive", NO_ARGS, &result);
    box_close(&box);
}
