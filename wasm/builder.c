/* SPDX-License-Identifier: Apache-2.0 */
#include "builder.h"

#include <stdio.h>
#include <string.h>

#include "compile.h"
#include "glue.h"
#include "module.h"
#include "prelude.h"
#include "rewrite.h"
#include "toolchain.h"

#define MAX_MODULE_BYTES ((size_t)256 << 20)
#define PART_CODE_BYTES  ((size_t)64 << 10) /* of wasm code in a part: about 1 MB of C */

/* Features that 1.0.42 has on by default and mote does not take. The others stay as they
 * are by default; "enable all" is never used. */
static const char *const feature_flags[] = {"--disable-memory64", "--disable-multi-memory",
                                            "--disable-relaxed-simd"};
#define FEATURE_FLAGS (sizeof feature_flags / sizeof feature_flags[0])

struct build {
    const struct mote__wasm_build_options *options;
    struct mote__wasm_error *error;
    struct mote__workspace workspace;
    struct mote__toolchain tools;
    struct mote__text binary;
    struct mote__wasm_module module;
    unsigned parts;
    size_t exports;
};

const char *mote__wasm_step_name(enum mote__wasm_step step)
{
    static const char *const names[] = {"validating", "translating", "compiling", "linking",
                                        "done"};
    return (size_t)step < sizeof names / sizeof names[0] ? names[step] : "?";
}

static int report(const struct build *build, enum mote__wasm_step step)
{
    const struct mote__wasm_build_options *options = build->options;
    if (options->progress == NULL || options->progress(options->user, step, 0, 1) == 0)
        return 0;
    return mote__wasm_fail(build->error, MOTE__WASM_ECANCELED, "the build was stopped");
}

static int run_tool(const struct build *build, const char *what, const char *const *argv)
{
    const struct mote__command command = {what, argv, build->workspace.path, "tool.log",
                                          build->tools.limits};
    return mote__command_run(&command, MOTE__WASM_EMODULE, build->error);
}

/* ---- the steps ------------------------------------------------------------- */

static int validate(struct build *build)
{
    const char *argv[FEATURE_FLAGS + 3] = {build->tools.wasm_validate};
    memcpy(argv + 1, feature_flags, sizeof feature_flags);
    argv[FEATURE_FLAGS + 1] = "input.wasm";
    argv[FEATURE_FLAGS + 2] = NULL;
    int status = report(build, MOTE__WASM_VALIDATE);
    if (status == 0)
        status = mote__workspace_write(&build->workspace, "input.wasm", build->binary.data,
                                       build->binary.size, build->error);
    return status != 0 ? status : run_tool(build, "wasm-validate", argv);
}

static unsigned count_parts(size_t code_size)
{
    const size_t parts = code_size / PART_CODE_BYTES + 1;
    return parts < MOTE__MAX_PARTS ? (unsigned)parts : MOTE__MAX_PARTS;
}

static int run_wasm2c(const struct build *build)
{
    char outputs[32];
    const char *argv[FEATURE_FLAGS + 8] = {build->tools.wasm2c};
    size_t n = 1;
    memcpy(argv + n, feature_flags, sizeof feature_flags);
    n += FEATURE_FLAGS;
    snprintf(outputs, sizeof outputs, "--num-outputs=%u", build->parts);
    if (build->parts > 1)
        argv[n++] = outputs;
    argv[n++] = "-n";
    argv[n++] = MOTE__WASM_MODULE_NAME;
    argv[n++] = "-o";
    argv[n++] = MOTE__WASM_MODULE_NAME ".c";
    argv[n++] = "guest.wasm";
    argv[n] = NULL;
    return run_tool(build, "wasm2c", argv);
}

/* One output has the prelude in itself, several share it in a header. */
static int edit_prelude(const struct build *build)
{
    const char *name =
        build->parts == 1 ? MOTE__WASM_MODULE_NAME ".c" : MOTE__WASM_MODULE_NAME "-impl.h";
    struct mote__text before = MOTE__TEXT_INIT;
    struct mote__text after = MOTE__TEXT_INIT;
    int status = mote__workspace_read(&build->workspace, name, &before, build->error);
    if (status == 0)
        status = mote__wasm_edit_prelude(before.data, &after, build->error);
    if (status == 0)
        status =
            mote__workspace_write(&build->workspace, name, after.data, after.size, build->error);
    mote__text_free(&before);
    mote__text_free(&after);
    return status;
}

