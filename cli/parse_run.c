/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of `mote run`. command_line.h says how to add an option. */
#include <string.h>

#include "command_line.h"

enum { INVOKE = 1, DEADLINE, MEMORY, STACK, CPU, NO_STDIO, RAW, JSON, HELP };

#define A_TIME "a time such as 2s or 250ms"
#define A_SIZE "a size such as 64M or 1G"

static const struct cli_option known[] = {
    {INVOKE, 0, "invoke", "NAME", "a name"},
    {DEADLINE, 0, "deadline", "TIME", A_TIME},
    {MEMORY, 0, "memory", "SIZE", A_SIZE},
    {STACK, 0, "stack", "SIZE", A_SIZE},
    {CPU, 0, "cpu", "LEVEL", "v2 or v3"},
    {NO_STDIO, 0, "no-stdio", NULL, NULL},
    {RAW, 0, "raw", NULL, NULL},
    {JSON, 0, "json", NULL, NULL},
    {HELP, 'h', "help", NULL, NULL},
    {0, 0, NULL, NULL, NULL},
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
        options->no_stdio = true;
        return true;
    case RAW:
        options->raw = true;
        return true;
    default:
        options->json = true;
        return true;
    }
}

enum cli_parsed run_parse(struct run_options *options, char **argv, struct line *problem)
{
    struct cli_args args = {argv, 1, NULL, problem};
    int id;
    memset(options, 0, sizeof(*options));
    while ((id = cli_next(&args, known)) > 0) {
        if (id == HELP)
            return CLI_HELP;
        if (!set_option(options, id, args.value))
            return cli_wrong_value(&args, known, id);
    }
    if (id < 0)
        return CLI_WRONG;
    if (argv[args.next] == NULL)
        return cli_wrong(problem, "which guest?");
    options->words = argv + args.next;
    options->guest = options->words[0];
    while (options->words[options->nwords] != NULL)
        options->nwords++;
    return CLI_GO;
}
