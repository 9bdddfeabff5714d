/* SPDX-License-Identifier: Apache-2.0 */
#include "guest_options.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

/* What the guest is granted; false when the value is not one that the option takes. */
static bool set_grant(struct run_options *options, int id, const char *value)
{
    switch (id) {
    case GUEST_DIR:
        return add_path(&options->dirs, value);
    case GUEST_DIR_READ_ONLY:
        return add_path(&options->dirs_read_only, value);
    case GUEST_FILE:
        return add_path(&options->files, value);
    case GUEST_CLOCK:
        return parse_clock(value, &options->clock);
    case GUEST_RANDOM:
        return parse_random(value, &options->random, &options->seed);
    default:
        return parse_refused(value, &options->refused);
    }
}

bool guest_set_option(struct run_options *options, int id, const char *value)
{
    switch (id) {
    case GUEST_INVOKE:
        options->invoke = value;
        return true;
    case GUEST_DEADLINE:
        return parse_duration(value, &options->deadline_ns) && options->deadline_ns > 0;
    case GUEST_MEMORY:
        return parse_size(value, &options->memory) && options->memory > 0;
    case GUEST_STACK:
        return parse_size(value, &options->stack) && options->stack > 0;
    case GUEST_SNAPSHOT:
        return *value != '\0' && cli_list_add(&options->snapshots, value);
    case GUEST_CPU:
        return parse_cpu(value, &options->cpu);
    default:
        return set_grant(options, id, value);
    }
}

void guest_set_words(struct run_options *options, char **words)
{
    options->words = words;
    options->guest = words[0];
    for (options->nwords = 0; words[options->nwords] != NULL;)
        options->nwords++;
}
