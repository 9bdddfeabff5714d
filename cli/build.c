/* SPDX-License-Identifier: Apache-2.0 */
/* mote build: a WebAssembly module becomes a guest. */
#include <builder.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command_line.h"
#include "json.h"
#include "progress.h"
#include "wasm_tools.h"

const char help_build[] =
    "Usage: mote build [OPTIONS] MODULE.wasm\n"
    "\n"
    "Compiles a WebAssembly module ahead of time to a guest, which 'mote run' runs and\n"
    "programs open like any other. Needs wasm2c 1.0.42 of wabt, and musl-gcc or gcc.\n"
    "Both run under limits on time and memory, but not in a jail: they can read your\n"
    "files. Build only modules that you would compile by hand.\n"
    "\n"
    "Options:\n"
    "  -o, --output FILE     where the guest goes (default: MODULE.mote)\n"
    "  -O, --optimize LEVEL  1: compile faster; 2: make faster code (default: 2)\n"
    "  --wasm2c PATH         the translator (default: $MOTE_WASM2C, what\n"
    "                        scripts/fetch-wabt got, or the one in $PATH)\n"
    "  --json                one JSON object on standard output tells how it ended\n"
    "  -h, --help            show this\n"
    "\n"
    "Exit status: 0 built, 1 the module cannot be built, 2 wrong usage, 125 mote or its\n"
    "tools failed, 127 there is no such module, 130 interrupted.\n"
    "\n"
    "Example:\n"
    "  mote build fib.wasm && mote run --invoke fib fib.mote 30\n";

struct build {
    struct mote__wasm_build_options options;
    struct mote__wasm_build_result result;
    struct mote__wasm_error error;
    struct progress progress;
    struct build_options asked;
    double seconds;
};

static volatile sig_atomic_t stopped; /* by this signal */

static void on_signal(int number)
{
    stopped = number;
}

static int on_progress(void *user, enum mote__wasm_step step, unsigned done, unsigned total)
{
    struct build *build = user;
    progress_set(&build->progress, step, done, total);
    return stopped;
}

/* ---- how it ended ---------------------------------------------------------------- */

static int exit_status(int status)
{
    if (stopped != 0 && status != MOTE__WASM_OK)
        return CLI_SIGNAL + stopped;
    return status == MOTE__WASM_OK        ? CLI_OK
           : status == MOTE__WASM_EMODULE ? CLI_FAILED
           : status == MOTE__WASM_EINVAL  ? CLI_USAGE
                                          : CLI_MOTE;
}

static void say_failure(const struct build *build)
{
    struct line line = {0};
    if (stopped != 0) {
        say("%s: interrupted", build->options.input);
        return;
    }
    line_add(&line, "%s: %s", build->options.input, build->error.text);
    if (build->error.remedy[0] != '\0')
        line_add(&line, "; %s", build->error.remedy);
    line_say(&line);
}

static void print_json(const struct build *build, int exit)
{
    struct json json = {stdout, false};
    json_open(&json, NULL, '{');
    json_bool(&json, "ok", exit == CLI_OK);
    json_int(&json, "exit", exit);
    if (exit == CLI_OK) {
        json_text(&json, "output", build->options.output);
        json_uint(&json, "exports", build->result.exports);
        json_uint(&json, "hidden_exports", build->result.hidden);
        json_uint(&json, "imports", build->result.imports);
        json_uint(&json, "memory", build->result.memory);
    } else {
        json_text(&json, "error", build->error.text);
        json_text(&json, "remedy", build->error.remedy);
    }
    json_close(&json, '}');
    json_end(&json);
}

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

static void print_text(const struct build *build)
{
    const struct mote__wasm_build_result *result = &build->result;
    printf("%s: %zu exported function%s", build->options.output, result->exports,
           plural(result->exports));
    if (result->hidden > 0)
        printf(" (%zu more that a host cannot call)", result->hidden);
    printf(", %zu imported, %.1f s\n", result->imports, build->seconds);
}

static int report(const struct build *build, int exit)
{
    if (build->asked.json)
        print_json(build, exit);
    else if (exit == CLI_OK)
        print_text(build);
    else
        say_failure(build);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        say("cannot write: %s", strerror(errno));
        return CLI_MOTE;
    }
    return exit;
}

/* ---- */

static void catch_signals(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static int run_build(struct build *build)
{
    uint64_t start = now_ns();
    catch_signals();
    build->options.progress = on_progress;
    build->options.user = build;
    progress_start(&build->progress, build->options.input);
    int status = mote__wasm_build(&build->options, &build->result, &build->error);
    progress_end(&build->progress);
    build->seconds = (double)(now_ns() - start) / 1e9;
    return report(build, exit_status(status));
}

static void take_options(struct build *build)
{
    build->options.input = build->asked.input;
    build->options.output = build->asked.output;
    build->options.opt_level = build->asked.opt_level;
    if (build->asked.wasm2c != NULL)
        build->options.wasm2c = build->asked.wasm2c;
}

int cmd_build(int argc, char **argv)
{
    static struct build build;
    struct line problem = {0};
    (void)argc;
    int status =
        cli_finish(build_parse(&build.asked, argv, &problem), "build", help_build, &problem);
    if (status >= 0)
        return status;
    wasm_tools_find(&build.options);
    take_options(&build);
    if (access(build.options.input, R_OK) != 0 && errno == ENOENT) {
        snprintf(build.error.text, sizeof(build.error.text), "%s", strerror(errno));
        return report(&build, CLI_NOT_FOUND);
    }
    return run_build(&build);
}
