/* SPDX-License-Identifier: Apache-2.0 */
/* Names for addresses, from the symbol table of the image's file: hostile, so bounded. */
#ifndef MOTE_SYMBOL_H
#define MOTE_SYMBOL_H

#include <elf.h>
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

/* Section `index` of the file, whose header is `e`; false where there is none, or where its
 * contents do not lie in the file. */
bool mote__image_section(const mote_image *image, const Elf64_Ehdr *e, uint32_t index,
                         Elf64_Shdr *section);
/* Whether the file has line tables that somebody may read. */
bool mote__image_has_lines(const mote_image *image);
bool mote__image_has_symbols(const mote_image *image);

#endif
