/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Real programs through the API: one sandbox runs its program again and again, reads what the host
 * put into a granted directory, and the host reads what it wrote, with its own SQLite.
 */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

#define MOST 0x400000u /* bytes of one output */

struct run {
    mote_host *host;
    mote_image *image;
    mote_policy *policy;
    mote_sandbox *sandbox;
    char program[512];
    char directory[64];
    const char *const *args;
    const char *input;
};

/* ---- as a process ---- */

static int memory_file(const char *text)
{
    int fd = memfd_create("stream", MFD_CLOEXEC);
    CHECK(fd >= 0);
    CHECK_INT(write(fd, text, strlen(text)), strlen(text));
    CHECK_INT(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

/* Its exit status; `output` must be freed. */
static int run_process(const struct run *run, char **output, size_t *size)
{
    int in = memory_file(run->input), out = memory_file(""), status = 0;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        if (!chdir(run->directory) && dup2(in, 0) == 0 && dup2(out, 1) == 1)
            execv(run->program, (char *const *)(uintptr_t)run->args);
        _exit(127);
    }
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status));
    *output = malloc(MOST);
    CHECK(*output != NULL);
    *size = (size_t)pread(out, *output, MOST, 0);
    close(in);
    close(out);
    return WEXITSTATUS(status);
}

/* ---- as a guest ---- */

static void make_directory(struct run *run)
{
    snprintf(run->directory, sizeof run->directory, "/tmp/mote-programs-XXXXXX");
    CHECK(mkdtemp(run->directory) != NULL);
}

/* A file in the granted directory. */
static void put_file(const struct run *run, const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", run->directory, name);
    FILE *f = fopen(path, "we");
    CHECK(f != NULL);
    CHECK(fputs(text, f) >= 0);
    CHECK_INT(fclose(f), 0);
}

static void grant(struct run *run)
{
    mote_error error = MOTE_ERROR_INIT;
    CHECK_CODE(mote_policy_new(&run->policy, run->host, &error), 0);
    CHECK_CODE(mote_policy_input(run->policy, 0, run->input, strlen(run->input), &error), 0);
    CHECK_CODE(mote_policy_capture(run->policy, 1, MOST, &error), 0);
    CHECK_CODE(mote_policy_capture(run->policy, 2, MOST, &error), 0);
    CHECK_CODE(mote_policy_dir(run->policy, run->directory, "/", MOTE_GRANT_READ | MOTE_GRANT_WRITE,
                               &error),
               0);
}

static mote_sandbox *make_sandbox(const struct run *run, const char *const *args)
{
    mote_error error = MOTE_ERROR_INIT;
    mote_sandbox *sandbox = NULL;
    const mote_sandbox_options options = {.size = sizeof options, .args = args};
    if (mote_sandbox_new(&sandbox, run->image, run->policy, &options, &error))
        FAIL("%s", error.text);
    return sandbox;
}

/* `args` and `input` must outlive it. */
static void start(struct run *run, const char *program, const char *const *args, const char *input)
{
    const char *programs = getenv("MOTE_PROGRAMS");
    mote_error error = MOTE_ERROR_INIT;
    CHECK(programs != NULL);
    *run = (struct run){.args = args, .input = input};
    make_directory(run);
    snprintf(run->program, sizeof run->program, "%s/%s", programs, program);
    const mote_source source = MOTE_SOURCE_PATH(run->program);
    CHECK_CODE(mote_host_new(&run->host, NULL, &error), 0);
    CHECK_CODE(mote_image_open(&run->image, run->host, &source, NULL, &error), 0);
    grant(run);
    run->sandbox = make_sandbox(run, args);
}

static void stop(struct run *run)
{
    char command[128];
    mote_sandbox_free(run->sandbox);
    mote_policy_unref(run->policy);
    mote_image_unref(run->image);
    CHECK_CODE(mote_host_free(run->host), 0);
    snprintf(command, sizeof command, "rm -r %s", run->directory);
    CHECK_INT(system(command), 0);
}

static int run_guest(mote_sandbox *sandbox, const char **output, size_t *size)
{
    int status = -1;
    const void *data;
    if (mote_run(sandbox, NULL, &status))
        FAIL("%s", mote_sandbox_error(sandbox)->text);
    CHECK_CODE(mote_sandbox_output(sandbox, 1, &data, size), 0);
    *output = data;
    return status;
}

/* The guest's run is the process's, now, and the sandbox is ready for the next. */
static void check_equal(struct run *run)
{
    char *expected;
    const char *output;
    size_t expected_size, size;
    int expected_status = run_process(run, &expected, &expected_size);
    CHECK(expected_status != 127);
    CHECK_INT(run_guest(run->sandbox, &output, &size), expected_status);
    CHECK_INT(size, expected_size);
    CHECK_BYTES(output, expected, size);
    free(expected);
    CHECK_INT(mote_sandbox_state(run->sandbox), MOTE_STATE_CLOSED);
    CHECK_CODE(mote_reset(run->sandbox), 0);
    CHECK_CODE(mote_sandbox_output(run->sandbox, 1, (const void **)&output, &size), 0);
    CHECK_INT(size, 0);
}

/* ---- tests ---- */

