/* SPDX-License-Identifier: Apache-2.0 */
/* frames: ends calls at known places, f3 called by f2 called by f1; and lies about its frames. */
#include <mote_guest.h>
#include <signal.h>

MOTE_IMPORT(env, fail, void)
MOTE_IMPORT(env, wait, void)

#define APART __attribute__((noinline, noclone))

enum end {
    END_WRITE,    /* to address 0 */
    END_ILLEGAL,  /* ud2 */
    END_ABORT,    /* mote_abort */
    END_HOST,     /* a host function that fails */
    END_SPIN,     /* for ever */
    END_SYSCALLS, /* for ever */
    END_WAITS,    /* host calls for ever */
    END_SIGNAL,   /* raise */
    END_NOWHERE,  /* calls address 0 */
    END_WIDE,     /* the doorbell, two bytes wide */
    END_INLINED   /* END_WRITE in a function that is inlined */
};

/* Not in libc, whose functions have no frame pointers. The third argument and the fourth are
 * for mmap. */
static long system_call(long number, long a, long b, long c, long d)
{
    register long fourth __asm__("r10") = d;
    __asm__ volatile("syscall"
                     : "+a"(number)
                     : "D"(a), "S"(b), "d"(c), "r"(fourth)
                     : "rcx", "r11", "memory");
    return number;
}

/* "here: ..." is how tests of debug information find a line. */
static inline __attribute__((always_inline)) void write_low(uintptr_t address)
{
    *(volatile int *)address = 1; /* here: inlined */
}

APART static void f3(uint32_t end)
{
    static const char dry[] = "dry";
    static volatile uintptr_t low = 8;
    void (*volatile nowhere)(void) = NULL;

    switch ((enum end)end) {
    case END_WRITE:
        *(volatile int *)NULL = 1; /* here: write */
        break;
    case END_ILLEGAL:
        __asm__ volatile("ud2");
        break;
    case END_ABORT:
        mote_abort(1, dry, sizeof(dry) - 1); /* here: abort */
    case END_HOST:
        env_fail();
        break;
    case END_SPIN:
        for (;;)
            __asm__ volatile("");
    case END_SYSCALLS:
        for (;;)
            system_call(-1, 0, 0, 0, 0);
    case END_WAITS:
        for (;;)
            env_wait();
    case END_SIGNAL:
        system_call(200, 1, SIGABRT, 0, 0); /* tkill */
        break;
    case END_NOWHERE:
        nowhere();
        break;
    case END_WIDE:
        __asm__ volatile("out %%ax, $0x4d" ::"a"(0));
        break;
    case END_INLINED:
        write_low(low); /* here: call of write_low */
        break;
    }
    __asm__ volatile("");
}

APART static void f2(uint32_t end)
{
    f3(end);              /* here: call of f3 */
    __asm__ volatile(""); /* no tail call */
}

APART static void f1(uint32_t end)
{
    f2(end); /* here: call of f2 */
    __asm__ volatile("");
}

static void chain(uint32_t end)
{
    f1(end); /* here: call of f1 */
    __asm__ volatile("");
}
MOTE_EXPORT(chain, void, u32);

APART static void descend(uint32_t depth)
{
    if (depth == 0)
        f3(END_ILLEGAL);
    else
        descend(depth - 1);
    __asm__ volatile("");
}
MOTE_EXPORT(descend, void, u32);

/* Maps pages until the table of regions is full. */
static uint32_t crowd(void)
{
    enum { MMAP = 9, PRIVATE_ANONYMOUS = 0x22 };
    uint32_t n = 0;

    while (system_call(MMAP, 0, 4096, n % 2 == 0 ? 1 : 3, PRIVATE_ANONYMOUS) > 0)
        n++;
    return n;
}
MOTE_EXPORT(crowd, u32);

static void take(mote_bytes bytes)
{
    (void)bytes;
}
MOTE_EXPORT(take, void, bytes);

/* ---- lies ------------------------------------------------------------------ */

APART static void end_with_frame_at(uint64_t frame)
{
    __asm__ volatile("mov %0, %%rbp; ud2" ::"r"(frame));
}
MOTE_EXPORT(end_with_frame_at, void, u64);

struct frame {
    uint64_t caller, back;
};

static struct frame made[100];

/* `count` frames in a row, each `step` behind the one before, all called by f1. */
static uint64_t make_frames(uint32_t count, int32_t step)
{
    int64_t at = step < 0 ? count - 1 : 0;

    for (uint32_t i = 0; i < count; i++, at += step) {
        made[at].caller = (uintptr_t)&made[at + step];
        made[at].back = (uintptr_t)f1 + 1;
    }
    return (uintptr_t)&made[step < 0 ? count - 1 : 0];
}
MOTE_EXPORT(make_frames, u64, u32, i32);

/* One frame with anything in it. */
static uint64_t make_frame(uint64_t caller, uint64_t back)
{
    made[0] = (struct frame){caller, back};
    return (uintptr_t)&made[0];
}
MOTE_EXPORT(make_frame, u64, u64, u64);

static uint64_t address_of_gate(void)
{
    return mote_info()->doorbell;
}
MOTE_EXPORT(address_of_gate, u64);

static uint64_t address_of_f1(void)
{
    return (uintptr_t)f1;
}
MOTE_EXPORT(address_of_f1, u64);
