/* SPDX-License-Identifier: Apache-2.0 */
#include "wasm_tools.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A build that is only for installation knows no source tree. */
#ifdef CLI_SOURCE_DIR
#define SOURCE_DIR(folder) CLI_SOURCE_DIR "/" folder
#else
#define SOURCE_DIR(folder) NULL
#define CLI_GUEST_LIBDIR   NULL
#endif

/* PREFIX of PREFIX/bin/mote; false when the command lies elsewhere. */
static bool find_prefix(char prefix[PATH_MAX])
{
    ssize_t length = readlink("/proc/self/exe", prefix, PATH_MAX - 1);
    if (length < 0)
        return false;
    prefix[length] = '\0';
    for (int i = 0; i < 2; i++) {
        char *slash = strrchr(prefix, '/');
        if (slash == NULL || (i == 1 && strcmp(slash, "/bin") != 0))
            return false;
        *slash = '\0';
    }
    return true;
}

/* The folder below the prefix, in static storage, or `otherwise` when it is not there. */
static const char *below(const char *prefix, char path[PATH_MAX], const char *folder,
                         const char *otherwise)
{
    int length = snprintf(path, PATH_MAX, "%s/%s", prefix, folder);
    return length < PATH_MAX && access(path, X_OK) == 0 ? path : otherwise;
}

static const char *find_wasm2c(void)
{
    const char *fetched = SOURCE_DIR("build/wabt/bin/wasm2c");
    const char *named = getenv("MOTE_WASM2C");
    if (named != NULL && *named != '\0')
        return named;
    return fetched != NULL && access(fetched, X_OK) == 0 ? fetched : NULL;
}

void wasm_tools_find(struct mote__wasm_build_options *options)
{
    static char prefix[PATH_MAX];
    static char include[PATH_MAX];
    static char library[PATH_MAX];
    static char runtime[PATH_MAX];
    options->sdk_include_dir = SOURCE_DIR("include");
    options->sdk_lib_dir = CLI_GUEST_LIBDIR;
    options->runtime_dir = SOURCE_DIR("wasm/runtime");
    options->wasm2c = find_wasm2c();
    if (find_prefix(prefix)) {
        options->sdk_include_dir = below(prefix, include, "include", options->sdk_include_dir);
        options->sdk_lib_dir = below(prefix, library, CLI_LIBDIR, options->sdk_lib_dir);
        options->runtime_dir = below(prefix, runtime, "share/mote/wasm", options->runtime_dir);
    }
}
