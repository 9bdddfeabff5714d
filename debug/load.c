/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of an image's file. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

#define LARGEST_FILE ((size_t)1 << 30)

int mote__debug_fail(mote_error *error, int code, const char *format, ...)
{
    if (error == NULL || error->size < sizeof *error)
        return code;
    error->domain = code == MOTE_EIMAGE   ? MOTE_DOMAIN_IMAGE
                    : code == MOTE_EINVAL ? MOTE_DOMAIN_API
                                          : MOTE_DOMAIN_SYSTEM;
    error->code = code;
    error->detail = code == MOTE_ESYSTEM ? errno : 0;
    error->remedy[0] = '\0';
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    return code;
}

static int take(mote_debug *debug, size_t size, mote_error *error)
{
    if (size > LARGEST_FILE)
        return mote__debug_fail(error, MOTE_EIMAGE, "the image is larger than 1 GiB");
    debug->bytes = malloc(size + 1);
    debug->size = size;
    return debug->bytes != NULL ? 0 : mote__debug_fail(error, MOTE_ENOMEM, "no memory");
}

static int read_all(mote_debug *debug, int fd, mote_error *error)
{
    for (size_t done = 0; done < debug->size;) {
        ssize_t got = pread(fd, debug->bytes + done, debug->size - done, (off_t)done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return mote__debug_fail(error, MOTE_ESYSTEM, "the image cannot be read: %s",
                                    got < 0 ? strerrordesc_np(errno) : "it became shorter");
        done += (size_t)got;
    }
    return 0;
}

static int load_fd(mote_debug *debug, int fd, mote_error *error)
{
    struct stat stat;
    if (fstat(fd, &stat) != 0)
        return mote__debug_fail(error, MOTE_ESYSTEM, "the image: %s", strerrordesc_np(errno));
    if (!S_ISREG(stat.st_mode))
        return mote__debug_fail(error, MOTE_EIMAGE, "the image is not a regular file");
    int status = take(debug, (size_t)stat.st_size, error);
    return status != 0 ? status : read_all(debug, fd, error);
}

static int load_path(mote_debug *debug, const char *path, mote_error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return mote__debug_fail(error, MOTE_ESYSTEM, "%s: %s", path, strerrordesc_np(errno));
    int status = load_fd(debug, fd, error);
    close(fd);
    return status;
}

int mote__debug_load(mote_debug *debug, const mote_source *source, mote_error *error)
{
    int given = (source->path != NULL) + (source->fd >= 0) + (source->data != NULL);
    if (source->size < sizeof *source || given != 1)
        return mote__debug_fail(error, MOTE_EINVAL,
                                "mote_debug_open: give one of path, fd and data");
    if (source->path != NULL)
        return load_path(debug, source->path, error);
    if (source->data == NULL)
        return load_fd(debug, source->fd, error);
    int status = take(debug, source->data_size, error);
    if (status == 0)
        memcpy(debug->bytes, source->data, source->data_size);
    return status;
}
