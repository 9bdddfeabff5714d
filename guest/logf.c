/* SPDX-License-Identifier: Apache-2.0 */
/* logf.c: apart from log.c, since it brings printf into the program. */
#include <stdarg.h>
#include <stdio.h>

#include "mote_guest.h"

void mote_logf(enum mote_log_level level, const char *format, ...)
{
    char line[MOTE_MAX_TEXT];
    va_list args;

    va_start(args, format);
    int size = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (size < 0)
        return;
    mote_log(level, line, (size_t)size < sizeof(line) ? (size_t)size : sizeof(line) - 1);
}