#define ARGS(...)    ((const char *const[]){"program", __VA_ARGS__, NULL})
#define BUSYBOX(...) ((const char *const[]){"busybox", __VA_ARGS__, NULL})

/* `count` lines in no order. */
static char *make_lines(unsigned count)
{
    char *text = malloc((size_t)count * 16), *at = text;
    CHECK(text != NULL);
    for (unsigned i = 0; i < count; i++)
        at += sprintf(at, "%08x %u\n", i * 2654435761u, i % 1000);
    return text;
}

TEST(programs, sort_again_and_again)
{
    struct run run;
    char *lines = make_lines(20000);
    start(&run, "busybox", BUSYBOX("sort"), lines);
    for (int i = 0; i < 5; i++)
        check_equal(&run);
    stop(&run);
    free(lines);
}

TEST(programs, files_follow_the_host)
{
    struct run run;
    char *lines = make_lines(30000);
    start(&run, "busybox", BUSYBOX("sha256sum", "one", "two", "three"), "");
    put_file(&run, "one", "something\n");
    check_equal(&run); /* two and three are not there */
    put_file(&run, "two", lines);
    check_equal(&run);
    put_file(&run, "one", lines + 100);
    put_file(&run, "three", "");
    check_equal(&run);
    stop(&run);
    free(lines);
}

/* Two programs of one image and one policy, in turns. */
TEST(programs, one_image_many_tools)
{
    struct run run;
    char *lines = make_lines(1000);
    const char *output;
    size_t size;
    start(&run, "busybox", BUSYBOX("wc", "-l"), lines);
    mote_sandbox *other = make_sandbox(&run, BUSYBOX("awk", "{ n += $2 } END { print n }"));
    for (int i = 0; i < 3; i++) {
        check_equal(&run);
        CHECK_INT(run_guest(other, &output, &size), 0);
        CHECK_INT(size, 7);
        CHECK_BYTES(output, "499500\n", 7);
        CHECK_CODE(mote_reset(other), 0);
    }
    mote_sandbox_free(other);
    stop(&run);
    free(lines);
}

TEST(programs, a_status_comes_back)
{
    struct run run;
    start(&run, "busybox", BUSYBOX("grep", "needle"), "hay\nhay\n");
    check_equal(&run);
    check_equal(&run);
    stop(&run);
}

/* The state of the interpreter is gone with each reset; the file stays. */
TEST(programs, lua_counts_in_a_file)
{
    struct run run;
    const char *output;
    size_t size;
    char expected[64];
    start(&run, "lua",
          ARGS("-e", "seen = (seen or 0) + 1 "
                     "local f = io.open('count') local n = f and f:read('n') or 0 "
                     "io.open('count', 'w'):write(n + 1) print(seen, n, io.read('a'))"),
          "in");
    for (int i = 0; i < 4; i++) {
        CHECK_INT(run_guest(run.sandbox, &output, &size), 0);
        snprintf(expected, sizeof expected, "1\t%d\tin\n", i);
        CHECK_INT(size, strlen(expected));
        CHECK_BYTES(output, expected, size);
        CHECK_CODE(mote_reset(run.sandbox), 0);
    }
    stop(&run);
}

/* ---- SQLite on both sides ---- */

static void host_sql(const struct run *run, const char *sql, int64_t expected)
{
    char path[128];
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    snprintf(path, sizeof path, "%s/shared.db", run->directory);
    CHECK_INT(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        FAIL("%s", sqlite3_errmsg(db));
    int step = sqlite3_step(statement);
    if (step == SQLITE_ROW)
        CHECK_INT(sqlite3_column_int64(statement, 0), expected);
    else
        CHECK_INT(step, SQLITE_DONE);
    CHECK_INT(sqlite3_finalize(statement), SQLITE_OK);
    CHECK_INT(sqlite3_close(db), SQLITE_OK);
}

TEST(programs, sqlite_shares_a_database_with_the_host)
{
    struct run run;
    const char *output;
    size_t size;
    char expected[64];
    start(&run, "sqlite3",
          ARGS("shared.db", "BEGIN; UPDATE seen SET n = n + 1;"
                            "INSERT INTO log SELECT n, hex(randomblob(8)) FROM seen; COMMIT;"
                            "SELECT n, (SELECT count(*) FROM log) FROM seen;"),
          "");
    host_sql(&run, "CREATE TABLE seen(n)", 0);
    host_sql(&run, "CREATE TABLE log(n INTEGER UNIQUE, text)", 0);
    host_sql(&run, "INSERT INTO seen VALUES (0)", 0);
    for (int i = 1; i <= 4; i++) {
        CHECK_INT(run_guest(run.sandbox, &output, &size), 0);
        snprintf(expected, sizeof expected, "%d|%d\n", 2 * i - 1, i);
        CHECK_INT(size, strlen(expected));
        CHECK_BYTES(output, expected, size);
        host_sql(&run, "SELECT count(*) FROM log WHERE length(text) = 16", i);
        host_sql(&run, "UPDATE seen SET n = n + 1", 0);
        CHECK_CODE(mote_reset(run.sandbox), 0);
    }
    host_sql(&run, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'", 1);
    stop(&run);
}
