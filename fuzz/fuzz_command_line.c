/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command lines of `mote`: the first byte chooses the command or what else reads words that people
 * write, the rest are the words, each ended by a NUL.
 */
#include <stdlib.h>
#include <string.h>

#include "../cli/command_line.h"
#include "../cli/values.h"
#include "fake_hv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_WORDS = 300 };

static char *text;
static char *argv[MOST_WORDS + 1];
static size_t argc;

/* The words in memory of their exact size, so that a byte too far is seen. */
static void split(const uint8_t *data, size_t size)
{
    text = malloc(size + 1);
    fake_check(text != NULL, "memory");
    memcpy(text, data, size);
    text[size] = '\0';
    argc = 0;
    for (char *at = text; at < text + size && argc < MOST_WORDS; at += strlen(at) + 1)
        argv[argc++] = at;
    argv[argc] = NULL;
}

static bool is_word(const char *word)
{
    return word >= text && word <= argv[argc - 1] + strlen(argv[argc - 1]);
}

static void check_problem(enum cli_parsed parsed, const struct line *problem)
{
    fake_check((parsed == CLI_WRONG) == (problem->used > 0), "what is wrong is described");
    fake_check(problem->used < sizeof(problem->text), "the line ends");
    fake_check(parsed >= CLI_GO && parsed <= CLI_WRONG, "one of three answers");
}

static void check_list(const struct cli_list *list)
{
    fake_check(list->count <= CLI_LIST_MAX, "a list is bounded");
    for (size_t i = 0; i < list->count; i++)
        fake_check(is_word(list->item[i]) && list->item[i][0] != '\0', "its items are words");
}

static void check_grants(const struct run_options *options)
{
    check_list(&options->dirs);
    check_list(&options->dirs_read_only);
    check_list(&options->files);
    check_list(&options->env);
    check_list(&options->snapshots);
    fake_check(options->clock <= MOTE_CLOCK_REAL && options->random <= MOTE_RANDOM_REAL &&
                   options->refused <= MOTE_REFUSED_FAULT,
               "kinds that there are");
}

static void run_command(void)
{
    static struct run_options options;
    struct line problem = {0};
    enum cli_parsed parsed = run_parse(&options, argv, &problem);
    check_problem(parsed, &problem);
    if (parsed != CLI_GO)
        return;
    fake_check(is_word(options.guest) && options.guest == options.words[0], "there is a guest");
    fake_check(options.words + options.nwords == argv + argc, "the words are the rest");
    fake_check(options.invoke == NULL || is_word(options.invoke), "a name");
    fake_check(options.deadline_ns < UINT64_C(1) << 63 && options.memory < UINT64_C(1) << 63 &&
                   options.stack < UINT64_C(1) << 63,
               "numbers are bounded");
    check_grants(&options);
}

static void build_command(void)
{
    static struct build_options options;
    struct line problem = {0};
    enum cli_parsed parsed = build_parse(&options, argv, &problem);
    check_problem(parsed, &problem);
    if (parsed != CLI_GO)
        return;
    fake_check(is_word(options.input), "there is a module");
    fake_check(options.output[0] != '\0', "there is an output");
    fake_check(memchr(options.default_output, 0, PATH_MAX) != NULL, "its name ends");
    fake_check(options.opt_level >= 0 && options.opt_level <= 2, "a level");
}

static void bench_command(void)
{
    static struct bench_options options;
    struct line problem = {0};
    enum cli_parsed parsed = bench_parse(&options, argv, &problem);
    check_problem(parsed, &problem);
    if (parsed != CLI_GO)
        return;
    const struct run_options *guest = &options.guest;
    fake_check(options.threads >= 1 && options.threads <= 1024 && options.pool <= 1024,
               "some threads, and a pool");
    fake_check(options.duration_ns > 0 && options.duration_ns <= UINT64_C(86400000000000),
               "a day at most");
    fake_check(options.hgrm == NULL || (is_word(options.hgrm) && options.hgrm[0] != '\0'),
               "a name of files");
    fake_check(options.from == NULL || (is_word(options.from) && is_word(options.chart)),
               "what is drawn has a place");
    fake_check(guest->guest != NULL ? is_word(guest->guest) : guest->invoke == NULL,
               "a function has a guest");
    fake_check(guest->words + guest->nwords == argv + argc, "the words are the rest");
    check_grants(guest);
}

