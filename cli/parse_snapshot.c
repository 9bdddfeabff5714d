/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of `mote snapshot`. */
#include <string.h>

#include "guest_options.h"

enum { OUTPUT = GUEST_END, OCI, JSON, HELP };

static const struct cli_option known_save[] = {
    GUEST_OPTIONS,
    {OUTPUT, 'o', "output", "FILE", "a file"},
    {OCI, 0, "oci", "DIR", "a directory"},
    {JSON, 0, "json", NULL, NULL},
    {HELP, 'h', "help", NULL, NULL},
    {0, 0, NULL, NULL, NULL},
};

/* What says how the image was opened, so that the file can be held against it. */
static const struct cli_option known_info[] = {
    {GUEST_SNAPSHOT, 0, "snapshot", "FILE", "a file, at most 256 times"},
    {GUEST_STACK, 0, "stack", "SIZE", A_SIZE},
    {JSON, 0, "json", NULL, NULL},
    {HELP, 'h', "help", NULL, NULL},
    {0, 0, NULL, NULL, NULL},
};

/* False when the value is not one that the option takes. */
static bool set_option(struct snapshot_options *options, int id, const char *value)
{
    switch (id) {
    case OUTPUT:
        options->output = value;
        return *value != '\0';
    case OCI:
        options->oci = value;
        return *value != '\0';
    case JSON:
        options->guest.json = true;
        return true;
    default:
        return guest_set_option(&options->guest, id, value);
    }
}

static enum cli_parsed set_words(struct snapshot_options *options, char **words,
                                 struct line *problem)
{
    if (options->info) {
        options->file = words[0];
        if (words[0] == NULL)
            return cli_wrong(problem, "which file? One that 'mote snapshot save' wrote");
        guest_set_words(&options->guest, words + 1);
        if (options->guest.nwords > 1)
            return cli_wrong(problem, "%s: info takes one file and its guest", words[2]);
        if (options->guest.guest == NULL && options->guest.snapshots.count > 0)
            return cli_wrong(problem, "--snapshot: of which guest?");
        return CLI_GO;
    }
    guest_set_words(&options->guest, words);
    if (words[0] == NULL)
        return cli_wrong(problem, "which guest?");
    if ((options->output == NULL) == (options->oci == NULL))
        return cli_wrong(problem, "-o FILE, or --oci DIR, must say where the snapshot goes");
    if (options->guest.invoke == NULL && options->guest.nwords > 1)
        return cli_wrong(problem, "%s: arguments are for a function, which --invoke names",
                         words[1]);
    return CLI_GO;
}

enum cli_parsed snapshot_parse(struct snapshot_options *options, char **argv, struct line *problem)
{
    struct cli_args args = {argv, 2, NULL, problem};
    const char *action = argv[0] != NULL ? argv[1] : NULL;
    int id;
    memset(options, 0, sizeof(*options));
    if (action == NULL)
        return cli_wrong(problem, "what to do? save or info");
    if (strcmp(action, "--help") == 0 || strcmp(action, "-h") == 0)
        return CLI_HELP;
    options->info = strcmp(action, "info") == 0;
    if (!options->info && strcmp(action, "save") != 0)
        return cli_wrong(problem, "%s: a snapshot can be saved (save) or looked at (info)", action);
    const struct cli_option *known = options->info ? known_info : known_save;
    while ((id = cli_next(&args, known)) > 0) {
        if (id == HELP)
            return CLI_HELP;
        if (!set_option(options, id, args.value))
            return cli_wrong_value(&args, known, id);
    }
    return id < 0 ? CLI_WRONG : set_words(options, argv + args.next, problem);
}
