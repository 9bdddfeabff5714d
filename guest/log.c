/* SPDX-License-Identifier: Apache-2.0 */
/* log.c: a line for the host's log. */
#include "internal.h"

void mote_log(enum mote_log_level level, const char *text, size_t size)
{
    const struct mote_text message = {level, 0, (uintptr_t)text, size};
    if (mote_info() != NULL)
        mote__request(MOTE_REQUEST_LOG, &message);
}
