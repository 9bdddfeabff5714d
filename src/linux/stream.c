/* SPDX-License-Identifier: Apache-2.0 */
/* read, write and fstat on the streams that the policy grants. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "linux/internal.h"

#define CHUNK 0x4000u /* bytes that travel at a time: copied once, on the host's stack */

static const mote_stream *stream_of(const mote_sandbox *sandbox, uint64_t fd)
{
    if (!sandbox->policy || fd >= MOTE__STREAMS)
        return NULL;
    const mote_stream *stream = &sandbox->policy->streams[fd];
    return stream->read || stream->write ? stream : NULL;
}

bool mote__linux_has_stream(const mote_sandbox *sandbox, uint64_t fd)
{
    return stream_of(sandbox, fd) != NULL;
}

/* Runs one callback of the embedder. */
static int64_t call_write(mote_sandbox *sandbox, const mote_stream *stream, const void *data,
                          size_t size)
{
    mote__callback_begin(sandbox);
    int64_t n = stream->write(stream->user, sandbox, data, size);
    return mote__callback_end(sandbox) || n > (int64_t)size ? -EIO : n;
}

static int64_t call_read(mote_sandbox *sandbox, const mote_stream *stream, void *data, size_t size)
{
    mote__callback_begin(sandbox);
    int64_t n = stream->read(stream->user, sandbox, data, size);
    return mote__callback_end(sandbox) || n > (int64_t)size ? -EIO : n;
}

int64_t mote__linux_write(mote_sandbox *sandbox, uint64_t fd, uint64_t address, uint64_t size)
{
    const mote_stream *stream = stream_of(sandbox, fd);
    if (!stream || !stream->write)
        return -EBADF;
    uint8_t chunk[CHUNK];
    size = size < CHUNK ? size : CHUNK; /* a short write: the guest comes again */
    if (mote__memory_get(&sandbox->shell->memory, address, chunk, (size_t)size))
        return -EFAULT;
    if (size > sandbox->policy->stream_bytes - sandbox->personality.stream_bytes)
        return -ENOSPC;
    int64_t n = call_write(sandbox, stream, chunk, (size_t)size);
    if (n > 0)
        sandbox->personality.stream_bytes += (uint64_t)n;
    return n;
}

int64_t mote__linux_read(mote_sandbox *sandbox, uint64_t fd, uint64_t address, uint64_t size)
{
    const mote_stream *stream = stream_of(sandbox, fd);
    if (!stream || !stream->read)
        return -EBADF;
    uint8_t chunk[CHUNK] = {0}; /* a callback may claim more than it wrote */
    size = size < CHUNK ? size : CHUNK;
    if (!mote__memory_check(&sandbox->shell->memory, address, size, MOTE__WRITE))
        return -EFAULT;
    int64_t n = call_read(sandbox, stream, chunk, (size_t)size);
    if (n > 0 && mote__memory_put(&sandbox->shell->memory, address, chunk, (size_t)n))
        return -EFAULT;
    return n;
}

/* One element after the other, as long as each goes whole. */
static int64_t each_element(mote_sandbox *sandbox, uint64_t fd, uint64_t vector, uint64_t count,
                            int64_t (*one)(mote_sandbox *, uint64_t, uint64_t, uint64_t))
{
    int64_t total = 0;
    if (count > IOV_MAX)
        return -EINVAL;
    for (uint64_t i = 0; i < count; i++) {
        if (mote__handle_cause(sandbox->handle) != MOTE__CAUSE_NONE)
            return total; /* the call is being stopped */
        struct iovec element;
        if (mote__memory_get(&sandbox->shell->memory, vector + i * sizeof element, &element,
                             sizeof element))
            return total ? total : -EFAULT;
        if (element.iov_len == 0)
            continue;
        int64_t n = one(sandbox, fd, (uintptr_t)element.iov_base, element.iov_len);
        if (n < 0)
            return total ? total : n;
        total += n;
        if ((uint64_t)n < element.iov_len)
            break;
    }
    return total;
}

int64_t mote__linux_writev(mote_sandbox *sandbox, uint64_t fd, uint64_t vector, uint64_t count)
{
    return each_element(sandbox, fd, vector, count, mote__linux_write);
}

int64_t mote__linux_readv(mote_sandbox *sandbox, uint64_t fd, uint64_t vector, uint64_t count)
{
    return each_element(sandbox, fd, vector, count, mote__linux_read);
}

int64_t mote__linux_fstat(mote_sandbox *sandbox, uint64_t fd, uint64_t address)
{
    if (!mote__linux_has_stream(sandbox, fd))
        return -EBADF;
    struct stat st;
    memset(&st, 0, sizeof st);
    st.st_mode = S_IFIFO | 0600;
    st.st_nlink = 1;
    st.st_blksize = 4096;
    return mote__memory_put(&sandbox->shell->memory, address, &st, sizeof st) ? -EFAULT : 0;
}
