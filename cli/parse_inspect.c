/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of `mote inspect`. */
#include <string.h>

#include "command_line.h"

enum { BOOT = 1, JSON, HELP };

static const struct cli_option known[] = {
    {BOOT, 0, "boot", NULL, NULL},
    {JSON, 0, "json", NULL, NULL},
    {HELP, 'h', "help", NULL, NULL},
    {0, 0, NULL, NULL, NULL},
};

enum cli_parsed inspect_parse(struct inspect_options *options, char **argv, struct line *problem)
{
    struct cli_args args = {argv, 1, NULL, problem};
    int id;
    memset(options, 0, sizeof(*options));
    while ((id = cli_next(&args, known)) > 0) {
        if (id == HELP)
            return CLI_HELP;
        options->boot = options->boot || id == BOOT;
        options->json = options->json || id == JSON;
    }
    if (id < 0)
        return CLI_WRONG;
    options->file = argv[args.next];
    if (options->file == NULL)
        return cli_wrong(problem, "which file? A guest or a WebAssembly module");
    if (argv[args.next + 1] != NULL)
        return cli_wrong(problem, "%s: inspect takes one file", argv[args.next + 1]);
    return CLI_GO;
}
