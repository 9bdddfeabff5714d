/* SPDX-License-Identifier: Apache-2.0 */
/* The builder of images from WebAssembly: what it refuses and how it says so, what it leaves
 * behind. Needs no hypervisor. */
#include "support.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "prelude.h"

static struct mote__wasm_error last_error;

/* Builds the scratch folder's refused.wasm, which must fail in this way with this in its text. */
static void check_refused(int status, const char *part)
{
    const struct mote__wasm_build_options options = build_options("refused");
    assert_int_equal(mote__wasm_build(&options, NULL, &last_error), status);
    if (strstr(last_error.text, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", last_error.text, part);
    assert_int_not_equal(access(options.output, F_OK), 0);
}

static void refuse_text(const char *text, const char *flag, const char *part)
{
    assemble_text("refused", text, flag);
    check_refused(MOTE__WASM_EMODULE, part);
}

static void refuse_bytes(const char *bytes, size_t size, const char *part)
{
    FILE *file = fopen(scratch_path("refused", ".wasm"), "we");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    check_refused(MOTE__WASM_EMODULE, part);
}

static void imports_are_refused_by_name(void **state)
{
    (void)state;
    refuse_text("(module (import \"env\" \"memory\" (memory 1)))", NULL, "memory env.memory");
    refuse_text("(module (import \"env\" \"t\\00t\" (table 1 funcref)))", NULL, "table env.t\\00t");
    refuse_text("(module (import \"a b\" \"g\" (global i32)))", NULL, "global a b.g");
    refuse_text("(module (import \"env\" \"e\" (tag)))", NULL, "tag env.e");
    refuse_text("(module (import \"env\" \"v\" (func (param v128))))", NULL, "function env.v");
    refuse_text("(module (import \"env\" \"r\" (func (param externref))))", NULL, "function env.r");
    refuse_text("(module (import \"env\" \"two\" (func (result i32 i32))))", NULL, "env.two");
    refuse_text("(module (import \"env\" \"n\\00l\" (func)))", NULL, "env.n\\00l");
}

static void unsupported_modules_are_refused(void **state)
{
    (void)state;
    refuse_text("(module (memory 1) (memory 1))", NULL, "multi-memory");
    refuse_text("(module (memory i64 1))", NULL, "memory64");
    refuse_text("(module (memory 1 2 shared))", "--enable-threads", "shared");
    refuse_text("(module (func (result v128) (i32x4.relaxed_trunc_f32x4_s"
                " (v128.const i32x4 0 0 0 0))))",
                NULL, "wasm-validate");
    refuse_bytes("\0asm\x0d\0\1\0", 8, "component");
    assert_non_null(strstr(last_error.remedy, "unbundle"));
}

static void malformed_modules_are_refused(void **state)
{
    (void)state;
    refuse_bytes("", 0, "not a WebAssembly binary");
    refuse_bytes("\0asm\1\0\0", 7, "not a WebAssembly binary");
    refuse_bytes("#!/bin/sh\n", 10, "not a WebAssembly binary");
    refuse_bytes("\0asm\2\0\0\0", 8, "version");
    refuse_bytes("\0asm\1\0\0\0\1\5\1", 11, "section headers");
    refuse_bytes("\0asm\1\0\0\0\1\1\0\1\1\0", 14, "twice");
    refuse_bytes("\0asm\1\0\0\0\1\2\xff\x7f", 12, "type section");
    refuse_bytes("\0asm\1\0\0\0\1\6\xff\xff\xff\xff\xff\1", 16, "type section"); /* 35 bits */
    refuse_bytes("\0asm\1\0\0\0\2\5\1\0\0\0\1", 15, "import section");           /* no such type */
    refuse_bytes("\0asm\1\0\0\0\3\2\1\0", 12, "wasm-validate"); /* a function without a body */
}

static void missing_tools_are_named(void **state)
{
    struct mote__wasm_build_options options;
    (void)state;
    assemble_text("refused", "(module)", NULL);
    options = build_options("refused");
    options.wasm2c = "/nonexistent/wasm2c";
    assert_int_equal(mote__wasm_build(&options, NULL, &last_error), MOTE__WASM_ETOOL);
    assert_non_null(strstr(last_error.remedy, "fetch-wabt"));
    options = build_options("refused");
    options.cc = "/nonexistent/cc";
    assert_int_equal(mote__wasm_build(&options, NULL, &last_error), MOTE__WASM_ETOOL);
    options = build_options("refused");
    options.sdk_lib_dir = "/nonexistent";
    assert_int_equal(mote__wasm_build(&options, NULL, &last_error), MOTE__WASM_ETOOL);
    options = build_options("refused");
    options.runtime_dir = NULL;
    assert_int_equal(mote__wasm_build(&options, NULL, &last_error), MOTE__WASM_ETOOL);
    options = build_options("refused");
    options.output = NULL;
    assert_int_equal(mote__wasm_build(&options, NULL, &last_error), MOTE__WASM_EINVAL);
}

static void a_foreign_prelude_is_refused(void **state)
{
    struct mote__text out = MOTE__TEXT_INIT;
    (void)state;
    assert_int_equal(mote__wasm_edit_prelude("int main(void);\n", &out, &last_error),
                     MOTE__WASM_ETOOL);
    assert_non_null(strstr(last_error.remedy, "1.0.42"));
    mote__text_free(&out);
}

/* ---- limits, progress, traces ------------------------------------------------ */

static unsigned count_files(const char *path)
{
    unsigned count = 0;
    DIR *folder = opendir(path);
    assert_non_null(folder);
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

static void tools_run_under_limits(void **state)
{
    (void)state;
    assemble("numbers");
    struct mote__wasm_build_options options = build_options("numbers");
    options.output = scratch_path("limited", ".mote");
    options.memory_bytes = 24u << 20; /* too little for any compiler */
    assert_int_not_equal(mote__wasm_build(&options, NULL, &last_error), 0);
    assert_int_not_equal(access(options.output, F_OK), 0);
}

static int stop_at(void *user, enum mote__wasm_step step, unsigned done, unsigned total)
{
    (void)done;
    (void)total;
    return step == *(const enum mote__wasm_step *)user;
}

static void progress_can_stop(void **state)
{
    (void)state;
    assemble("numbers");
    for (enum mote__wasm_step step = MOTE__WASM_VALIDATE; step <= MOTE__WASM_LINK; step++) {
        struct mote__wasm_build_options options = build_options("numbers");
        options.output = scratch_path("stopped", ".mote");
        options.progress = stop_at;
        options.user = &step;
        assert_int_equal(mote__wasm_build(&options, NULL, &last_error), MOTE__WASM_ECANCELED);
        assert_int_not_equal(access(options.output, F_OK), 0);
    }
}

/* Success and failure leave nothing in $TMPDIR; the image replaces what was there. */
static void nothing_is_left_behind(void **state)
{
    struct stat status;
    struct mote__wasm_build_result result;
    char folder[] = "/tmp/mote-test-left-XXXXXX";
    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(setenv("TMPDIR", folder, 1), 0);
    assemble("imports");
    struct mote__wasm_build_options options = build_options("imports");
    for (int i = 0; i < 2; i++)
        assert_int_equal(mote__wasm_build(&options, &result, &last_error), 0);
    assert_int_equal(result.exports, 7);
    assert_int_equal(result.imports, 5);
    assert_int_equal(result.memory, 65536);
    assert_int_equal(stat(options.output, &status), 0);
    assert_true(status.st_mode & S_IXUSR);
    refuse_bytes("\0asm\1\0\0\0\3\2\1\0", 12, "wasm-validate");
    assert_int_equal(count_files(folder), 2); /* . and .. */
    assert_int_equal(unsetenv("TMPDIR"), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void builds_are_reproducible(void **state)
{
    struct mote__text images[2] = {MOTE__TEXT_INIT, MOTE__TEXT_INIT};
    (void)state;
    assemble("memory");
    for (int i = 0; i < 2; i++) {
        struct mote__wasm_build_options options = build_options("memory");
        options.output = scratch_path("same", ".mote");
        options.jobs = i == 0 ? 1 : 5;
        assert_int_equal(mote__wasm_build(&options, NULL, &last_error), 0);
        FILE *file = fopen(options.output, "re");
        assert_non_null(file);
        for (int byte; (byte = getc(file)) != EOF;)
            mote__text_append(&images[i], &(char){(char)byte}, 1);
        fclose(file);
    }
    assert_int_equal(images[0].size, images[1].size);
    assert_memory_equal(images[0].data, images[1].data, images[0].size);
    mote__text_free(&images[0]);
    mote__text_free(&images[1]);
}

static int setup(void **state)
{
    (void)state;
    scratch_create();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    scratch_remove();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(imports_are_refused_by_name),
        cmocka_unit_test(unsupported_modules_are_refused),
        cmocka_unit_test(malformed_modules_are_refused),
        cmocka_unit_test(missing_tools_are_named),
        cmocka_unit_test(a_foreign_prelude_is_refused),
        cmocka_unit_test(tools_run_under_limits),
        cmocka_unit_test(progress_can_stop),
        cmocka_unit_test(nothing_is_left_behind),
        cmocka_unit_test(builds_are_reproducible),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
