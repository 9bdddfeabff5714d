/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of `mote run`. command_line.h says how to add an option. */
#include <string.h>

#include "guest_options.h"

enum { ENV = GUEST_END, OCI, TRACE, NO_STDIO, RAW, JSON, HELP };

static const struct cli_option known[] = {
    GUEST_OPTIONS,
    {ENV, 0, "env", "NAME[=VALUE]", "NAME or NAME=VALUE, at most 256 times"},
    {OCI, 0, "oci", NULL, NULL},
    {TRACE, 0, "trace", NULL, NULL},
    {NO_STDIO, 0, "no-stdio", NULL, NULL},
    {RAW, 0, "raw", NULL, NULL},
    {JSON, 0, "json", NULL, NULL},
    {HELP, 'h', "help", NULL, NULL},
    {0, 0, NULL, NULL, NULL},
};

static bool add_env(struct cli_list *list, const char *value)
{
    return *value != '\0' && *value != '=' && cli_list_add(list, value);
}

/* False when the value is not one that the option takes. */
static bool set_option(struct run_options *options, int id, const char *value)
{
    switch (id) {
    case ENV:
        return add_env(&options->env, value);
    case OCI:
        options->oci = true;
        return true;
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
        return guest_set_option(options, id, value);
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
    if (options->oci && options->snapshots.count > 0)
        return cli_wrong(problem, "--snapshot: with --oci they are in the directory");
    guest_set_words(options, argv + args.next);
    return CLI_GO;
}
