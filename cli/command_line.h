/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command lines to structs. Parsing is pure: it reads argv and writes the struct, opens nothing and
 * prints nothing, so that a fuzzer can run it (fuzz/fuzz_command_line.c). What it found is told and
 * done by the commands (cli_finish).
 *
 * To add an option to `mote run`:
 *   1. a field of struct run_options, below; one that may be given more than once is a
 *      struct cli_list;
 *   2. an id, a row of `known` and a case of set_option in parse_run.c; in guest_options.[ch] when
 *      it is about the guest and not about what is printed: then `mote bench` has it, too;
 *   3. a line in help_run (run.c), in docs/man/mote.1 (the test package.options compares them), a
 *      check in tests/cli/test_cli.sh, and its name in a seed of fuzz/corpus/command_line; values
 *      of a fixed set in _mote_value of completion.bash.
 */
#ifndef MOTE_CLI_COMMAND_LINE_H
#define MOTE_CLI_COMMAND_LINE_H

#include <limits.h>
#include <mote.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli.h"

/* What a command line asks for. */
enum cli_parsed {
    CLI_GO,   /* what the struct says */
    CLI_HELP, /* the command's help */
    CLI_WRONG /* nothing; the problem is described */
};

/* The values of an option that may be given more than once, in their order. */
enum { CLI_LIST_MAX = 256 };
struct cli_list {
    const char *item[CLI_LIST_MAX];
    size_t count;
};
/* False when it is full. */
bool cli_list_add(struct cli_list *list, const char *value);

struct run_options {
    const char *invoke;   /* NULL: run the program */
    uint64_t deadline_ns; /* 0: none */
    uint64_t memory;      /* bytes; 0: the library's default */
    uint64_t stack;       /* bytes; 0: the library's default */
    mote_cpu cpu;
    struct cli_list snapshots; /* each is the base of the next; the guest starts from the last */
    struct cli_list dirs, dirs_read_only, files; /* HOST or HOST::GUEST */
    struct cli_list env;                         /* NAME or NAME=VALUE */
    mote_clock clock;
    mote_random random;
    uint64_t seed;
    mote_refused refused;
    bool trace;
    bool oci; /* guest is a directory, with snapshots in it */
    bool no_stdio;
    bool json;
    bool raw;
    const char *guest;
    char **words; /* GUEST, then its arguments; NULL-terminated, part of argv */
    size_t nwords;
};

struct bench_options {
    struct run_options guest; /* guest.guest NULL: the guest inside the command */
    uint64_t duration_ns;
    unsigned threads;
    unsigned pool;     /* idle VMs to keep; 0: no pool */
    const char *hgrm;  /* where names of files begin; NULL: none */
    const char *chart; /* NULL: none */
    const char *from;  /* a file of `make bench` to draw; NULL: measure */
};

struct snapshot_options {
    bool info;                /* else save */
    struct run_options guest; /* of save; of info: the image to check it against, or NULL */
    const char *output;
    const char *oci;  /* a directory, instead of `output` */
    const char *file; /* of info */
};

struct build_options {
    const char *input;
    const char *output;            /* as given, or `default_output` */
    char default_output[PATH_MAX]; /* MODULE.mote */
    const char *wasm2c;            /* NULL: wherever it is found */
    int opt_level;                 /* 0: the default */
    bool json;
};

struct doctor_options {
    const char *device; /* NULL: the default */
    bool json;
};

struct inspect_options {
    const char *file;
    bool boot;
    bool json;
};

struct top_options {
    int pid;
    uint64_t interval_ns;
    bool once;
    bool json;
};

/* `argv` begins with the command's name and ends with NULL; the struct, cleared first, points into
 * it. `problem` begins empty and has a text when the answer is CLI_WRONG. */
enum cli_parsed run_parse(struct run_options *options, char **argv, struct line *problem);
enum cli_parsed bench_parse(struct bench_options *options, char **argv, struct line *problem);
enum cli_parsed snapshot_parse(struct snapshot_options *options, char **argv, struct line *problem);
enum cli_parsed build_parse(struct build_options *options, char **argv, struct line *problem);
enum cli_parsed doctor_parse(struct doctor_options *options, char **argv, struct line *problem);
enum cli_parsed inspect_parse(struct inspect_options *options, char **argv, struct line *problem);
enum cli_parsed top_parse(struct top_options *options, char **argv, struct line *problem);

/* For the commands: prints the help or the problem and returns the exit status; -1 for CLI_GO. */
int cli_finish(enum cli_parsed parsed, const char *command, const char *help,
               const struct line *problem);

/* ---- command_line.c: the words of a command line ---------------------------------- */

struct cli_option {
    int id;      /* positive; 0 ends a list */
    char letter; /* 0: none */
    const char *name;
    const char *value;  /* what the value is called in usages; NULL: takes none */
    const char *wanted; /* what a value must be, for the message */
};

struct cli_args {
    char **argv;
    size_t next;       /* index of the next argument */
    const char *value; /* of the option just read; NULL when it takes none */
    struct line *problem;
};

/* Reads the next option: its id, 0 at the first argument that is no option
 * (or after "--"), -1 after it has described what is wrong. */
int cli_next(struct cli_args *args, const struct cli_option *options);

/* Describes a problem and returns CLI_WRONG. */
CLI_PRINTF(2, 3)
enum cli_parsed cli_wrong(struct line *problem, const char *format, ...);
/* "--NAME must be WANTED, not 'VALUE'" */
enum cli_parsed cli_wrong_value(const struct cli_args *args, const struct cli_option *options,
                                int id);

#endif
