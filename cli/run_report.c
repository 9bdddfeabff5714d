/* SPDX-License-Identifier: Apache-2.0 */
/* How a run ended: one line for people, one object for programs, one exit status. */
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
    {MOTE_EGUEST, CLI_FAILED},       {MOTE_EINVAL, CLI_USAGE},        {MOTE_ETYPE, CLI_USAGE},
    {MOTE_ENOTFOUND, CLI_NOT_FOUND}, {MOTE_EDEADLINE, CLI_DEADLINE},  {MOTE_EIMAGE, CLI_CANNOT_RUN},
    {MOTE_EBOOT, CLI_CANNOT_RUN},    {MOTE_EMISSING, CLI_CANNOT_RUN}, {MOTE_EFAULT, CLI_FAULT},
    {MOTE_EABORTED, CLI_FAULT},      {MOTE_EPROTOCOL, CLI_FAULT},     {MOTE_EHOSTFN, CLI_FAULT},
};

/* A guest file that the system would not let us open. */
static bool is_file_error(const mote_error *error)
{
    switch (error->detail) {
    case EACCES:
    case EISDIR:
    case ELOOP:
    case ENAMETOOLONG:
    case ENOTDIR:
        return error->code == MOTE_ESYSTEM;
    default:
        return false;
    }
}

static int exit_status(const struct run *run, int code, const mote_error *error)
{
    if (code == MOTE_EINTERRUPTED)
        return CLI_SIGNAL + signals_caught();
    if (code == MOTE_ELIMIT)
        return run->sandbox != NULL ? CLI_FAULT : CLI_CANNOT_RUN;
    if (code == MOTE_ESYSTEM && run->image == NULL && run->host != NULL) {
        return error->detail == ENOENT ? CLI_NOT_FOUND
               : is_file_error(error)  ? CLI_CANNOT_RUN
                                       : CLI_MOTE;
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
    case MOTE_FAULT_MEMORY:
        return "--memory gives more";
    case MOTE_FAULT_DEADLINE:
        return "--deadline gives more time";
    case MOTE_FAULT_DOORBELL:
    case MOTE_FAULT_PROTOCOL:
        return "the guest does not follow the call protocol; rebuild it with mote_guest.h";
    default:
        return "";
    }
}

static bool from_processor(mote_fault_kind kind)
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
    if (report->symbol[0] != '\0')
        line_add(line, ", at %s", report->symbol);
    if (from_processor(report->fault))
        line_add(line, " (rip 0x%" PRIx64 ")", report->registers.rip);
}

/* The guest ran and did something; what it did is in the report. */
static bool has_fault(int code, const mote_report *report)
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

/* The library's remedies are for those who program; these are for users of the command. */
static const char *remedy(const struct run *run, int code, const mote_error *error)
{
    switch (code) {
    case MOTE_EMISSING:
        return "mote run grants no host functions: this guest needs a program of its own";
    case MOTE_ELIMIT:
        return "--memory gives more";
    case MOTE_EBOOT:
        return "";
    default:
        return run->sandbox == NULL ? error->remedy : "";
    }
}

