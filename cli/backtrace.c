/* SPDX-License-Identifier: Apache-2.0 */
#include "backtrace.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* "function+0x1f" as the library tells it, taken apart. */
static void take_symbol(struct backtrace_frame *frame, const mote_image *image, uint64_t address)
{
    char *name = frame->function;
    if (mote_image_symbol(image, address, name, sizeof(frame->function)) < 0)
        return;
    char *plus = strrchr(name, '+');
    if (plus != NULL) {
        frame->offset = strtoull(plus + 1, NULL, 16) + (frame->address - address);
        *plus = '\0';
    }
}

static void take_report(struct backtrace *backtrace, const mote_image *image,
                        const mote_report *report)
{
    memset(backtrace, 0, sizeof(*backtrace));
    for (uint32_t i = 0; i < report->nframes; i++) {
        struct backtrace_frame *frame = &backtrace->frames[backtrace->count++];
        frame->address = report->frames[i];
        take_symbol(frame, image, frame->address - (i > 0)); /* the call, not what follows */
    }
}

void backtrace_take(struct backtrace *backtrace, const char *path, const mote_image *image,
                    mote_sandbox *sandbox)
{
    const mote_report *report = mote_sandbox_report(sandbox);
    backtrace->count = 0;
    if (report->nframes > 0 && !backtrace_from_file(backtrace, path, report, sandbox))
        take_report(backtrace, image, report);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

void backtrace_print(const struct backtrace *backtrace)
{
    for (size_t i = 0; i < backtrace->count; i++) {
        const struct backtrace_frame *frame = &backtrace->frames[i];
        const char *inlined = frame->inlined ? ", inlined" : "";
        struct line line = {0};
        line_add(&line, "#%zu 0x%" PRIx64, i, frame->address);
        if (frame->function[0] != '\0')
            line_add(&line, " in %s", frame->function);
        if (frame->line != 0 && frame->file[0] != '\0')
            line_add(&line, " (%s:%" PRIu32 "%s)", base_name(frame->file), frame->line, inlined);
        else if (frame->offset != 0)
            line_add(&line, "+0x%" PRIx64, frame->offset);
        line_print(&line);
    }
}

void backtrace_json(struct json *json, const struct backtrace *backtrace)
{
    json_open(json, "backtrace", '[');
    for (size_t i = 0; i < backtrace->count; i++) {
        const struct backtrace_frame *frame = &backtrace->frames[i];
        json_open(json, NULL, '{');
        json_address(json, "address", frame->address);
        if (frame->function[0] != '\0')
            json_text(json, "function", frame->function);
        if (frame->offset != 0)
            json_uint(json, "offset", frame->offset);
        if (frame->file[0] != '\0')
            json_text(json, "file", frame->file);
        if (frame->line != 0)
            json_uint(json, "line", frame->line);
        json_bool(json, "inlined", frame->inlined != 0);
        json_close(json, '}');
    }
    json_close(json, ']');
}
