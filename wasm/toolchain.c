/* SPDX-License-Identifier: Apache-2.0 */
#include "toolchain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const mote__runtime_sources[] = {"exception.c", "memory.c", "start.c", "string.c",
                                             "table.c",     "trap.c",   NULL};

static const char get_wabt[] = "run scripts/fetch-wabt build/wabt, and name build/wabt/bin/wasm2c";

static char *beside(const char *program, const char *name)
{
    const char *slash = strrchr(program, '/');
    char path[MOTE__PATH_MAX];
    const int need = snprintf(path, sizeof path, "%.*s/%s", (int)(slash - program), program, name);
    return need < (int)sizeof path && access(path, X_OK) == 0 ? strdup(path) : NULL;
}

static int find_wabt(struct mote__toolchain *tools, const char *wasm2c,
                     struct mote__wasm_error *error)
{
    tools->wasm2c = mote__find_program(wasm2c != NULL ? wasm2c : "wasm2c");
    if (tools->wasm2c == NULL) {
        mote__wasm_fail(error, MOTE__WASM_ETOOL, "wasm2c was not found%s%s",
                        wasm2c != NULL ? ": " : "", wasm2c != NULL ? wasm2c : "");
        return mote__wasm_remedy(error, MOTE__WASM_ETOOL, "%s", get_wabt);
    }
    tools->wasm_validate = beside(tools->wasm2c, "wasm-validate");
    if (tools->wasm_validate == NULL) {
        mote__wasm_fail(error, MOTE__WASM_ETOOL, "there is no wasm-validate beside %s",
                        tools->wasm2c);
        return mote__wasm_remedy(error, MOTE__WASM_ETOOL, "%s", get_wabt);
    }
    return 0;
}

/* 1.0.42 is the first whose C this builder knows; a later one may pass, since
 * the edits of its prelude are refused when it differs. */
static int check_version(const struct mote__toolchain *tools,
                         const struct mote__workspace *workspace, struct mote__wasm_error *error)
{
    const char *const argv[] = {tools->wasm2c, "--version", NULL};
    const struct mote__command command = {"wasm2c --version", argv, workspace->path, "version.log",
                                          tools->limits};
    struct mote__text text = MOTE__TEXT_INIT;
    unsigned version[3] = {0};
    int status = mote__command_run(&command, MOTE__WASM_ETOOL, error);
    if (status == 0)
        status = mote__workspace_read(workspace, command.log, &text, error);
    if (status == 0 && /* NOLINTNEXTLINE(cert-err34-c): the count says what was read */
        (sscanf(text.data, "%3u.%3u.%3u", &version[0], &version[1], &version[2]) != 3 ||
         version[0] != 1 || version[1] != 0 || version[2] < 42)) {
        status =
            mote__wasm_fail(error, MOTE__WASM_ETOOL, "%s is of version %.*s; mote needs 1.0.42",
                            tools->wasm2c, (int)strcspn(text.data, "\r\n"), text.data);
        mote__wasm_remedy(error, status, "%s", get_wabt);
    }
    mote__text_free(&text);
    return status;
}

static int link_wabt_headers(const struct mote__toolchain *tools, const char *wabt_include,
                             const struct mote__workspace *workspace,
                             struct mote__wasm_error *error)
{
    const char *slash = strrchr(tools->wasm2c, '/');
    char near[MOTE__PATH_MAX];
    snprintf(near, sizeof near, "%.*s/../include", (int)(slash - tools->wasm2c), tools->wasm2c);
    const char *const folders[] = {wabt_include != NULL ? wabt_include : near, "/usr/include"};
    const size_t count = wabt_include != NULL ? 1 : 2;
    for (size_t i = 0; i < count; i++)
        if (mote__workspace_link(workspace, folders[i], "wasm-rt.h")) {
            if (!mote__workspace_link(workspace, folders[i], "wasm-rt-exceptions.h"))
                break;
            (void)mote__workspace_link(workspace, folders[i], "simde"); /* for SIMD only */
            return 0;
        }
    mote__wasm_fail(error, MOTE__WASM_ETOOL, "wasm-rt.h and wasm-rt-exceptions.h are not in %s",
                    folders[0]);
    return mote__wasm_remedy(error, MOTE__WASM_ETOOL, "%s", get_wabt);
}

