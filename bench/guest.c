/* SPDX-License-Identifier: Apache-2.0 */
/* bench_ops: system calls and host functions, with nothing around them. */
#include <mote_guest.h>
#include <sys/syscall.h>

MOTE_IMPORT(env, later, u32)

static long getpid_of_kernel(void)
{
    long result = SYS_getpid;
    __asm__ volatile("syscall" : "+a"(result) : : "rcx", "r11", "memory");
    return result;
}

/* How many of n system calls answered. */
static uint32_t getpids(uint32_t n)
{
    uint32_t answered = 0;
    for (uint32_t i = 0; i < n; i++)
        answered += getpid_of_kernel() > 0;
    return answered;
}
MOTE_EXPORT(getpids, u32, u32);

/* What the host function answers, at once or later. */
static uint32_t ask(void)
{
    uint32_t answer = 0;
    env_later(&answer);
    return answer;
}
MOTE_EXPORT(ask, u32);
