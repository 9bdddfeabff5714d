/* SPDX-License-Identifier: Apache-2.0 */
#include "signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

static const int signals[] = {SIGINT, SIGTERM};
enum { NSIGNALS = sizeof(signals) / sizeof(signals[0]) };

static struct sigaction before[NSIGNALS];
static _Atomic(mote_handle *) target;
static volatile sig_atomic_t caught;
static int wake[2] = {-1, -1};

static void on_signal(int number)
{
    int saved = errno;
    mote_handle *handle = target;
    if (caught != 0 || handle == NULL || mote_interrupt(handle) != 0)
        _exit(CLI_SIGNAL + number);
    caught = number;
    if (write(wake[1], "", 1) < 0)
        _exit(CLI_SIGNAL + number);
    errno = saved;
}

int signals_catch(mote_handle *handle)
{
    struct sigaction action;
    if (pipe2(wake, O_CLOEXEC | O_NONBLOCK) != 0)
        return -errno;
    target = handle;
    memset(&action, 0, sizeof(action));
    action.sa_handler = on_signal;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < NSIGNALS; i++) {
        sigaction(signals[i], NULL, &before[i]);
        if (before[i].sa_handler != SIG_IGN)
            sigaction(signals[i], &action, NULL);
    }
    return 0;
}

void signals_release(void)
{
    if (wake[0] < 0)
        return;
    for (size_t i = 0; i < NSIGNALS; i++)
        sigaction(signals[i], &before[i], NULL);
    target = NULL;
    close(wake[0]);
    close(wake[1]);
    wake[0] = -1;
    wake[1] = -1;
}

int signals_caught(void)
{
    return caught;
}

int signals_wake_fd(void)
{
    return wake[0];
}
