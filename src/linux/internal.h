/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of the personality only. */
#ifndef MOTE_LINUX_INTERNAL_H
#define MOTE_LINUX_INTERNAL_H

#include "sandbox.h"

/* Arguments of a system call, in the order of the x86-64 ABI. */
struct mote__syscall {
    uint64_t number;
    uint64_t args[6];
};

/* Each returns what the guest gets: a value, or a negative errno. */
int64_t mote__linux_brk(mote_sandbox *sandbox, uint64_t address);
int64_t mote__linux_mmap(mote_sandbox *sandbox, const struct mote__syscall *call);
int64_t mote__linux_munmap(mote_sandbox *sandbox, uint64_t address, uint64_t size);
int64_t mote__linux_mprotect(mote_sandbox *sandbox, uint64_t address, uint64_t size,
                             uint64_t protection);
int64_t mote__linux_read(mote_sandbox *sandbox, uint64_t fd, uint64_t address, uint64_t size);
int64_t mote__linux_write(mote_sandbox *sandbox, uint64_t fd, uint64_t address, uint64_t size);
int64_t mote__linux_writev(mote_sandbox *sandbox, uint64_t fd, uint64_t vector, uint64_t count);
int64_t mote__linux_readv(mote_sandbox *sandbox, uint64_t fd, uint64_t vector, uint64_t count);
int64_t mote__linux_fstat(mote_sandbox *sandbox, uint64_t fd, uint64_t address);
bool mote__linux_has_stream(const mote_sandbox *sandbox, uint64_t fd);

#endif
