/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Allocation of host objects. A block begins with the allocator that made it: handles and
 * results may outlive their host, and freeing needs nobody to remember whose block it is.
 */
#include <stdlib.h>
#include <string.h>

#include "os/os.h"
#include "os/seam.h"

struct block {
    void *(*resize)(void *user, void *memory, size_t size);
    void (*release)(void *user, void *memory);
    void *user;
    size_t reserved; /* keeps what follows aligned for any type */
    _Alignas(max_align_t) unsigned char memory[];
};

static void *libc_allocate(void *user, size_t size)
{
    (void)user;
    return malloc(size);
}

static void *libc_resize(void *user, void *memory, size_t size)
{
    (void)user;
    return realloc(memory, size);
}

static void libc_release(void *user, void *memory)
{
    (void)user;
    free(memory);
}

static const mote_allocator libc = {sizeof libc, libc_allocate, libc_resize, libc_release, NULL};

static struct block *block_of(void *memory)
{
    return (struct block *)(void *)((unsigned char *)memory - offsetof(struct block, memory));
}

/* The C library has zeroed memory at hand, for large blocks without touching it. */
static void *take(const mote_allocator *a, size_t size, bool zeroed)
{
    if (a == &libc)
        return zeroed ? calloc(1, size) : malloc(size);
    void *memory = a->allocate(a->user, size);
    return memory && zeroed ? memset(memory, 0, size) : memory;
}

static void *allocate(const mote_allocator *allocator, size_t size, bool zeroed)
{
    const mote_allocator *a = allocator && allocator->allocate ? allocator : &libc;
    size = size ? size : 1; /* what points behind its block looks lost to leak checkers */
    if (mote__seam("alloc") || size > SIZE_MAX - sizeof(struct block))
        return NULL;
    struct block *block = take(a, sizeof *block + size, zeroed);
    if (!block)
        return NULL;
    *block = (struct block){.resize = a->resize, .release = a->release, .user = a->user};
    return block->memory;
}

void *mote__alloc(const mote_allocator *allocator, size_t size)
{
    return allocate(allocator, size, true);
}

void *mote__alloc_array(const mote_allocator *allocator, size_t count, size_t size)
{
    size_t bytes;
    return __builtin_mul_overflow(count, size, &bytes) ? NULL : mote__alloc(allocator, bytes);
}

void *mote__realloc(const mote_allocator *allocator, void *old, size_t size)
{
    if (!old)
        return allocate(allocator, size, false);
    struct block *block = block_of(old);
    if (mote__seam("alloc") || size > SIZE_MAX - sizeof *block)
        return NULL;
    block = block->resize(block->user, block, sizeof *block + size);
    return block ? block->memory : NULL;
}

char *mote__strdup(const mote_allocator *allocator, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = allocate(allocator, size, false);
    return copy ? memcpy(copy, text, size) : NULL;
}

void mote__free(void *memory)
{
    if (!memory)
        return;
    struct block *block = block_of(memory);
    block->release(block->user, block);
}

void mote__wipe(void *memory, size_t size)
{
#if !defined(MOTE_CONTROL_NO_PARK_WIPE)
    explicit_bzero(memory, size);
#endif
}
