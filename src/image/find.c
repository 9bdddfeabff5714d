/* SPDX-License-Identifier: Apache-2.0 */
/* Finding an export by name, with an error that helps. */
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "image/image.h"
#include "signature.h"

/* Edits between two short names, for "did you mean"; long ones are far apart. */
static unsigned distance(const char *a, const char *b)
{
    enum { LONGEST = 64 };
    size_t na = strlen(a), nb = strlen(b);
    if (na >= LONGEST || nb >= LONGEST)
        return LONGEST;
    unsigned row[LONGEST];
    for (size_t j = 0; j <= nb; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= na; i++) {
        unsigned diagonal = row[0]++;
        for (size_t j = 1; j <= nb; j++) {
            unsigned change = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            unsigned shorter = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            row[j] = change < shorter ? change : shorter;
        }
    }
    return row[nb];
}

static const char *nearest(const struct mote__functions *exports, const char *name)
{
    const char *best = NULL;
    unsigned least = UINT32_MAX;
    for (uint32_t i = 0; i < exports->count; i++) {
        unsigned d = distance(name, exports->list[i].name);
        if (d < least) {
            least = d;
            best = exports->list[i].name;
        }
    }
    return best;
}

static int not_found(const mote_image *image, const char *name, mote_error *error)
{
    const char *near = nearest(&image->notes.exports, name);
    char remedy[256];
    snprintf(remedy, sizeof remedy, near ? "the nearest it has is \"%.200s\"" : "it has none%s",
             near ? near : "");
    return mote__fail(error, MOTE_DOMAIN_API, MOTE_ENOTFOUND, 0, remedy,
                      "%s exports no function \"%.200s\"", image->name, name);
}

static int check_signature(const mote_function_info *f, const char *text, mote_error *error)
{
    mote_signature wanted;
    int status = mote_signature_parse(&wanted, text, error);
    if (status || mote__signature_equal(&wanted, &f->signature))
        return status;
    return mote__fail(error, MOTE_DOMAIN_API, MOTE_ETYPE, 0, NULL,
                      "function \"%.100s\" is %.180s, not %.180s", f->name, f->signature_text,
                      text);
}

int mote_find(const mote_image *image, const char *name, const char *signature, mote_func *func,
              mote_error *error)
{
    if (!image || !name || !func)
        return mote__fail_argument(error, "mote_find: image, name or func is NULL");
    const struct mote__functions *exports = &image->notes.exports;
    for (uint32_t i = 0; i < exports->count; i++) {
        if (strcmp(exports->list[i].name, name) != 0)
            continue;
        func->image = image;
        func->index = i;
        return signature ? check_signature(&exports->list[i], signature, error) : 0;
    }
    return not_found(image, name, error);
}
