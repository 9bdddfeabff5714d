/* SPDX-License-Identifier: Apache-2.0 */
/* mote run: a guest program, or one function of it, on this terminal. */
#include "run.h"

#include <stdio.h>
#include <string.h>

#include "signals.h"

const char help_run[] =
    "Usage: mote run [OPTIONS] GUEST [ARGUMENTS...]\n"
    "\n"
    "Runs GUEST, a static Linux program or what 'mote build' made, in a micro-VM.\n"
    "A program without exports runs from its start with GUEST ARGUMENTS as its argv;\n"
    "of one that exports functions, --invoke calls one with ARGUMENTS.\n"
    "The guest has the standard streams, and what the options grant: nothing else.\n"
    "\n"
    "Options:\n"
    "  --invoke NAME    call the exported function NAME\n"
    "  --deadline TIME  stop the guest after TIME: 2s, 250ms, 1m (default: none)\n"
    "  --memory SIZE    memory of the guest in all: 64M, 1G (default: 64M)\n"
    "  --stack SIZE     its stack (default: 8M)\n"
    "  --cpu LEVEL      x86-64 level that the guest may use: v2 or v3 (default: v2)\n"
    "  --dir HOST[::GUEST]     grant a directory, to read and write, as GUEST\n"
    "  --dir-ro HOST[::GUEST]  grant a directory, to read\n"
    "  --file HOST[::GUEST]    grant one file, to read, as it is now\n"
    "  --env NAME[=VALUE]      set NAME for a program; without a value, as it is here\n"
    "  --clock KIND     none, frozen (at 1970), coarse (10 ms) or real (default: none)\n"
    "  --random KIND    none, seeded:NUMBER or real (default: none)\n"
    "  --refused ANSWER what a system call gets that is not granted: enosys or fault\n"
    "                   (default: enosys)\n"
    "  --snapshot FILE  start from what 'mote snapshot save' wrote of GUEST; where that has a\n"
    "                   base, give the base first\n"
    "  --oci            GUEST is a directory that 'mote snapshot save --oci' made, or a copy of "
    "it;\n"
    "                   it starts from the snapshot there\n"
    "  --trace          show each system call on standard error\n"
    "  --no-stdio       keep the standard streams from the guest\n"
    "  --raw            print a string or bytes result as it is, without newline\n"
    "  --json           one JSON object on standard output tells how it ended;\n"
    "                   what the guest prints goes to standard error\n"
    "  -h, --help       show this\n"
    "\n"
    "ARGUMENTS of a function are read by its signature:\n"
    "  i32 u32 i64 u64  decimal, or hexadecimal with 0x\n"
    "  f32 f64          decimal, inf, nan, nan:0x<payload>\n"
    "  bool             true or false\n"
    "  string           the argument itself\n"
    "  bytes            @FILE, - (standard input), hex:00ff, text:TEXT\n"
    "The result is printed on a line of its own, bytes in hexadecimal.\n"
    "\n"
    "Exit status: that of the program; else\n"
    "    0  the function returned         126  GUEST cannot run\n"
    "    1  the function failed           127  no such file or function\n"
    "    2  wrong usage                   130  interrupted (128 + signal)\n"
    "  124  the deadline passed           134  the guest faulted, trapped or aborted\n"
    "  125  mote failed: see mote doctor\n"
    "\n"
    "Examples:\n"
    "  mote run --deadline 2s ./prime 1000\n"
    "  mote run --dir-ro .::/in busybox sha256sum /in/README.md\n"
    "  mote run --invoke add ./sum 2 40\n"
    "  mote run --invoke decode --raw ./png @photo.png > pixels\n";

/* ---- steps; each returns 0, or a MOTE_E* that run->error describes ---------- */

/* A boot may use what the guest may; never less than the library's default, so that a
 * limit too small is told by the sandbox, which knows what the guest needs. */
static const uint64_t DEFAULT_MEMORY = UINT64_C(64) << 20;

int run_open(struct run *run, const mote_source *source)
{
    const struct run_options *options = &run->options;
    mote_image_options image = {0};
    image.size = sizeof(image);
    image.name = options->guest;
    image.boot_memory = options->memory > DEFAULT_MEMORY ? options->memory : 0;
    image.boot_deadline_ns = options->deadline_ns;
    image.stack = options->stack;
    image.cpu = options->cpu;
    mote_host_options host = {
        .size = sizeof(host), .shells_high = run->pool, .publish = true}; /* for mote top */
    int rc = mote_host_new(&run->host, &host, &run->error);
    return rc != 0 ? rc : mote_image_open(&run->image, run->host, source, &image, &run->error);
}

int run_open_snapshots(struct run *run)
{
    const struct cli_list *files = &run->options.snapshots;
    int rc = 0;
    for (size_t i = 0; i < files->count && rc == 0; i++) {
        mote_snapshot *base = run->snapshot;
        run->snapshot = NULL;
        rc = mote_snapshot_open(&run->snapshot, run->image, base, files->item[i], &run->error);
        mote_snapshot_unref(base);
    }
    return rc;
}

