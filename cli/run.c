/* SPDX-License-Identifier: Apache-2.0 */
/* mote run: a guest program, or one function of it, on this terminal. */
#include "run.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "signals.h"

const char help_run[] =
    "Usage: mote run [OPTIONS] GUEST [ARGUMENTS...]\n"
    "\n"
    "Runs GUEST, a static Linux program or what 'mote build' made, in a micro-VM.\n"
    "A program without exports runs from its start with GUEST ARGUMENTS as its argv;\n"
    "of one that exports functions, --invoke calls one with ARGUMENTS.\n"
    "The guest has the standard streams; no files, network, environment or clock.\n"
    "\n"
    "Options:\n"
    "  --invoke NAME    call the exported function NAME\n"
    "  --deadline TIME  stop the guest after TIME: 2s, 250ms, 1m (default: none)\n"
    "  --memory SIZE    memory of the guest in all: 64M, 1G (default: 64M)\n"
    "  --stack SIZE     its stack (default: 8M)\n"
    "  --cpu LEVEL      x86-64 level that the guest may use: v2 or v3 (default: v2)\n"
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
    "  mote run --invoke add ./sum 2 40\n"
    "  mote run --invoke decode --raw ./png @photo.png > pixels\n";

/* ---- the command line ----------------------------------------------------- */

enum { INVOKE = 1, DEADLINE, MEMORY, STACK, CPU, NO_STDIO, RAW, JSON, HELP };

static const struct cli_option known[] = {
    {INVOKE, 0, "invoke", "NAME"}, {DEADLINE, 0, "deadline", "TIME"},
    {MEMORY, 0, "memory", "SIZE"}, {STACK, 0, "stack", "SIZE"},
    {CPU, 0, "cpu", "LEVEL"},      {NO_STDIO, 0, "no-stdio", NULL},
    {RAW, 0, "raw", NULL},         {JSON, 0, "json", NULL},
    {HELP, 'h', "help", NULL},     {0, 0, NULL, NULL},
};

static bool parse_cpu(const char *text, mote_cpu *cpu)
{
    *cpu = strcmp(text, "v2") == 0 ? MOTE_CPU_V2 : MOTE_CPU_V3;
    return strcmp(text, "v2") == 0 || strcmp(text, "v3") == 0;
}

/* False when the value is not one that the option takes. */
static bool set_option(struct run_options *options, int id, const char *value)
{
    switch (id) {
    case INVOKE:
        options->invoke = value;
        return true;
    case DEADLINE:
        return parse_duration(value, &options->deadline_ns) && options->deadline_ns > 0;
    case MEMORY:
        return parse_size(value, &options->memory) && options->memory > 0;
    case STACK:
        return parse_size(value, &options->stack) && options->stack > 0;
    case CPU:
        return parse_cpu(value, &options->cpu);
    case NO_STDIO:
        options->stdio = false;
        return true;
    case RAW:
        options->raw = true;
        return true;
    default:
        options->json = true;
        return true;
    }
}

static const char *value_wanted(int id)
{
    return id == DEADLINE ? "a time such as 2s or 250ms"
           : id == CPU    ? "v2 or v3"
                          : "a size such as 64M or 1G";
}

/* An exit status, or -1 when the guest is to be run. */
static int parse(struct run_options *options, int argc, char **argv)
{
    struct cli_args args = {"run", argv, 1, NULL};
    int id;
    while ((id = cli_next(&args, known)) > 0) {
        if (id == HELP) {
            fputs(help_run, stdout);
            return fflush(stdout) == 0 ? CLI_OK : CLI_MOTE;
        }
        if (!set_option(options, id, args.value)) {
            return cli_usage("run", "--%s must be %s, not '%s'", known[id - 1].name,
                             value_wanted(id), args.value);
        }
    }
    if (id < 0)
        return CLI_USAGE;
    if (args.next >= argc)
        return cli_usage("run", "which guest?");
    options->words = argv + args.next;
    options->nwords = (size_t)(argc - args.next);
    options->guest = options->words[0];
    return -1;
}

/* ---- steps; each returns 0, or a MOTE_E* that run->error describes ---------- */

