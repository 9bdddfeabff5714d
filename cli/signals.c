/* SPDX-License-Identifier: Apache-2.0 */
#include "signals.h"

#include <errno.h>
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
static bool catching;

static void on_signal(int number)
{
    int saved = errno;
    mote_handle *handle = target;
    if (caught != 0 || handle == NULL || mote_interrupt(handle) != 0)
        _exit(CLI_SIGNAL + number);
    caught = number;
    errno = saved;
}

void signals_catch(mote_handle *handle)
{
    struct sigaction action;
    target = handle;
    catching = true;
    memset(&action, 0, sizeof(action));
    action.sa_handler = on_signal;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < NSIGNALS; i++) {
        sigaction(signals[i], NULL, &before[i]);
        if (before[i].sa_handler != SIG_IGN)
            sigaction(signals[i], &action, NULL);
    }
}

void signals_release(void)
{
    if (!catching)
        return;
    for (size_t i = 0; i < NSIGNALS; i++)
        sigaction(signals[i], &before[i], NULL);
    target = NULL;
    catching = false;
}

int signals_caught(void)
{
    return caught;
}