int run_make_policy(struct run *run)
{
    const struct run_options *options = &run->options;
    int rc = mote_policy_new(&run->policy, run->host, &run->error);
    if (rc == 0 && options->memory != 0)
        rc = mote_policy_set(run->policy, MOTE_OPT_MEMORY, options->memory, &run->error);
    if (rc == 0 && options->deadline_ns != 0)
        rc = mote_policy_set(run->policy, MOTE_OPT_DEADLINE, options->deadline_ns, &run->error);
    return rc != 0 ? rc : grants_give(options, run->policy, &run->error);
}

int run_make_sandbox(struct run *run)
{
    mote_sandbox_options options = {0};
    options.size = sizeof(options);
    options.snapshot = run->snapshot;
    options.args = (const char *const *)run->options.words;
    char **env = grants_env(&run->options);
    options.env = (const char *const *)env;
    int rc = env == NULL ? MOTE_ENOMEM : run_make_policy(run);
    if (rc == 0)
        rc = mote_sandbox_new(&run->sandbox, run->image, run->policy, &options, &run->error);
    if (rc == 0)
        run->handle = mote_sandbox_handle(run->sandbox);
    grants_free_env(env);
    return rc;
}

int run_call(struct run *run)
{
    const mote_signature *signature = &run->function.signature;
    if (run->options.invoke == NULL)
        return mote_run(run->sandbox, NULL, &run->status);
    return mote_call(run->sandbox, run->func, NULL, run->arguments.value, signature->nparams,
                     &run->result, signature->nresults);
}

static int run_guest(struct run *run)
{
    int rc = run_make_sandbox(run);
    if (rc == 0) {
        signals_catch(run->handle);
        rc = run_call(run);
    }
    int status = run_report(run, rc);
    signals_release();
    return status;
}

/* ---- what to call ----------------------------------------------------------- */

int run_refuse_exports(const struct run *run)
{
    size_t count = mote_image_exports(run->image);
    say("%s exports functions; choose one with --invoke:", run->options.guest);
    for (size_t i = 0; i < count; i++) {
        mote_function_info info;
        struct line line = {0};
        if (mote_image_export(run->image, i, &info) == 0) {
            line_add(&line, "  %s%s", info.name, info.signature_text);
            line_print(&line);
        }
    }
    return CLI_USAGE;
}

int run_find_function(struct run *run)
{
    int rc = mote_find(run->image, run->options.invoke, NULL, &run->func, &run->error);
    return rc != 0 ? rc : mote_image_export(run->image, run->func.index, &run->function);
}

bool run_read_arguments(struct run *run)
{
    const struct run_options *options = &run->options;
    struct line problem = {0};
    bool good = values_parse(&run->arguments, &run->function, options->words + 1,
                             options->nwords - 1, &problem) &&
                values_load(&run->arguments, &run->function, &problem);
    if (!good)
        line_say(&problem);
    return good;
}

static int run_image(struct run *run)
{
    const struct run_options *options = &run->options;
    if (options->invoke == NULL)
        return mote_image_exports(run->image) > 0 ? run_refuse_exports(run) : run_guest(run);
    int rc = run_find_function(run);
    if (rc != 0)
        return run_report(run, rc);
    return run_read_arguments(run) ? run_guest(run) : CLI_USAGE;
}

void run_release(struct run *run)
{
    mote_handle_unref(run->handle);
    mote_sandbox_free(run->sandbox);
    mote_policy_unref(run->policy);
    mote_snapshot_unref(run->snapshot);
    mote_image_unref(run->image);
    mote_host_free(run->host);
    values_free(&run->arguments);
    oci_free(&run->layout);
}

/* Puts what is in the layout in the place of the options; CLI_OK, or an exit status. */
static int open_layout(struct run *run)
{
    struct run_options *options = &run->options;
    int status = oci_read(&run->layout, options->guest);
    if (status != CLI_OK)
        return status;
    options->guest = run->layout.paths[0];
    options->stack = options->stack != 0 ? options->stack : run->layout.stack;
    for (size_t i = 1; i < run->layout.count; i++)
        cli_list_add(&options->snapshots, run->layout.paths[i]);
    return CLI_OK;
}

static int open_and_run(struct run *run)
{
    mote_source source = MOTE_SOURCE_PATH(run->options.guest);
    int rc = run_open(run, &source);
    rc = rc != 0 ? rc : run_open_snapshots(run);
    return rc != 0 ? run_report(run, rc) : run_image(run);
}

int cmd_run(int argc, char **argv)
{
    static struct run run;
    struct line problem = {0};
    (void)argc;
    run.error.size = sizeof(run.error);
    int status = cli_finish(run_parse(&run.options, argv, &problem), "run", help_run, &problem);
    if (status >= 0)
        return status;
    status = run.options.oci ? open_layout(&run) : CLI_OK;
    status = status == CLI_OK ? open_and_run(&run) : status;
    run_release(&run);
    return status;
}
