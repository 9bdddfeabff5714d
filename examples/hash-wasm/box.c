/* SPDX-License-Identifier: Apache-2.0 */
#include "box.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(int status, const struct box *box, const char *what, const mote_error *error)
{
    if (status == 0)
        return;
    fprintf(stderr, "hash_wasm: %s: %s: %s%s%s\n", box->name, what,
            error->text[0] != '\0' ? error->text : mote_error_string(status),
            error->remedy[0] != '\0' ? "; " : "", error->remedy);
    exit(1);
}

void box_open(struct box *box, const struct boxes *boxes, const char *name)
{
    mote_error error = MOTE_ERROR_INIT;
    char path[4096];
    *box = (struct box){.name = name};
    snprintf(path, sizeof path, "%s/%s.mote", boxes->folder, name);
    const mote_source source = MOTE_SOURCE_PATH(path);
    must(mote_image_open(&box->image, boxes->host, &source, NULL, &error), box, "open", &error);
    must(mote_sandbox_new(&box->sandbox, box->image, boxes->policy, NULL, &error), box, "start",
         &error);
    box->buffer = (uint32_t)box_call(box, "Hash_GetBuffer", 0, 0, 0);
}

void box_close(struct box *box)
{
    mote_sandbox_free(box->sandbox);
    mote_image_unref(box->image);
    *box = (struct box){0};
}

void box_reset(struct box *box)
{
    must(mote_reset(box->sandbox), box, "reset", mote_sandbox_error(box->sandbox));
    box->buffer = (uint32_t)box_call(box, "Hash_GetBuffer", 0, 0, 0);
}

int32_t box_call(struct box *box, const char *name, uint32_t a, uint32_t b, uint32_t c)
{
    mote_error error = MOTE_ERROR_INIT;
    mote_func function;
    mote_function_info info;
    mote_value args[3] = {{.type = MOTE_I32}, {.type = MOTE_I32}, {.type = MOTE_I32}};
    mote_value result = {.type = MOTE_VOID};
    must(mote_find(box->image, name, NULL, &function, &error), box, name, &error);
    must(mote_image_export(box->image, function.index, &info), box, name, &error);
    args[0].of.i32 = (int32_t)a;
    args[1].of.i32 = (int32_t)b;
    args[2].of.i32 = (int32_t)c;
    must(mote_call(box->sandbox, function, NULL, args, info.signature.nparams, &result,
                   info.signature.nresults),
         box, name, mote_sandbox_error(box->sandbox));
    return info.signature.nresults > 0 ? result.of.i32 : 0;
}

void box_put(struct box *box, size_t offset, const void *data, size_t size)
{
    must(mote_memory_write(box->sandbox, box->buffer + offset, data, size), box, "write",
         mote_sandbox_error(box->sandbox));
}

void box_get(struct box *box, size_t offset, void *data, size_t size)
{
    must(mote_memory_read(box->sandbox, box->buffer + offset, data, size), box, "read",
         mote_sandbox_error(box->sandbox));
}

void box_resize(struct box *box, uint32_t size)
{
    /* These modules start with 512 KiB, and take a smaller size for an enormous one. */
    if (size > 512 * 1024 && box_call(box, "Hash_SetMemorySize", size, 0, 0) != 0) {
        fprintf(stderr, "hash_wasm: %s: memory cannot grow to %u bytes\n", box->name, size);
        exit(1);
    }
    box->buffer = (uint32_t)box_call(box, "Hash_GetBuffer", 0, 0, 0);
}
