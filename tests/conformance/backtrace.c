/* SPDX-License-Identifier: Apache-2.0 */
/* Where a call ended: frames of known call chains, and of guests that lie about them. */
#include "support.h"

#include <string.h>

enum end {
    END_WRITE,
    END_ILLEGAL,
    END_ABORT,
    END_HOST,
    END_SPIN,
    END_SYSCALLS,
    END_WAITS,
    END_SIGNAL,
    END_NOWHERE,
    END_WIDE,
    END_INLINED
};

static int fn_fail(void *user, mote_context *context, const mote_value *args, size_t nargs,
                   mote_value *result)
{
    (void)user;
    (void)context;
    (void)args;
    (void)nargs;
    (void)result;
    return -9;
}

static int fn_wait(void *user, mote_context *context, const mote_value *args, size_t nargs,
                   mote_value *result)
{
    (void)user;
    (void)context;
    (void)args;
    (void)nargs;
    (void)result;
    return 0;
}

static void open_frames(struct box *box, const char *guest)
{
    box_open(box, guest);
    grant(box, "fail", "()->void", fn_fail, NULL);
    grant(box, "wait", "()->void", fn_wait, NULL);
    box_start(box);
}

/* The function of a frame; "" where the image has no name for it. */
static void name_of_frame(const struct box *box, uint32_t i, char *name, size_t size)
{
    const mote_report *report = mote_sandbox_report(box->sandbox);

    CHECK(i < report->nframes);
    name[0] = '\0';
    mote_image_symbol(box->image, report->frames[i] - (i > 0), name, size);
    name[strcspn(name, "+")] = '\0';
}

/* The first frame of this function; MOTE_FRAMES_MAX when there is none. */
static uint32_t find_frame(const struct box *box, const char *function)
{
    char name[64];

    for (uint32_t i = 0; i < mote_sandbox_report(box->sandbox)->nframes; i++) {
        name_of_frame(box, i, name, sizeof(name));
        if (strcmp(name, function) == 0) {
            return i;
        }
    }
    return MOTE_FRAMES_MAX;
}

static void expect_frame(const struct box *box, uint32_t i, const char *function)
{
    char name[64];

    name_of_frame(box, i, name, sizeof(name));
    if (strcmp(name, function) != 0) {
        FAIL("frame %u, 0x%llx, is in '%s', not in '%s'", i,
             (unsigned long long)mote_sandbox_report(box->sandbox)->frames[i], name, function);
    }
}

/* f3 is frame `first`, called by f2, called by f1, called by more. */
static void expect_chain(const struct box *box, uint32_t first)
{
    const mote_report *report = mote_sandbox_report(box->sandbox);

    CHECK_HEX(report->frames[0], report->registers.rip);
    CHECK(report->registers.rsp != 0 && report->registers.rbp != 0);
    expect_frame(box, first, "f3");
    expect_frame(box, first + 1, "f2");
    expect_frame(box, first + 2, "f1");
    CHECK(report->nframes > first + 3 && report->nframes < 16);
}

static int end_chain(struct box *box, enum end end)
{
    return box_call(box, "chain", ARGS(v_u32(end)), NULL);
}

static void exception_of(const char *guest)
{
    struct box box;

    open_frames(&box, guest);
    check_page_fault(&box, end_chain(&box, END_WRITE), MOTE_ACCESS_WRITE, 0);
    expect_chain(&box, 0);
    CHECK_HAS(mote_sandbox_report(box.sandbox)->symbol, "f3+0x");
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    CHECK_INT(mote_sandbox_report(box.sandbox)->nframes, 0);
    CHECK_HEX(mote_sandbox_report(box.sandbox)->registers.rip, 0);
    check_exception(&box, end_chain(&box, END_ILLEGAL), MOTE_FAULT_ILLEGAL, 6);
    expect_chain(&box, 0);
    box_close(&box);
}

TEST(backtrace, exception)
{
    exception_of("frames");
}

TEST(backtrace, position_independent)
{
    exception_of("frames_pie");
}

