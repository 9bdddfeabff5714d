/* SPDX-License-Identifier: Apache-2.0 */
/* malloc_stdio: what ordinary programs ask of libc. */
#include <mote_guest.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- memory -------------------------------------------------------------- */

static bool is_filled(const uint8_t *data, size_t size, uint8_t value)
{
    return size == 0 || (data[0] == value && memcmp(data, data + 1, size - 1) == 0);
}

/* malloc, write all, read all, free; false when there is no memory. */
static bool allocate(uint64_t size)
{
    uint8_t *data = malloc(size);
    if (data == NULL)
        return false;
    memset(data, 0x5a, size);
    bool intact = is_filled(data, size, 0x5a);
    free(data);
    return intact;
}
MOTE_EXPORT(allocate, bool, u64);

/* Grows one block step by step through realloc, up to `size` bytes. */
static bool grow(uint64_t size)
{
    uint8_t *data = NULL;
    uint64_t filled = 0;
    for (uint64_t next = 16; next <= size; next += next / 2) {
        uint8_t *larger = realloc(data, next);
        if (larger == NULL || !is_filled(larger, filled, 0xa5))
            break;
        memset(larger + filled, 0xa5, next - filled);
        data = larger;
        filled = next;
    }
    bool intact = filled > 0 && filled + filled / 2 > size && is_filled(data, filled, 0xa5);
    free(data);
    return intact;
}
MOTE_EXPORT(grow, bool, u64);

/* Allocates and frees blocks of 1 byte to 256 KiB in an irregular order. */
static bool churn(uint32_t rounds)
{
    static struct {
        uint8_t *data;
        size_t size;
    } blocks[64];
    uint32_t random = 1;
    bool intact = true;

    for (uint32_t i = 0; i < rounds; i++) {
        random = random * 1664525u + 1013904223u;
        uint32_t slot = random >> 26;
        size_t size = (size_t)1 << (random >> 8 & 0xf) << (random >> 12 & 3);
        intact = intact && is_filled(blocks[slot].data, blocks[slot].size, (uint8_t)slot);
        free(blocks[slot].data);
        blocks[slot].data = malloc(size);
        blocks[slot].size = blocks[slot].data == NULL ? 0 : size;
        memset(blocks[slot].data, (int)slot, blocks[slot].size);
    }
    return intact;
}
MOTE_EXPORT(churn, bool, u32);

/* Allocates blocks of `size` bytes, touching each, until there is no more; the
 * number of bytes that it got. */
static uint64_t exhaust(uint64_t size)
{
    uint64_t total = 0;
    for (uint8_t *data = malloc(size); data != NULL; data = malloc(size)) {
        memset(data, 1, size);
        total += size;
    }
    return total;
}
MOTE_EXPORT(exhaust, u64, u64);

/* ---- streams ------------------------------------------------------------- */

static void print(mote_string text)
{
    printf("%.*s\n", (int)text.size, text.data);
    fflush(stdout);
}
MOTE_EXPORT(print, void, string);

static void print_error(mote_string text)
{
    fprintf(stderr, "%.*s\n", (int)text.size, text.data);
}
MOTE_EXPORT(print_error, void, string);

static void print_all(int32_t i, double d, mote_string text)
{
    printf("%d %.17g ", i, d);
    fwrite(text.data, 1, text.size, stdout);
    puts("");
    fflush(stdout);
}
MOTE_EXPORT(print_all, void, i32, f64, string);

/* `lines` lines through the buffer of stdout; false when a write failed. */
static bool print_lines(uint32_t lines)
{
    bool good = true;
    for (uint32_t i = 0; i < lines; i++)
        good = printf("line %u\n", i) > 0 && good;
    return fflush(stdout) == 0 && good;
}
MOTE_EXPORT(print_lines, bool, u32);

/* Left in the buffer: a fresh call must not see it. */
static void print_unflushed(mote_string text)
{
    printf("%.*s", (int)text.size, text.data);
}
MOTE_EXPORT(print_unflushed, void, string);

static bool open_file(mote_string path)
{
    char name[256];
    snprintf(name, sizeof(name), "%.*s", (int)path.size, path.data);
    FILE *file = fopen(name, "r");
    if (file != NULL)
        fclose(file);
    return file != NULL;
}
MOTE_EXPORT(open_file, bool, string);
