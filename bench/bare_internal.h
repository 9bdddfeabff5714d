/* SPDX-License-Identifier: Apache-2.0 */
/* What bare.c and bare_trap.c share. */
#ifndef BARE_INTERNAL_H
#define BARE_INTERNAL_H

#include <linux/kvm.h>

#include "bare.h"

#define PAGE ((size_t)4096)
#define PORT 0x4d

extern const uint8_t bare_guest[], bare_guest_calls[], bare_iretq[];
extern const uint32_t bare_guest_size;

/* Its pages, by physical address; the pages that the guest writes follow. */
enum { TSS, CODE, PML4, PDPT, LOW_PD, LOW_PT, HIGH_PD, HIGH_PT, DATA };
_Static_assert(DATA == BARE_OWN_PAGES, "bare.h");

/* Guest addresses: code and data below, the TSS and one page far above, as in a sandbox,
 * so that as many page tables are in use. */
#define CODE_AT  0x400000ull
#define DATA_AT  CODE_AT /* the first data page lies at FIRST_AT instead */
#define TSS_AT   0x1001100000ull
#define FIRST_AT (TSS_AT + PAGE)

#define PRESENT  1ull
#define WRITE    2ull
#define USER     4ull
#define ACCESS   0x20ull

/* Selectors. */
#define KERNEL_CODE 0x08u
#define USER_DATA   0x1bu
#define USER_CODE   0x23u
#define TSS_SELECT  0x28u

struct bare_kvm {
    int fd;
    size_t run_size;
    struct { /* struct kvm_cpuid2, with room */
        uint32_t count, padding;
        struct kvm_cpuid_entry2 entries[128];
    } cpuid;
};

struct bare_vm {
    struct bare_kvm *kvm;
    int fd, vcpu;
    struct kvm_run *run;
    uint8_t *memory;
    size_t size, pages;
};

/* Says what failed, with errno; returns -1. */
int bare_failed(const char *what);
/* Writes the entry of a page table for a guest address; level 0 is a leaf. */
void bare_put_entry(struct bare_vm *vm, size_t table, uint64_t address, int level,
                    uint64_t physical, uint64_t bits);

#endif
