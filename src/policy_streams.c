/* SPDX-License-Identifier: Apache-2.0 */
/* The streams that a policy grants. */
#include <stddef.h>
#include <string.h>

#include "error.h"
#include "options.h"
#include "policy.h"

static void free_stream(struct mote__stream *stream)
{
    if (stream->kind == MOTE__STREAM_FD)
        mote__close(stream->host.fd);
    mote__free(stream->data);
}

void mote__policy_free_streams(mote_policy *policy)
{
    for (size_t i = 0; i < policy->nstreams; i++)
        free_stream(&policy->streams[i]);
    mote__free(policy->streams);
}

/* Takes the place of an earlier grant at the same descriptor. */
static int add(mote_policy *policy, const struct mote__stream *stream, mote_error *error)
{
    size_t at = 0, n = policy->nstreams;
    while (at < n && policy->streams[at].guest_fd < stream->guest_fd)
        at++;
    if (at < n && policy->streams[at].guest_fd == stream->guest_fd) {
        free_stream(&policy->streams[at]);
        policy->streams[at] = *stream;
        return 0;
    }
    struct mote__stream *list =
        mote__realloc(&policy->host->allocator, policy->streams, (n + 1) * sizeof *list);
    if (!list)
        return mote__fail_memory(error, "a stream");
    memmove(list + at + 1, list + at, (n - at) * sizeof *list);
    list[at] = *stream;
    policy->streams = list;
    policy->nstreams++;
    return 0;
}

/* Checks the number and opens the policy; `name` is the caller. */
static int begin(mote_policy *policy, int guest_fd, const char *name, mote_error *error)
{
    int status = mote__policy_open(policy, error);
    if (status || (guest_fd >= 0 && guest_fd < (int)MOTE__FD_END))
        return status;
    return mote__policy_close(policy, mote__fail(error, MOTE_DOMAIN_API, MOTE_EINVAL, guest_fd,
                                                 NULL, "%s: guest_fd is %d, not between 0 and %u",
                                                 name, guest_fd, MOTE__FD_END - 1));
}

/* The rest of a grant; what it holds goes when it fails. */
static int end(mote_policy *policy, struct mote__stream *stream, int status, mote_error *error)
{
    if (!status) {
        status = add(policy, stream, error);
        if (status)
            free_stream(stream);
    }
    return mote__policy_close(policy, status);
}

int mote_policy_stream(mote_policy *policy, int guest_fd, const mote_stream *given,
                       mote_error *error)
{
    int status = begin(policy, guest_fd, "mote_policy_stream", error);
    if (status)
        return status;
    struct mote__stream stream = {.guest_fd = guest_fd, .kind = MOTE__STREAM_CALLBACK};
    if (!given)
        status = mote__fail_argument(error, "mote_policy_stream: stream is NULL");
    if (!status)
        status = mote__options_copy(&stream.calls, sizeof stream.calls, given,
                                    MOTE__SIZE_UP_TO(mote_stream, user), "mote_stream", error);
    stream.readable = stream.calls.read;
    stream.writable = stream.calls.write;
    stream.limit = stream.calls.limit;
    if (!status && !stream.readable && !stream.writable)
        status = mote__fail_argument(error, "mote_policy_stream: read and write are both NULL");
    return end(policy, &stream, status, error);
}

int mote_policy_fd(mote_policy *policy, int guest_fd, int host_fd, unsigned access, uint64_t limit,
                   mote_error *error)
{
    int status = begin(policy, guest_fd, "mote_policy_fd", error);
    if (status)
        return status;
    struct mote__stream stream = {.guest_fd = guest_fd,
                                  .kind = MOTE__STREAM_FD,
                                  .readable = access & MOTE_GRANT_READ,
                                  .writable = access & MOTE_GRANT_WRITE,
                                  .limit = limit};
    if (!access || access & ~(unsigned)(MOTE_GRANT_READ | MOTE_GRANT_WRITE))
        status = mote__fail_argument(
            error, "mote_policy_fd: access is not MOTE_GRANT_READ, MOTE_GRANT_WRITE or both");
    if (!status) {
        status = mote__stream_open(&stream.host, host_fd, stream.readable, stream.writable);
        if (status)
            status = mote__fail_system(error, status,
                                       "mote_policy_fd: using the host's descriptor this way");
    }
    return end(policy, &stream, status, error);
}

int mote_policy_input(mote_policy *policy, int guest_fd, const void *data, size_t size,
                      mote_error *error)
{
    int status = begin(policy, guest_fd, "mote_policy_input", error);
    if (status)
        return status;
    struct mote__stream stream = {
        .guest_fd = guest_fd, .kind = MOTE__STREAM_INPUT, .readable = true, .size = size};
    if (size && !data)
        return mote__policy_close(
            policy, mote__fail_argument(error, "mote_policy_input: data is NULL with a size"));
    stream.data = mote__alloc(&policy->host->allocator, size);
    if (!stream.data)
        status = mote__fail_memory(error, "an input stream");
    else if (size)
        memcpy(stream.data, data, size);
    return end(policy, &stream, status, error);
}

int mote_policy_capture(mote_policy *policy, int guest_fd, uint64_t limit, mote_error *error)
{
    int status = begin(policy, guest_fd, "mote_policy_capture", error);
    if (status)
        return status;
    struct mote__stream stream = {
        .guest_fd = guest_fd, .kind = MOTE__STREAM_CAPTURE, .writable = true, .limit = limit};
    return end(policy, &stream, 0, error);
}
