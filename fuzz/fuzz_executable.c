/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arbitrary bytes as a guest's file: the ELF reader, its notes, the layout,
 * symbols; and, when it is small enough, loaded and booted on a hypervisor
 * that is not there.
 */
#include <stdlib.h>
#include <string.h>

#include "arch/x86_64/paging.h"
#include "fake_hv.h"
#include "image/image.h"
#include "mote_abi.h"
#include "os/os.h"
#include "signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SMALL (1ull << 20) /* memory of images that are loaded, too */

static mote_host *host;
static uint64_t mailbox; /* of the image that boots */

static void check_segment(const struct mote__elf *elf, const struct mote__segment *s, size_t size)
{
    fake_check(s->size && s->file_size <= s->size, "a segment's sizes");
    fake_check(s->file_offset <= size && s->file_size <= size - s->file_offset, "in the file");
    fake_check(s->address >= elf->low && s->size <= elf->high - s->address, "in the extent");
    fake_check(!(s->access & MOTE__WRITE && s->access & MOTE__EXECUTE), "W^X");
}

static void check_elf(const struct mote__elf *elf, size_t size)
{
    bool entry = false;
    fake_check(elf->nsegments && elf->nsegments <= MOTE__MAX_SEGMENTS, "segments");
    fake_check(elf->low >= MOTE__PAGE && elf->high <= MOTE__IMAGE_TOP, "the extent is bounded");
    for (unsigned i = 0; i < elf->nsegments; i++) {
        const struct mote__segment *a = &elf->segments[i];
        check_segment(elf, a, size);
        entry |= a->access & MOTE__EXECUTE && elf->entry - a->address < a->size;
        for (unsigned j = 0; j < i; j++) {
            const struct mote__segment *b = &elf->segments[j];
            fake_check(mote__align_up(a->address + a->size, MOTE__PAGE) <=
                               mote__align_down(b->address, MOTE__PAGE) ||
                           mote__align_up(b->address + b->size, MOTE__PAGE) <=
                               mote__align_down(a->address, MOTE__PAGE),
                       "no two segments share a page");
        }
    }
    fake_check(entry, "the entry is in code");
    for (unsigned i = 0; i < elf->nnotes; i++)
        fake_check(elf->notes[i].file_offset <= size &&
                       elf->notes[i].size <= size - elf->notes[i].file_offset,
                   "notes are in the file");
}

static void check_functions(const struct mote__functions *functions, uint32_t most)
{
    fake_check(functions->count <= most, "the number of functions");
    for (uint32_t i = 0; i < functions->count; i++) {
        const mote_function_info *f = &functions->list[i];
        mote_signature again;
        fake_check(strlen(f->module) <= MOTE_MAX_NAME && strlen(f->name) <= MOTE_MAX_NAME,
                   "names are bounded");
        fake_check(mote_signature_parse(&again, f->signature_text, NULL) == 0 &&
                       mote__signature_equal(&again, &f->signature),
                   "the signature is its text");
    }
}

static void check_layout(const struct mote__elf *elf, uint64_t window)
{
    struct mote__layout l;
    mote__layout_make(&l, elf, window, 1ull << 30);
    const uint64_t order[] = {l.window,   elf->low,      elf->high,     l.heap,
                              l.heap_end, l.stack_low,   l.stack_top,   l.gate,
                              l.scrub,    l.info,        l.monitor,     l.monitor_stack_top,
                              l.mailbox,  l.mailbox_end, l.init,        l.init_end,
                              l.mmap,     l.mmap_end,    MOTE__USER_TOP};
    for (size_t i = 1; i < sizeof order / sizeof order[0]; i++)
        fake_check(order[i - 1] <= order[i], "the layout is in order");
    for (size_t i = 1; i < sizeof order / sizeof order[0]; i++)
        fake_check(order[i] % MOTE__PAGE == 0 || order[i] == l.info, "the layout is pages");
}

static void check_symbol(const mote_image *image, uint64_t address)
{
    char text[128];
    memset(text, 1, sizeof text);
    mote__image_symbol(image, address, text, sizeof text);
    const char *end = memchr(text, 0, sizeof text);
    fake_check(end != NULL, "a symbol's text ends");
    for (const char *c = text; c < end; c++)
        fake_check(*c >= ' ' && *c <= '~', "a symbol's text is printable");
}

static void check_symbols(const mote_image *image)
{
    check_symbol(image, image->elf.entry);
    check_symbol(image, image->elf.low);
    check_symbol(image, UINT64_MAX);
}

