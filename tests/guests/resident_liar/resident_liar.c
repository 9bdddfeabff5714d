/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resident_liar: claims to wait in the gate page, and runs on. It knows what no guest should rely
 * on: where the ring is (src/arch/x86_64/gate.h).
 */
#include <mote_guest.h>

enum { RING = 1024, PAGE = 4096, SCRIBBLES = 50 };

static uint64_t secret;

static struct mote_mailbox *box(void)
{
    return (struct mote_mailbox *)(uintptr_t)mote_info()->mailbox;
}

static const volatile uint64_t *go(void)
{
    return (const volatile uint64_t *)(((uintptr_t)mote_info() & ~(uintptr_t)(PAGE - 1)) + RING);
}

/* The word with which the doorbell of the gate page says that it rang. */
static volatile uint64_t *rung(void)
{
    return &box()->reserved[0];
}

static void ring(uint32_t request)
{
    box()->request = request;
    __asm__ volatile("" ::: "memory");
    ((void (*)(void))(uintptr_t)mote_info()->doorbell)();
    __asm__ volatile("" ::: "memory");
}

/* Says that the call has returned, and holds on to `kept` in a register, while the host puts all
 * memory back and wants a fresh start, until the next call is there. */
static uint64_t keep_over_a_reset(uint64_t kept)
{
    uint64_t now = *go();
    box()->request = MOTE_REQUEST_RETURN;
    __asm__ volatile("mov %[now], (%[rung])\n"
                     "1: pause\n"
                     "cmp (%[go]), %[now]\n"
                     "je 1b\n"
                     : [kept] "+r"(kept)
                     : [now] "r"(now), [go] "r"(go()), [rung] "r"(rung())
                     : "memory", "cc");
    return kept;
}

static void answer(uint64_t value)
{
    struct mote_slot slot = {value, 0};
    *(struct mote_slot *)(uintptr_t)(box()->call + sizeof(struct mote_call_frame)) = slot;
    ring(MOTE_REQUEST_RETURN);
}

void mote__answer(void);

/* The next call, of whatever takes nothing and gives a u64, is answered with `kept`. */
static void keep(uint64_t kept)
{
    answer(keep_over_a_reset(kept));
    for (;;)
        mote__answer();
}
MOTE_EXPORT(keep, void, u64);

static uint64_t tell(void)
{
    return secret;
}
MOTE_EXPORT(tell, u64);

/* Rings, and rewrites all that the host may be reading, as long as it does. */
static uint32_t scribble(uint32_t seed)
{
    uint64_t now = *go();
    struct mote_mailbox *mailbox = box();
    volatile uint64_t *words = (volatile uint64_t *)(uintptr_t)mailbox;
    box()->request = seed % 7;
    box()->message = mote_info()->mailbox + seed % 512;
    for (uint64_t x = seed | 1, i = 0; *go() == now && i < 100000; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        *rung() = now;
        words[x >> 40 & 31] = i % 3 ? x >> 33 & 7 : x;
        *rung() = i % 5 ? now : x;
    }
    return seed;
}
MOTE_EXPORT(scribble, u32, u32);
