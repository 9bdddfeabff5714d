/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams run inside a call of the guest, which cannot be stopped while they
 * wait; so they never wait longer than the deadline or a Ctrl-C allows.
 */
#include "streams.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "cli.h"
#include "signals.h"

/* Milliseconds that poll() may wait: -1 for ever, 0 when the time is over. */
static int wait_ms(const struct streams *streams)
{
    uint64_t now = now_ns();
    if (streams->deadline_at == 0)
        return -1;
    if (now >= streams->deadline_at)
        return 0;
    uint64_t left = (streams->deadline_at - now) / 1000000 + 1;
    return left < 60000 ? (int)left : 60000;
}

/* 0 when `fd` is ready, or a negative errno; the caller's call then ends anyway. */
static int wait_for(const struct streams *streams, int fd, short events)
{
    struct pollfd fds[2] = {{fd, events, 0}, {signals_wake_fd(), POLLIN, 0}};
    for (;;) {
        int timeout = wait_ms(streams);
        int ready = poll(fds, 2, timeout);
        if (ready < 0 && errno != EINTR)
            return -errno;
        if (ready > 0 && fds[1].revents != 0)
            return -EINTR;
        if (ready > 0)
            return 0;
        if (ready == 0 && timeout == 0)
            return -ETIMEDOUT;
    }
}

static int64_t stream_write(const struct streams *streams, int fd, const void *data, size_t size)
{
    for (;;) {
        int rc = wait_for(streams, fd, POLLOUT);
        if (rc != 0)
            return rc;
        ssize_t written = write(fd, data, size);
        if (written >= 0 || (errno != EINTR && errno != EAGAIN))
            return written >= 0 ? written : -errno;
    }
}

static int64_t write_out(void *user, mote_sandbox *sandbox, const void *data, size_t size)
{
    const struct streams *streams = user;
    (void)sandbox;
    return stream_write(streams, streams->out, data, size);
}

static int64_t write_error(void *user, mote_sandbox *sandbox, const void *data, size_t size)
{
    (void)sandbox;
    return stream_write(user, STDERR_FILENO, data, size);
}

static int64_t read_in(void *user, mote_sandbox *sandbox, void *data, size_t size)
{
    (void)sandbox;
    for (;;) {
        int rc = wait_for(user, STDIN_FILENO, POLLIN);
        if (rc != 0)
            return rc;
        ssize_t got = read(STDIN_FILENO, data, size);
        if (got >= 0 || (errno != EINTR && errno != EAGAIN))
            return got >= 0 ? got : -errno;
    }
}

static void log_line(void *user, mote_sandbox *sandbox, unsigned level, const char *text,
                     size_t size)
{
    static const char *const names[] = {"debug", "info", "warning", "error"};
    (void)user;
    (void)sandbox;
    say("guest: %s: %.*s", level < 4 ? names[level] : "?", (int)size, text);
}

int streams_grant(struct streams *streams, mote_policy *policy, mote_error *error)
{
    const mote_stream all[] = {
        {sizeof(mote_stream), NULL, read_in, streams},
        {sizeof(mote_stream), write_out, NULL, streams},
        {sizeof(mote_stream), write_error, NULL, streams},
    };
    for (int fd = 0; fd < 3; fd++) {
        int rc = mote_policy_stream(policy, fd, &all[fd], error);
        if (rc != 0)
            return rc;
    }
    /* The streams are the user's own: nothing to protect by counting bytes. */
    int rc = mote_policy_set(policy, MOTE_OPT_STREAM_BYTES, INT64_MAX, error);
    return rc != 0 ? rc : mote_policy_log(policy, log_line, streams, error);
}
