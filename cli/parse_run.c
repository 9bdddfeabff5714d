/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of `mote run`. command_line.h says how to add an option. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "command_line.h"

enum {
    INVOKE = 1,
    DEADLINE,
    MEMORY,
    STACK,
    CPU,
    DIR,
    DIR_READ_ONLY,
    ONE_FILE,
    ENV,
    CLOCK,
    RANDOM,
    REFUSED,
    TRACE,
    NO_STDIO,
    RAW,
    JSON,
    HELP
};

#define A_TIME "a time such as 2s or 250ms"
#define A_SIZE "a size such as 64M or 1G"
#define A_PATH "HOST or HOST::GUEST, at most 256 times"

static const struct cli_option known[] = {
    {INVOKE, 0, "invoke", "NAME", "a name"},
    {DEADLINE, 0, "deadline", "TIME", A_TIME},
    {MEMORY, 0, "memory", "SIZE", A_SIZE},
    {STACK, 0, "stack", "SIZE", A_SIZE},
    {CPU, 0, "cpu", "LEVEL", "v2 or v3"},
    {DIR, 0, "dir", "HOST[::GUEST]", A_PATH},
    {DIR_READ_ONLY, 0, "dir-ro", "HOST[::GUEST]", A_PATH},
    {ONE_FILE, 0, "file", "HOST[::GUEST]", A_PATH},
    {ENV, 0, "env", "NAME[=VALUE]", "NAME or NAME=VALUE, at most 256 times"},
    {CLOCK, 0, "clock", "KIND", "none, frozen, coarse or real"},
    {RANDOM, 0, "random", "KIND", "none, seeded:NUMBER or real"},
    {REFUSED, 0, "refused", "ANSWER", "enosys or fault"},
    {TRACE, 0, "trace", NULL, NULL},
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

/* The place of a word in a list that NULL ends; -1 where it is not. */
static int find_word(const char *const *words, const char *text)
{
    for (int i = 0; words[i] != NULL; i++)
        if (strcmp(words[i], text) == 0)
            return i;
    return -1;
}

static bool parse_clock(const char *text, mote_clock *clock)
{
    static const char *const words[] = {"none", "frozen", "coarse", "real", NULL}; /* by number */
    int found = find_word(words, text);
    *clock = found < 0 ? MOTE_CLOCK_NONE : (mote_clock)found;
    return found >= 0;
}

static bool parse_seed(const char *text, uint64_t *seed)
{
    char *end;
    errno = 0;
    *seed = strtoull(text, &end, 0);
    return isdigit((unsigned char)text[0]) && *end == '\0' && errno == 0;
}

static bool parse_random(const char *text, mote_random *random, uint64_t *seed)
{
    static const char seeded[] = "seeded:";
    if (strncmp(text, seeded, sizeof(seeded) - 1) == 0) {
        *random = MOTE_RANDOM_SEEDED;
        return parse_seed(text + sizeof(seeded) - 1, seed);
    }
    *random = strcmp(text, "real") == 0 ? MOTE_RANDOM_REAL : MOTE_RANDOM_NONE;
    return strcmp(text, "real") == 0 || strcmp(text, "none") == 0;
}

static bool parse_refused(const char *text, mote_refused *refused)
{
    *refused = strcmp(text, "fault") == 0 ? MOTE_REFUSED_FAULT : MOTE_REFUSED_ENOSYS;
    return strcmp(text, "fault") == 0 || strcmp(text, "enosys") == 0;
}

/* Neither side of "::" may be empty. */
static bool add_path(struct cli_list *list, const char *value)
{
    const char *colons = strstr(value, "::");
    return *value != '\0' && colons != value && (colons == NULL || colons[2] != '\0') &&
           cli_list_add(list, value);
}

static bool add_env(struct cli_list *list, const char *value)
{
    return *value != '\0' && *value != '=' && cli_list_add(list, value);
}

/* What the guest is granted; false when the value is not one that the option takes. */
static bool set_grant(struct run_options *options, int id, const char *value)
{
    switch (id) {
    case DIR:
        return add_path(&options->dirs, value);
    case DIR_READ_ONLY:
        return add_path(&options->dirs_read_only, value);
    case ONE_FILE:
        return add_path(&options->files, value);
    case ENV:
        return add_env(&options->env, value);
    case CLOCK:
        return parse_clock(value, &options->clock);
    case RANDOM:
        return parse_random(value, &options->random, &options->seed);
    default:
        return parse_refused(value, &options->refused);
    }
}

/* The same. */
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
    case TRACE:
        options->trace = true;
        return true;
    case NO_STDIO:
        options->no_stdio = true;
        return true;
    case RAW:
        options->raw = true;
        return true;
    case JSON:
        options->json = true;
        return true;
    default:
        return set_grant(options, id, value);
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
