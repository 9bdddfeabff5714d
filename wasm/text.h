/* SPDX-License-Identifier: Apache-2.0 */
/* A growing buffer of bytes. After a failed append it stays failed and empty of
 * promises: check mote__text_ok once, at the end. */
#ifndef MOTE_WASM_TEXT_H
#define MOTE_WASM_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mote__text {
    char *data; /* NUL-terminated when not NULL */
    size_t size;
    size_t capacity;
    bool failed;
};

#define MOTE__TEXT_INIT   \
    {                     \
        NULL, 0, 0, false \
    }

void mote__text_append(struct mote__text *text, const void *bytes, size_t size);
void mote__text_string(struct mote__text *text, const char *string);
void mote__text_format(struct mote__text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* An unsigned LEB128 number of the least length. */
void mote__text_leb(struct mote__text *text, uint32_t number);
/* The inside of a C string literal that means exactly these bytes. */
void mote__text_c_string(struct mote__text *text, const void *bytes, size_t size);
bool mote__text_ok(const struct mote__text *text);
void mote__text_free(struct mote__text *text);

#endif
