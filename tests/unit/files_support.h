/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the tests of the file layer: a temporary directory T with
 *
 *   T/outside/secret      the canary, "secret"
 *   T/in/hello            "hello, file"; T/in is granted at /data, T/in/ro read-only at /ro
 *   T/in/dir/deep/file    "deep"
 */
#ifndef FILES_SUPPORT_H
#define FILES_SUPPORT_H

#include "cmocka_first.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files/files.h"

#define BUDGET ((uint64_t)1 << 30)

struct world {
    char top[32];
    struct mote__mounts mounts;
    uint64_t left;
};

static inline const char *host_path(const struct world *w, const char *name)
{
    static _Thread_local char path[512];
    snprintf(path, sizeof path, "%s/%s", w->top, name);
    return path;
}

static inline void make_dir(const struct world *w, const char *name)
{
    assert_return_code(mkdir(host_path(w, name), 0755), errno);
}

static inline void make_file(const struct world *w, const char *name, const char *text)
{
    int fd = open(host_path(w, name), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_return_code(fd, errno);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static inline void make_link(const struct world *w, const char *name, const char *target)
{
    assert_return_code(symlink(target, host_path(w, name)), errno);
}

static inline int world_setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    strcpy(w->top, "/tmp/mote-files-XXXXXX");
    assert_non_null(mkdtemp(w->top));
    make_dir(w, "outside");
    make_file(w, "outside/secret", "secret");
    make_dir(w, "in");
    make_dir(w, "in/dir");
    make_dir(w, "in/dir/deep");
    make_dir(w, "in/ro");
    make_file(w, "in/hello", "hello, file");
    make_file(w, "in/dir/deep/file", "deep");
    make_file(w, "in/ro/kept", "kept");
    mote_error e = MOTE_ERROR_INIT;
    if (mote__mounts_add_directory(&w->mounts, host_path(w, "in"), "/data", true, &e) ||
        mote__mounts_add_directory(&w->mounts, host_path(w, "in/ro"), "/ro", false, &e))
        fail_msg("%s", e.text);
    w->left = BUDGET;
    *state = w;
    return 0;
}

static inline int world_teardown(void **state)
{
    struct world *w = *state;
    char command[64];
    mote__mounts_free(&w->mounts);
    snprintf(command, sizeof command, "rm -rf %s", w->top);
    int status = system(command);
    free(w);
    return status;
}

static inline int find(struct world *w, struct mote__place *place, const char *path)
{
    return mote__place_find(place, &w->mounts, "/data", NULL, path, strlen(path));
}

static inline int open_guest(struct world *w, struct mote__file **file, const char *path,
                             unsigned flags)
{
    struct mote__place place;
    *file = NULL;
    int status = find(w, &place, path);
    return status ? status : mote__file_open(file, &place, flags, 0644, &w->left);
}

/* The status of opening it; what opened is closed again. */
static inline int try_open(struct world *w, const char *path, unsigned flags)
{
    struct mote__file *file;
    int status = open_guest(w, &file, path, flags);
    mote__file_unref(file);
    return status;
}

static inline struct mote__file *must_open(struct world *w, const char *path, unsigned flags)
{
    struct mote__file *file;
    int status = open_guest(w, &file, path, flags);
    if (status)
        fail_msg("opening %s: %s", path, strerror(-status));
    return file;
}

/* Compares a file of the host. */
static inline void assert_host_text(const struct world *w, const char *name, const char *text)
{
    char data[256] = {0};
    int fd = open(host_path(w, name), O_RDONLY);
    assert_return_code(fd, errno);
    assert_return_code(read(fd, data, sizeof data - 1), errno);
    close(fd);
    assert_string_equal(data, text);
}

#endif
