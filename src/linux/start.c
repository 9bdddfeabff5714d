/* SPDX-License-Identifier: Apache-2.0 */
/* The initial stack of a program: x86-64 psABI, section 3.4.1. */
#include <elf.h>
#include <string.h>

#include "error.h"
#include "linux/internal.h"

#define MOST_STRINGS 1024u /* arguments and environment together */
#define MOST_BYTES   0x20000u

/* Built downwards in a copy, then put into the guest at once. */
struct stack {
    uint8_t *bytes; /* of MOST_BYTES; its end is the stack's top */
    uint64_t top;
    size_t used;
};

static uint64_t push(struct stack *stack, const void *data, size_t size)
{
    if (size > MOST_BYTES - stack->used)
        return 0;
    stack->used += size;
    memcpy(stack->bytes + MOST_BYTES - stack->used, data, size);
    return stack->top - stack->used;
}

static size_t count(char *const *list)
{
    size_t n = 0;
    while (list && list[n])
        n++;
    return n;
}

/* Pushes the strings of a list and notes where each is; false when they do not fit. */
static bool push_strings(struct stack *stack, char *const *list, uint64_t *words, size_t *n)
{
    for (size_t i = 0; list && list[i]; i++) {
        uint64_t at = push(stack, list[i], strlen(list[i]) + 1);
        if (!at)
            return false;
        words[(*n)++] = at;
    }
    words[(*n)++] = 0;
    return true;
}

static size_t put_auxv(mote_sandbox *sandbox, uint64_t *words, uint64_t random)
{
    const struct mote__elf *elf = &sandbox->image->elf;
    const uint64_t auxv[] = {
        AT_PHDR,      elf->phdr,
        AT_PHENT,     sizeof(Elf64_Phdr),
        AT_PHNUM,     elf->phnum,
        AT_PAGESZ,    MOTE__PAGE,
        AT_BASE,      0,
        AT_FLAGS,     0,
        AT_ENTRY,     elf->entry,
        AT_UID,       MOTE__LINUX_USER,
        AT_EUID,      MOTE__LINUX_USER,
        AT_GID,       MOTE__LINUX_USER,
        AT_EGID,      MOTE__LINUX_USER,
        AT_SECURE,    0,
        AT_CLKTCK,    100,
        AT_RANDOM,    random,
        MOTE_AT_INFO, sandbox->shell->layout->info,
        AT_NULL,      0,
    };
    memcpy(words, auxv, sizeof auxv);
    return sizeof auxv / sizeof auxv[0];
}

/* argc, the pointers and the auxiliary vector; RSP is 16-byte aligned at argc. */
static uint64_t push_words(struct stack *stack, const uint64_t *words, size_t n)
{
    size_t padding = (stack->used + n * 8) % 16;
    static const uint8_t zeros[16];
    if (padding && !push(stack, zeros, 16 - padding))
        return 0;
    return push(stack, words, n * sizeof *words);
}

static uint64_t build(mote_sandbox *sandbox, struct stack *stack, uint64_t *words,
                      const uint8_t seed[16])
{
    char name[] = "guest";
    char *default_args[] = {name, NULL};
    char *const *args = sandbox->args ? sandbox->args : default_args;
    size_t n = 0;
    if (count(args) + count(sandbox->env) > MOST_STRINGS)
        return 0;
    uint64_t random = push(stack, seed, 16);
    words[n++] = count(args);
    if (!push_strings(stack, args, words, &n) || !push_strings(stack, sandbox->env, words, &n))
        return 0;
    n += put_auxv(sandbox, words + n, random);
    return push_words(stack, words, n);
}

/* Seeded like the rest where the policy wants the same for the same seed: the words in front of
 * those that getrandom gives. */
static int fill_seed(const mote_sandbox *sandbox, uint8_t seed[16])
{
    if (!sandbox->policy || sandbox->policy->random != MOTE_RANDOM_SEEDED)
        return mote__random(seed, 16);
    mote__linux_seeded(sandbox->policy->random_seed, UINT64_MAX - 1, seed, 16);
    return 0;
}

int mote__linux_start(mote_sandbox *sandbox, struct mote__cpu_regs *regs, mote_error *error)
{
    const mote_allocator *allocator = &sandbox->host->allocator;
    struct stack stack = {.top = sandbox->shell->layout->stack_top};
    uint8_t seed[16];
    int status = fill_seed(sandbox, seed);
    if (status < 0)
        return mote__fail_system(error, status, "getrandom");
    uint64_t *words = mote__alloc_array(allocator, MOST_STRINGS + 64, sizeof *words);
    stack.bytes = mote__alloc(allocator, MOST_BYTES);
    uint64_t rsp = words && stack.bytes ? build(sandbox, &stack, words, seed) : 0;
    if (!words || !stack.bytes)
        status = mote__fail_memory(error, "a program's arguments");
    else if (!rsp)
        status = mote__fail_argument(error, "the arguments and the environment are larger than "
                                            "128 KiB or more than 1024 strings");
    else
        status = mote__memory_put(&sandbox->shell->memory, rsp,
                                  stack.bytes + MOST_BYTES - stack.used, stack.used);
    if (status == MOTE_ERANGE)
        mote__describe(error, MOTE_DOMAIN_API, status, 0, "give the guest a larger stack",
                       "the arguments and the environment do not fit the stack");
    mote__free(words);
    mote__free(stack.bytes);
    regs->rsp = rsp;
    return status;
}
