/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of `mote build`. */
#include <string.h>

#include "command_line.h"

enum { OUTPUT = 1, LEVEL, WASM2C, JSON, HELP };

static const struct cli_option known[] = {
    {OUTPUT, 'o', "output", "FILE", "a file's name"},
    {LEVEL, 'O', "optimize", "LEVEL", "1 or 2"},
    {WASM2C, 0, "wasm2c", "PATH", "a program"},
    {JSON, 0, "json", NULL, NULL},
    {HELP, 'h', "help", NULL, NULL},
    {0, 0, NULL, NULL, NULL},
};

/* False when the value is not one that the option takes. */
static bool set_option(struct build_options *options, int id, const char *value)
{
    switch (id) {
    case OUTPUT:
        options->output = value;
        return *value != '\0';
    case LEVEL:
        options->opt_level = value[0] - '0';
        return strcmp(value, "1") == 0 || strcmp(value, "2") == 0;
    case WASM2C:
        options->wasm2c = value;
        return *value != '\0';
    default:
        options->json = true;
        return true;
    }
}

/* MODULE.mote beside MODULE.wasm; false when the name is too long. */
static bool default_output(struct build_options *options)
{
    const char *input = options->input;
    size_t length = strlen(input);
    if (length > 5 && strcmp(input + length - 5, ".wasm") == 0)
        length -= 5;
    if (length + sizeof(".mote") > sizeof(options->default_output))
        return false;
    memcpy(options->default_output, input, length);
    memcpy(options->default_output + length, ".mote", sizeof(".mote"));
    options->output = options->default_output;
    return true;
}

/* Reads options up to the next argument that is none. */
static enum cli_parsed parse_options(struct build_options *options, struct cli_args *args)
{
    int id;
    while ((id = cli_next(args, known)) > 0) {
        if (id == HELP)
            return CLI_HELP;
        if (!set_option(options, id, args->value))
            return cli_wrong_value(args, known, id);
    }
    return id < 0 ? CLI_WRONG : CLI_GO;
}

/* Options may stand before and after the module. */
enum cli_parsed build_parse(struct build_options *options, char **argv, struct line *problem)
{
    struct cli_args args = {argv, 1, NULL, problem};
    memset(options, 0, sizeof(*options));
    for (;;) {
        enum cli_parsed parsed = parse_options(options, &args);
        const char *word = argv[args.next];
        if (parsed != CLI_GO)
            return parsed;
        if (word == NULL)
            break;
        if (options->input != NULL)
            return cli_wrong(problem, "%s: one module at a time", word);
        options->input = word;
        args.next++;
    }
    if (options->input == NULL)
        return cli_wrong(problem, "which module?");
    if (options->output == NULL && !default_output(options))
        return cli_wrong(problem, "%.64s...: the name is too long", options->input);
    return CLI_GO;
}