/* A boot may use what the guest may; never less than the library's default, so that a
 * limit too small is told by the sandbox, which knows what the guest needs. */
static const uint64_t DEFAULT_MEMORY = UINT64_C(64) << 20;

static int open_image(struct run *run)
{
    const struct run_options *options = &run->options;
    mote_source source = MOTE_SOURCE_PATH(options->guest);
    mote_image_options image = {0};
    image.size = sizeof(image);
    image.boot_memory = options->memory > DEFAULT_MEMORY ? options->memory : 0;
    image.boot_deadline_ns = options->deadline_ns;
    image.stack = options->stack;
    image.cpu = options->cpu;
    int rc = mote_host_new(&run->host, NULL, &run->error);
    return rc != 0 ? rc : mote_image_open(&run->image, run->host, &source, &image, &run->error);
}

static int make_policy(struct run *run)
{
    const struct run_options *options = &run->options;
    int rc = mote_policy_new(&run->policy, run->host, &run->error);
    if (rc == 0 && options->memory != 0)
        rc = mote_policy_set(run->policy, MOTE_OPT_MEMORY, options->memory, &run->error);
    if (rc == 0 && options->deadline_ns != 0)
        rc = mote_policy_set(run->policy, MOTE_OPT_DEADLINE, options->deadline_ns, &run->error);
    if (rc == 0 && options->stdio) {
        run->streams.out = options->json ? STDERR_FILENO : STDOUT_FILENO;
        rc = streams_grant(&run->streams, run->policy, &run->error);
    }
    return rc;
}

static int make_sandbox(struct run *run)
{
    mote_sandbox_options options = {0};
    options.size = sizeof(options);
    options.args = (const char *const *)run->options.words;
    int rc = make_policy(run);
    if (rc == 0)
        rc = mote_sandbox_new(&run->sandbox, run->image, run->policy, &options, &run->error);
    if (rc == 0)
        run->handle = mote_sandbox_handle(run->sandbox);
    return rc;
}

static int call_guest(struct run *run)
{
    const mote_signature *signature = &run->function.signature;
    if (run->options.deadline_ns != 0)
        run->streams.deadline_at = now_ns() + run->options.deadline_ns;
    if (run->options.invoke == NULL)
        return mote_run(run->sandbox, NULL, &run->status);
    return mote_call(run->sandbox, run->func, NULL, run->arguments.value, signature->nparams,
                     &run->result, signature->nresults);
}

static int run_guest(struct run *run)
{
    int rc = make_sandbox(run);
    if (rc == 0 && (run->handle == NULL || signals_catch(run->handle) != 0))
        rc = MOTE_ENOMEM;
    rc = rc != 0 ? rc : call_guest(run);
    int status = run_report(run, rc);
    signals_release();
    return status;
}

/* ---- what to call ----------------------------------------------------------- */

static int refuse_exports(const struct run *run)
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

static int find_function(struct run *run)
{
    int rc = mote_find(run->image, run->options.invoke, NULL, &run->func, &run->error);
    return rc != 0 ? rc : mote_image_export(run->image, run->func.index, &run->function);
}

static int run_image(struct run *run)
{
    const struct run_options *options = &run->options;
    if (options->invoke == NULL)
        return mote_image_exports(run->image) > 0 ? refuse_exports(run) : run_guest(run);
    int rc = find_function(run);
    if (rc != 0)
        return run_report(run, rc);
    if (!values_parse(&run->arguments, &run->function, options->words + 1, options->nwords - 1))
        return CLI_USAGE;
    return run_guest(run);
}

static void release(struct run *run)
{
    mote_handle_unref(run->handle);
    mote_sandbox_free(run->sandbox);
    mote_policy_unref(run->policy);
    mote_image_unref(run->image);
    mote_host_free(run->host);
    values_free(&run->arguments);
}

int cmd_run(int argc, char **argv)
{
    struct run run;
    memset(&run, 0, sizeof(run));
    run.options.stdio = true;
    run.error.size = sizeof(run.error);
    int status = parse(&run.options, argc, argv);
    if (status >= 0)
        return status;
    int rc = open_image(&run);
    status = rc != 0 ? run_report(&run, rc) : run_image(&run);
    release(&run);
    return status;
}
