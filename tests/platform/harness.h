/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bare virtual machine for the platform tests: raw /dev/kvm, the same
 * system registers, descriptor tables and exits as the library's backend,
 * and nothing of the library itself, so that a wrong fact is found here and
 * not in the code that relies on it.
 *
 * Every test runs in a process of its own (see main.c); harness functions
 * therefore end that process when the host side fails.
 */
#ifndef MOTE_PLATFORM_HARNESS_H
#define MOTE_PLATFORM_HARNESS_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE UINT64_C(4096)
enum { DOORBELL_PORT = 0x4d };

/* Guest layout. User memory is mapped where it lies: address = GPA. */
#define VA_CODE      UINT64_C(0x400000) /* read, execute: 16 pages */
#define VA_RODATA    UINT64_C(0x420000) /* read: 16 pages */
#define VA_DATA      UINT64_C(0x500000) /* read, write: 64 pages */
#define VA_STACK_TOP UINT64_C(0x600000) /* read, write: 16 pages below */
#define VA_BIG       UINT64_C(0x800000) /* 2 MiB, mapped by tests that want it */
#define VA_SPARE     UINT64_C(0xa00000) /* 2 MiB, mapped by tests that want it */
#define USER_GPA     UINT64_C(0x400000)
#define USER_SIZE    UINT64_C(0x800000)
#define TABLES_GPA   UINT64_C(0)
#define TABLES_SIZE  UINT64_C(0x40000)
#define MONITOR_GPA  UINT64_C(0x40000)
#define MONITOR_SIZE UINT64_C(0x2000)
#define VA_MONITOR   UINT64_C(0x10000000000)
#define VA_IST_TOP   (VA_MONITOR + MONITOR_SIZE)

/* Inside the monitor page. */
#define MON_STUBS     UINT64_C(0x400)
#define MON_STUB_STEP UINT64_C(8)
#define MON_LSTAR     0x600
#define MON_IRETQ     0x610
#define VA_LSTAR      (VA_MONITOR + MON_LSTAR)
#define VA_IRETQ      (VA_MONITOR + MON_IRETQ)

/* Selectors. */
enum { KERNEL_CS = 0x08, KERNEL_SS = 0x10, USER_SS = 0x1b, USER_CS = 0x23, TSS_SEL = 0x28 };

/* Page table entry bits. */
#define PTE_P       UINT64_C(1)
#define PTE_W       UINT64_C(2)
#define PTE_U       UINT64_C(4)
#define PTE_A       UINT64_C(0x20)
#define PTE_D       UINT64_C(0x40)
#define PTE_PS      UINT64_C(0x80)
#define PTE_NX      (UINT64_C(1) << 63)
#define PTE_ADDRESS UINT64_C(0x000ffffffffff000)

enum {
    FLAG_FIXED = 1 << 1,
    FLAG_TF = 1 << 8,
    FLAG_IF = 1 << 9,
    FLAG_AC = 1 << 18,
};

enum {
    V_DE = 0,
    V_DB = 1,
    V_BP = 3,
    V_OF = 4,
    V_UD = 6,
    V_NM = 7,
    V_NP = 11,
    V_SS = 12,
    V_GP = 13,
    V_PF = 14,
    V_MF = 16,
    V_AC = 17,
    V_XM = 19
};

enum { PF_PRESENT = 1, PF_WRITE = 2, PF_USER = 4, PF_FETCH = 16 };

enum event {
    EV_VECTOR,   /* an exception's stub halted */
    EV_SYSCALL,  /* `syscall`, or a jump to LSTAR, in either of its forms */
    EV_DOORBELL, /* one byte out to the doorbell port */
    EV_IO,       /* any other port access */
    EV_MMIO,
    EV_SHUTDOWN,
    EV_INTERRUPTED, /* KVM_RUN gave EINTR */
    EV_ERROR,       /* KVM_RUN failed otherwise: error_number; vm_run gives up */
    EV_OTHER,
};

struct outcome {
    enum event event;
    unsigned reason; /* KVM's exit reason */
    int error_number;
    unsigned vector;
    bool native_syscall; /* EV_SYSCALL came as a halt at LSTAR, not as #PF */
    bool has_error;
    uint64_t error;
    uint64_t rip, cs, rflags, rsp, ss; /* of the interrupted code */
};

