/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor: the least program that uses KVM as mote does. Code at CPL 3 behind
 * page tables, an I/O bitmap that allows one port, and a loop that rings it.
 */
#ifndef BARE_H
#define BARE_H

#include <stddef.h>
#include <stdint.h>

struct bare_kvm; /* the device, opened once */
struct bare_vm;

struct bare_kvm *bare_open(void);
void bare_close(struct bare_kvm *kvm);

/* Pages that every bare VM consists of: TSS, code, six page tables. The tables are as
 * many as those of a small sandbox, whose memory lies in two places too. */
#define BARE_OWN_PAGES 8u

/* A VM whose guest writes to `pages` pages before it rings for the first time. */
struct bare_vm *bare_new(struct bare_kvm *kvm, size_t pages);
void bare_free(struct bare_vm *vm);

/* One KVM_RUN and nothing else; -1 unless it ended with the doorbell. */
int bare_ring(struct bare_vm *vm);
/* The same, timed; for struct side. */
int64_t bare_time_ring(void *vm);

/* A VM whose guest makes system calls for ever; for bare_time_trap only. */
struct bare_vm *bare_new_caller(struct bare_kvm *kvm);
/* The way of one system call to the host and back: one KVM_RUN, which starts with the return
 * from the last one, and the frame for the next return. For struct side. */
int64_t bare_time_trap(void *vm);

#endif
