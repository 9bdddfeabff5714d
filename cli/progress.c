/* SPDX-License-Identifier: Apache-2.0 */
#include "progress.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

enum { QUIET_NS = 1000000000, TICK_NS = 250000000 };

static void write_line(struct progress *progress, double seconds)
{
    char parts[32] = "";
    if (progress->total > 1)
        snprintf(parts, sizeof(parts), " %u of %u", progress->done, progress->total);
    if (progress->terminal) {
        fprintf(stderr, "\r\x1b[Kmote: %s: %s%s, %.0f s", progress->what,
                mote__wasm_step_name(progress->step), parts, seconds);
        fflush(stderr);
    } else if (progress->shown != (int)progress->step) {
        say("%s: %s", progress->what, mote__wasm_step_name(progress->step));
    }
    progress->shown = (int)progress->step;
}

static void *show(void *user)
{
    struct progress *progress = user;
    pthread_mutex_lock(&progress->lock);
    while (!progress->ended) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += TICK_NS;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&progress->changed, &progress->lock, &until);
        uint64_t elapsed = now_ns() - progress->start;
        if (!progress->ended && elapsed >= QUIET_NS)
            write_line(progress, (double)elapsed / 1e9);
    }
    pthread_mutex_unlock(&progress->lock);
    return NULL;
}

void progress_start(struct progress *progress, const char *what)
{
    sigset_t all;
    sigset_t before;
    memset(progress, 0, sizeof(*progress));
    progress->terminal = isatty(STDERR_FILENO) != 0;
    progress->what = what;
    progress->start = now_ns();
    progress->shown = -1;
    pthread_mutex_init(&progress->lock, NULL);
    pthread_cond_init(&progress->changed, NULL);
    sigfillset(&all); /* signals are for the thread that builds */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    progress->running = pthread_create(&progress->thread, NULL, show, progress) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void progress_set(struct progress *progress, enum mote__wasm_step step, unsigned done,
                  unsigned total)
{
    pthread_mutex_lock(&progress->lock);
    progress->step = step;
    progress->done = done;
    progress->total = total;
    pthread_mutex_unlock(&progress->lock);
}

void progress_line(const char *format, ...)
{
    va_list list;
    fputs("\r\x1b[K", stderr);
    if (format != NULL) {
        fputs("mote: ", stderr);
        va_start(list, format);
        vfprintf(stderr, format, list);
        va_end(list);
    }
    fflush(stderr);
}

void progress_end(struct progress *progress)
{
    pthread_mutex_lock(&progress->lock);
    progress->ended = true;
    pthread_cond_signal(&progress->changed);
    pthread_mutex_unlock(&progress->lock);
    if (progress->running)
        pthread_join(progress->thread, NULL);
    if (progress->terminal && progress->shown >= 0)
        fputs("\r\x1b[K", stderr);
    pthread_cond_destroy(&progress->changed);
    pthread_mutex_destroy(&progress->lock);
}
