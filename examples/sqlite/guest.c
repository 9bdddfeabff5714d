/* SPDX-License-Identifier: Apache-2.0 */
/* Functions that somebody wrote for use in SQL. */
#include <ctype.h>
#include <mote_guest.h>
#include <string.h>

static mote_string slug(mote_string title)
{
    static char answer[256];
    size_t size = 0;
    for (size_t i = 0; i < title.size && size < sizeof(answer); i++) {
        if (isalnum((unsigned char)title.data[i]))
            answer[size++] = (char)tolower((unsigned char)title.data[i]);
        else if (size > 0 && answer[size - 1] != '-')
            answer[size++] = '-';
    }
    size -= size > 0 && answer[size - 1] == '-';
    return (mote_string){answer, size};
}
MOTE_EXPORT(slug, string, string);

static int64_t gcd(int64_t a, int64_t b)
{
    while (b != 0) {
        int64_t rest = a % b; /* INT64_MIN % -1 faults, and ends one query */
        a = b;
        b = rest;
    }
    return a;
}
MOTE_EXPORT(gcd, i64, i64, i64);

/* A number that grows, if anything of the last call were left. */
static int32_t calls_so_far(void)
{
    static int32_t calls;
    return ++calls;
}
MOTE_EXPORT(calls_so_far, i32);

static void forever(void)
{
    for (;;)
        __asm__ volatile("");
}
MOTE_EXPORT(forever, void);
