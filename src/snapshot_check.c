/* SPDX-License-Identifier: Apache-2.0 */
/* What a snapshot file says is believed after this: its checksum only tells of accidents, and
 * whoever made it may be hostile. */
#include <string.h>

#include "error.h"
#include "policy.h"
#include "snapshot_file.h"

#define MXCSR_VALID 0xffffu /* Intel SDM vol. 1, section 10.2.3 */

/* ---- registers and personality ---- */

static bool is_canonical(uint64_t address)
{
    return (uint64_t)((int64_t)(address << 16) >> 16) == address;
}

static const char *wrong_cpu(const struct mote__snapshot_header *h, const mote_image *image)
{
    if (h->at_entry > 1 || (h->at_entry == 1) != mote__image_is_program(image))
        return "it goes on neither at the doorbell nor at the program's entry";
    if (!is_canonical(h->fs_base) || !is_canonical(h->gs_base))
        return "FS or GS base is not canonical";
    if (h->mxcsr & ~MXCSR_VALID)
        return "MXCSR has reserved bits";
    if (h->x87_control > UINT16_MAX)
        return "the x87 control word is too large";
    return NULL;
}

static const char *wrong_personality(const struct mote__snapshot_header *h)
{
    if (h->brk < h->layout.heap || h->brk > h->layout.heap_end)
        return "the end of the heap is outside of it";
    if (h->umask > 0777 || !memchr(h->name, 0, sizeof h->name))
        return "umask or name";
    return NULL;
}

/* ---- regions ---- */

enum mote__region_kind mote__snapshot_kind(const struct mote__layout *l, uint64_t address)
{
    if (address < l->window)
        return MOTE__REGION_WINDOW;
    if (address < l->heap)
        return MOTE__REGION_IMAGE;
    if (address < l->heap_end)
        return MOTE__REGION_HEAP;
    if (address < l->gate)
        return MOTE__REGION_STACK;
    return address < l->mmap ? MOTE__REGION_MAILBOX : MOTE__REGION_MMAP;
}

/* Where regions of a kind may be, but for the image's. */
static bool is_in_area(const struct mote__snapshot_header *h, const struct mote__file_region *r)
{
    const struct mote__layout *l = &h->layout;
    switch (mote__snapshot_kind(l, r->start)) {
    case MOTE__REGION_WINDOW:
        return r->end <= l->window;
    case MOTE__REGION_HEAP:
        return r->end <= mote__align_up(h->brk, MOTE__PAGE);
    case MOTE__REGION_STACK:
        return r->start >= l->stack_low && r->end <= l->stack_top;
    case MOTE__REGION_MAILBOX:
        return r->start >= l->mailbox && r->end <= l->mailbox_end;
    default:
        return r->start >= l->mmap && r->end <= l->mmap_end;
    }
}

/* How far a region fits the image from `at` on, a guest address of it: to the end of a segment, or
 * 0. What is shared is where the segment is in the image's read-only part. */
static uint64_t fits_image(const struct mote__file_region *r, uint64_t at, const mote_image *image)
{
    uint64_t shared = 0;
    for (unsigned i = 0; i < image->elf.nsegments; i++) {
        const struct mote__segment *s = &image->elf.segments[i];
        uint64_t first = mote__align_down(s->address, MOTE__PAGE);
        uint64_t end = mote__align_up(s->address + s->size, MOTE__PAGE);
        bool writable = s->access & MOTE__WRITE;
        uint64_t most = MOTE__READ | (writable ? MOTE__WRITE : MOTE__EXECUTE);
        uint64_t offset = r->offset + (at - r->start);
        bool right = writable ? r->offset >= image->read_only : offset == shared + (at - first);
        if (at >= first && at < end)
            return right && !(r->access & ~most) ? end : 0;
        shared += writable ? 0 : end - first;
    }
    return 0;
}

static bool is_of_image(const struct mote__file_region *r, const mote_image *image)
{
    uint64_t at = r->start;
    while (at && at < r->end)
        at = fits_image(r, at, image);
    return at != 0;
}

static bool is_backed_well(const struct mote__snapshot_header *h, const struct mote__file_region *r)
{
    uint64_t end = h->read_only + h->ram_size;
    if (r->offset == MOTE__FILE_UNBACKED)
        return r->access == 0;
    return r->offset % MOTE__PAGE == 0 && r->offset <= end && r->end - r->start <= end - r->offset;
}

