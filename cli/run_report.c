/* SPDX-License-Identifier: Apache-2.0 */
/* How a run ended: one line, one exit status. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "run.h"
#include "signals.h"

/* ---- exit status ----------------------------------------------------------- */

static const struct {
    int code;
    int status;
} statuses[] = {
    {MOTE_EGUEST, CLI_FAILED},       {MOTE_EINVAL, CLI_USAGE},
    {MOTE_ETYPE, CLI_USAGE},         {MOTE_ENOTFOUND, CLI_NOT_FOUND},
    {MOTE_EDEADLINE, CLI_DEADLINE},  {MOTE_EIMAGE, CLI_CANNOT_RUN},
    {MOTE_EBOOT, CLI_CANNOT_RUN},    {MOTE_ESNAPSHOT, CLI_CANNOT_RUN},
    {MOTE_EMISSING, CLI_CANNOT_RUN}, {MOTE_EFAULT, CLI_FAULT},
    {MOTE_EABORTED, CLI_FAULT},      {MOTE_EPROTOCOL, CLI_FAULT},
    {MOTE_EHOSTFN, CLI_FAULT},       {MOTE_EREFUSED, CLI_FAULT},
};

static int exit_status(const struct run *run, int code, const mote_error *error)
{
    if (code == MOTE_EINTERRUPTED)
        return CLI_SIGNAL + signals_caught();
    if (code == MOTE_ELIMIT)
        return run->sandbox != NULL ? CLI_FAULT : CLI_CANNOT_RUN;
    if (code == MOTE_ESYSTEM && run->policy == NULL && run->host != NULL) {
        return error->detail == ENOENT ? CLI_NOT_FOUND : CLI_CANNOT_RUN; /* a file */
    }
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
        if (statuses[i].code == code)
            return statuses[i].status;
    return CLI_MOTE;
}

/* ---- the line ------------------------------------------------------------------ */

static const char *access_name(mote_access access)
{
    static const char *const names[] = {"", "read of", "write to", "execution of"};
    return access <= MOTE_ACCESS_EXECUTE ? names[access] : "";
}

/* What to do about a fault. */
static const char *advice(mote_fault_kind kind)
{
    switch (kind) {
    case MOTE_FAULT_PAGE:
        return "the guest used memory that it does not have";
    case MOTE_FAULT_STACK:
        return "recursion without end or large local variables; --stack gives more";
    case MOTE_FAULT_ILLEGAL:
        return "built for another processor? try --cpu v3, or compile for x86-64-v2";
    case MOTE_FAULT_PROTECTION:
        return "guests may not use privileged instructions, ports or non-canonical addresses";
    case MOTE_FAULT_SYSCALL:
        return "an option may grant it; --trace shows what the guest asks for";
    case MOTE_FAULT_DEADLINE:
        return "--deadline gives more time";
    case MOTE_FAULT_DOORBELL:
    case MOTE_FAULT_PROTOCOL:
        return "the guest does not follow the call protocol; rebuild it with mote_guest.h";
    default:
        return "";
    }
}

bool run_is_exception(mote_fault_kind kind)
{
    switch (kind) {
    case MOTE_FAULT_PAGE:
    case MOTE_FAULT_STACK:
    case MOTE_FAULT_ILLEGAL:
    case MOTE_FAULT_DIVIDE:
    case MOTE_FAULT_PROTECTION:
    case MOTE_FAULT_FLOAT:
    case MOTE_FAULT_BREAKPOINT:
    case MOTE_FAULT_DOORBELL:
    case MOTE_FAULT_EXCEPTION:
        return true;
    default:
        return false;
    }
}

/* "page fault: write to 0xdead0000, at poke+0x12 (rip 0x401136)" */
static void add_fault(struct line *line, const mote_report *report)
{
    line_add(line, "%s", mote_fault_name(report->fault));
    if (report->access != MOTE_ACCESS_NONE)
        line_add(line, ": %s 0x%" PRIx64, access_name(report->access), report->address);
    if (report->fault == MOTE_FAULT_ABORT || report->fault == MOTE_FAULT_HOST_FUNCTION)
        line_add(line, " with code %" PRId64, report->code);
    if (report->text[0] != '\0')
        line_add(line, ": %s", report->text);
    if (!run_is_exception(report->fault))
        return;
    if (report->symbol[0] != '\0')
        line_add(line, ", at %s", report->symbol);
    line_add(line, " (rip 0x%" PRIx64 ")", report->registers.rip);
}

