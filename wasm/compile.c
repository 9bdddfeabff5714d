/* SPDX-License-Identifier: Apache-2.0 */
#include "compile.h"

#include <stdio.h>
#include <string.h>

#include "glue.h"

#define MAX_SOURCES (MOTE__MAX_PARTS + 16)
#define MAX_JOBS    64

/* Of all files. */
static const char *const common_flags[] = {
    "-std=gnu11", "-w", "-fPIE", "-DNDEBUG", "-I.",
    /* The module may use vectors; these are what x86-64-v2 gives. */
    "-msse4.1", "-mpopcnt",
    /* Guard pages instead of bounds checks, the host's page faults instead of signals,
     * and the guard page of the stack instead of a depth counter. */
    "-DWASM_RT_MEMCHECK_GUARD_PAGES=1", "-DWASM_RT_SKIP_SIGNAL_RECOVERY=1",
    "-DWASM_RT_NONCONFORMING_UNCHECKED_STACK_EXHAUSTION=1",
    /* Address 0 is memory. A frame larger than a page must touch the guard page. */
    "-fno-delete-null-pointer-checks", "-fstack-clash-protection",
    /* Wasm's arithmetic: no errno, no fused operations, NaNs become quiet. */
    "-fno-math-errno", "-ffp-contract=off", "-fsignaling-nans",
    /* Endless recursion ends at the guard page; as a loop it would end at no page. */
    "-fno-optimize-sibling-calls", "-fvisibility=hidden", "-ffunction-sections", "-fdata-sections",
    /* Reports of faults follow the frame pointers; there are no unwind tables. */
    "-fno-omit-frame-pointer", "-fno-ident", "-fno-stack-protector",
    "-fno-asynchronous-unwind-tables", "-fcf-protection=none", "-include", "mote_wasm_rt.h"};

/* string.c defines what the compiler would make of its loops. */
static const char *const string_flags[] = {"-fno-builtin"};

/*
 * Text at 1 TiB, far above the window of the linear memory. --no-relax: the linker would
 * turn loads from the GOT into 32-bit immediates, which such addresses do not fit.
 */
static const char *const link_flags[] = {"-static",
                                         "-no-pie",
                                         "-nostartfiles",
                                         "-w",
                                         "-Wl,-Ttext-segment=0x10000000000",
                                         "-Wl,--no-relax",
                                         "-Wl,--gc-sections",
                                         "-Wl,-z,separate-code",
                                         "-Wl,-z,noexecstack",
                                         "-Wl,--build-id=none"};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct job {
    char source[32];
    char object[40];
    char log[40];
    char optimize[8];
    const char *argv[COUNT(common_flags) + COUNT(string_flags) + 8];
    struct mote__command command;
    pid_t pid;
};

void mote__part_name(char *name, size_t size, unsigned part, unsigned parts)
{
    if (parts == 1)
        snprintf(name, size, MOTE__WASM_MODULE_NAME ".c");
    else
        snprintf(name, size, MOTE__WASM_MODULE_NAME "_%u.c", part);
}

/* Source number `i` of a build: the parts, the glue, the runtime. False at the end. */
static bool source_name(char *name, size_t size, unsigned i, unsigned parts)
{
    if (i < parts)
        mote__part_name(name, size, i, parts);
    else if (i == parts)
        snprintf(name, size, "glue.c");
    else if (mote__runtime_sources[i - parts - 1] != NULL)
        snprintf(name, size, "%s", mote__runtime_sources[i - parts - 1]);
    else
        return false;
    return true;
}

static size_t append(const char **argv, size_t at, const char *const *flags, size_t count)
{
    memcpy(argv + at, flags, count * sizeof *flags);
    return at + count;
}

