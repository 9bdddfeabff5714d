/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes between the guest and the streams that its policy grants: callbacks, descriptors of the
 * host, buffers. Each is counted, in both directions. */
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>

#include "error.h"
#include "linux/internal.h"

static const struct mote__stream *stream_of(const mote_sandbox *sandbox,
                                            const struct mote__open *open)
{
    return &sandbox->policy->streams[open->stream];
}

static struct mote__stream_state *state_of(const mote_sandbox *sandbox,
                                           const struct mote__open *open)
{
    return &sandbox->fds.streams[open->stream];
}

/* ---- limits ---- */

static uint64_t left_of(uint64_t limit, uint64_t used)
{
    return used < limit ? limit - used : 0;
}

/* How many of `size` bytes may still travel; a limit of its own of 0 is none. */
static size_t within(const struct mote__stream *stream, uint64_t used, uint64_t others, size_t size)
{
#if defined(MOTE_CONTROL_NO_STREAM_LIMIT)
    return size;
#endif
    uint64_t own = stream->limit ? left_of(stream->limit, used) : UINT64_MAX;
    uint64_t left = own < others ? own : others;
    return size < left ? size : (size_t)left;
}

/* ---- callbacks ---- */

static int64_t call_write(mote_sandbox *sandbox, const mote_stream *stream, const void *data,
                          size_t size)
{
    uint32_t depth = mote__callback_begin(sandbox);
    int64_t n = stream->write(stream->user, sandbox, data, size);
    return mote__callback_end(sandbox, depth) || n > (int64_t)size ? -EIO : n;
}

static int64_t call_read(mote_sandbox *sandbox, const mote_stream *stream, void *data, size_t size)
{
    memset(data, 0, size); /* a callback may claim more than it wrote */
    uint32_t depth = mote__callback_begin(sandbox);
    int64_t n = stream->read(stream->user, sandbox, data, size);
    return mote__callback_end(sandbox, depth) || n > (int64_t)size ? -EIO : n;
}

/* ---- descriptors of the host ---- */

/* Waits until the host's end is ready; 0 to try again. */
static int64_t wait_for(const mote_sandbox *sandbox, const struct mote__open *open, short events)
{
    if (open->flags & O_NONBLOCK)
        return -EAGAIN;
    struct pollfd one = {stream_of(sandbox, open)->host.fd, events, 0};
    int ready = mote__linux_wait(sandbox, &one, 1, UINT64_MAX);
    return ready < 0 ? ready : 0;
}

static int64_t host_read(const mote_sandbox *sandbox, const struct mote__open *open, void *data,
                         size_t size)
{
    for (;;) {
        int64_t n = mote__stream_read(&stream_of(sandbox, open)->host, data, size);
        if (n != -EAGAIN)
            return n;
        n = wait_for(sandbox, open, POLLIN);
        if (n)
            return n;
    }
}

static int64_t host_write(const mote_sandbox *sandbox, const struct mote__open *open,
                          const void *data, size_t size)
{
    for (;;) {
        int64_t n = mote__stream_write(&stream_of(sandbox, open)->host, data, size);
        if (n != -EAGAIN)
            return n;
        n = wait_for(sandbox, open, POLLOUT);
        if (n)
            return n;
    }
}

/* ---- buffers ---- */

static int64_t input(const struct mote__stream *stream, const struct mote__stream_state *state,
                     void *data, size_t size)
{
    size_t left = stream->size - (size_t)state->taken;
    size = size < left ? size : left;
    if (size)
        memcpy(data, stream->data + state->taken, size);
    return (int64_t)size;
}

void mote__capture_discard(struct mote__capture *capture)
{
    if (capture->used)
        memset(capture->data, 0, capture->used);
    mote__free(capture->data);
    *capture = (struct mote__capture){0};
}

/* Twice the room at least, so that all copying together is in proportion to the output. */
static int grow(const mote_allocator *allocator, struct mote__capture *capture, size_t size)
{
    size_t room = 2 * capture->room > size ? 2 * capture->room : size;
    struct mote__capture grown = {mote__alloc(allocator, room), room, capture->used};
    if (!grown.data)
        return MOTE_ENOMEM;
    if (capture->used)
        memcpy(grown.data, capture->data, capture->used);
    mote__capture_discard(capture);
    *capture = grown;
    return 0;
}

int mote__capture_append(const mote_allocator *allocator, struct mote__capture *capture,
                         const void *data, size_t size)
{
    if (size > capture->room - capture->used && grow(allocator, capture, capture->used + size))
        return MOTE_ENOMEM;
    if (size)
        memcpy(capture->data + capture->used, data, size);
    capture->used += size;
    return 0;
}