bool run_has_fault(int code, const mote_report *report)
{
    return report != NULL && report->fault != MOTE_FAULT_NONE && report->fault != MOTE_FAULT_EXIT &&
           code != MOTE_EGUEST;
}

/* It was stopped, whatever it did. */
static bool was_stopped(int code)
{
    return code == MOTE_EDEADLINE || code == MOTE_EINTERRUPTED;
}

static void add_advice(struct line *line, const char *text)
{
    if (*text != '\0')
        line_add(line, "; %s", text);
}

const char *run_remedy(const struct run *run, int code, const mote_error *error)
{
    switch (code) {
    case MOTE_EMISSING:
        return "mote run grants no host functions: this guest needs a program of its own";
    case MOTE_ELIMIT: /* of memory, or of the number of its pieces */
        return strstr(error->text, "limit") != NULL ? "--memory gives more" : "";
    case MOTE_EBOOT:
        return "";
    default:
        return run->sandbox == NULL ? error->remedy : "";
    }
}

static void add_error(struct line *line, const struct run *run, int code, const mote_error *error)
{
    line_add(line, "%s", error->text[0] != '\0' ? error->text : mote_error_string(code));
    add_advice(line, run_remedy(run, code, error));
}

static bool is_wasm(const char *path)
{
    char magic[4] = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool wasm = fd >= 0 && read(fd, magic, sizeof(magic)) == sizeof(magic) &&
                memcmp(magic, "\0asm", sizeof(magic)) == 0;
    if (fd >= 0)
        close(fd);
    return wasm;
}

/* `backtrace` may be NULL. */
static void say_failure(const struct run *run, int code, const mote_error *error,
                        const mote_report *report, const struct backtrace *backtrace)
{
    const struct run_options *options = &run->options;
    struct line line = {0};
    if (code == MOTE_EIMAGE && is_wasm(options->guest)) {
        say("%s is a WebAssembly module; compile it first: mote build %s -o FILE", options->guest,
            options->guest);
        return;
    }
    if (run->sandbox == NULL) {
        if (run->host != NULL && strstr(error->text, options->guest) == NULL)
            line_add(&line, "%s: ", options->guest);
        add_error(&line, run, code, error);
    } else {
        line_add(&line, "%s: ", options->invoke != NULL ? options->invoke : options->guest);
        if (was_stopped(code))
            line_add(&line, "%s", mote_error_string(code));
        else if (run_has_fault(code, report) && report->fault != MOTE_FAULT_MEMORY)
            add_fault(&line, report);
        else
            add_error(&line, run, code, error);
        if (run_has_fault(code, report))
            add_advice(&line, advice(report->fault));
    }
    line_say(&line);
    if (backtrace != NULL && code != MOTE_EINTERRUPTED) /* nobody asks where Ctrl-C came */
        backtrace_print(backtrace);
}

/* ---- */

static bool print_result(const struct run *run)
{
    if (run->options.invoke != NULL && run->function.signature.nresults > 0)
        value_print(stdout, &run->result, run->options.raw);
    return fflush(stdout) == 0 && !ferror(stdout);
}

/* A function that ended the program gave no result: never success. */
static int status_of_exit(const mote_report *report)
{
    int status = report != NULL ? (int)(report->code & 0xff) : 0;
    return status != 0 ? status : CLI_FAILED;
}

int run_report(const struct run *run, int code)
{
    bool ran = run->sandbox != NULL;
    const mote_error *error = ran ? mote_sandbox_error(run->sandbox) : &run->error;
    const mote_report *report = ran ? mote_sandbox_report(run->sandbox) : NULL;
    int status = code == 0              ? run->status & 0xff
                 : code == MOTE_EEXITED ? status_of_exit(report)
                                        : exit_status(run, code, error);
    struct backtrace frames;
    const struct backtrace *backtrace = NULL;
    if (code != 0 && run_has_fault(code, report)) {
        backtrace_take(&frames, run->options.guest, run->image, run->sandbox);
        backtrace = &frames;
    }
    bool written;
    if (run->options.json) {
        written = run_print_json(run, code, status, error, report, backtrace);
    } else if (code == 0) {
        written = print_result(run);
    } else {
        say_failure(run, code, error, report, backtrace);
        written = true;
    }
    if (!written) {
        say("cannot write the result: %s", strerror(errno));
        return CLI_MOTE;
    }
    return status;
}
