/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A shell: a VM with its vCPU and its memory, in which a guest lives. It knows
 * how to leave the monitor and how to start a guest clean, and nothing of
 * calls.
 */
#ifndef MOTE_SHELL_H
#define MOTE_SHELL_H

#include "arch/x86_64/monitor.h"
#include "image/layout.h"
#include "vm/memory.h"
#include "vm/snapshot.h"

/* How many dirty pages a shell keeps mapped; learnt from one reset to the next (revert.c). */
struct mote__keep {
    size_t allowance;  /* pages; 0: not known yet */
    size_t since_trim; /* resets since a dirty set was given up */
    bool trimmed;      /* and that is not long ago */
};

/* What the vCPU of a guest holds that waits at a doorbell: what the System V convention keeps
 * across the call of it. The guest goes on from there through the scrub stub. */
struct mote__resume {
    struct mote__cpu_regs regs; /* callee-saved ones; the rest are zero, RIP at the scrub stub */
    struct mote__cpu_special special;
    uint64_t at; /* where the scrub stub leads */
};

/* Where the guest goes on at the next run. */
enum mote__stand {
    MOTE__STAND_RAN,      /* from where it stopped, or was sent since */
    MOTE__STAND_SNAPSHOT, /* at the snapshot's resume point, clean */
    MOTE__STAND_RESUME    /* at shell.resume */
};

struct mote__shell {
    struct mote__vm *vm;
    struct mote__memory memory;
    struct mote__snapshot *snapshot;   /* from which it was made; NULL: an image boots in it */
    const struct mote__layout *layout; /* the image's */
    bool running;                      /* the guest may be running while its memory is put back */
    bool in_monitor;                   /* the vCPU stands at CPL 0 and leaves it by `iretq` only */
    enum mote__stand stand;
    bool own_scrub;             /* the scrub data are those of `resume`, not of the snapshot */
    struct mote__resume resume; /* as mote__shell_go_resume got it */
    struct mote__keep keep;
    struct mote__machine *machine; /* in whose VM it is; NULL: none yet (machine.h) */
    uint64_t chosen;               /* when the VM last turned to it, on the machine's clock */
};

/* In the guest's read-only page. */
static inline struct mote__ring *mote__shell_ring(const struct mote__shell *shell)
{
    return (struct mote__ring *)(void *)(mote__system_page(&shell->memory, MOTE__PAGE_SCRUB) +
                                         MOTE__RING_OFFSET);
}

/* For the boot of an image: an empty guest with the read-only part of the image
 * at the start of its memory; nothing is mapped yet but what is ours. */
int mote__shell_new(struct mote__shell **shell, const mote_allocator *allocator,
                    const struct mote__layout *layout, int read_only_fd, size_t read_only,
                    size_t limit, mote_error *error);
/* Creates the VM, once the memory is as the guest shall find it. */
int mote__shell_start(struct mote__shell *shell, struct mote__hv *hv, mote_cpu cpu,
                      mote_error *error);
/* A shell in the state of a snapshot; `files`: bytes of the files that will be placed in it. */
int mote__shell_from_snapshot(struct mote__shell **shell, const mote_allocator *allocator,
                              struct mote__hv *hv, struct mote__snapshot *snapshot, size_t limit,
                              size_t files, mote_error *error);
/* The VM goes, and all shells in it. */
void mote__shell_free(struct mote__shell *shell);
/* In a forked child, before it is freed: its mappings stayed with the parent. */
void mote__shell_abandon(struct mote__shell *shell);

/* Address space, for no VM yet. */
int mote__shell_reserve(struct mote__shell **shell, const mote_allocator *allocator,
                        const struct mote__layout *layout, size_t limit, size_t files,
                        mote_error *error);
/* Whether such a limit of memory is enough for the snapshot to start: MOTE_ELIMIT. */
int mote__shell_check_limit(const struct mote__snapshot *snapshot, size_t limit, mote_error *error);
/* Fills empty memory from the snapshot, which becomes the shell's own. */
int mote__shell_fill(struct mote__shell *shell, struct mote__snapshot *snapshot, mote_error *error);
/* What its vCPU must know of it. */
void mote__shell_setup(const struct mote__shell *shell, mote_cpu cpu,
                       struct mote__cpu_setup *setup);
/* Frees what is the shell's alone. */
void mote__shell_release(struct mote__shell *shell);

/* The guest goes on with these registers at the next run, from wherever the vCPU stands. */
void mote__shell_go(struct mote__shell *shell, const struct mote__cpu_regs *regs);
/* The guest starts at the snapshot's resume point, scrubbed, at the next run. */
void mote__shell_go_clean(struct mote__shell *shell, const struct mote__snapshot *snapshot);

/* What the vCPU holds, of a guest that waits at a doorbell; slow. One that rang elsewhere than in
 * the gate page goes on behind the gate's doorbell all the same. */
int mote__shell_keep(struct mote__shell *shell, struct mote__resume *resume, mote_error *error);
/* The guest goes on as kept, scrubbed, at the next run; costs no system call. */
void mote__shell_go_resume(struct mote__shell *shell, const struct mote__resume *resume);

#endif