static const char *wrong_region(const struct mote__snapshot_header *h,
                                const struct mote__file_region *r, const mote_image *image)
{
    if (r->start % MOTE__PAGE || r->end % MOTE__PAGE || r->start >= r->end ||
        r->end > MOTE__USER_TOP)
        return "a region is not a range of whole pages";
    if (r->access & ~(uint64_t)(MOTE__READ | MOTE__WRITE | MOTE__EXECUTE))
        return "a region has an access that there is not";
    if (r->access & MOTE__WRITE && r->access & MOTE__EXECUTE)
        return "a region is writable and executable";
    if (!is_backed_well(h, r))
        return "the memory of a region is not the guest's";
    bool image_part = mote__snapshot_kind(&h->layout, r->start) == MOTE__REGION_IMAGE;
    if (image_part)
        return is_of_image(r, image) ? NULL : "a region is not as the image has it";
    if (r->access & MOTE__EXECUTE || r->offset < h->read_only)
        return "a region outside of the image has the image's code";
    return is_in_area(h, r) ? NULL : "a region is where none may be";
}

/* The mailbox begins where the host looks for it, and has no holes: it grows at its end. */
static bool has_mailbox(const struct mote__snapshot_header *h, const struct mote__file_region *list)
{
    const struct mote__layout *l = &h->layout;
    uint64_t end = l->mailbox;
    size_t i = 0;
    while (i < h->nregions && list[i].start < l->mailbox)
        i++;
    size_t first = i;
    for (; i < h->nregions && list[i].start < l->mailbox_end; i++) {
        if (list[i].start != end || list[i].access != (MOTE__READ | MOTE__WRITE))
            return false;
        end = list[i].end;
    }
    return i > first && list[first].end - list[first].start >= MOTE__MAILBOX_FIRST;
}

static const char *wrong_regions(const struct mote__snapshot_header *h,
                                 const struct mote__file_region *list, const mote_image *image)
{
    uint64_t end = 0;
    for (uint32_t i = 0; i < h->nregions; i++) {
        const char *wrong = wrong_region(h, &list[i], image);
        if (wrong)
            return wrong;
        if (list[i].start < end)
            return "regions overlap or are not sorted";
        end = list[i].end;
    }
    return has_mailbox(h, list) ? NULL : "it has no mailbox";
}

/* ---- pages ---- */

static const char *wrong_runs(const struct mote__snapshot_header *h,
                              const struct mote__file_run *runs)
{
    uint64_t next = h->read_only, end = h->read_only + h->ram_size, own = 0;
    for (uint64_t i = 0; i < h->nruns; i++) {
        const struct mote__file_run *r = &runs[i];
        if (r->offset % MOTE__PAGE || r->size % MOTE__PAGE || !r->size || r->offset < next ||
            r->offset > end || r->size > end - r->offset)
            return "runs of pages overlap or are outside of memory";
        if (r->source != MOTE__FILE_OWN && r->source != MOTE__FILE_BASE)
            return "pages come from nowhere";
        if (r->source == MOTE__FILE_BASE && mote__checksum_is_none(h->base))
            return "it shares pages with no base";
        next = r->offset + r->size;
        own += r->source == MOTE__FILE_OWN ? r->size : 0;
    }
    uint64_t tables = mote__snapshot_tables_size(h->nregions, h->nruns);
    return own == h->file_size - tables ? NULL : "the number of its pages is wrong";
}

int mote__snapshot_check(const struct mote__snapshot_header *h,
                         const struct mote__file_region *regions, const struct mote__file_run *runs,
                         const mote_image *image, const char *name, mote_error *error)
{
    const char *wrong = wrong_cpu(h, image);
    if (!wrong)
        wrong = wrong_personality(h);
    if (!wrong && (h->read_only != image->read_only || h->ram_size % MOTE__PAGE ||
                   h->ram_size > MOTE__LARGEST_MEMORY))
        wrong = "the size of its memory";
    if (!wrong)
        wrong = wrong_regions(h, regions, image);
    if (!wrong)
        wrong = wrong_runs(h, runs);
    return wrong ? mote__fail_snapshot(error, "%s is not a valid snapshot: %s", name, wrong) : 0;
}