static int64_t capture(mote_sandbox *sandbox, struct mote__stream_state *state, const void *data,
                       size_t size)
{
    if (mote__capture_append(&sandbox->host->allocator, &state->capture, data, size))
        return mote__fault_end(sandbox, MOTE_ENOMEM, MOTE_FAULT_MEMORY, 0,
                               "no memory for the output that is captured");
    return (int64_t)size;
}

int mote_sandbox_output(mote_sandbox *sandbox, int guest_fd, const void **data, size_t *size)
{
    if (!data || !size)
        return MOTE_EINVAL;
    int status = mote__sandbox_enter(sandbox);
    if (status)
        return status;
    const mote_policy *policy = sandbox->policy;
    status = MOTE_EINVAL;
    for (size_t i = 0; policy && i < policy->nstreams; i++) {
        const struct mote__stream *s = &policy->streams[i];
        if (s->guest_fd != guest_fd || s->kind != MOTE__STREAM_CAPTURE)
            continue;
        *data = sandbox->fds.streams[i].capture.data;
        *size = sandbox->fds.streams[i].capture.used;
        status = 0;
    }
    mote__sandbox_leave(sandbox);
    return status;
}

/* ---- both directions ---- */

int64_t mote__stream_take(mote_sandbox *sandbox, const struct mote__open *open, void *data,
                          size_t size)
{
    const struct mote__stream *stream = stream_of(sandbox, open);
    struct mote__stream_state *state = state_of(sandbox, open);
    if (!stream->readable)
        return -EBADF;
    size_t most = within(stream, state->taken, UINT64_MAX, size);
    if (size && !most)
        return -EFBIG;
    int64_t n = stream->kind == MOTE__STREAM_CALLBACK
                    ? call_read(sandbox, &stream->calls, data, most)
                : stream->kind == MOTE__STREAM_FD ? host_read(sandbox, open, data, most)
                                                  : input(stream, state, data, most);
    if (n > 0)
        state->taken += (uint64_t)n;
    return n;
}

int64_t mote__stream_give(mote_sandbox *sandbox, const struct mote__open *open, const void *data,
                          size_t size)
{
    const struct mote__stream *stream = stream_of(sandbox, open);
    struct mote__stream_state *state = state_of(sandbox, open);
    if (!stream->writable)
        return -EBADF;
    uint64_t all = left_of(sandbox->policy->stream_bytes, sandbox->personality.stream_bytes);
    size_t most = within(stream, state->given, all, size);
    if (size && !most)
        return -ENOSPC;
    int64_t n = stream->kind == MOTE__STREAM_CALLBACK
                    ? call_write(sandbox, &stream->calls, data, most)
                : stream->kind == MOTE__STREAM_FD ? host_write(sandbox, open, data, most)
                                                  : capture(sandbox, state, data, most);
    if (n > 0) {
        state->given += (uint64_t)n;
        sandbox->personality.stream_bytes += (uint64_t)n;
    }
    return n;
}

short mote__stream_ready(const mote_sandbox *sandbox, const struct mote__open *open, short events)
{
    const struct mote__stream *stream = stream_of(sandbox, open);
    short able = (short)((stream->readable ? POLLIN | POLLRDNORM : 0) |
                         (stream->writable ? POLLOUT | POLLWRNORM : 0));
    if (stream->kind != MOTE__STREAM_FD)
        return events & able; /* nobody can tell but by trying */
    struct pollfd one = {stream->host.fd, events & able, 0};
    return mote__linux_wait(sandbox, &one, 1, 0) > 0 ? one.revents : 0;
}

int mote__stream_host_fd(const mote_sandbox *sandbox, const struct mote__open *open)
{
    if (open->kind != MOTE__FD_STREAM)
        return -1;
    const struct mote__stream *stream = stream_of(sandbox, open);
    return stream->kind == MOTE__STREAM_FD ? stream->host.fd : -1;
}

uint64_t mote__stream_readable(const mote_sandbox *sandbox, const struct mote__open *open)
{
    const struct mote__stream *stream = stream_of(sandbox, open);
    int n = 0;
    if (stream->kind == MOTE__STREAM_INPUT)
        return stream->size - state_of(sandbox, open)->taken;
    if (stream->kind == MOTE__STREAM_FD && mote__ioctl(stream->host.fd, FIONREAD, &n))
        return 0;
    return n > 0 ? (uint64_t)n : 0;
}
