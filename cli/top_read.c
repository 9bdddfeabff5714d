/* SPDX-License-Identifier: Apache-2.0 */
#include "top.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

bool top_decode(mote_use *use, const void *data, size_t size)
{
    if (size < sizeof(*use))
        return false;
    memcpy(use, data, sizeof(*use));
    return use->magic == MOTE_USE_MAGIC && use->size >= sizeof(*use);
}

/* ---- finding ---- */

static bool has_name(const char *path)
{
    char target[64];
    ssize_t n = readlink(path, target, sizeof(target) - 1);
    target[n < 0 ? 0 : n] = '\0';
    return strcmp(target, "/memfd:" MOTE_USE_NAME " (deleted)") == 0;
}

/* Opened as a mere place first, which does nothing to a pipe or a device: only a regular file in
 * memory is opened to be read. */
static int open_memory(const char *path)
{
    struct stat status;
    struct statfs filesystem;
    char self[64];
    int place = open(path, O_PATH | O_CLOEXEC), fd = -1;
    if (place < 0)
        return -1;
    snprintf(self, sizeof(self), "/proc/self/fd/%d", place);
    if (fstat(place, &status) == 0 && S_ISREG(status.st_mode) && fstatfs(place, &filesystem) == 0 &&
        filesystem.f_type == TMPFS_MAGIC)
        fd = open(self, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    close(place);
    return fd;
}

static void look_at(struct top_hosts *hosts, int pid, const char *name)
{
    char path[320];
    snprintf(path, sizeof(path), "/proc/%d/fd/%s", pid, name);
    int fd = has_name(path) ? open_memory(path) : -1;
    if (fd >= 0)
        hosts->fd[hosts->count++] = fd;
}

int top_find(struct top_hosts *hosts, int pid)
{
    char path[64];
    hosts->count = 0;
    snprintf(path, sizeof(path), "/proc/%d/fd", pid);
    DIR *dir = opendir(path);
    if (dir == NULL)
        return -errno;
    for (struct dirent *e; hosts->count < TOP_HOSTS_MAX && (e = readdir(dir)) != NULL;)
        if (e->d_name[0] != '.')
            look_at(hosts, pid, e->d_name);
    closedir(dir);
    top_read(hosts);
    return 0;
}

/* ---- reading ---- */

static bool read_one(int fd, mote_use *use)
{
    mote_use copy;
    ssize_t n = pread(fd, &copy, sizeof(copy), 0);
    return n >= 0 && top_decode(use, &copy, (size_t)n);
}

void top_read(struct top_hosts *hosts)
{
    size_t kept = 0;
    for (size_t i = 0; i < hosts->count; i++) {
        mote_use use;
        if (!read_one(hosts->fd[i], &use)) {
            close(hosts->fd[i]);
            continue;
        }
        hosts->fd[kept] = hosts->fd[i];
        hosts->use[kept++] = use;
    }
    hosts->count = kept;
}

void top_close(struct top_hosts *hosts)
{
    for (size_t i = 0; i < hosts->count; i++)
        close(hosts->fd[i]);
    hosts->count = 0;
}