static int link_files(const struct mote__workspace *workspace, const char *folder,
                      const char *const *names, struct mote__wasm_error *error)
{
    for (; *names != NULL; names++)
        if (folder == NULL || !mote__workspace_link(workspace, folder, *names)) {
            mote__wasm_fail(error, MOTE__WASM_ETOOL, "%s is not in %s", *names,
                            folder != NULL ? folder : "any folder that was named");
            return mote__wasm_remedy(error, MOTE__WASM_ETOOL,
                                     "install mote with its guest SDK (make install)");
        }
    return 0;
}

static int find_compiler(struct mote__toolchain *tools, const char *cc,
                         struct mote__wasm_error *error)
{
    tools->cc = mote__find_program(cc != NULL ? cc : "musl-gcc");
    if (tools->cc == NULL && cc == NULL)
        tools->cc = mote__find_program("gcc");
    if (tools->cc != NULL)
        return 0;
    mote__wasm_fail(error, MOTE__WASM_ETOOL, "no C compiler was found: %s",
                    cc != NULL ? cc : "neither musl-gcc nor gcc");
    return mote__wasm_remedy(error, MOTE__WASM_ETOOL, "apt-get install musl-tools gcc");
}

/* The SDK is built once for each libc: in the build tree musl/ and gcc/, installed lib/musl
 * and lib. */
static int find_sdk_library(struct mote__toolchain *tools, const char *folder,
                            struct mote__wasm_error *error)
{
    const char *const musl[] = {"musl/libmote_guest.a", "libmote_guest.a", NULL};
    const char *const glibc[] = {"gcc/libmote_guest.a", "libmote_guest.a", NULL};
    const char *slash = strrchr(tools->cc, '/');
    const bool is_musl = strstr(slash != NULL ? slash : tools->cc, "musl") != NULL;
    for (const char *const *name = is_musl ? musl : glibc; folder != NULL && *name != NULL;
         name++) {
        char path[MOTE__PATH_MAX];
        if (snprintf(path, sizeof path, "%s/%s", folder, *name) < (int)sizeof path)
            tools->sdk_library = realpath(path, NULL);
        if (tools->sdk_library != NULL)
            return 0;
    }
    mote__wasm_fail(error, MOTE__WASM_ETOOL, "libmote_guest.a for %s is not in %s", tools->cc,
                    folder != NULL ? folder : "any folder that was named");
    return mote__wasm_remedy(error, MOTE__WASM_ETOOL,
                             "install mote with its guest SDK (make install)");
}

static void set_limits(struct mote__toolchain *tools,
                       const struct mote__wasm_build_options *options)
{
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    tools->limits.cpu_seconds = options->cpu_seconds != 0 ? options->cpu_seconds : 600;
    tools->limits.memory_bytes = options->memory_bytes != 0 ? options->memory_bytes : 4ull << 30;
    tools->limits.file_bytes = 1ull << 30;
    tools->jobs = options->jobs;
    if (tools->jobs == 0)
        tools->jobs = processors > 0 ? (unsigned)processors : 1;
}

int mote__toolchain_find(struct mote__toolchain *tools,
                         const struct mote__wasm_build_options *options,
                         const struct mote__workspace *workspace, struct mote__wasm_error *error)
{
    static const char *const sdk_headers[] = {"mote_abi.h", "mote_guest.h", "mote_guest_macros.h",
                                              NULL};
    static const char *const runtime_headers[] = {"mote_wasm_rt.h", NULL};
    set_limits(tools, options);
    int status = find_wabt(tools, options->wasm2c, error);
    if (status == 0)
        status = check_version(tools, workspace, error);
    if (status == 0)
        status = link_wabt_headers(tools, options->wabt_include, workspace, error);
    if (status == 0)
        status = find_compiler(tools, options->cc, error);
    if (status == 0)
        status = find_sdk_library(tools, options->sdk_lib_dir, error);
    if (status == 0)
        status = link_files(workspace, options->sdk_include_dir, sdk_headers, error);
    if (status == 0)
        status = link_files(workspace, options->runtime_dir, runtime_headers, error);
    if (status == 0)
        status = link_files(workspace, options->runtime_dir, mote__runtime_sources, error);
    return status;
}

void mote__toolchain_free(struct mote__toolchain *tools)
{
    free(tools->wasm2c);
    free(tools->wasm_validate);
    free(tools->cc);
    free(tools->sdk_library);
    memset(tools, 0, sizeof *tools);
}
