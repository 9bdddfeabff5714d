/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of `mote top`. */
#include <stdlib.h>
#include <string.h>

#include "command_line.h"

enum { INTERVAL = 1, ONCE, JSON, HELP };

static const struct cli_option known[] = {
    {INTERVAL, 0, "interval", "TIME", "a time from 10ms on: 1s, 250ms"},
    {ONCE, 0, "once", NULL, NULL},
    {JSON, 0, "json", NULL, NULL},
    {HELP, 'h', "help", NULL, NULL},
    {0, 0, NULL, NULL, NULL},
};

static bool parse_pid(const char *text, int *pid)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 9 || text[digits] != '\0')
        return false;
    *pid = (int)strtol(text, NULL, 10);
    return *pid > 0;
}

static enum cli_parsed read_process(struct top_options *options, const char *const *words,
                                    struct line *problem)
{
    if (words[0] == NULL)
        return cli_wrong(problem, "which process? Give its number");
    if (words[1] != NULL)
        return cli_wrong(problem, "%s: top takes one process", words[1]);
    return parse_pid(words[0], &options->pid)
               ? CLI_GO
               : cli_wrong(problem, "%s is not the number of a process", words[0]);
}

enum cli_parsed top_parse(struct top_options *options, char **argv, struct line *problem)
{
    struct cli_args args = {argv, 1, NULL, problem};
    int id;
    memset(options, 0, sizeof(*options));
    options->interval_ns = 1000000000;
    while ((id = cli_next(&args, known)) > 0) {
        if (id == HELP)
            return CLI_HELP;
        if (id == INTERVAL &&
            (!parse_duration(args.value, &options->interval_ns) || options->interval_ns < 10000000))
            return cli_wrong_value(&args, known, id);
        options->once = options->once || id == ONCE;
        options->json = options->json || id == JSON;
    }
    return id < 0 ? CLI_WRONG
                  : read_process(options, (const char *const *)&argv[args.next], problem);
}
