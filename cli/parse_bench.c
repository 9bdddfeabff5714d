/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of `mote bench`. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "guest_options.h"

enum { SECONDS = GUEST_END, THREADS, POOL, HGRM, CHART, FROM, JSON, HELP };
enum { NUMBER_MOST = 1024 };

static const struct cli_option known[] = {
    GUEST_OPTIONS,
    {SECONDS, 0, "seconds", "NUMBER", "a number of seconds, at most 86400"},
    {THREADS, 0, "threads", "NUMBER", "a number from 1 to 1024"},
    {POOL, 0, "pool", "NUMBER", "a number from 1 to 1024"},
    {HGRM, 0, "hgrm", "PREFIX", "the beginning of a file's name"},
    {CHART, 0, "chart", "FILE", "a file whose name ends in .html or .svg"},
    {FROM, 0, "from", "FILE", "a file"},
    {JSON, 0, "json", NULL, NULL},
    {HELP, 'h', "help", NULL, NULL},
    {0, 0, NULL, NULL, NULL},
};

static bool parse_number(const char *text, unsigned *value)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);
    *value = number <= NUMBER_MOST ? (unsigned)number : 0;
    return isdigit((unsigned char)text[0]) && *end == '\0' && *value > 0;
}

static bool parse_seconds(const char *text, uint64_t *duration_ns)
{
    return parse_duration(text, duration_ns) && *duration_ns > 0 &&
           *duration_ns <= UINT64_C(86400000000000);
}

static bool is_chart(const char *path)
{
    const char *end = strrchr(path, '.');
    return end != NULL && (strcmp(end, ".html") == 0 || strcmp(end, ".svg") == 0);
}

/* False when the value is not one that the option takes. */
static bool set_option(struct bench_options *options, int id, const char *value)
{
    switch (id) {
    case SECONDS:
        return parse_seconds(value, &options->duration_ns);
    case THREADS:
        return parse_number(value, &options->threads);
    case POOL:
        return parse_number(value, &options->pool);
    case HGRM:
        options->hgrm = value;
        return *value != '\0';
    case CHART:
        options->chart = value;
        return is_chart(value);
    case FROM:
        options->from = value;
        return *value != '\0';
    case JSON:
        options->guest.json = true;
        return true;
    default:
        return guest_set_option(&options->guest, id, value);
    }
}

enum cli_parsed bench_parse(struct bench_options *options, char **argv, struct line *problem)
{
    struct cli_args args = {argv, 1, NULL, problem};
    int id;
    memset(options, 0, sizeof(*options));
    options->duration_ns = UINT64_C(3000000000);
    options->threads = 1;
    options->guest.no_stdio = true; /* what a guest prints is not what is asked for here */
    while ((id = cli_next(&args, known)) > 0) {
        if (id == HELP)
            return CLI_HELP;
        if (!set_option(options, id, args.value))
            return cli_wrong_value(&args, known, id);
    }
    if (id < 0)
        return CLI_WRONG;
    guest_set_words(&options->guest, argv + args.next);
    if (options->from != NULL && options->chart == NULL)
        return cli_wrong(problem, "--from: --chart must say where to draw it");
    if (options->from != NULL && options->guest.guest != NULL)
        return cli_wrong(problem, "%s: --from measures nothing", options->guest.guest);
    if (options->guest.guest == NULL && options->guest.invoke != NULL)
        return cli_wrong(problem, "--invoke: which guest?");
    return CLI_GO;
}
