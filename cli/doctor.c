/* SPDX-License-Identifier: Apache-2.0 */
/* mote doctor: can guests run here, and if not, what to do. */
#include "doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "command_line.h"
#include "json.h"

const char help_doctor[] =
    "Usage: mote doctor [OPTIONS]\n"
    "\n"
    "Checks whether this machine can run guests, and says what to do if it cannot.\n"
    "A small guest, part of this command, is really run.\n"
    "\n"
    "Options:\n"
    "  --device PATH  the hypervisor's device (default: /dev/kvm)\n"
    "  --json         one JSON object on standard output\n"
    "  -h, --help     show this\n"
    "\n"
    "Exit status: 0 when guests run, 1 when not. A missing WebAssembly toolchain is\n"
    "told, but guests run without it.\n";

static const struct {
    const char *name;
    void (*look)(struct check *check, const char *device);
} all[] = {
    {"kernel", check_kernel},   {"device", check_device},
    {"hypervisor", check_kind}, {"capabilities", check_capabilities},
    {"library", check_library}, {"guest", check_guest},
    {"wasm", check_wasm},
};
enum { NCHECKS = sizeof(all) / sizeof(all[0]) };

void check_set(struct check *check, enum check_state state, const char *detail, ...)
{
    va_list list;
    check->state = state;
    va_start(list, detail);
    vsnprintf(check->detail, sizeof(check->detail), detail, list);
    va_end(list);
}

void check_remedy(struct check *check, const char *remedy, ...)
{
    va_list list;
    va_start(list, remedy);
    vsnprintf(check->remedy, sizeof(check->remedy), remedy, list);
    va_end(list);
}

static bool all_good(const struct check *checks)
{
    for (size_t i = 0; i < NCHECKS; i++)
        if (checks[i].state == CHECK_BAD)
            return false;
    return true;
}

static bool print_text(const struct check *checks)
{
    static const char *const marks[] = {"ok  ", "note", "FAIL"};
    for (size_t i = 0; i < NCHECKS; i++) {
        const struct check *check = &checks[i];
        printf("%s  %-12s  %s\n", marks[check->state], check->name, check->detail);
        if (check->remedy[0] != '\0')
            printf("%20s-> %s\n", "", check->remedy);
    }
    printf("\n%s\n", all_good(checks) ? "Guests run on this machine."
                                      : "Guests cannot run here: see the lines marked FAIL.");
    return fflush(stdout) == 0;
}

static bool print_json(const struct check *checks)
{
    static const char *const states[] = {"ok", "note", "fail"};
    struct json json = {stdout, false};
    json_open(&json, NULL, '{');
    json_bool(&json, "ok", all_good(checks));
    json_text(&json, "version", mote_version());
    json_open(&json, "checks", '[');
    for (size_t i = 0; i < NCHECKS; i++) {
        json_open(&json, NULL, '{');
        json_text(&json, "name", checks[i].name);
        json_text(&json, "state", states[checks[i].state]);
        json_text(&json, "detail", checks[i].detail);
        json_text(&json, "remedy", checks[i].remedy);
        json_close(&json, '}');
    }
    json_close(&json, ']');
    json_close(&json, '}');
    return json_end(&json);
}

static int examine(const char *device, bool as_json)
{
    static struct check checks[NCHECKS];
    for (size_t i = 0; i < NCHECKS; i++) {
        checks[i].name = all[i].name;
        all[i].look(&checks[i], device);
    }
    bool written = as_json ? print_json(checks) : print_text(checks);
    return !written ? CLI_MOTE : all_good(checks) ? CLI_OK : CLI_FAILED;
}

int cmd_doctor(int argc, char **argv)
{
    struct doctor_options options;
    struct line problem = {0};
    (void)argc;
    int status =
        cli_finish(doctor_parse(&options, argv, &problem), "doctor", help_doctor, &problem);
    if (status >= 0)
        return status;
    return examine(options.device != NULL ? options.device : "/dev/kvm", options.json);
}
