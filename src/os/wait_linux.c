/* SPDX-License-Identifier: Apache-2.0 */
/* What threads of the library wait for, and where they run. */
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "os/os.h"
#include "os/seam.h"

int mote__event_open(void)
{
    MOTE__SEAM("eventfd");
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

/* Neither can fail but for a signal, the counter being 0 or 1: the seam is told, not asked. */
void mote__event_set(int fd)
{
    const uint64_t one = 1;
    (void)mote__seam("event");
    while (write(fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

void mote__event_clear(int fd)
{
    uint64_t count;
    (void)mote__seam("event");
    while (read(fd, &count, sizeof count) < 0 && errno == EINTR)
        ;
}

void mote__condition_init(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

void mote__condition_wait(pthread_cond_t *condition, pthread_mutex_t *lock, uint64_t until)
{
    const struct timespec t = {(time_t)(until / 1000000000u), (long)(until % 1000000000u)};
    if (until)
        pthread_cond_timedwait(condition, lock, &t);
    else
        pthread_cond_wait(condition, lock);
}

unsigned mote__processors(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) < 0)
        return 1; /* more than the set has room for */
    int count = CPU_COUNT(&set);
    return count > 0 ? (unsigned)count : 1;
}

void mote__signal_let_in(int signal)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}
