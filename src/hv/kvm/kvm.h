/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of the KVM backend only. */
#ifndef MOTE_KVM_H
#define MOTE_KVM_H

#include <linux/kvm.h>

#include "hv/hv.h"

#define MOTE__KVM_MAX_CPUID 128

struct mote__kvm_cpuid {
    uint32_t nent;
    uint32_t padding;
    struct kvm_cpuid_entry2 entries[MOTE__KVM_MAX_CPUID];
};

struct mote__hv {
    const mote_allocator *allocator;
    int fd;      /* the device */
    int keep_vm; /* an idle VM: creating the next ones is cheaper while one lives */
    size_t run_size;
    unsigned slots;                   /* that a VM may have */
    uint8_t tr_type;                  /* the type of TR with which the I/O bitmap works */
    struct kvm_sregs initial;         /* of a vCPU that was just created */
    struct mote__kvm_cpuid supported; /* what KVM says it can offer */
    struct mote__kvm_cpuid v2, v3;    /* what guests of each level see */
    bool has_v3;                      /* guests of that level really run here */
    bool offers_xsave, offers_fsgsbase, offers_smep, offers_umip; /* in KVM's own table */
};

struct mote__vm {
    struct mote__hv *hv;
    int fd;
    int vcpu;
    struct kvm_run *run;
    uint64_t syscall_entry; /* what LSTAR holds */
};

/* kvm_x86_64.c */
int mote__kvm_setup_cpu(struct mote__vm *vm, const struct mote__cpu_setup *setup,
                        mote_error *error);
/* kvm_cpuid.c */
int mote__kvm_read_cpuid(struct mote__hv *hv, mote_error *error);
struct mote__kvm_cpuid *mote__kvm_cpuid(struct mote__hv *hv, mote_cpu level);
/* kvm_selftest.c: finds the type of TR; needs an opened hv */
int mote__kvm_self_test(struct mote__hv *hv, mote_error *error);

#endif