/* A guest that waits at its doorbell stands in the function that rang. */
TEST(backtrace, abort)
{
    struct box box;

    open_frames(&box, "frames");
    check_fault(&box, end_chain(&box, END_ABORT), MOTE_EABORTED, MOTE_FAULT_ABORT);
    expect_frame(&box, 0, "mote__ring");
    CHECK(find_frame(&box, "mote_abort") == 2);
    expect_chain(&box, find_frame(&box, "f3"));
    box_close(&box);
}

TEST(backtrace, signal)
{
    struct box box;

    open_frames(&box, "frames");
    check_fault(&box, end_chain(&box, END_SIGNAL), MOTE_EABORTED, MOTE_FAULT_ABORT);
    expect_chain(&box, 0);
    box_close(&box);
}

TEST(backtrace, host_function)
{
    struct box box;

    open_frames(&box, "frames");
    check_fault(&box, end_chain(&box, END_HOST), MOTE_EHOSTFN, MOTE_FAULT_HOST_FUNCTION);
    expect_chain(&box, find_frame(&box, "f3"));
    box_close(&box);
}

TEST(backtrace, call_of_nothing)
{
    struct box box;

    open_frames(&box, "frames");
    check_page_fault(&box, end_chain(&box, END_NOWHERE), MOTE_ACCESS_EXECUTE, 0);
    expect_chain(&box, 1);
    CHECK_HEX(mote_sandbox_report(box.sandbox)->frames[0], 0);
    box_close(&box);
}

TEST(backtrace, bad_doorbell)
{
    struct box box;
    int rc;

    open_frames(&box, "frames");
    rc = end_chain(&box, END_WIDE);
    CHECK_CODE(rc, MOTE_EFAULT);
    expect_chain(&box, 0);
    box_close(&box);
}

/* Stopped wherever it stood: in its code, at a system call, in the monitor, in a host call. */
TEST(backtrace, deadline)
{
    const enum end ends[] = {END_SPIN, END_SYSCALLS, END_WAITS};
    unsigned rounds = test_repeat(20);
    struct box box;

    open_frames(&box, "frames");
    for (unsigned i = 0; i < rounds * COUNT(ends); i++) {
        enum end end = ends[i % COUNT(ends)];
        int rc = call_deadline(&box, "chain", (emulated() ? 500 : 5) * SECOND / 1000 + 997 * i,
                               ARGS(v_u32(end)), NULL);

        check_fault(&box, rc, MOTE_EDEADLINE, MOTE_FAULT_DEADLINE);
        expect_chain(&box, end == END_WAITS ? find_frame(&box, "f2") - 1 : 0);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    }
    box_close(&box);
}

/* No trace of it in calls that succeed or fail in order. */
TEST(backtrace, none)
{
    struct box box;
    mote_value result;

    open_frames(&box, "frames");
    must_call(&box, "address_of_f1", NO_ARGS, &result);
    CHECK_INT(mote_sandbox_report(box.sandbox)->nframes, 0);
    CHECK_CODE(end_chain(&box, END_ILLEGAL), MOTE_EFAULT);
    CHECK(mote_sandbox_report(box.sandbox)->nframes > 0);
    CHECK_CODE(end_chain(&box, END_ILLEGAL), MOTE_EPOISONED);
    CHECK_INT(mote_sandbox_report(box.sandbox)->nframes, 0);
    box_close(&box);
}

TEST(backtrace, cut)
{
    struct box box;

    open_frames(&box, "frames");
    CHECK_CODE(box_call(&box, "descend", ARGS(v_u32(1000)), NULL), MOTE_EFAULT);
    CHECK_INT(mote_sandbox_report(box.sandbox)->nframes, MOTE_FRAMES_MAX);
    expect_frame(&box, 0, "f3");
    for (uint32_t i = 1; i < MOTE_FRAMES_MAX; i++) {
        expect_frame(&box, i, "descend");
    }
    box_close(&box);
}

