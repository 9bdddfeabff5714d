/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool reserve(struct mote__text *text, size_t more)
{
    if (text->failed || more > SIZE_MAX / 4 - text->size) {
        text->failed = true;
        return false;
    }
    const size_t need = text->size + more + 1;
    if (need <= text->capacity)
        return true;
    const size_t capacity = need < 256 ? 256 : need * 2;
    char *data = realloc(text->data, capacity);
    if (data == NULL) {
        text->failed = true;
        return false;
    }
    text->data = data;
    text->capacity = capacity;
    return true;
}

void mote__text_append(struct mote__text *text, const void *bytes, size_t size)
{
    if (!reserve(text, size))
        return;
    if (size > 0)
        memcpy(text->data + text->size, bytes, size);
    text->size += size;
    text->data[text->size] = '\0';
}

void mote__text_string(struct mote__text *text, const char *string)
{
    mote__text_append(text, string, strlen(string));
}

void mote__text_format(struct mote__text *text, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    const int need = vsnprintf(NULL, 0, format, list);
    va_end(list);
    if (need < 0 || !reserve(text, (size_t)need)) {
        text->failed = true;
        return;
    }
    va_start(list, format);
    vsnprintf(text->data + text->size, (size_t)need + 1, format, list);
    va_end(list);
    text->size += (size_t)need;
}

void mote__text_leb(struct mote__text *text, uint32_t number)
{
    do {
        const uint8_t byte = (uint8_t)((number & 0x7f) | (number > 0x7f ? 0x80 : 0));
        mote__text_append(text, &byte, 1);
        number >>= 7;
    } while (number != 0);
}

/* Letters, digits and a few marks stand for themselves; the rest, trigraph and
 * assembler characters among it, is written as three octal digits. */
static bool is_plain(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || (byte != 0 && strchr("_.-:/ ", byte) != NULL);
}

void mote__text_c_string(struct mote__text *text, const void *bytes, size_t size)
{
    const uint8_t *in = bytes;
    for (size_t i = 0; i < size; i++) {
        if (is_plain(in[i]))
            mote__text_append(text, &in[i], 1);
        else
            mote__text_format(text, "\\%03o", in[i]);
    }
}

bool mote__text_ok(const struct mote__text *text)
{
    return !text->failed;
}

void mote__text_free(struct mote__text *text)
{
    free(text->data);
    *text = (struct mote__text)MOTE__TEXT_INIT;
}
