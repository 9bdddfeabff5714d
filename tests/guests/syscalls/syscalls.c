/* SPDX-License-Identifier: Apache-2.0 */
/* syscalls: the `syscall` instruction with arguments that no libc would pass. */
#define _GNU_SOURCE /* the flags of mremap */
#include <mote_guest.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#define NON_CANONICAL 0x8000000000000000ll
#define KERNEL_HALF   ((int64_t)0xffff800000001000ull)
#define UNMAPPED      0x00006fffdead0000ll
#define HUGE          0x7fffffffffffffffll
#define TOP           0x00007ffffffff000ll /* the last page of the lower half */
#define ARCH_SET_GS   0x1001
#define ARCH_SET_FS   0x1002
#define ARCH_GET_FS   0x1003
#define RW            (PROT_READ | PROT_WRITE)
#define PRIVATE       (MAP_PRIVATE | MAP_ANONYMOUS)
#define FIXED         (PRIVATE | MAP_FIXED)

static int64_t raw(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
                   uint64_t f)
{
    int64_t result;
    register uint64_t r10 __asm__("r10") = d;
    register uint64_t r8 __asm__("r8") = e;
    register uint64_t r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

/* Any system call: the kernel's answer, -errno on failure. */
MOTE_EXPORT(raw, i64, u64, u64, u64, u64, u64, u64, u64);

static uint64_t page;    /* of our own, mapped and written */
static uint64_t code;    /* of our own, executable */
static uint64_t gate;    /* the gate page */
static uint64_t mailbox; /* the mailbox */

static struct iovec vectors[3];

__attribute__((constructor)) static void find_places(void)
{
    static _Alignas(4096) uint8_t memory[4096] = {1};
    page = (uintptr_t)memory;
    code = (uintptr_t)raw & ~0xfffull;
    if (mote_info() != NULL) {
        gate = mote_info()->doorbell & ~0xfffull;
        mailbox = mote_info()->mailbox;
    }
    vectors[0] = (struct iovec){memory, 8};
    vectors[1] = (struct iovec){(void *)(uintptr_t)UNMAPPED, 8};
    vectors[2] = (struct iovec){memory, HUGE};
}

#define VECTORS ((uintptr_t)vectors)

/* X(name, number, arguments...) */
#define ATTACKS(X)                                                                     \
    X(write_null, SYS_write, 1, 0, 16)                                                 \
    X(write_unmapped, SYS_write, 1, UNMAPPED, 16)                                      \
    X(write_non_canonical, SYS_write, 1, NON_CANONICAL, 16)                            \
    X(write_kernel_half, SYS_write, 1, KERNEL_HALF, 16)                                \
    X(write_huge, SYS_write, 1, page, HUGE)                                            \
    X(write_all_sizes, SYS_write, 1, page, -1)                                         \
    X(write_wrap, SYS_write, 1, -8, 16)                                                \
    X(write_past_page, SYS_write, 1, TOP, 8192)                                        \
    X(write_fd_unknown, SYS_write, 99, page, 16)                                       \
    X(write_fd_negative, SYS_write, -1, page, 16)                                      \
    X(write_fd_high_bits, SYS_write, 1ll << 32 | 7, page, 16)                          \
    X(writev_null, SYS_writev, 1, 0, 1)                                                \
    X(writev_count_negative, SYS_writev, 1, VECTORS, -1)                               \
    X(writev_count_huge, SYS_writev, 1, VECTORS, 1ll << 32)                            \
    X(writev_count_over_limit, SYS_writev, 1, VECTORS, 1025)                           \
    X(writev_second_unmapped, SYS_writev, 1, VECTORS, 2)                               \
    X(writev_sum_overflows, SYS_writev, 1, VECTORS, 3)                                 \
    X(writev_vectors_unmapped, SYS_writev, 1, UNMAPPED, 4)                             \
    X(read_stdin, SYS_read, 0, page, 16)                                               \
    X(read_to_code, SYS_read, 0, code, 16)                                             \
    X(mmap_nothing, SYS_mmap, 0, 0, RW, PRIVATE, -1, 0)                                \
    X(mmap_huge, SYS_mmap, 0, HUGE, RW, PRIVATE, -1, 0)                                \
    X(mmap_all_sizes, SYS_mmap, 0, -1, RW, PRIVATE, -1, 0)                             \
    X(mmap_file, SYS_mmap, 0, 4096, RW, MAP_PRIVATE, 3, 0)                             \
    X(mmap_write_execute, SYS_mmap, 0, 4096, RW | PROT_EXEC, PRIVATE, -1, 0)           \
    X(mmap_execute, SYS_mmap, 0, 4096, PROT_EXEC, PRIVATE, -1, 0)                      \
    X(mmap_over_null, SYS_mmap, 0, 4096, RW, FIXED, -1, 0)                             \
    X(mmap_over_gate, SYS_mmap, gate, 4096, RW, FIXED, -1, 0)                          \
    X(mmap_over_mailbox, SYS_mmap, mailbox, 4096, RW, FIXED, -1, 0)                    \
    X(mmap_over_code, SYS_mmap, code, 4096, RW, FIXED, -1, 0)                          \
    X(mmap_at_odd_address, SYS_mmap, page + 1, 4096, RW, FIXED, -1, 0)                 \
    X(mmap_at_top, SYS_mmap, TOP, 8192, RW, FIXED, -1, 0)                              \
    X(mmap_non_canonical, SYS_mmap, NON_CANONICAL, 4096, RW, FIXED, -1, 0)             \
    X(mmap_kernel_half, SYS_mmap, KERNEL_HALF, 4096, RW, FIXED, -1, 0)                 \
    X(mmap_flags_unknown, SYS_mmap, 0, 4096, RW, -1, -1, 0)                            \
    X(mmap_prot_unknown, SYS_mmap, 0, 4096, -1, PRIVATE, -1, 0)                        \
    X(mprotect_code_writable, SYS_mprotect, code, 4096, RW)                            \
    X(mprotect_code_all, SYS_mprotect, code, 4096, RW | PROT_EXEC)                     \
    X(mprotect_data_executable, SYS_mprotect, page, 4096, PROT_READ | PROT_EXEC)       \
    X(mprotect_gate_writable, SYS_mprotect, gate, 4096, RW)                            \
    X(mprotect_mailbox_away, SYS_mprotect, mailbox, 4096, PROT_NONE)                   \
    X(mprotect_wrap, SYS_mprotect, page, -4096, RW)                                    \
    X(mprotect_everything, SYS_mprotect, 0, 1ll << 47, RW | PROT_EXEC)                 \
    X(mprotect_odd_address, SYS_mprotect, page + 8, 4096, RW)                          \
    X(mprotect_unmapped, SYS_mprotect, UNMAPPED, 4096, RW)                             \
    X(munmap_gate, SYS_munmap, gate, 4096)                                             \
    X(munmap_mailbox, SYS_munmap, mailbox, 4096)                                       \
    X(munmap_wrap, SYS_munmap, page, -1)                                               \
    X(munmap_nothing, SYS_munmap, page, 0)                                             \
    X(munmap_code, SYS_munmap, code, 4096)                                             \
    X(munmap_everything, SYS_munmap, 0, 1ll << 47)                                     \
    X(mremap_huge, SYS_mremap, page, 4096, HUGE, MREMAP_MAYMOVE)                       \
    X(mremap_gate, SYS_mremap, gate, 4096, 8192, MREMAP_MAYMOVE)                       \
    X(mremap_fixed, SYS_mremap, page, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, gate) \
    X(madvise_gate, SYS_madvise, gate, 4096, MADV_DONTNEED)                            \
    X(madvise_wrap, SYS_madvise, page, -4096, MADV_DONTNEED)                           \
    X(brk_huge, SYS_brk, HUGE)                                                         \
    X(brk_all, SYS_brk, -1)                                                            \
    X(brk_below, SYS_brk, 4096)                                                        \
    X(brk_gate, SYS_brk, gate)                                                         \
    X(fs_non_canonical, SYS_arch_prctl, ARCH_SET_FS, NON_CANONICAL)                    \
    X(fs_kernel_half, SYS_arch_prctl, ARCH_SET_FS, KERNEL_HALF)                        \
    X(gs_kernel_half, SYS_arch_prctl, ARCH_SET_GS, KERNEL_HALF)                        \
    X(fs_get_to_code, SYS_arch_prctl, ARCH_GET_FS, code)                               \
    X(fs_get_to_null, SYS_arch_prctl, ARCH_GET_FS, 0)                                  \
    X(arch_prctl_unknown, SYS_arch_prctl, -1, -1)                                      \
    X(tid_address_wild, SYS_set_tid_address, NON_CANONICAL)                            \
    X(robust_list_wild, SYS_set_robust_list, UNMAPPED, -1)                             \
    X(rseq_wild, SYS_rseq, NON_CANONICAL, 32, 0, 0)                                    \
    X(prlimit_to_code, SYS_prlimit64, 0, 3, 0, code)                                   \
    X(prlimit_to_kernel, SYS_prlimit64, 0, 3, 0, KERNEL_HALF)                          \
    X(readlink_to_gate, SYS_readlinkat, -100, page, gate, 4096)                        \
    X(getrandom_to_null, SYS_getrandom, 0, 16, 0)                                      \
    X(getrandom_huge, SYS_getrandom, page, HUGE, 0)                                    \
    X(clock_to_code, SYS_clock_gettime, 0, code)                                       \
    X(uname_to_null, SYS_uname, 0)                                                     \
    X(ioctl_to_kernel, SYS_ioctl, 1, 0x5413, KERNEL_HALF)                              \
    X(fstat_to_gate, SYS_newfstatat, 1, page, gate, 0x1000)                            \
    X(sigaction_wild, SYS_rt_sigaction, 6, UNMAPPED, KERNEL_HALF, 8)                   \
    X(sigprocmask_wild, SYS_rt_sigprocmask, 0, UNMAPPED, KERNEL_HALF, -1)              \
    X(sigreturn, SYS_rt_sigreturn, 0)                                                  \
    X(sigaltstack_wild, SYS_sigaltstack, UNMAPPED, KERNEL_HALF)                        \
    X(futex_wait_for_ever, SYS_futex, page, 0, 1, 0, 0, 0)                             \
    X(pause_for_ever, SYS_pause, 0)                                                    \
    X(nanosleep, SYS_nanosleep, page, 0)                                               \
    X(open_passwd, SYS_openat, -100, page, 0, 0)                                       \
    X(socket, SYS_socket, 2, 1, 0)                                                     \
    X(fork, SYS_fork, 0)                                                               \
    X(vfork, SYS_vfork, 0)                                                             \
    X(clone, SYS_clone, 0x11, 0, 0, 0, 0)                                              \
    X(execve, SYS_execve, page, 0, 0)                                                  \
    X(ptrace, SYS_ptrace, 0, 0, 0, 0)                                                  \
    X(kill_parent, SYS_kill, 1, 9)                                                     \
    X(tgkill_self, SYS_tgkill, 1, 1, 0)                                                \
    X(io_uring, SYS_io_uring_setup, 8, page)                                           \
    X(bpf, SYS_bpf, 0, page, 64)                                                       \
    X(number_negative, -1, 0)                                                          \
    X(number_huge, 0x7fffffffffffffff, 0)                                              \
    X(number_high_bits, 1ll << 32 | SYS_write, 1, page, 1)                             \
    X(number_x32, 0x40000000 | SYS_write, 1, page, 1)                                  \
    X(number_past_table, 600, 0)

/* raw() with as many zeros as are missing. */
#define CALL(number, ...) CALL_(number, __VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define CALL_(number, a, b, c, d, e, f, ...)                                            \
    raw((uint64_t)(number), (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), (uint64_t)(d), \
        (uint64_t)(e), (uint64_t)(f))

#define RUN(name, ...)              \
    static int64_t run_##name(void) \
    {                               \
        return CALL(__VA_ARGS__);   \
    }
#define ROW(name, ...) {#name, run_##name},

ATTACKS(RUN)

static const struct {
    const char *name;
    int64_t (*run)(void);
} attacks[] = {ATTACKS(ROW)};

enum { COUNT = sizeof(attacks) / sizeof(attacks[0]) };

static uint32_t attack_count(void)
{
    return COUNT;
}
MOTE_EXPORT(attack_count, u32);

static mote_string attack_name(uint32_t n)
{
    const char *name = n < COUNT ? attacks[n].name : "";
    return (mote_string){name, strlen(name)};
}
MOTE_EXPORT(attack_name, string, u32);

/* What the system call answered; some never come back. */
static int64_t attack(uint32_t n)
{
    return n < COUNT ? attacks[n].run() : 0;
}
MOTE_EXPORT(attack, i64, u32);

/* Whether `n` system calls that no host serves all said ENOSYS. */
static bool unknown_calls(uint32_t n)
{
    bool all = true;
    for (uint32_t i = 0; i < n; i++)
        all = raw(10000 + i, 0, 0, 0, 0, 0, 0) == -38 && all;
    return all;
}
MOTE_EXPORT(unknown_calls, bool, u32);

static uint32_t alive(void)
{
    return 42;
}
MOTE_EXPORT(alive, u32);
