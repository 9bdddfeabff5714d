/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seam: every allocation and every system call of the library passes here,
 * so that a test build can make each fail in turn. A build with MOTE_SEAM asks
 * mote__seam_hook before each; all other builds pay nothing.
 *
 * Functions that return int return 0 (or a result >= 0) or a negative errno.
 */
#ifndef MOTE_OS_H
#define MOTE_OS_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mote.h"

#ifdef MOTE_SEAM
/* Returns 0 to let the call through, or an errno with which it fails. */
extern int (*mote__seam_hook)(const char *call);
#endif

#define MOTE__PAGE ((size_t)4096) /* of x86-64; guests and hosts share it here */

static inline uint64_t mote__align_up(uint64_t value, uint64_t align)
{
    return (value + align - 1) & ~(align - 1);
}

static inline uint64_t mote__align_down(uint64_t value, uint64_t align)
{
    return value & ~(align - 1);
}

/* allocation (os/allocate.c): with the embedder's allocator, or the C library's where it is NULL;
 * NULL when there is no memory. Each block remembers its allocator, so that to free it or to
 * change its size needs none. Zeroed, save what mote__realloc adds. */
void *mote__alloc(const mote_allocator *allocator, size_t size);
void *mote__alloc_array(const mote_allocator *allocator, size_t count, size_t size);
void *mote__realloc(const mote_allocator *allocator, void *old, size_t size);
char *mote__strdup(const mote_allocator *allocator, const char *text);
void mote__free(void *memory);
/* Zeroes memory that is freed next; no compiler leaves it out. */
void mote__wipe(void *memory, size_t size);

/* For what its owner shows to others as const. */
static inline void mote__free_const(const void *memory)
{
    mote__free((void *)(uintptr_t)memory);
}

/* files */
int mote__open_read(const char *path);
int mote__open_device(const char *path);
int mote__open_snapshot(const char *path); /* ELOOP: a symbolic link */
int mote__close(int fd);
int mote__file_size(int fd, uint64_t *size);
int mote__read_at(int fd, void *data, size_t size, uint64_t offset); /* all of it, or -EIO */
int mote__ioctl(int fd, unsigned long request, void *argument);
int mote__ioctl_value(int fd, unsigned long request, unsigned long value);

/* What mapping memory gives where RLIMIT_MEMLOCK forbids it: the kernel says EAGAIN, which
 * elsewhere is a thread or process too many. */
#define MOTE__ELOCKED_MEMORY ENOLCK

/* memory; *out is not touched on failure */
int mote__map_anonymous(void **out, size_t size);          /* private, reserved lazily */
int mote__map_shared_fd(void **out, size_t size, int fd);  /* read and write */
int mote__map_over(void *at, size_t size, int fd);         /* read-only file over a mapping */
int mote__map_private_over(void *at, size_t size, int fd); /* copy-on-write, over a mapping */
int mote__map_anonymous_over(void *at, size_t size);       /* zero, over whatever is mapped */
int mote__map_read_only(void **out, size_t size, int fd, uint64_t offset); /* private */
int mote__unmap(void *memory, size_t size);
int mote__seal_memory(void *memory, size_t size);       /* read-only from now on */
int mote__release_pages(void *memory, size_t size);     /* zero again; zaps VM mappings */
int mote__zap_pages(void *memory, size_t size);         /* keep contents; zaps VM mappings */
int mote__populate_pages(void *memory, size_t size);    /* fault in for writing */
int mote__not_in_child(void *memory, size_t size);      /* MADV_DONTFORK */
int mote__wipe_in_child(void *memory, size_t size);     /* MADV_WIPEONFORK */
int mote__memory_file(const char *name, uint64_t size); /* an unnamed file; returns the fd */
int mote__sized_file(const char *name, uint64_t size);  /* the same; its size never changes */

/* time, threads, signals */
uint64_t mote__now_ns(void); /* monotonic; the vDSO, no system call */
uint64_t mote__realtime_ns(void);
uint64_t mote__thread_cpu_ns(void); /* of this thread; a system call */
/* The same of any thread, by its clock; false when the thread is gone. */
bool mote__cpu_clock(int clock, uint64_t *ns);
void mote__sleep_ns(uint64_t ns);
void mote__yield(void); /* a system call: pending signals are delivered in it */
int mote__process_id(void);
int mote__random(void *data, size_t size);
int mote__thread_start(pthread_t *thread, void *(*run)(void *), void *argument);
int mote__thread_pin(pthread_t thread, unsigned processor);
void mote__futex_wait(_Atomic uint32_t *word, uint32_t value);
void mote__futex_wake(_Atomic uint32_t *word); /* all who wait; the word itself is not touched */
/* Until it is signalled, or for no reason, or `until` (monotonic; 0: for ever) has passed. The
 * condition must come from mote__condition_init. */
void mote__condition_init(pthread_cond_t *condition);
void mote__condition_wait(pthread_cond_t *condition, pthread_mutex_t *lock, uint64_t until);
/* A descriptor that is readable while it is set. */
int mote__event_open(void);
void mote__event_set(int fd);
void mote__event_clear(int fd);
/* On how many processors this thread may run; at least 1. */
unsigned mote__processors(void);
/* This thread lets it in from now on. */
void mote__signal_let_in(int signal);
/* Takes the highest free real-time signal and gives it an empty handler; returns it. */
int mote__signal_take(void);
/* Whether the embedder has a handler for it; and whether this thread lets it in. */
bool mote__signal_is_handled(int signal);
bool mote__signal_is_open(int signal);
void mote__signal_open(int signal); /* this thread lets it in */
void mote__signal_give_back(int signal);
/* Keeps pthread_cancel of this thread waiting; what the second one wants is what the first gave. */
int mote__cancel_off(void);
void mote__cancel_back(int state);

#endif
