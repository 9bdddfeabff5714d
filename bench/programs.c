/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that knows nothing of mote, Debian's busybox, as a guest and as a process: from
 * its standard input to its standard output, both files in memory; its whole life counts, in
 * CPU time: programs that run for seconds are interrupted wherever a machine is not idle.
 */
#include <errno.h>
#include <ftw.h>
#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "library.h"
#include "measure.h"

#define BUSYBOX "/bin/busybox"
#define MB      1000000
#define MS      1e6

struct program {
    char *args[3]; /* busybox, tool, NULL */
    char tool[16];
    struct library library;
    int input, output;                       /* files in memory */
    off_t written;                           /* by the last run */
    uint64_t syscalls;                       /* made by the last guest */
    struct samples process_wall, guest_wall; /* milliseconds */
};

/* ---- input: C headers, one behind the other, again and again ---- */

static struct {
    int fd;
    off_t wanted;
} gathered; /* nftw gives its callback no argument */

static int gather(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)ftw;
    off_t have = lseek(gathered.fd, 0, SEEK_END);
    if (have >= gathered.wanted)
        return 1;
    FILE *f = type == FTW_F && st->st_size ? fopen(path, "re") : NULL;
    if (!f)
        return 0;
    off_t left = gathered.wanted - have, size = st->st_size < left ? st->st_size : left;
    ssize_t n = sendfile(gathered.fd, fileno(f), NULL, (size_t)size);
    fclose(f);
    return n < 0 ? -1 : 0;
}

static int make_input(struct program *program, off_t size)
{
    gathered.fd = program->input = memfd_create("input", MFD_CLOEXEC);
    gathered.wanted = size;
    off_t before = -1, now = 0;
    while (now < size && now != before) { /* a machine with few headers has them more than once */
        before = now;
        nftw("/usr/include", gather, 16, FTW_PHYS);
        now = lseek(program->input, 0, SEEK_END);
    }
    if (now == size)
        return 0;
    fprintf(stderr, "\nmote_bench: cannot gather %lld bytes of /usr/include: %m\n",
            (long long)size);
    return -1;
}

static int rewind_files(struct program *program)
{
    return lseek(program->input, 0, SEEK_SET) || ftruncate(program->output, 0) ||
           lseek(program->output, 0, SEEK_SET);
}

/* The first run says how much output there is; all others must agree. */
static bool check(struct program *program)
{
    off_t written = lseek(program->output, 0, SEEK_END);
    bool good = written > 0 && (program->written == 0 || written == program->written);
    if (!good)
        fprintf(stderr, "\nmote_bench: %s wrote %lld bytes instead of %lld\n", program->args[1],
                (long long)written, (long long)program->written);
    program->written = written;
    return good;
}

/* ---- the process ---- */

static int64_t to_ns(const struct timeval *t)
{
    return t->tv_sec * 1000000000 + t->tv_usec * 1000;
}

static int64_t cpu_of(const struct rusage *usage)
{
    return to_ns(&usage->ru_utime) + to_ns(&usage->ru_stime);
}

static int spawn_and_wait(const struct program *program, struct rusage *usage)
{
    posix_spawn_file_actions_t files;
    pid_t child;
    int status = -1;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, program->input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&files, program->output, STDOUT_FILENO);
    errno = posix_spawn(&child, BUSYBOX, &files, NULL, program->args, NULL);
    if (!errno)
        while (wait4(child, &status, 0, usage) < 0 && errno == EINTR)
            ;
    posix_spawn_file_actions_destroy(&files);
    return status;
}

static int64_t time_process(void *context)
{
    struct program *program = context;
    if (rewind_files(program))
        return -1;
    struct rusage usage;
    uint64_t start = now_ns();
    int status = spawn_and_wait(program, &usage);
    samples_add(&program->process_wall, (double)(now_ns() - start) / MS);
    return status == 0 && check(program) ? cpu_of(&usage) : -1;
}

/* ---- the guest ---- */

static int grant_streams(struct program *program, mote_error *error)
{
    mote_policy *policy = program->library.policy;
    int status = mote_policy_fd(policy, 0, program->input, MOTE_GRANT_READ, 0, error);
    if (!status)
        status = mote_policy_fd(policy, 1, program->output, MOTE_GRANT_WRITE, 0, error);
    if (!status)
        status = mote_policy_set(policy, MOTE_OPT_STREAM_BYTES, INT64_MAX, error);
    return status;
}