static int write_rewritten(const struct build *build)
{
    struct mote__text binary = MOTE__TEXT_INIT;
    mote__wasm_rewrite(&build->module, &binary);
    const int status = mote__text_ok(&binary)
                           ? mote__workspace_write(&build->workspace, "guest.wasm", binary.data,
                                                   binary.size, build->error)
                           : mote__wasm_out_of_memory(build->error);
    mote__text_free(&binary);
    return status;
}

static int write_glue(struct build *build)
{
    struct mote__text glue = MOTE__TEXT_INIT;
    int status = mote__wasm_glue(&build->module, &glue, &build->exports, build->error);
    if (status == 0)
        status =
            mote__workspace_write(&build->workspace, "glue.c", glue.data, glue.size, build->error);
    mote__text_free(&glue);
    return status;
}

static int translate(struct build *build)
{
    int status = report(build, MOTE__WASM_TRANSLATE);
    build->parts = count_parts(build->module.code_size);
    if (status == 0)
        status = write_glue(build); /* first: it refuses imports by name */
    if (status == 0)
        status = write_rewritten(build);
    if (status == 0)
        status = run_wasm2c(build);
    return status != 0 ? status : edit_prelude(build);
}

static int finish(const struct build *build)
{
    int status = report(build, MOTE__WASM_LINK);
    if (status == 0)
        status = mote__link(&build->tools, &build->workspace, build->parts, build->error);
    if (status == 0)
        status = mote__workspace_publish(&build->workspace, MOTE__IMAGE_FILE,
                                         build->options->output, build->error);
    return status != 0 ? status : report(build, MOTE__WASM_DONE);
}

static int run_steps(struct build *build)
{
    int status = mote__whole_file_read(build->options->input, MAX_MODULE_BYTES, &build->binary,
                                       build->error);
    if (status == 0)
        status = mote__wasm_module_parse(&build->module, build->binary.data, build->binary.size,
                                         build->error);
    if (status == 0)
        status = mote__workspace_create(&build->workspace, build->error);
    if (status == 0)
        status =
            mote__toolchain_find(&build->tools, build->options, &build->workspace, build->error);
    if (status == 0)
        status = validate(build);
    if (status == 0)
        status = translate(build);
    if (status == 0)
        status = mote__compile(&build->tools, build->options, &build->workspace, build->parts,
                               build->error);
    return status != 0 ? status : finish(build);
}

/* ---- the whole ------------------------------------------------------------- */

static void describe(const struct build *build, struct mote__wasm_build_result *result)
{
    size_t functions = 0;
    for (size_t i = 0; i < build->module.nexports; i++)
        functions += build->module.exports[i].kind == MOTE__WASM_FUNCTION;
    result->exports = build->exports;
    result->hidden = functions - build->exports;
    result->imports = build->module.nimports;
    result->memory = build->module.memory_pages << 16;
}

static void keep_workspace(struct build *build, struct mote__wasm_build_result *result)
{
    if (result != NULL)
        snprintf(result->temp_dir, sizeof result->temp_dir, "%s", build->workspace.path);
    build->workspace.path[0] = '\0';
}

int mote__wasm_build(const struct mote__wasm_build_options *options,
                     struct mote__wasm_build_result *result, struct mote__wasm_error *error)
{
    struct build build = {.options = options, .error = error};
    if (result != NULL)
        memset(result, 0, sizeof *result);
    if (options->input == NULL || options->output == NULL)
        return mote__wasm_fail(error, MOTE__WASM_EINVAL, "no %s was named",
                               options->input == NULL ? "module" : "output file");
    const int status = run_steps(&build);
    if (status == 0 && result != NULL)
        describe(&build, result);
    if (options->keep_temp)
        keep_workspace(&build, result);
    mote__workspace_remove(&build.workspace);
    mote__toolchain_free(&build.tools);
    mote__wasm_module_free(&build.module);
    mote__text_free(&build.binary);
    return status;
}
