/* SPDX-License-Identifier: Apache-2.0 */
/* Names for addresses, from the symbol table of the image's file: hostile, so bounded. */
#ifndef MOTE_SYMBOL_H
#define MOTE_SYMBOL_H

#include <stddef.h>
#include <stdint.h>

#include "mote.h"

/* The functions of one image, sorted by address when somebody asks first: a fault then costs
 * a search, whatever the file's table is like. Has a lock of its own. */
struct mote__symbols;

struct mote__symbols *mote__symbols_new(const mote_allocator *allocator);
void mote__symbols_free(struct mote__symbols *symbols); /* NULL is fine */

/* "function+0x1f", its name cut to what `size` bytes with the NUL leave. Returns the whole length,
 * or MOTE_ENOTFOUND with an empty text. */
int mote__image_symbol(const mote_image *image, uint64_t address, char *text, size_t size);

#endif
