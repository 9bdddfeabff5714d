/* SPDX-License-Identifier: Apache-2.0 */
/* What an image is, for those who ask. */
#include <string.h>

#include "image/image.h"
#include "image/symbol.h"
#include "vm/memory.h"

_Static_assert(MOTE_SEGMENT_READ == MOTE__READ && MOTE_SEGMENT_WRITE == MOTE__WRITE &&
                   MOTE_SEGMENT_EXECUTE == MOTE__EXECUTE,
               "access is handed out as it is kept");

/* Whether a section has this name: section names of the file may hold anything. */
static bool is_named(const mote_image *image, const Elf64_Shdr *names, const Elf64_Shdr *section,
                     const char *name)
{
    size_t size = strlen(name) + 1;
    return section->sh_name < names->sh_size && size <= names->sh_size - section->sh_name &&
           memcmp(image->file + names->sh_offset + section->sh_name, name, size) == 0;
}

bool mote__image_has_lines(const mote_image *image)
{
    Elf64_Ehdr e;
    Elf64_Shdr names, section;
    memcpy(&e, image->file, sizeof e);
    if (!mote__image_section(image, &e, e.e_shstrndx, &names) || names.sh_type != SHT_STRTAB)
        return false;
    for (uint32_t i = 0; i < e.e_shnum; i++)
        if (mote__image_section(image, &e, i, &section) && section.sh_size > 0 &&
            is_named(image, &names, &section, ".debug_line"))
            return true;
    return false;
}

static bool is_relocatable(const mote_image *image)
{
    Elf64_Ehdr e;
    memcpy(&e, image->file, sizeof e);
    return e.e_type == ET_DYN;
}

/* Before it has run: its segments, and what every guest is given (boot.c). */
static uint64_t least_memory(const mote_image *image)
{
    uint64_t reserve = image->layout.stack_top - image->layout.stack_low;
    uint64_t all = MOTE__MAILBOX_FIRST;
    all += reserve < MOTE__STACK_FIRST ? reserve : MOTE__STACK_FIRST;
    for (unsigned i = 0; i < image->elf.nsegments; i++) {
        const struct mote__segment *s = &image->elf.segments[i];
        all += mote__align_up(s->address + s->size, MOTE__PAGE) -
               mote__align_down(s->address, MOTE__PAGE);
    }
    return all;
}

/* Gives a caller as much of a structure as it knows. */
static int hand_out(void *to, size_t known, size_t first, const void *from, size_t size)
{
    if (known < first)
        return MOTE_EINVAL;
    memcpy(to, from, known < size ? known : size);
    return 0;
}

int mote_image_describe(const mote_image *image, mote_image_info *info)
{
    if (!image || !info)
        return MOTE_EINVAL;
    const struct mote__snapshot *snapshot = image->snapshot;
    mote_image_info all = {
        .size = info->size,
        .program = mote__image_is_program(image),
        .relocatable = is_relocatable(image),
        .symbols = mote__image_has_symbols(image),
        .lines = mote__image_has_lines(image),
        .abi_version = image->notes.abi_version,
        .segments = image->elf.nsegments,
        .entry = image->elf.entry,
        .window = image->notes.window,
        .stack = image->layout.stack_top - image->layout.stack_low,
        .memory = snapshot ? mote__snapshot_needs(snapshot) : least_memory(image),
    };
    return hand_out(info, info->size, sizeof all, &all, sizeof all);
}

int mote_image_segment(const mote_image *image, size_t index, mote_segment *segment)
{
    if (!image || !segment || index >= image->elf.nsegments)
        return MOTE_EINVAL;
    const struct mote__segment *s = &image->elf.segments[index];
    mote_segment all = {
        .size = segment->size,
        .address = s->address,
        .memory_size = s->size,
        .file_size = s->file_size,
        .access = s->access,
    };
    return hand_out(segment, segment->size, sizeof all, &all, sizeof all);
}
