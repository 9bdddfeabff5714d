/* SPDX-License-Identifier: Apache-2.0 */
/* Sleeping for the guest. The phase of the handle stays GUEST, so that whoever stops the call sends
 * the signal; the thread lets it in only while it sleeps, so that it cannot come too early. */
#include <errno.h>

#include "linux/internal.h"
#include "os/stream.h"

static bool is_stopped(const void *handle)
{
    return mote__handle_cause(handle) != MOTE__CAUSE_NONE;
}

int mote__linux_wait(const mote_sandbox *sandbox, struct pollfd *fds, size_t count, uint64_t ns)
{
    const mote_handle *handle = sandbox->handle;
    return mote__wait(fds, count, ns, handle->signal, is_stopped, handle);
}
