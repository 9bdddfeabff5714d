/* SPDX-License-Identifier: Apache-2.0 */
#include "streams.h"

#include <unistd.h>

#include "cli.h"

static void log_line(void *user, mote_sandbox *sandbox, unsigned level, const char *text,
                     size_t size)
{
    static const char *const names[] = {"debug", "info", "warning", "error"};
    (void)user;
    (void)sandbox;
    say("guest: %s: %.*s", level < 4 ? names[level] : "?", (int)size, text);
}

/* One that is closed, or not open for that, is so for the guest, too. */
static int grant(mote_policy *policy, int guest_fd, int fd, unsigned access, mote_error *error)
{
    int rc = mote_policy_fd(policy, guest_fd, fd, access, 0, error);
    return rc == MOTE_ESYSTEM ? 0 : rc;
}

int streams_grant(int out, mote_policy *policy, mote_error *error)
{
    int rc = grant(policy, 0, STDIN_FILENO, MOTE_GRANT_READ, error);
    if (rc == 0)
        rc = grant(policy, 1, out, MOTE_GRANT_WRITE, error);
    if (rc == 0)
        rc = grant(policy, 2, STDERR_FILENO, MOTE_GRANT_WRITE, error);
    /* The streams are the user's own: nothing to protect by counting bytes. */
    if (rc == 0)
        rc = mote_policy_set(policy, MOTE_OPT_STREAM_BYTES, INT64_MAX, error);
    return rc != 0 ? rc : mote_policy_log(policy, log_line, NULL, error);
}
