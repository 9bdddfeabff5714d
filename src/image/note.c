/* SPDX-License-Identifier: Apache-2.0 */
#include "image/note.h"

#include <elf.h>
#include <string.h>

#include "error.h"
#include "mote_abi.h"
#include "os/os.h"

/* Bytes that are left to read; every read is bounded here. */
struct reader {
    const unsigned char *at;
    size_t left;
};

static int refuse(mote_error *error, const char *remedy, const char *why)
{
    return mote__fail(error, MOTE_DOMAIN_IMAGE, MOTE_EIMAGE, 0, remedy, "not a guest image: %s",
                      why);
}

static bool take(struct reader *reader, size_t size, const unsigned char **out)
{
    if (size > reader->left)
        return false;
    *out = reader->at;
    reader->at += size;
    reader->left -= size;
    return true;
}

static bool take_u32(struct reader *reader, uint32_t *out)
{
    const unsigned char *at;
    if (!take(reader, sizeof *out, &at))
        return false;
    memcpy(out, at, sizeof *out);
    return true;
}

/* A string that ends with NUL inside the reader, not longer than MOTE_MAX_NAME unless a
 * signature, which its own parser limits. */
static bool take_string(struct reader *reader, size_t longest, const char **out)
{
    const unsigned char *end = memchr(reader->at, 0, reader->left);
    if (!end || (size_t)(end - reader->at) > longest)
        return false;
    *out = (const char *)reader->at;
    const unsigned char *skipped;
    return take(reader, (size_t)(end - reader->at) + 1, &skipped);
}

/* ---- functions ---- */

static bool same_function(const mote_function_info *a, const char *module, const char *name)
{
    return strcmp(a->module, module) == 0 && strcmp(a->name, name) == 0;
}

static int copy_function(const mote_allocator *allocator, mote_function_info *f, const char *module,
                         const char *name, const char *signature, mote_error *error)
{
    f->module = mote__strdup(allocator, module);
    f->name = mote__strdup(allocator, name);
    f->signature_text = mote__strdup(allocator, signature);
    if (!f->module || !f->name || !f->signature_text)
        return mote__fail_memory(error, "the names of functions");
    return 0;
}

static void free_function(mote_function_info *f)
{
    mote__free_const(f->module);
    mote__free_const(f->name);
    mote__free_const(f->signature_text);
}

static int grow(struct mote__functions *functions, mote_error *error)
{
    uint32_t n = functions->count;
    if (n & (n - 1)) /* room up to the next power of two */
        return 0;
    mote_function_info *list =
        mote__realloc(functions->allocator, functions->list, (n ? 2u * n : 1u) * sizeof *list);
    if (!list)
        return mote__fail_memory(error, "the list of functions");
    functions->list = list;
    return 0;
}

static int add_function(struct mote__functions *functions, uint32_t most, uint32_t known_flags,
                        struct reader *reader, mote_error *error)
{
    uint32_t flags;
    const char *module = NULL, *name = NULL, *signature = NULL;
    if (!take_u32(reader, &flags) || !take_string(reader, MOTE_MAX_NAME, &module) ||
        !take_string(reader, MOTE_MAX_NAME, &name) || !take_string(reader, 512, &signature))
        return refuse(error, NULL, "a function note is truncated or has too long a name");
    if (functions->count == most)
        return refuse(error, NULL, "too many function notes");
    if (flags & ~known_flags || (known_flags == 0 && module[0]))
        return refuse(error, "use a newer mote", "a function note has unknown flags or a module");
    int status = grow(functions, error);
    if (status)
        return status;
    mote_function_info *f = &functions->list[functions->count];
    memset(f, 0, sizeof *f);
    f->weak = flags & MOTE_NOTE_WEAK;
    status = mote_signature_parse(&f->signature, signature, NULL);
    if (status)
        return refuse(error, NULL, "a function note has a signature that is not understood");
    functions->count++;
    return copy_function(functions->allocator, f, module, name, signature, error);
}

static int check_unique(const struct mote__functions *exports, mote_error *error)
{
    for (uint32_t i = 1; i < exports->count; i++) {
        const mote_function_info *f = &exports->list[i];
        for (uint32_t j = 0; j < i; j++)
            if (same_function(&exports->list[j], f->module, f->name))
                return mote__fail(error, MOTE_DOMAIN_IMAGE, MOTE_EIMAGE, 0, NULL,
                                  "not a guest image: it exports \"%s\" twice", f->name);
    }
    return 0;
}