static void add_error(struct line *line, const struct run *run, int code, const mote_error *error)
{
    line_add(line, "%s", error->text[0] != '\0' ? error->text : mote_error_string(code));
    add_advice(line, remedy(run, code, error));
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

static void say_failure(const struct run *run, int code, const mote_error *error,
                        const mote_report *report)
{
    const struct run_options *options = &run->options;
    struct line line = {0};
    if (code == MOTE_EIMAGE && is_wasm(options->guest)) {
        say("%s is a WebAssembly module; compile it first: mote build %s -o FILE", options->guest,
            options->guest);
        return;
    }
    if (run->sandbox == NULL) {
        add_error(&line, run, code, error);
    } else {
        line_add(&line, "%s: ", options->invoke != NULL ? options->invoke : options->guest);
        if (was_stopped(code))
            line_add(&line, "%s", mote_error_string(code));
        else if (has_fault(code, report))
            add_fault(&line, report);
        else
            add_error(&line, run, code, error);
        if (has_fault(code, report))
            add_advice(&line, advice(report->fault));
    }
    line_say(&line);
}

/* ---- the object -------------------------------------------------------------- */

static void json_registers(struct json *json, const mote_registers *registers)
{
    static const char *const names[] = {
        "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rsp", "rbp", "r8",
        "r9",  "r10", "r11", "r12", "r13", "r14", "r15", "rip", "rflags",
    };
    enum { COUNT = sizeof(names) / sizeof(names[0]) };
    uint64_t values[COUNT];
    _Static_assert(sizeof(values) == sizeof(*registers), "one name for each register");
    memcpy(values, registers, sizeof(values));
    json_open(json, "registers", '{');
    for (size_t i = 0; i < COUNT; i++)
        json_address(json, names[i], values[i]);
    json_close(json, '}');
}

static void json_fault(struct json *json, const mote_report *report)
{
    static const char *const accesses[] = {"none", "read", "write", "execute"};
    json_open(json, "fault", '{');
    json_text(json, "kind", mote_fault_name(report->fault));
    if (report->access != MOTE_ACCESS_NONE && report->access <= MOTE_ACCESS_EXECUTE) {
        json_text(json, "access", accesses[report->access]);
        json_address(json, "address", report->address);
    }
    json_int(json, "code", report->code);
    json_text(json, "text", report->text);
    json_text(json, "symbol", report->symbol);
    if (from_processor(report->fault)) {
        json_uint(json, "vector", report->vector);
        json_uint(json, "error_code", report->error_code);
        json_registers(json, &report->registers);
    }
    json_close(json, '}');
}

static void json_usage(struct json *json, const mote_report *report)
{
    json_open(json, "usage", '{');
    json_uint(json, "wall_ns", report->wall_ns);
    json_uint(json, "exits", report->exits);
    json_uint(json, "host_calls", report->host_calls);
    json_uint(json, "syscalls", report->syscalls);
    json_uint(json, "refused", report->refused);
    json_uint(json, "memory", report->memory);
    json_close(json, '}');
}

static void json_error(struct json *json, const struct run *run, int code, const mote_error *error)
{
    json_open(json, "error", '{');
    json_text(json, "code", mote_error_name(code));
    json_text(json, "text", error->text[0] != '\0' ? error->text : mote_error_string(code));
    json_text(json, "remedy", remedy(run, code, error));
    json_int(json, "detail", error->detail);
    json_close(json, '}');
}

static void json_results(struct json *json, const struct run *run)
{
    if (run->options.invoke == NULL) {
        json_int(json, "status", run->status);
        return;
    }
    json_text(json, "function", run->function.name);
    json_open(json, "results", '[');
    if (run->function.signature.nresults > 0)
        value_json(json, &run->result);
    json_close(json, ']');
}

static bool print_json(const struct run *run, int code, int status, const mote_error *error,
                       const mote_report *report)
{
    struct json json = {stdout, false};
    json_open(&json, NULL, '{');
    json_bool(&json, "ok", code == 0);
    json_int(&json, "exit", status);
    if (code == 0)
        json_results(&json, run);
    else
        json_error(&json, run, code, error);
    if (code != 0 && has_fault(code, report))
        json_fault(&json, report);
    if (report != NULL)
        json_usage(&json, report);
    json_close(&json, '}');
    return json_end(&json);
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
    bool written;
    if (run->options.json) {
        written = print_json(run, code, status, error, report);
    } else if (code == 0) {
        written = print_result(run);
    } else {
        say_failure(run, code, error, report);
        written = true;
    }
    if (!written) {
        say("cannot write the result: %s", strerror(errno));
        return CLI_MOTE;
    }
    return status;
}
