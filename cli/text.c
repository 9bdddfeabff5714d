/* SPDX-License-Identifier: Apache-2.0 */
/* Lines for people, and the numbers that people write. */
#include "cli.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void line_vadd(struct line *line, const char *format, va_list list)
{
    size_t room = sizeof(line->text) - line->used;
    int length = vsnprintf(line->text + line->used, room, format, list);
    if (length > 0)
        line->used += (size_t)length < room ? (size_t)length : room - 1;
}

void line_add(struct line *line, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    line_vadd(line, format, list);
    va_end(list);
}

void line_print(const struct line *line)
{
    for (size_t i = 0; i < line->used; i++) {
        unsigned char c = (unsigned char)line->text[i];
        if (iscntrl(c))
            fprintf(stderr, "\\x%02x", c);
        else
            fputc(c, stderr);
    }
    fputc('\n', stderr);
    fflush(stderr);
}

void line_say(const struct line *line)
{
    fputs("mote: ", stderr);
    line_print(line);
}

void say(const char *format, ...)
{
    struct line line = {0};
    va_list list;
    va_start(list, format);
    line_vadd(&line, format, list);
    va_end(list);
    line_say(&line);
}

struct unit {
    const char *name;
    double factor;
};

/* A number that is not negative, followed by one of the units; the list ends with name NULL. */
static bool parse_scaled(const char *text, const struct unit *units, uint64_t *value)
{
    char *end;
    if (!isdigit((unsigned char)text[0]) ||
        (text[0] == '0' && tolower((unsigned char)text[1]) == 'x'))
        return false;
    errno = 0;
    double number = strtod(text, &end);
    if (errno != 0)
        return false;
    while (units->name != NULL && strcasecmp(end, units->name) != 0)
        units++;
    number *= units->factor;
    if (units->name == NULL || !(number < 0x1p63))
        return false;
    *value = (uint64_t)number;
    return true;
}

bool parse_duration(const char *text, uint64_t *nanoseconds)
{
    static const struct unit units[] = {
        {"s", 1e9},  {"ms", 1e6},   {"us", 1e3},   {"ns", 1}, {"", 1e9},
        {"m", 60e9}, {"min", 60e9}, {"h", 3600e9}, {NULL, 0},
    };
    return parse_scaled(text, units, nanoseconds);
}

bool parse_size(const char *text, uint64_t *bytes)
{
    static const struct unit units[] = {
        {"", 1},         {"K", 0x1p10},   {"M", 0x1p20}, {"G", 0x1p30}, {"KiB", 0x1p10},
        {"MiB", 0x1p20}, {"GiB", 0x1p30}, {"B", 1},      {NULL, 0},
    };
    return parse_scaled(text, units, bytes);
}

int read_all(int fd, void **data, size_t *size)
{
    size_t room = 0;
    char *bytes = NULL;
    *size = 0;
    for (;;) {
        if (*size == room) {
            room = room == 0 ? 65536 : room * 2;
            char *more = realloc(bytes, room);
            if (more == NULL) {
                free(bytes);
                return -ENOMEM;
            }
            bytes = more;
        }
        ssize_t got = read(fd, bytes + *size, room - *size);
        if (got == 0) {
            *data = bytes;
            return 0;
        }
        if (got < 0 && errno != EINTR) {
            int error = errno;
            free(bytes);
            return -error;
        }
        *size += got < 0 ? 0 : (size_t)got;
    }
}

uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