static void prepare(struct job *job, const char *source, const struct mote__toolchain *tools,
                    const struct mote__workspace *workspace, int opt_level)
{
    snprintf(job->source, sizeof job->source, "%s", source);
    snprintf(job->object, sizeof job->object, "%s.o", source);
    snprintf(job->log, sizeof job->log, "%s.log", source);
    snprintf(job->optimize, sizeof job->optimize, "-O%d", opt_level);
    size_t n = 0;
    job->argv[n++] = tools->cc;
    n = append(job->argv, n, common_flags, COUNT(common_flags));
    if (strcmp(job->source, "string.c") == 0)
        n = append(job->argv, n, string_flags, COUNT(string_flags));
    job->argv[n++] = job->optimize;
    job->argv[n++] = "-c";
    job->argv[n++] = job->source;
    job->argv[n++] = "-o";
    job->argv[n++] = job->object;
    job->argv[n] = NULL;
    job->command = (struct mote__command){"the C compiler", job->argv, workspace->path, job->log,
                                          tools->limits};
}

struct compilation {
    const struct mote__toolchain *tools;
    const struct mote__wasm_build_options *options;
    const struct mote__workspace *workspace;
    struct mote__wasm_error *error;
    unsigned parts;
    unsigned total;   /* sources */
    unsigned started; /* sources whose compiler was started */
    unsigned done;    /* sources whose compiler ended well, in the same order */
    unsigned slots;
    struct job jobs[MAX_JOBS]; /* source i uses slot i % slots */
};

static int start_next(struct compilation *work)
{
    struct job *job = &work->jobs[work->started % work->slots];
    const int level = work->options->opt_level;
    char source[32];
    (void)source_name(source, sizeof source, work->started, work->parts);
    prepare(job, source, work->tools, work->workspace, level >= 1 && level <= 3 ? level : 2);
    const int status = mote__command_start(&job->command, &job->pid, work->error);
    if (status == 0)
        work->started++;
    return status;
}

static int finish_oldest(struct compilation *work)
{
    const struct job *job = &work->jobs[work->done % work->slots];
    const int status = mote__command_wait(&job->command, job->pid, MOTE__WASM_EMODULE, work->error);
    work->done++; /* it is gone, well or not */
    const struct mote__wasm_build_options *options = work->options;
    if (status == 0 && options->progress != NULL &&
        options->progress(options->user, MOTE__WASM_COMPILE, work->done, work->total) != 0)
        return mote__wasm_fail(work->error, MOTE__WASM_ECANCELED, "the build was stopped");
    return status;
}

int mote__compile(const struct mote__toolchain *tools,
                  const struct mote__wasm_build_options *options,
                  const struct mote__workspace *workspace, unsigned parts,
                  struct mote__wasm_error *error)
{
    char name[32];
    struct compilation work = {
        .tools = tools, .options = options, .workspace = workspace, .error = error, .parts = parts};
    while (source_name(name, sizeof name, work.total, parts))
        work.total++;
    work.slots = tools->jobs > MAX_JOBS ? MAX_JOBS : tools->jobs > 0 ? tools->jobs : 1;
    int status = 0;
    while (status == 0 && work.done < work.total) {
        if (work.started < work.total && work.started - work.done < work.slots)
            status = start_next(&work);
        else
            status = finish_oldest(&work);
    }
    for (; work.done < work.started; work.done++)
        mote__command_kill(work.jobs[work.done % work.slots].pid);
    return status;
}

int mote__link(const struct mote__toolchain *tools, const struct mote__workspace *workspace,
               unsigned parts, struct mote__wasm_error *error)
{
    char objects[MAX_SOURCES][40];
    const char *argv[MAX_SOURCES + COUNT(link_flags) + 8];
    size_t n = 0;
    argv[n++] = tools->cc;
    n = append(argv, n, link_flags, COUNT(link_flags));
    argv[n++] = "-o";
    argv[n++] = MOTE__IMAGE_FILE;
    for (unsigned i = 0; source_name(objects[i], 32, i, parts); i++) {
        memcpy(objects[i] + strlen(objects[i]), ".o", 3);
        argv[n++] = objects[i];
    }
    argv[n++] = tools->sdk_library;
    argv[n++] = "-lm";
    argv[n] = NULL;
    const struct mote__command command = {"the linker", argv, workspace->path, "link.log",
                                          tools->limits};
    return mote__command_run(&command, MOTE__WASM_ETOOL, error);
}
