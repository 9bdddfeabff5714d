/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors of the embedder that carry a guest's bytes. They are never set to
 * anything: what would block is opened again where that can be done, so that
 * the embedder's own use of the same pipe or terminal stays as it was.
 */
#ifndef MOTE_OS_STREAM_H
#define MOTE_OS_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mote__host_kind {
    MOTE__HOST_SOCKET,  /* each call says that it must not wait */
    MOTE__HOST_INSTANT, /* a file, or a pipe or terminal opened again: does not wait */
    MOTE__HOST_POLLED   /* could not be opened again: asked first, then small pieces */
};

struct mote__host_stream {
    int fd; /* ours */
    enum mote__host_kind kind;
};

struct pollfd;

/* A descriptor of our own for what `fd` is; the embedder may close `fd`. */
int mote__stream_open(struct mote__host_stream *stream, int fd, bool readable, bool writable);
/* How many bytes, or a negative errno; -EAGAIN where it would wait. Neither SIGPIPE nor
 * SIGXFSZ reaches the process: the thread holds them back while it writes. */
int64_t mote__stream_read(const struct mote__host_stream *stream, void *data, size_t size);
int64_t mote__stream_write(const struct mote__host_stream *stream, const void *data, size_t size);

/*
 * Sleeps until one of the descriptors is ready, `ns` nanoseconds have passed
 * (UINT64_MAX: for ever) or `signal` comes. `stopped` is asked while the signal
 * is held back, and the signal is let in by the same system call that sleeps:
 * none is lost. How many are ready, 0 for time, -EINTR.
 */
int mote__wait(struct pollfd *fds, size_t count, uint64_t ns, int signal,
               bool (*stopped)(const void *user), const void *user);

#endif