/* ---- notes ---- */

static int read_abi(struct mote__notes *notes, struct reader *reader, mote_error *error)
{
    uint32_t version;
    if (!take_u32(reader, &version))
        return refuse(error, NULL, "the ABI note is truncated");
    if (version >> 16 != MOTE_ABI_MAJOR || (version & 0xffff) > MOTE_ABI_MINOR)
        return mote__fail(error, MOTE_DOMAIN_IMAGE, MOTE_EIMAGE, version,
                          "rebuild the guest with this version's SDK, or use a newer mote",
                          "not a guest image: unknown ABI version %u.%u (this mote knows %u.%u)",
                          version >> 16, version & 0xffff, MOTE_ABI_MAJOR, MOTE_ABI_MINOR);
    notes->abi_version = version;
    return 0;
}

static int read_window(struct mote__notes *notes, struct reader *reader, mote_error *error)
{
    const unsigned char *at;
    if (!take(reader, sizeof notes->window, &at))
        return refuse(error, NULL, "the window note is truncated");
    memcpy(&notes->window, at, sizeof notes->window);
    if (notes->window == 0 || notes->window > MOTE_MAX_WINDOW || notes->window % MOTE__PAGE)
        return refuse(error, NULL, "its memory window is not a number of pages up to 8 GiB");
    return 0;
}

static int read_note(struct mote__notes *notes, uint32_t type, struct reader *desc,
                     mote_error *error)
{
    switch (type) {
    case MOTE_NOTE_ABI:
        return read_abi(notes, desc, error);
    case MOTE_NOTE_EXPORT:
        return add_function(&notes->exports, MOTE_MAX_EXPORTS, 0, desc, error);
    case MOTE_NOTE_IMPORT:
        return add_function(&notes->imports, MOTE_MAX_IMPORTS, MOTE_NOTE_WEAK, desc, error);
    case MOTE_NOTE_WINDOW:
        return read_window(notes, desc, error);
    default:
        return refuse(error, "use a newer mote", "it has a note of an unknown type");
    }
}

/* Name and description are padded to 4 bytes; the last padding may be missing. */
static bool take_padded(struct reader *reader, uint32_t size, const unsigned char **out)
{
    if (!take(reader, size, out))
        return false;
    size_t padding = (4 - size % 4) % 4;
    const unsigned char *skipped;
    take(reader, padding < reader->left ? padding : reader->left, &skipped);
    return true;
}

static int read_run(struct mote__notes *notes, struct reader run, mote_error *error)
{
    while (run.left) {
        uint32_t name_size, desc_size, type;
        const unsigned char *name, *desc;
        if (!take_u32(&run, &name_size) || !take_u32(&run, &desc_size) || !take_u32(&run, &type) ||
            !take_padded(&run, name_size, &name) || !take_padded(&run, desc_size, &desc))
            return refuse(error, NULL, "truncated: a note ends behind its segment");
        if (name_size != sizeof MOTE_NOTE_NAME || memcmp(name, MOTE_NOTE_NAME, name_size) != 0)
            continue;
        struct reader reader = {desc, desc_size};
        int status = read_note(notes, type, &reader, error);
        if (status)
            return status;
    }
    return 0;
}

int mote__notes_read(struct mote__notes *notes, const struct mote__elf *elf, const void *data,
                     const mote_allocator *allocator, mote_error *error)
{
    memset(notes, 0, sizeof *notes);
    notes->exports.allocator = notes->imports.allocator = allocator;
    for (unsigned i = 0; i < elf->nnotes; i++) {
        struct reader run = {(const unsigned char *)data + elf->notes[i].file_offset,
                             elf->notes[i].size};
        int status = read_run(notes, run, error);
        if (status)
            return status;
    }
    if (!notes->abi_version && (notes->exports.count || notes->imports.count))
        return refuse(error, "link it with -lmote_guest", "it has functions but no ABI version");
    if (notes->window && elf->low < notes->window + MOTE__PAGE)
        return refuse(error, "link it above the window: -Ttext-segment=0x10000000000",
                      "it lies inside its own memory window");
    return check_unique(&notes->exports, error);
}

static void free_functions(struct mote__functions *functions)
{
    for (uint32_t i = 0; i < functions->count; i++)
        free_function(&functions->list[i]);
    mote__free(functions->list);
}

void mote__notes_free(struct mote__notes *notes)
{
    free_functions(&notes->exports);
    free_functions(&notes->imports);
    memset(notes, 0, sizeof *notes);
}
