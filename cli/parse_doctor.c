/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of `mote doctor`. */
#include <string.h>

#include "command_line.h"

enum { DEVICE = 1, JSON, HELP };

static const struct cli_option known[] = {
    {DEVICE, 0, "device", "PATH", "a path"},
    {JSON, 0, "json", NULL, NULL},
    {HELP, 'h', "help", NULL, NULL},
    {0, 0, NULL, NULL, NULL},
};

enum cli_parsed doctor_parse(struct doctor_options *options, char **argv, struct line *problem)
{
    struct cli_args args = {argv, 1, NULL, problem};
    int id;
    memset(options, 0, sizeof(*options));
    while ((id = cli_next(&args, known)) > 0) {
        if (id == HELP)
            return CLI_HELP;
        options->device = id == DEVICE ? args.value : options->device;
        options->json = options->json || id == JSON;
    }
    if (id < 0)
        return CLI_WRONG;
    if (argv[args.next] != NULL)
        return cli_wrong(problem, "%s: doctor takes no arguments", argv[args.next]);
    return CLI_GO;
}
