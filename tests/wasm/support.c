/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <dirent.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char scratch[] = "/tmp/mote-test-wasm-XXXXXX";
static mote_host *host;

/* ---- files ---------------------------------------------------------------- */

void scratch_create(void)
{
    assert_non_null(mkdtemp(scratch));
}

void scratch_remove(void)
{
    DIR *folder = opendir(scratch);
    assert_non_null(folder);
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;)
        (void)unlinkat(dirfd(folder), entry->d_name, 0);
    closedir(folder);
    rmdir(scratch);
}

const char *scratch_path(const char *name, const char *suffix)
{
    static char paths[4][256];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s%s", scratch, name, suffix);
    return path;
}

/* The folder of wabt: $MOTE_WABT, or where scripts/fetch-wabt puts it. */
static const char *wabt_program(const char *name)
{
    static char path[4096];
    const char *folder = getenv("MOTE_WABT");
    snprintf(path, sizeof path, "%s/bin/%s",
             folder != NULL ? folder : MOTE_SOURCE_DIR "/build/wabt", name);
    return path;
}

static const char *convert(const char *name, const char *source, const char *flag)
{
    const char *const output = scratch_path(name, ".wasm");
    char *argv[6];
    size_t n = 0;
    int status = -1;
    pid_t pid = -1;
    argv[n++] = strdup("wat2wasm");
    argv[n++] = strdup(source);
    argv[n++] = strdup("-o");
    argv[n++] = strdup(output);
    if (flag != NULL)
        argv[n++] = strdup(flag);
    argv[n] = NULL;
    if (posix_spawn(&pid, wabt_program("wat2wasm"), NULL, NULL, argv, environ) != 0)
        fail_msg("%s cannot run: scripts/fetch-wabt gets it", wabt_program("wat2wasm"));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    while (n > 0)
        free(argv[--n]);
    return output;
}

const char *assemble_text(const char *name, const char *text, const char *flag)
{
    const char *const source = scratch_path(name, ".wat");
    FILE *file = fopen(source, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    return convert(name, source, flag);
}

const char *assemble(const char *name)
{
    char source[4096];
    snprintf(source, sizeof source, MOTE_SOURCE_DIR "/tests/wasm/%s.wat", name);
    return convert(name, source, NULL);
}

struct mote__wasm_build_options build_options(const char *name)
{
    return (struct mote__wasm_build_options){
        .input = scratch_path(name, ".wasm"),
        .output = scratch_path(name, ".mote"),
        .sdk_include_dir = MOTE_SOURCE_DIR "/include",
        .sdk_lib_dir = MOTE_GUEST_LIBDIR,
        .runtime_dir = MOTE_SOURCE_DIR "/wasm/runtime",
        .wasm2c = wabt_program("wasm2c"),
    };
}

const char *build(const char *name)
{
    const char *const output = scratch_path(name, ".mote");
    if (access(output, F_OK) != 0) {
        struct mote__wasm_error error = {{0}, {0}};
        assemble(name);
        const struct mote__wasm_build_options options = build_options(name);
        if (mote__wasm_build(&options, NULL, &error) != 0)
            fail_msg("%s: %s; %s", name, error.text, error.remedy);
    }
    return output;
}

/* ---- guests --------------------------------------------------------------- */

static void must(int status, const char *what, const mote_error *error)
{
    if (status != 0)
        fail_msg("%s: %s: %s; %s", what, mote_error_name(status), error->text, error->remedy);
}

mote_host *the_host(void)
{
    mote_error error = MOTE_ERROR_INIT;
    if (host == NULL)
        must(mote_host_new(&host, NULL, &error), "host", &error);
    return host;
}

void release_host(void)
{
    assert_int_equal(mote_host_free(host), 0);
    host = NULL;
}

void guest_open(struct guest *guest, const char *name, mote_policy *policy)
{
    mote_error error = MOTE_ERROR_INIT;
    const mote_source source = MOTE_SOURCE_PATH(build(name));
    *guest = (struct guest){.policy = policy};
    must(mote_image_open(&guest->image, the_host(), &source, NULL, &error), name, &error);
    must(mote_sandbox_new(&guest->sandbox, guest->image, policy, NULL, &error), name, &error);
}

void guest_close(struct guest *guest)
{
    assert_int_equal(mote_sandbox_free(guest->sandbox), 0);
    mote_policy_unref(guest->policy);
    mote_image_unref(guest->image);
    *guest = (struct guest){0};
}

mote_value i32(int32_t value)
{
    return (mote_value){.type = MOTE_I32, .of.i32 = value};
}

mote_value i64(int64_t value)
{
    return (mote_value){.type = MOTE_I64, .of.i64 = value};
}

mote_value f32(float value)
{
    return (mote_value){.type = MOTE_F32, .of.f32 = value};
}

mote_value f64(double value)
{
    return (mote_value){.type = MOTE_F64, .of.f64 = value};
}

int call_status(struct guest *guest, const char *name, const mote_value *args, size_t nargs,
                mote_value *result)
{
    mote_error error = MOTE_ERROR_INIT;
    mote_func function;
    mote_function_info info;
    must(mote_find(guest->image, name, NULL, &function, &error), name, &error);
    assert_int_equal(mote_image_export(guest->image, function.index, &info), 0);
    return mote_call(guest->sandbox, function, NULL, args, nargs, result, info.signature.nresults);
}

mote_value call(struct guest *guest, const char *name, const mote_value *args, size_t nargs)
{
    mote_value result = {.type = MOTE_VOID};
    must(call_status(guest, name, args, nargs, &result), name, mote_sandbox_error(guest->sandbox));
    return result;
}

void call_traps(struct guest *guest, const char *words, const char *name, const mote_value *args,
                size_t nargs)
{
    mote_value result;
    if (call_status(guest, name, args, nargs, &result) == 0)
        fail_msg("%s did not trap", name);
    const mote_report *report = mote_sandbox_report(guest->sandbox);
    assert_string_equal(report->text, words);
    assert_int_equal(report->fault, MOTE_FAULT_TRAP);
    assert_int_equal(mote_sandbox_state(guest->sandbox), MOTE_STATE_POISONED);
    assert_int_equal(call_status(guest, name, args, nargs, &result), MOTE_EPOISONED);
    assert_int_equal(mote_reset(guest->sandbox), 0);
}