/* ---- memory that cannot grow, and why ---------------------------------------- */

TEST(faults, too_many_regions)
{
    static const char bytes[1 << 20];
    struct box box;
    mote_value result;

    open_frames(&box, "frames");
    must_call(&box, "crowd", NO_ARGS, &result);
    CHECK(result.of.u32 > 500);
    CHECK_CODE(box_call(&box, "take", ARGS(v_bytes(bytes, sizeof(bytes))), NULL), MOTE_ELIMIT);
    CHECK_HAS(mote_sandbox_error(box.sandbox)->text, "1024 memory regions");
    CHECK_HAS(mote_sandbox_error(box.sandbox)->remedy, "fewer");
    CHECK_INT(mote_sandbox_state(box.sandbox), MOTE_STATE_READY);
    check_fault(&box, box_call(&box, "descend", ARGS(v_u32(1 << 20)), NULL), MOTE_ELIMIT,
                MOTE_FAULT_MEMORY);
    CHECK_HAS(mote_sandbox_error(box.sandbox)->text, "1024 memory regions");
    expect_frame(&box, 1, "descend");
    box_close(&box);
}

TEST(faults, too_much_memory)
{
    static const char bytes[2 << 20];
    struct box box;

    box_open(&box, "frames");
    grant(&box, "fail", "()->void", fn_fail, NULL);
    grant(&box, "wait", "()->void", fn_wait, NULL);
    set_option(&box, MOTE_OPT_MEMORY, 1 << 20);
    box_start(&box);
    CHECK_CODE(box_call(&box, "take", ARGS(v_bytes(bytes, sizeof(bytes))), NULL), MOTE_ELIMIT);
    CHECK_HAS(mote_sandbox_error(box.sandbox)->text, "limit of 1024 KiB");
    CHECK_HAS(mote_sandbox_error(box.sandbox)->remedy, "MOTE_OPT_MEMORY");
    check_fault(&box, box_call(&box, "descend", ARGS(v_u32(1 << 20)), NULL), MOTE_ELIMIT,
                MOTE_FAULT_MEMORY);
    CHECK_HAS(mote_sandbox_error(box.sandbox)->text, "limit of 1024 KiB");
    box_close(&box);
}

/* ---- lies ------------------------------------------------------------------ */

static uint64_t ask(struct box *box, const char *name, const mote_value *args, size_t nargs)
{
    mote_value result;

    must_call(box, name, args, nargs, &result);
    return result.of.u64;
}

/* Frames that are found when RBP is this. */
static uint32_t frames_at(struct box *box, uint64_t frame)
{
    uint32_t count;

    check_exception(box, box_call(box, "end_with_frame_at", ARGS(v_u64(frame)), NULL),
                    MOTE_FAULT_ILLEGAL, 6);
    expect_frame(box, 0, "end_with_frame_at");
    CHECK_HEX(mote_sandbox_report(box->sandbox)->registers.rbp, frame);
    count = mote_sandbox_report(box->sandbox)->nframes;
    CHECK_CODE(mote_reset(box->sandbox), MOTE_OK);
    return count;
}

TEST(backtrace, frame_pointer_that_is_anything)
{
    struct box box;

    open_frames(&box, "frames");
    uint64_t gate = ask(&box, "address_of_gate", NO_ARGS);
    const uint64_t none[] = {
        0, /* the end of every chain */
        8,
        0x1000,             /* not mapped */
        gate,               /* ours */
        gate + 0x1000,      /* ours */
        gate + 0x10000,     /* the monitor */
        gate + 0x11ff0,     /* its stack */
        gate - 0x10000 - 8, /* 8 bytes of the stack are left */
        gate - 0x10000,     /* behind it */
        1ull << 47,         /* not canonical */
        (1ull << 47) - 8,
        (1ull << 47) - 16,
        1ull << 63,
        0xffffffff81000000, /* where kernels are */
        UINT64_MAX - 7,
        UINT64_MAX - 15,
        UINT64_MAX,
    };
    for (size_t i = 0; i < COUNT(none); i++) {
        CHECK_INT(frames_at(&box, none[i]), 1);
    }
    box_close(&box);
}

