/* SPDX-License-Identifier: Apache-2.0 */
/* libmote_debug: functions, files and lines of the `frames` guest, built in several ways. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/cmocka_first.h"
#include "mote_debug.h"

enum { END_WRITE = 0, END_ABORT = 2, END_SPIN = 4, END_NOWHERE = 8, END_INLINED = 10 };
enum { MOST = 100 };

static mote_host *host;

struct box {
    char path[512];
    mote_image *image;
    mote_policy *policy;
    mote_sandbox *sandbox;
    mote_debug *debug;
    mote_debug_frame frames[MOST];
    int count;
};

static int no_function(void *user, mote_context *context, const mote_value *args, size_t nargs,
                       mote_value *result)
{
    (void)user, (void)context, (void)args, (void)nargs, (void)result;
    return 0;
}

static void open_box(struct box *box, const char *guest)
{
    mote_error error = MOTE_ERROR_INIT;
    snprintf(box->path, sizeof box->path, "%s/%s", getenv("MOTE_GUEST_DIR"), guest);
    mote_source source = MOTE_SOURCE_PATH(box->path);
    assert_int_equal(mote_image_open(&box->image, host, &source, NULL, &error), 0);
    assert_int_equal(mote_policy_new(&box->policy, host, &error), 0);
    const char *const names[] = {"fail", "wait"};
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(mote_policy_function(box->policy, "env", names[i], "()->void", no_function,
                                              NULL, NULL, &error),
                         0);
    assert_int_equal(mote_sandbox_new(&box->sandbox, box->image, box->policy, NULL, &error), 0);
    assert_int_equal(mote_debug_open(&box->debug, &source, &error), 0);
}

static void close_box(struct box *box)
{
    mote_debug_close(box->debug);
    mote_sandbox_free(box->sandbox);
    mote_policy_unref(box->policy);
    mote_image_unref(box->image);
}

static void end_call(struct box *box, uint32_t end)
{
    mote_func func;
    mote_value value = {MOTE_U32, {.u32 = end}};
    mote_call_options options = {sizeof options, 50000000};
    mote_reset(box->sandbox);
    assert_int_equal(mote_find(box->image, "chain", NULL, &func, NULL), 0);
    assert_true(mote_call(box->sandbox, func, &options, &value, 1, NULL, 0) < 0);
    box->count = mote_debug_backtrace(box->debug, box->sandbox, box->frames, MOST, NULL);
    assert_true(box->count > 0 && box->count <= MOST);
}

/* The line of the guest's source with this remark. */
static uint32_t line_of(const char *remark)
{
    char line[256], wanted[64];
    FILE *file = fopen(FRAMES_SOURCE, "r");
    assert_non_null(file);
    snprintf(wanted, sizeof wanted, "/* here: %s */", remark);
    for (uint32_t n = 1; fgets(line, sizeof line, file) != NULL; n++) {
        if (strstr(line, wanted) != NULL) {
            fclose(file);
            return n;
        }
    }
    fail_msg("no line with %s", wanted);
    return 0;
}

static void expect(const struct box *box, int i, const char *function, const char *remark,
                   bool inlined)
{
    const mote_debug_frame *f = &box->frames[i];
    assert_true(i < box->count);
    assert_non_null(f->function);
    assert_string_equal(f->function, function);
    assert_non_null(f->file);
    assert_string_equal(strrchr(f->file, '/'), "/frames.c");
    assert_int_equal(f->line, line_of(remark));
    assert_int_equal(f->inlined, inlined);
}

static void expect_callers(const struct box *box, int first)
{
    expect(box, first, "f2", "call of f3", false);
    expect(box, first + 1, "f1", "call of f2", false);
    expect(box, first + 2, "chain", "call of f1", true);
    assert_int_equal(box->frames[first + 2].address, box->frames[first + 3].address);
    int i = first + 3;
    while (i < box->count && strcmp(box->frames[i].function, "main") != 0)
        i++;
    assert_true(i < box->count);
}

static void expect_all(const char *guest)
{
    struct box box;
    open_box(&box, guest);
    end_call(&box, END_WRITE);
    expect(&box, 0, "f3", "write", false);
    assert_true(box.frames[0].offset > 0 && box.frames[0].offset < 4096);
    expect_callers(&box, 1);
    end_call(&box, END_INLINED);
    expect(&box, 0, "write_low", "inlined", true);
    expect(&box, 1, "f3", "call of write_low", false);
    assert_int_equal(box.frames[0].address, box.frames[1].address);
    expect_callers(&box, 2);
    end_call(&box, END_NOWHERE);
    assert_int_equal(box.frames[0].address, 0);
    assert_null(box.frames[0].function);
    assert_string_equal(box.frames[1].function, "f3");
    expect_callers(&box, 2);
    end_call(&box, END_SPIN);
    assert_string_equal(box.frames[0].function, "f3");
    expect_callers(&box, 1);
    end_call(&box, END_ABORT);
    int i = 0;
    while (i < box.count && strcmp(box.frames[i].function, "f3") != 0)
        i++;
    expect(&box, i, "f3", "abort", false);
    expect_callers(&box, i + 1);
    close_box(&box);
}

