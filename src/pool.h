/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where sandboxes get their shells from, and where shells go that no sandbox has.
 *
 * An idle machine (vm/machine.h) has a clean shell for each image that it has served, and waits for
 * a sandbox of one of them, or of another, for which it gets one more shell. Who may have a
 * machine that was used before is the host's rule of reuse. A thread, where there is a pool,
 * destroys what is too much and makes new ones ahead of need. Nothing here blocks but on list
 * operations, save mote__pool_forget, and mote__pool_take at the limit, which wait for one VM that
 * is being made.
 */
#ifndef MOTE_POOL_H
#define MOTE_POOL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mote.h"

struct mote__machine;
struct mote__shell;
struct mote__snapshot;

/* What a sandbox wants of a shell. */
struct mote__shell_wish {
    struct mote__snapshot *snapshot; /* in whose state it is */
    size_t limit;                    /* bytes of memory for the guest */
    size_t files;                    /* bytes of the granted files that will be placed in it */
    const char *tenant;              /* for whom; NULL: a tenant of its own */
};

struct mote__machines {
    struct mote__machine *first, *last;
    size_t count;
};

struct mote__pool {
    size_t low, high, most; /* as in mote_host_options; set at the start, like the next */
    mote_reuse reuse;
    bool ready, threaded; /* the lock is there; the thread is */
    pthread_t thread;
    _Atomic uint64_t made_ever; /* VMs */

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t work;  /* something for the thread to do */
    pthread_cond_t made;  /* the thread has made a VM, or failed to */
    bool stop;
    struct mote__machines idle;    /* the one that came last is the first */
    struct mote__machines surplus; /* to be destroyed */
    size_t vms;                    /* in use, idle, surplus and in the making */
    uint64_t created, reused;      /* sandboxes that got a new VM, and one that was there */
    struct mote__shell_wish wish;  /* for which none was there the last time; no tenant */
    struct mote__snapshot *making; /* for which the thread makes one now; NULL: none */
};

int mote__pool_start(mote_host *host, const mote_host_options *options, mote_error *error);
/* Ends the thread; not in a forked child. */
void mote__pool_stop(struct mote__pool *pool);
/* Destroys all VMs that are left, in a forked child what is there of them. */
void mote__pool_free(mote_host *host);

/* No error, and nothing is told: there is the most of VMs already, and none is idle. */
#define MOTE__POOL_FULL 1
/* A shell in the state of the snapshot: an idle one that the tenant may have, or a new one. */
int mote__pool_take(struct mote__shell **shell, mote_host *host,
                    const struct mote__shell_wish *wish, mote_error *error);
/* Takes back a shell whose guest will never run again: cleans it and keeps it, or destroys it. Its
 * memory must be that of its own snapshot, but for what revert.h puts back. */
void mote__pool_give(mote_host *host, struct mote__shell *shell);
/* Destroys the VM of a shell that cannot be cleaned, or in which an image booted. */
void mote__pool_drop(mote_host *host, struct mote__shell *shell);
/* Fills what is about VMs. */
void mote__pool_count(struct mote__pool *pool, mote_host_use *use);
/* Before an image goes: keeps no shell of its snapshots. */
void mote__pool_forget(const mote_image *image);

#endif