struct vm {
    int kvm, fd, cpu;
    struct kvm_run *run;
    size_t run_size;
    uint8_t *tables, *monitor, *user;
    size_t tables_used;
    uint8_t tr_type;
};

struct guest {
    const unsigned char *code;
    size_t size;
    const char *name;
};

/* Guest code, written where its test is: GUEST(name, "nop\n") makes a struct
 * guest of that name. The code must be position independent. */
// NOLINTBEGIN(bugprone-macro-parentheses): a declared name takes none
#define GUEST(name, assembly)                                                              \
    __asm__(".pushsection .rodata\n.balign 8\n" #name ":\n"                                \
            ".quad " #name "_code, " #name "_end - " #name "_code, " #name "_name\n" #name \
            "_name: .asciz \"" #name "\"\n" #name "_code:\n" assembly "\n" #name           \
            "_end:\n.popsection\n");                                                       \
    extern const struct guest name
// NOLINTEND(bugprone-macro-parentheses)

#define BOOT(vm, name) vm_boot(vm, (name).code, (name).size)

/* What stands in a guest: `doorbell`, with AL as it is. */
#define DOORBELL "out %al, $0x4d\n"
/* Ends every guest whose test is over: a loop that never runs on silently. */
#define FINISH "99: out %al, $0x4d\njmp 99b\n"

void vm_open(struct vm *vm);
void vm_close(struct vm *vm);
/* Chooses the TR type with which the I/O bitmap is obeyed (see tr_type.c). */
uint8_t vm_working_tr_type(void);
void vm_use_tr_type(struct vm *vm, uint8_t type);

/* Copies code to VA_CODE and points the registers there, at CPL3. */
void vm_boot(struct vm *vm, const unsigned char *code, size_t size);
void vm_boot_keeping_system_registers(struct vm *vm, const unsigned char *code, size_t size);
struct outcome vm_run(struct vm *vm);
struct outcome vm_run_raw(struct vm *vm); /* may also give EV_ERROR */
/* Resumes CPL3 at a frame the host wrote into the IST page: no ioctl. */
void vm_return_by_iretq(struct vm *vm, uint64_t rip, uint64_t rsp, uint64_t rflags);

struct kvm_regs *vm_regs(struct vm *vm);            /* marks them dirty */
const struct kvm_regs *vm_see(const struct vm *vm); /* only looks */
struct kvm_sregs vm_sregs(struct vm *vm);
void vm_set_msr(struct vm *vm, uint32_t index, uint64_t value);
void vm_slot(struct vm *vm, unsigned slot, uint64_t gpa, uint64_t size, void *host);

/* Maps size bytes (4 KiB leaves); bits of PTE_W|PTE_U|PTE_NX|PTE_A|PTE_D. */
void vm_map(struct vm *vm, uint64_t va, uint64_t gpa, uint64_t size, uint64_t bits);
void vm_map_big(struct vm *vm, uint64_t va, uint64_t gpa, uint64_t bits);
uint64_t *vm_leaf(struct vm *vm, uint64_t va);
/* The entry for va at a level: 1 names 4 KiB leaves, 2 what points to these (or 2 MiB leaves), up
 * to 4. Makes the tables above it. */
uint64_t *vm_entry(struct vm *vm, uint64_t va, int level);
/* Copies code to an address of user memory. */
void vm_place(struct vm *vm, uint64_t user_va, const struct guest *guest);
void *vm_at(struct vm *vm, uint64_t user_va);
uint64_t vm_word(struct vm *vm, uint64_t user_va);
void vm_zap_dontneed(struct vm *vm, uint64_t user_va, size_t size);
void vm_zap_toggle(struct vm *vm, uint64_t user_va, size_t size);

uint64_t supported_xcr0(struct vm *vm);
bool supported_cpuid(struct vm *vm, uint32_t leaf, uint32_t sub, struct kvm_cpuid_entry2 *out);

const char *event_name(enum event event);
/* A description of an outcome, for messages; a static buffer. */
const char *tell(const struct outcome *outcome);

_Noreturn void give_up(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
