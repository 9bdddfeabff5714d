/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the mote command share. */
#ifndef MOTE_CLI_H
#define MOTE_CLI_H

#include <mote.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit statuses; `mote help run` and mote(1) document them. Those above 123 are what env(1),
 * timeout(1) and shells use for the same things. */
enum cli_exit {
    CLI_OK = 0,
    CLI_FAILED = 1,       /* the function, the build or the check failed */
    CLI_USAGE = 2,        /* the command line is wrong */
    CLI_DEADLINE = 124,   /* the deadline passed */
    CLI_MOTE = 125,       /* mote itself failed: no hypervisor, no memory */
    CLI_CANNOT_RUN = 126, /* the file is not a guest that can run */
    CLI_NOT_FOUND = 127,  /* no such file, no such function */
    CLI_SIGNAL = 128,     /* plus the number of the signal */
    CLI_FAULT = 134       /* the guest faulted, trapped or aborted */
};

/* The commands: argv[0] is the command's name; returns the exit status. */
int cmd_run(int argc, char **argv);
int cmd_build(int argc, char **argv);
int cmd_inspect(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_snapshot(int argc, char **argv);
int cmd_top(int argc, char **argv);

extern const char help_run[];
extern const char help_build[];
extern const char help_inspect[];
extern const char help_doctor[];
extern const char help_bench[];
extern const char help_snapshot[];
extern const char help_top[];

/* doctor_guest.S: the ELF of the guest inside this command, with add(u32,u32)->u32. */
extern const unsigned char cli_doctor_guest[];
extern const uint64_t cli_doctor_guest_size;

/* ---- text.c -------------------------------------------------------------- */

/* A line for stderr. What does not fit is cut; control characters, which may
 * come from a guest, are shown as \xNN, so one line stays one line. */
struct line {
    size_t used;
    char text[2048];
};

#define CLI_PRINTF(text, first) __attribute__((format(printf, text, first)))

CLI_PRINTF(2, 3) void line_add(struct line *line, const char *format, ...);
CLI_PRINTF(2, 0) void line_vadd(struct line *line, const char *format, va_list list);
/* Print on stderr "TEXT\n" and "mote: TEXT\n". */
void line_print(const struct line *line);
void line_say(const struct line *line);
/* The three steps in one. */
CLI_PRINTF(1, 2) void say(const char *format, ...);

/* Both return false when `text` is not one. "2s", "1.5s", "250ms", "10us", "3m", "7" (seconds). */
bool parse_duration(const char *text, uint64_t *nanoseconds);
/* "64M", "1G", "512K", "4096" (bytes). */
bool parse_size(const char *text, uint64_t *bytes);

/* Whole content of a file into allocated memory; 0 or a negative errno. */
int read_all(int fd, void **data, size_t *size);

/* Monotonic clock in nanoseconds. */
uint64_t now_ns(void);

#endif
