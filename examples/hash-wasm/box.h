/* SPDX-License-Identifier: Apache-2.0 */
/* One WebAssembly module in its own micro-VM. Failures end the program with a line. */
#ifndef HASH_WASM_BOX_H
#define HASH_WASM_BOX_H

#include <mote.h>
#include <stddef.h>
#include <stdint.h>

struct box {
    const char *name;
    mote_image *image;
    mote_sandbox *sandbox;
    uint64_t buffer; /* address in the module's memory where messages go */
};

struct boxes { /* what they share */
    mote_host *host;
    mote_policy *policy;
    const char *folder; /* has NAME.mote of every module */
};

/* Largest message piece that fits a module's buffer. */
#define BOX_BUFFER 16384

void box_open(struct box *box, const struct boxes *boxes, const char *name);
void box_close(struct box *box);
/* Starts the module afresh. */
void box_reset(struct box *box);

/* Calls an export with up to 3 i32 arguments, as many as it has; returns its i32, or 0. */
int32_t box_call(struct box *box, const char *name, uint32_t a, uint32_t b, uint32_t c);

/* Copies into and out of the module's buffer. */
void box_put(struct box *box, size_t offset, const void *data, size_t size);
void box_get(struct box *box, size_t offset, void *data, size_t size);

/* Makes the buffer at least this large (modules that can: argon2, scrypt). */
void box_resize(struct box *box, uint32_t size);

#endif
