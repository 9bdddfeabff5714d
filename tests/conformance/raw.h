/* SPDX-License-Identifier: Apache-2.0 */
/* System calls of the guest `scratch`, whose structures the test puts into its memory. */
#ifndef CONFORMANCE_RAW_H
#define CONFORMANCE_RAW_H

#include "support.h"

#include <errno.h>
#include <sys/syscall.h>

/* Opens `scratch` with an empty policy, which the test may fill; raw_start makes the sandbox. */
void raw_open(struct box *box);
void raw_start(struct box *box);

/* The address of byte `offset` of the guest's 64 KiB of scratch memory. */
uint64_t at(uint64_t offset);
void raw_put(struct box *box, uint64_t offset, const void *data, size_t size);
void raw_get(struct box *box, uint64_t offset, void *data, size_t size);
/* Puts a string with its NUL there; its address. */
uint64_t raw_text(struct box *box, uint64_t offset, const char *text);

/* RAW(box, SYS_write, 1, at(0), 5): the answer. Missing arguments are 0. */
#define RAW(box, ...) RAW_(box, __VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define RAW_(box, number, a, b, c, d, e, f, ...)                                                  \
    raw_call(box, (uint64_t)(number), (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), (uint64_t)(d), \
             (uint64_t)(e), (uint64_t)(f))
int64_t raw_call(struct box *box, uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                 uint64_t e, uint64_t f);
/* The same where the call of the embedder is to fail: its code. */
int raw_fails(struct box *box, uint64_t deadline_ns, uint64_t number, uint64_t a, uint64_t b,
              uint64_t c);

#endif
