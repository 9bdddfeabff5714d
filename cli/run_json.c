/* SPDX-License-Identifier: Apache-2.0 */
/* How a run ended, for programs. */
#include <string.h>

#include "run.h"

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

static void json_fault(struct json *json, const mote_report *report,
                       const struct backtrace *backtrace)
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
    if (run_is_exception(report->fault)) {
        json_uint(json, "vector", report->vector);
        json_uint(json, "error_code", report->error_code);
    }
    if (report->nframes > 0)
        json_registers(json, &report->registers);
    if (backtrace != NULL)
        backtrace_json(json, backtrace);
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
    json_text(json, "remedy", run_remedy(run, code, error));
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

bool run_print_json(const struct run *run, int code, int status, const mote_error *error,
                    const mote_report *report, const struct backtrace *backtrace)
{
    struct json json = {stdout, false};
    json_open(&json, NULL, '{');
    json_bool(&json, "ok", code == 0);
    json_int(&json, "exit", status);
    if (code == 0)
        json_results(&json, run);
    else
        json_error(&json, run, code, error);
    if (code != 0 && run_has_fault(code, report))
        json_fault(&json, report, backtrace);
    if (report != NULL)
        json_usage(&json, report);
    json_close(&json, '}');
    return json_end(&json);
}
