/* SPDX-License-Identifier: Apache-2.0 */
/* Options as GNU programs read them, without abbreviations: a new option never
 * changes what an old command line means. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "command_line.h"

static const struct cli_option *find_long(const struct cli_option *options, const char *name,
                                          size_t length)
{
    for (; options->id != 0; options++)
        if (strlen(options->name) == length && memcmp(options->name, name, length) == 0)
            return options;
    return NULL;
}

static const struct cli_option *find_letter(const struct cli_option *options, char letter)
{
    for (; options->id != 0; options++)
        if (options->letter == letter)
            return options;
    return NULL;
}

static int wrong(const struct cli_args *args, const char *word, const char *problem)
{
    cli_wrong(args->problem, "%s: %s", word, problem);
    return -1;
}

/* `attached` is the value that stands in the same word, or NULL. */
static int take(struct cli_args *args, const struct cli_option *option, const char *word,
                const char *attached)
{
    if (option->value == NULL) {
        args->value = NULL;
        return attached != NULL ? wrong(args, word, "takes no value") : option->id;
    }
    if (attached == NULL && args->argv[args->next] == NULL)
        return wrong(args, word, "needs a value");
    args->value = attached != NULL ? attached : args->argv[args->next++];
    return option->id;
}

int cli_next(struct cli_args *args, const struct cli_option *options)
{
    const char *word = args->argv[args->next];
    if (word == NULL || word[0] != '-' || word[1] == '\0')
        return 0;
    args->next++;
    if (strcmp(word, "--") == 0)
        return 0;
    const struct cli_option *option;
    const char *attached = NULL;
    if (word[1] == '-') {
        const char *equals = strchr(word, '=');
        attached = equals != NULL ? equals + 1 : NULL;
        option = find_long(options, word + 2,
                           equals != NULL ? (size_t)(equals - word - 2) : strlen(word + 2));
    } else {
        attached = word[2] != '\0' ? word + 2 : NULL;
        option = find_letter(options, word[1]);
    }
    return option != NULL ? take(args, option, word, attached)
                          : wrong(args, word, "there is no such option");
}

bool cli_list_add(struct cli_list *list, const char *value)
{
    if (list->count == CLI_LIST_MAX)
        return false;
    list->item[list->count++] = value;
    return true;
}

enum cli_parsed cli_wrong(struct line *problem, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    line_vadd(problem, format, list);
    va_end(list);
    return CLI_WRONG;
}

enum cli_parsed cli_wrong_value(const struct cli_args *args, const struct cli_option *options,
                                int id)
{
    while (options->id != id)
        options++;
    return cli_wrong(args->problem, "--%s must be %s, not '%s'", options->name, options->wanted,
                     args->value);
}

int cli_finish(enum cli_parsed parsed, const char *command, const char *help,
               const struct line *problem)
{
    if (parsed == CLI_GO)
        return -1;
    if (parsed == CLI_HELP) {
        fputs(help, stdout);
        return fflush(stdout) == 0 ? CLI_OK : CLI_MOTE;
    }
    line_say(problem);
    fprintf(stderr, "Try 'mote help %s'.\n", command);
    return CLI_USAGE;
}
