/* SPDX-License-Identifier: Apache-2.0 */
#include "workspace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- whole files ----------------------------------------------------------- */

static int read_all(int fd, const char *path, size_t limit, struct mote__text *text,
                    struct mote__wasm_error *error)
{
    char block[65536];
    for (;;) {
        const ssize_t got = read(fd, block, sizeof block);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return mote__wasm_fail_errno(error, "cannot read %s", path);
        mote__text_append(text, block, (size_t)got); /* of nothing: data is not NULL then */
        if (!mote__text_ok(text))
            return mote__wasm_out_of_memory(error);
        if (got == 0)
            return 0;
        if (text->size > limit)
            return mote__wasm_fail(error, MOTE__WASM_EMODULE, "%s is larger than %zu bytes", path,
                                   limit);
    }
}

int mote__whole_file_read(const char *path, size_t limit, struct mote__text *text,
                          struct mote__wasm_error *error)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return mote__wasm_fail_errno(error, "cannot open %s", path);
    const int status = read_all(fd, path, limit, text, error);
    close(fd);
    return status;
}

static int write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        const ssize_t put = write(fd, data, size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -1;
        data += put;
        size -= (size_t)put;
    }
    return 0;
}

/* Errors of a late write are those of close. */
static int write_and_close(int fd, const char *data, size_t size)
{
    const int written = write_all(fd, data, size);
    const int number = errno;
    const int closed = close(fd);
    if (written != 0)
        errno = number;
    return written != 0 ? written : closed;
}

/* ---- the folder ------------------------------------------------------------ */

static int path_in(const struct mote__workspace *workspace, const char *name,
                   char path[MOTE__PATH_MAX], struct mote__wasm_error *error)
{
    if (snprintf(path, MOTE__PATH_MAX, "%s/%s", workspace->path, name) < MOTE__PATH_MAX)
        return 0;
    errno = ENAMETOOLONG;
    return mote__wasm_fail_errno(error, "cannot name %s", name);
}

int mote__workspace_create(struct mote__workspace *workspace, struct mote__wasm_error *error)
{
    const char *parent = getenv("TMPDIR");
    if (parent == NULL || parent[0] != '/')
        parent = "/tmp";
    const int need =
        snprintf(workspace->path, sizeof workspace->path, "%s/mote-build-XXXXXX", parent);
    if (need < (int)sizeof workspace->path && mkdtemp(workspace->path) != NULL)
        return 0;
    workspace->path[0] = '\0';
    mote__wasm_fail_errno(error, "cannot make a temporary folder in %s", parent);
    return mote__wasm_remedy(error, MOTE__WASM_ESYSTEM, "set TMPDIR to a folder with room");
}

/* Tools leave no folders behind, so one level is all there is. */
static void remove_files(const char *path)
{
    DIR *folder = opendir(path);
    if (folder == NULL)
        return;
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            (void)unlinkat(dirfd(folder), entry->d_name, 0);
    closedir(folder);
}

void mote__workspace_remove(struct mote__workspace *workspace)
{
    if (workspace->path[0] == '\0')
        return;
    remove_files(workspace->path);
    (void)rmdir(workspace->path);
    workspace->path[0] = '\0';
}

int mote__workspace_write(const struct mote__workspace *workspace, const char *name,
                          const void *data, size_t size, struct mote__wasm_error *error)
{
    char path[MOTE__PATH_MAX];
    const int status = path_in(workspace, name, path, error);
    if (status != 0)
        return status;
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || write_and_close(fd, data, size) != 0)
        return mote__wasm_fail_errno(error, "cannot write %s", path);
    return 0;
}

int mote__workspace_read(const struct mote__workspace *workspace, const char *name,
                         struct mote__text *text, struct mote__wasm_error *error)
{
    char path[MOTE__PATH_MAX];
    const int status = path_in(workspace, name, path, error);
    return status != 0 ? status : mote__whole_file_read(path, SIZE_MAX, text, error);
}

bool mote__workspace_link(const struct mote__workspace *workspace, const char *directory,
                          const char *name)
{
    char from[MOTE__PATH_MAX];
    char to[MOTE__PATH_MAX];
    if (snprintf(from, sizeof from, "%s/%s", directory, name) >= (int)sizeof from ||
        path_in(workspace, name, to, NULL) != 0)
        return false;
    char *absolute = realpath(from, NULL);
    const bool linked = absolute != NULL && symlink(absolute, to) == 0;
    free(absolute);
    return linked;
}

/* ---- the result ------------------------------------------------------------ */

/* A new file beside `path`, so that a rename can put it in place. */
static int open_beside(const char *path, char beside[MOTE__PATH_MAX])
{
    if (snprintf(beside, MOTE__PATH_MAX, "%s.%ld.tmp", path, (long)getpid()) >= MOTE__PATH_MAX) {
        errno = ENAMETOOLONG;
        return -1;
    }
    (void)unlink(beside); /* left over from a process of the same number */
    return open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0777);
}

int mote__workspace_publish(const struct mote__workspace *workspace, const char *name,
                            const char *path, struct mote__wasm_error *error)
{
    struct mote__text file = MOTE__TEXT_INIT;
    char beside[MOTE__PATH_MAX];
    int status = mote__workspace_read(workspace, name, &file, error);
    if (status == 0) {
        const int fd = open_beside(path, beside);
        if (fd < 0)
            status = mote__wasm_fail_errno(error, "cannot write %s", path);
        else if (write_and_close(fd, file.data, file.size) != 0 || rename(beside, path) != 0) {
            status = mote__wasm_fail_errno(error, "cannot write %s", path);
            (void)unlink(beside);
        }
    }
    mote__text_free(&file);
    return status;
}