static int open_guest(struct program *program)
{
    struct library *library = &program->library;
    mote_error error = MOTE_ERROR_INIT;
    mote_source source = MOTE_SOURCE_PATH(BUSYBOX);
    int status = mote_host_new(&library->host, NULL, &error);
    if (!status)
        status = mote_image_open(&library->image, library->host, &source, NULL, &error);
    if (!status)
        status = mote_policy_new(&library->policy, library->host, &error);
    if (!status)
        status = grant_streams(program, &error);
    if (status)
        fprintf(stderr, "\nmote_bench: %s: %s %s\n", BUSYBOX, error.text, error.remedy);
    return status ? -1 : 0;
}

static int64_t time_guest(void *context)
{
    struct program *program = context;
    struct library *library = &program->library;
    const mote_sandbox_options options = {.size = sizeof options,
                                          .args = (const char *const *)program->args};
    int exit_status = -1;
    if (rewind_files(program))
        return -1;
    struct rusage before, after;
    getrusage(RUSAGE_THREAD, &before);
    uint64_t start = now_ns();
    int status =
        mote_sandbox_new(&library->sandbox, library->image, library->policy, &options, NULL);
    if (!status)
        status = mote_run(library->sandbox, NULL, &exit_status);
    if (status || exit_status)
        return library->sandbox ? library_failed(library, program->args[1]) : -1;
    program->syscalls = mote_sandbox_report(library->sandbox)->syscalls;
    library_free_sandbox(library);
    samples_add(&program->guest_wall, (double)(now_ns() - start) / MS);
    getrusage(RUSAGE_THREAD, &after);
    return check(program) ? cpu_of(&after) - cpu_of(&before) : -1;
}

/* ---- rows ---- */

static void close_program(struct program *program)
{
    library_close(&program->library);
    close(program->input);
    close(program->output);
    samples_free(&program->process_wall);
    samples_free(&program->guest_wall);
}

static void note_wall(struct bench *bench, const char *name, struct program *program)
{
    samples_sort(&program->process_wall);
    samples_sort(&program->guest_wall);
    bench_note(bench, "%s: with all that interrupted it, medians: guest %.0f ms, process %.0f ms\n",
               name, samples_at(&program->guest_wall, 0.5),
               samples_at(&program->process_wall, 0.5));
}

/* Takes the samples of `tool`, which reads so much: those of the process, then ours. */
static int measure(struct program *program, const char *name, unsigned megabytes, const char *tool,
                   size_t n, struct side sides[2])
{
    static char busybox[] = "busybox";
    *program = (struct program){.args = {busybox, program->tool, NULL}};
    snprintf(program->tool, sizeof program->tool, "%s", tool);
    program->output = memfd_create("output", MFD_CLOEXEC);
    sides[0] = (struct side){.run = time_process, .context = program};
    sides[1] = (struct side){.run = time_guest, .context = program};
    int status = make_input(program, (off_t)megabytes * MB);
    if (!status)
        status = open_guest(program);
    if (!status && time_process(program) < 0) /* the first run pays for the page cache */
        status = -1;
    return status ? status : interleave(name, sides, 2, n, 1);
}

int bench_native(struct bench *bench, unsigned megabytes)
{
    struct program program;
    struct side sides[2];
    struct row row = {.name = "run.native", .unit = "ms", .goal = 0.95, .at_least = true};
    int status = measure(&program, row.name, megabytes, "bzip2", bench_samples(bench, 7, 2), sides);
    if (!status) {
        row_fill(&row, &sides[1], &sides[0], MS);
        bench_add(bench, &row);
        bench_note(
            bench,
            "run.native: busybox bzip2 of %u MB of C headers, %.1f MB/s in a guest with %llu "
            "system calls, %.1f MB/s as a process\n",
            megabytes, megabytes * 1000 / row.p50, (unsigned long long)program.syscalls,
            megabytes * 1000 / row.floor);
        note_wall(bench, row.name, &program);
    }
    sides_free(sides, 2);
    close_program(&program);
    return status;
}

int bench_syscalls(struct bench *bench, unsigned megabytes)
{
    struct program program;
    struct side sides[2];
    struct row row = {.name = "run.syscalls", .unit = "ms", .goal = NAN};
    int status =
        measure(&program, row.name, megabytes, "sha256sum", bench_samples(bench, 7, 2), sides);
    if (!status) {
        row_fill(&row, &sides[1], &sides[0], MS);
        bench_add(bench, &row);
        bench_note(bench,
                   "run.syscalls: busybox sha256sum of %u MB, %llu system calls, %.1f us for each "
                   "above the process\n",
                   megabytes, (unsigned long long)program.syscalls,
                   (row.p50 - row.floor) * 1000 / (double)program.syscalls);
        note_wall(bench, row.name, &program);
    }
    sides_free(sides, 2);
    close_program(&program);
    return status;
}