TEST(backtrace, frames_that_are_anything)
{
    struct box box;

    open_frames(&box, "frames");
    uint64_t code = ask(&box, "address_of_f1", NO_ARGS) + 1;
    uint64_t gate = ask(&box, "address_of_gate", NO_ARGS);
    uint64_t frame = ask(&box, "make_frame", ARGS(v_u64(0), v_u64(code)));
    const uint64_t callers[] = {frame, frame + 4, frame - 16, gate, 1ull << 63, UINT64_MAX};
    const uint64_t backs[] = {0, 1, frame, gate, gate + 2, 1ull << 63, UINT64_MAX};

    CHECK_INT(frames_at(&box, frame), 2);
    CHECK_INT(frames_at(&box, frame), 1); /* the reset has made it zero */
    for (size_t i = 0; i < COUNT(callers); i++) {
        CHECK_HEX(ask(&box, "make_frame", ARGS(v_u64(callers[i]), v_u64(code))), frame);
        CHECK_INT(frames_at(&box, frame), 2);
    }
    for (size_t i = 0; i < COUNT(backs); i++) {
        ask(&box, "make_frame", ARGS(v_u64(0), v_u64(backs[i])));
        CHECK_INT(frames_at(&box, frame), 1);
    }
    ask(&box, "make_frame", ARGS(v_u64(0), v_u64(code)));
    CHECK_INT(frames_at(&box, frame + 1), 1);
    box_close(&box);
}

TEST(backtrace, chains)
{
    struct box box;
    uint64_t first;

    open_frames(&box, "frames");
    first = ask(&box, "make_frames", ARGS(v_u32(100), v_i32(1)));
    CHECK_INT(frames_at(&box, first), MOTE_FRAMES_MAX);
    first = ask(&box, "make_frames", ARGS(v_u32(31), v_i32(1)));
    CHECK_INT(frames_at(&box, first), MOTE_FRAMES_MAX);
    first = ask(&box, "make_frames", ARGS(v_u32(10), v_i32(1)));
    CHECK_INT(frames_at(&box, first), 11); /* the one behind is zero */
    first = ask(&box, "make_frames", ARGS(v_u32(1), v_i32(0)));
    CHECK_INT(frames_at(&box, first), 2); /* its own caller */
    first = ask(&box, "make_frames", ARGS(v_u32(100), v_i32(-1)));
    CHECK_INT(frames_at(&box, first), 2); /* stacks grow the other way */
    box_close(&box);
}

/* ---- names ------------------------------------------------------------------ */

TEST(backtrace, symbols)
{
    struct box box;
    char text[64] = "?";

    open_frames(&box, "frames");
    uint64_t f1 = ask(&box, "address_of_f1", NO_ARGS);
    CHECK_INT(mote_image_symbol(box.image, f1, text, sizeof(text)), 6);
    CHECK(strcmp(text, "f1+0x0") == 0);
    CHECK_INT(mote_image_symbol(box.image, f1 + 1, NULL, 0), 6);
    CHECK_INT(mote_image_symbol(box.image, f1 + 1, text, 6), 6);
    CHECK(strcmp(text, "f+0x1") == 0);
    CHECK_INT(mote_image_symbol(box.image, f1, text, 1), 6);
    CHECK(text[0] == '\0');
    for (unsigned i = 0; i < 64; i++) {
        memset(text, 'x', sizeof(text));
        CHECK_CODE(mote_image_symbol(box.image, i > 23 ? 1ull << i : i, text, sizeof(text)),
                   MOTE_ENOTFOUND);
        CHECK(text[0] == '\0');
    }
    CHECK_CODE(mote_image_symbol(NULL, f1, text, sizeof(text)), MOTE_EINVAL);
    CHECK_CODE(mote_image_symbol(box.image, f1, NULL, 1), MOTE_EINVAL);
    box_close(&box);
}