static void test_without_frame_pointers(void **state)
{
    (void)state;
    expect_all("frames_omit");
}

static void test_with_frame_pointers(void **state)
{
    (void)state;
    expect_all("frames");
}

static void test_position_independent(void **state)
{
    (void)state;
    expect_all("frames_pie");
}

/* The report alone is blind there. */
static void test_frame_pointers_are_not_needed(void **state)
{
    (void)state;
    struct box box;
    open_box(&box, "frames_omit");
    end_call(&box, END_WRITE);
    assert_true((int)mote_sandbox_report(box.sandbox)->nframes < box.count);
    close_box(&box);
}

/* Nothing is known, and nothing fails: the addresses are those of the unwind tables. */
static void test_stripped(void **state)
{
    (void)state;
    struct box box;
    open_box(&box, "frames_stripped");
    end_call(&box, END_WRITE);
    assert_true(box.count > 3);
    for (int i = 0; i < box.count; i++) {
        assert_null(box.frames[i].function);
        assert_null(box.frames[i].file);
        assert_int_equal(box.frames[i].line, 0);
        assert_true(box.frames[i].address != 0);
    }
    close_box(&box);
}

/* ---- other readers ---- */

static int read_nothing(void *user, uint64_t address, void *data, size_t size)
{
    (void)user, (void)address, (void)data, (void)size;
    return -1;
}

/* Frames that point to themselves for ever. */
static int read_the_same(void *user, uint64_t address, void *data, size_t size)
{
    (void)address;
    for (size_t i = 0; i + 8 <= size; i += 8)
        memcpy((char *)data + i, user, 8);
    return 0;
}

static void test_memory_that_lies(void **state)
{
    (void)state;
    struct box box;
    open_box(&box, "frames_omit");
    end_call(&box, END_WRITE);
    mote_report report = *mote_sandbox_report(box.sandbox);
    report.nframes = 1;
    uint64_t words[] = {0, 1, report.frames[0], report.registers.rsp, UINT64_MAX};
    assert_int_equal(
        mote_debug_frames(box.debug, &report, read_nothing, NULL, box.frames, MOST, NULL), 1);
    assert_string_equal(box.frames[0].function, "f3");
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        int count =
            mote_debug_frames(box.debug, &report, read_the_same, &words[i], box.frames, MOST, NULL);
        assert_true(count >= 1 && count <= MOST);
    }
    assert_int_equal(mote_debug_frames(box.debug, &report, read_nothing, NULL, box.frames, 0, NULL),
                     0);
    report.nframes = 0;
    assert_int_equal(
        mote_debug_frames(box.debug, &report, read_nothing, NULL, box.frames, MOST, NULL), 0);
    close_box(&box);
}

static void test_arguments(void **state)
{
    (void)state;
    mote_error error = MOTE_ERROR_INIT;
    mote_debug *debug = NULL;
    char text[100] = "no ELF file";
    mote_source data = MOTE_SOURCE_DATA(text, sizeof text);
    mote_source none = MOTE_SOURCE_PATH(NULL);
    mote_source missing = MOTE_SOURCE_PATH("/nowhere");
    mote_source folder = MOTE_SOURCE_PATH("/");
    assert_int_equal(mote_debug_open(NULL, &data, &error), MOTE_EINVAL);
    assert_int_equal(mote_debug_open(&debug, NULL, &error), MOTE_EINVAL);
    assert_int_equal(mote_debug_open(&debug, &none, &error), MOTE_EINVAL);
    assert_int_equal(mote_debug_open(&debug, &missing, &error), MOTE_ESYSTEM);
    assert_int_equal(mote_debug_open(&debug, &folder, &error), MOTE_EIMAGE);
    for (size_t size = 0; size <= sizeof text; size++) {
        data.data_size = size;
        assert_int_equal(mote_debug_open(&debug, &data, &error), MOTE_EIMAGE);
    }
    assert_true(error.text[0] != '\0');
    assert_null(debug);
    assert_int_equal(mote_debug_describe(NULL, 0, false, NULL, 0), MOTE_EINVAL);
    assert_int_equal(mote_debug_frames(NULL, NULL, NULL, NULL, NULL, 0, NULL), MOTE_EINVAL);
    assert_int_equal(mote_debug_backtrace(NULL, NULL, NULL, 0, NULL), MOTE_EINVAL);
    mote_debug_close(NULL);
}

static int set_up(void **state)
{
    (void)state;
    return mote_host_new(&host, NULL, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    return mote_host_free(host);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_frame_pointers),
        cmocka_unit_test(test_with_frame_pointers),
        cmocka_unit_test(test_position_independent),
        cmocka_unit_test(test_frame_pointers_are_not_needed),
        cmocka_unit_test(test_stripped),
        cmocka_unit_test(test_memory_that_lies),
        cmocka_unit_test(test_arguments),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