static void snapshot_command(void)
{
    static struct snapshot_options options;
    struct line problem = {0};
    enum cli_parsed parsed = snapshot_parse(&options, argv, &problem);
    check_problem(parsed, &problem);
    if (parsed != CLI_GO)
        return;
    const struct run_options *guest = &options.guest;
    const char *place = options.output != NULL ? options.output : options.oci;
    fake_check(is_word(options.info ? options.file : place), "there is a file");
    fake_check(options.info || is_word(guest->guest), "there is a guest");
    fake_check(guest->guest == NULL || guest->guest == guest->words[0], "it is the first word");
    fake_check(guest->words + guest->nwords == argv + argc, "the words are the rest");
    check_grants(guest);
}

static void doctor_command(void)
{
    struct doctor_options options;
    struct line problem = {0};
    enum cli_parsed parsed = doctor_parse(&options, argv, &problem);
    check_problem(parsed, &problem);
    fake_check(parsed != CLI_GO || options.device == NULL || is_word(options.device), "a device");
}

static void inspect_command(void)
{
    struct inspect_options options;
    struct line problem = {0};
    enum cli_parsed parsed = inspect_parse(&options, argv, &problem);
    check_problem(parsed, &problem);
    fake_check(parsed != CLI_GO || is_word(options.file), "a file");
}

static void top_command(void)
{
    struct top_options options;
    struct line problem = {0};
    enum cli_parsed parsed = top_parse(&options, argv, &problem);
    check_problem(parsed, &problem);
    fake_check(parsed != CLI_GO || (options.pid > 0 && options.interval_ns > 0), "a process");
}

static void other_command(void)
{
    top_command();
    doctor_command();
    inspect_command();
    bench_command();
    snapshot_command();
}

/* ---- values ---- */

static size_t width(mote_type type)
{
    return type == MOTE_BOOL ? 1 : type == MOTE_I64 || type == MOTE_U64 || type == MOTE_F64 ? 8 : 4;
}

/* What was printed reads back as the same value. */
static void check_round_trip(const mote_function_info *function, const mote_value *value)
{
    mote_function_info same = *function;
    struct values again = {0};
    struct line problem = {0};
    char *printed = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&printed, &size);
    fake_check(out != NULL, "memory");
    if (value->type == MOTE_BYTES)
        fputs("hex:", out);
    value_print(out, value, false);
    fclose(out);
    printed[size - 1] = '\0'; /* the newline */
    same.signature = (mote_signature){.nparams = 1, .params = {value->type}};
    fake_check(values_parse(&again, &same, &printed, 1, &problem), "what is printed can be read");
    if (value->type == MOTE_BYTES)
        fake_check(again.value[0].of.bytes.size == value->of.bytes.size &&
                       (value->of.bytes.size == 0 ||
                        memcmp(again.value[0].of.bytes.data, value->of.bytes.data,
                               value->of.bytes.size) == 0),
                   "the same bytes");
    else
        fake_check(memcmp(&again.value[0].of, &value->of, width(value->type)) == 0,
                   "the same value");
    values_free(&again);
    free(printed);
}

static void check_value(const struct values *values, const mote_function_info *function, size_t i)
{
    const mote_value *value = &values->value[i];
    fake_check(value->type == function->signature.params[i], "its type");
    if (values->from[i] != NULL)
        fake_check(value->type == MOTE_BYTES && is_word(values->from[i]), "it is to be loaded");
    else if (value->type != MOTE_STRING)
        check_round_trip(function, value);
}

/* The first word is a signature, the others are arguments. */
static void read_values(void)
{
    mote_function_info function = {.name = "f", .signature_text = argv[0]};
    struct values values = {0};
    struct line problem = {0};
    if (mote_signature_parse(&function.signature, argv[0], NULL) != 0)
        return;
    bool good = values_parse(&values, &function, argv + 1, argc - 1, &problem);
    check_problem(good ? CLI_GO : CLI_WRONG, &problem);
    for (size_t i = 0; good && i < function.signature.nparams; i++)
        check_value(&values, &function, i);
    values_free(&values);
}

static void read_numbers(void)
{
    for (size_t i = 0; i < argc; i++) {
        uint64_t value = 0;
        if (parse_duration(argv[i], &value) || parse_size(argv[i], &value))
            fake_check(value < UINT64_C(1) << 63, "a number is bounded");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const readers[])(void) = {run_command, build_command, other_command, read_values,
                                            read_numbers};
    if (size < 2)
        return 0;
    split(data + 1, size - 1);
    readers[data[0] % (sizeof(readers) / sizeof(readers[0]))]();
    free(text);
    return 0;
}