static void check_description(const mote_image *image)
{
    mote_image_info info = {.size = sizeof info};
    mote_segment segment = {.size = sizeof segment};
    fake_check(mote_image_describe(image, &info) == 0, "it is described");
    fake_check(info.segments == image->elf.nsegments && info.memory > 0, "with what it has");
    for (uint32_t i = 0; i < info.segments; i++)
        fake_check(mote_image_segment(image, i, &segment) == 0, "and each segment");
}

/* ---- loading and booting ---- */

static void guest(struct mote__vm *vm, struct mote__exit *exit)
{
    uint32_t ready = MOTE_REQUEST_READY;
    fake_check(fake_write(vm, mailbox, &ready, sizeof ready), "a mailbox");
    fake_doorbell(vm, exit);
}

static bool is_small(const struct mote__elf *elf)
{
    uint64_t all = 0;
    for (unsigned i = 0; i < elf->nsegments; i++) {
        if (elf->segments[i].size > SMALL - all)
            return false;
        all += elf->segments[i].size;
    }
    return true;
}

/* Whether the snapshot holds what stands in the file. */
static bool has_contents(const struct mote__snapshot *s, size_t offset, const uint8_t *file,
                         size_t size)
{
    size_t first = (size_t)mote__align_down(offset, MOTE__PAGE);
    size_t all = (size_t)mote__align_up(offset + size, MOTE__PAGE) - first;
    uint8_t *memory = calloc(1, all + 1);
    if (!memory)
        abort();
    mote__snapshot_copy(s, first, all, memory);
    bool same = memcmp(memory + (offset - first), file, size) == 0;
    free(memory);
    return same;
}

/* What the guest finds in its memory is what stands in the file. */
static void check_loaded(const mote_image *image)
{
    const struct mote__snapshot *s = image->snapshot;
    for (unsigned i = 0; i < image->elf.nsegments; i++) {
        const struct mote__segment *segment = &image->elf.segments[i];
        size_t at = mote__regions_find(&s->regions, segment->address);
        fake_check(at < s->regions.count && s->regions.list[at].start <= segment->address,
                   "a segment is mapped");
        const struct mote__region *r = &s->regions.list[at];
        fake_check(r->access == segment->access, "with its rights");
        size_t offset = r->offset + (size_t)(segment->address - r->start);
        if (segment->access & MOTE__WRITE)
            fake_check(has_contents(s, offset, image->file + segment->file_offset,
                                    (size_t)segment->file_size),
                       "with its contents");
    }
}

static void boot(const uint8_t *data, size_t size)
{
    mote_image *image;
    mote_source source = MOTE_SOURCE_DATA(data, size);
    mote_image_options options = {.size = sizeof options, .boot_memory = 4 * SMALL};
    fake_check(mote_image_open(&image, host, &source, &options, NULL) == 0, "it opens");
    mailbox = image->layout.mailbox;
    fake_check(mote_image_boot(image, NULL) == 0, "it boots");
    check_loaded(image);
    mote_image_unref(image);
}

/* One input in 32 is booted: that takes far longer than all the rest. */
static bool is_chosen(const uint8_t *data, size_t size)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < size; i++)
        sum = sum * 31 + data[i];
    return (sum >> 16 & 31) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static mote_image image; /* only what the parsers look at */
    mote_error error = MOTE_ERROR_INIT;
    if (!host) {
        fake_guest = guest;
        fake_check(mote_host_new(&host, NULL, NULL) == 0, "a host");
    }
    int status = mote__elf_parse(&image.elf, data, size, &error);
    if (status) {
        fake_check(status == MOTE_EIMAGE && error.text[0], "a refusal says why");
        return 0;
    }
    check_elf(&image.elf, size);
    image.file = malloc(size); /* of its own, so that each byte behind it is poisoned */
    if (!image.file)
        return 0;
    memcpy(image.file, data, size);
    image.file_size = size;
    image.host = host;
    image.symbols = mote__symbols_new(&host->allocator);
    if (!image.symbols)
        abort();
    check_symbols(&image);
    check_description(&image);
    status = mote__notes_read(&image.notes, &image.elf, image.file, NULL, &error);
    if (status == 0) {
        check_functions(&image.notes.exports, MOTE_MAX_EXPORTS);
        check_functions(&image.notes.imports, MOTE_MAX_IMPORTS);
        check_layout(&image.elf, image.notes.window);
        if (is_small(&image.elf) && is_chosen(data, size))
            boot(data, size);
    } else {
        fake_check(status == MOTE_EIMAGE && error.text[0], "a refusal says why");
    }
    mote__notes_free(&image.notes);
    mote__symbols_free(image.symbols);
    free(image.file);
    return 0;
}
