/* SPDX-License-Identifier: Apache-2.0 */
/* What the example programs share: lines with their time beside them, and giving up. */
#ifndef MOTE_EXAMPLE_H
#define MOTE_EXAMPLE_H

#include <mote.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline double now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* One line with the time that it took at the right; a negative time is not shown. */
__attribute__((format(printf, 2, 3))) static inline void show(double us, const char *format, ...)
{
    char text[256];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    if (us < 0)
        printf("    %s\n", text);
    else if (us < 1000)
        printf("    %-80s %8.1f us\n", text, us);
    else
        printf("    %-80s %8.1f ms\n", text, us / 1e3);
    fflush(stdout);
}

/* Ends the program unless `rc` is 0. */
static inline void must(int rc, const mote_error *error)
{
    if (rc == 0)
        return;
    fprintf(stderr, "%s%s%s\n", error->text[0] != '\0' ? error->text : mote_error_string(rc),
            error->remedy[0] != '\0' ? "; " : "", error->remedy);
    exit(1);
}

/* The path of a guest: $MOTE_GUEST_DIR, or where the build put them. */
static inline const char *guest_path(const char *name)
{
    static char path[4096];
    const char *folder = getenv("MOTE_GUEST_DIR");
    snprintf(path, sizeof(path), "%s/%s", folder != NULL ? folder : MOTE_GUEST_DIR, name);
    return path;
}

#endif
