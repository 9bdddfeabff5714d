/* SPDX-License-Identifier: Apache-2.0 */
/* From the segments of an image to the memory of a guest. */
#include <string.h>

#include "error.h"
#include "image/image.h"
#include "vm/memory.h"

static uint64_t first_page(const struct mote__segment *s)
{
    return mote__align_down(s->address, MOTE__PAGE);
}

static size_t pages_size(const struct mote__segment *s)
{
    return (size_t)(mote__align_up(s->address + s->size, MOTE__PAGE) - first_page(s));
}

static bool is_shared(const struct mote__segment *s)
{
    return !(s->access & MOTE__WRITE);
}

static void copy_segment(const mote_image *image, const struct mote__segment *s, uint8_t *to)
{
    memcpy(to + (s->address - first_page(s)), image->file + s->file_offset, (size_t)s->file_size);
}

static int fill_shared(const mote_image *image, mote_error *error)
{
    void *memory;
    int status = mote__map_shared_fd(&memory, image->read_only, image->read_only_fd);
    if (status < 0)
        return mote__fail_system(error, status, "mapping the image's read-only part");
    uint8_t *to = memory;
    for (unsigned i = 0; i < image->elf.nsegments; i++) {
        const struct mote__segment *s = &image->elf.segments[i];
        if (!is_shared(s))
            continue;
        copy_segment(image, s, to);
        to += pages_size(s);
    }
    mote__unmap(memory, image->read_only);
    return 0;
}

/* A sane size for all segments together; the memory limit decides later. */
#define LARGEST_IMAGE (4ull << 30)

int mote__image_share(mote_image *image, mote_error *error)
{
    uint64_t all = 0;
    for (unsigned i = 0; i < image->elf.nsegments; i++) {
        const struct mote__segment *s = &image->elf.segments[i];
        if (s->size > LARGEST_IMAGE - all)
            return mote__fail(error, MOTE_DOMAIN_IMAGE, MOTE_EIMAGE, 0, NULL,
                              "not a guest image: its segments are larger than 4 GiB");
        all += s->size;
        if (is_shared(s))
            image->read_only += pages_size(s);
    }
    if (image->read_only == 0)
        return 0;
    image->read_only_fd = mote__memory_file("mote-image", image->read_only);
    if (image->read_only_fd < 0)
        return mote__fail_system(error, image->read_only_fd, "memfd_create");
    return fill_shared(image, error);
}

static int load_writable(const mote_image *image, const struct mote__segment *s,
                         struct mote__memory *memory, mote_error *error)
{
    size_t offset;
    int status = mote__arena_take(&memory->ram, pages_size(s), &offset, error);
    if (status)
        return status;
    copy_segment(image, s, memory->ram.host + offset);
    return mote__memory_map_at(memory, first_page(s), offset, pages_size(s), s->access,
                               MOTE__REGION_IMAGE, error);
}

int mote__image_load(const mote_image *image, struct mote__memory *memory, mote_error *error)
{
    size_t shared = 0;
    int status = 0;
    for (unsigned i = 0; !status && i < image->elf.nsegments; i++) {
        const struct mote__segment *s = &image->elf.segments[i];
        if (!is_shared(s)) {
            status = load_writable(image, s, memory, error);
            continue;
        }
        status = mote__memory_map_at(memory, first_page(s), shared, pages_size(s), s->access,
                                     MOTE__REGION_IMAGE, error);
        shared += pages_size(s);
    }
    return status;
}
