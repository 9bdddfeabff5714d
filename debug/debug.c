/* SPDX-License-Identifier: Apache-2.0 */
/* Opening an image's file for libdw, and the frames of a report. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define PIE_BASE 0x400000u /* where mote places a static-pie (docs/abi.md) */

/* ---- the one module that there is ---- */

/* From memory: libdw has no file to look beside. Owned by libdw from here. */
static int find_elf(Dwfl_Module *module, void **user, const char *name, Dwarf_Addr base,
                    char **file_name, Elf **elf)
{
    const mote_debug *debug = *user;
    (void)module, (void)name, (void)base;
    *file_name = NULL;
    *elf = elf_memory(debug->bytes, debug->size);
    return -1;
}

/* Nothing outside the image is debug information of it. */
static int find_debuginfo(Dwfl_Module *module, void **user, const char *name, Dwarf_Addr base,
                          const char *file_name, const char *link, GElf_Word crc, char **found)
{
    (void)module, (void)user, (void)name, (void)base, (void)file_name, (void)link, (void)crc;
    *found = NULL;
    return -1;
}

static const Dwfl_Callbacks callbacks = {.find_elf = find_elf, .find_debuginfo = find_debuginfo};

/* Where the image lies in a guest: all its segments. */
static bool find_extent(const mote_debug *debug, uint64_t *low, uint64_t *high)
{
    Elf64_Ehdr e;
    Elf64_Phdr p;
    if (debug->size < sizeof e)
        return false;
    memcpy(&e, debug->bytes, sizeof e);
    uint64_t bias = e.e_type == ET_DYN ? PIE_BASE : 0;
    *low = UINT64_MAX;
    *high = 0;
    for (uint64_t i = 0; i < e.e_phnum; i++) {
        if (e.e_phoff > debug->size || (i + 1) * sizeof p > debug->size - e.e_phoff)
            return false;
        memcpy(&p, debug->bytes + e.e_phoff + i * sizeof p, sizeof p);
        if (p.p_type != PT_LOAD || p.p_memsz > UINT64_MAX - bias - p.p_vaddr)
            continue;
        *low = p.p_vaddr + bias < *low ? p.p_vaddr + bias : *low;
        *high = p.p_vaddr + bias + p.p_memsz > *high ? p.p_vaddr + bias + p.p_memsz : *high;
    }
    return memcmp(e.e_ident, ELFMAG, SELFMAG) == 0 && *low < *high;
}

static int begin(mote_debug *debug, mote_error *error)
{
    uint64_t low, high;
    void **user;
    if (!find_extent(debug, &low, &high))
        return mote__debug_fail(error, MOTE_EIMAGE, "not an ELF file with segments");
    elf_version(EV_CURRENT);
    debug->dwfl = dwfl_begin(&callbacks);
    if (debug->dwfl == NULL)
        return mote__debug_fail(error, MOTE_ENOMEM, "libdw: %s", dwfl_errmsg(-1));
    Dwfl_Module *module = dwfl_report_module(debug->dwfl, "guest", low, high);
    if (module == NULL || dwfl_report_end(debug->dwfl, NULL, NULL) != 0)
        return mote__debug_fail(error, MOTE_EIMAGE, "libdw: %s", dwfl_errmsg(-1));
    dwfl_module_info(module, &user, NULL, NULL, NULL, NULL, NULL, NULL);
    *user = debug;
    return 0;
}

int mote_debug_open(mote_debug **out, const mote_source *source, mote_error *error)
{
    if (out == NULL || source == NULL)
        return mote__debug_fail(error, MOTE_EINVAL, "mote_debug_open: an argument is NULL");
    mote_debug *debug = calloc(1, sizeof *debug);
    if (debug == NULL)
        return mote__debug_fail(error, MOTE_ENOMEM, "no memory");
    int status = mote__debug_load(debug, source, error);
    if (status == 0)
        status = begin(debug, error);
    if (status != 0) {
        mote_debug_close(debug);
        return status;
    }
    *out = debug;
    return 0;
}

void mote_debug_close(mote_debug *debug)
{
    if (debug == NULL)
        return;
    if (debug->dwfl != NULL)
        dwfl_end(debug->dwfl);
    free(debug->bytes);
    free(debug);
}

/* ---- frames of a report ---- */

static size_t describe_all(mote_debug *debug, const uint64_t *addresses, size_t count,
                           mote_debug_frame *frames, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < count && used < size; i++)
        used += (size_t)mote_debug_describe(debug, addresses[i], i > 0, frames + used, size - used);
    return used;
}

int mote_debug_frames(mote_debug *debug, const mote_report *report, mote_debug_read_fn read,
                      void *user, mote_debug_frame *frames, size_t size, mote_error *error)
{
    uint64_t unwound[MOTE__MOST_FRAMES];
    if (debug == NULL || report == NULL || read == NULL || (size != 0 && frames == NULL))
        return mote__debug_fail(error, MOTE_EINVAL, "mote_debug_frames: an argument is NULL");
    if (report->nframes == 0)
        return 0;
    size = size < INT32_MAX ? size : INT32_MAX;
    size_t count =
        mote__debug_unwind(debug, &report->registers, read, user, unwound, MOTE__MOST_FRAMES);
    const uint64_t *addresses = unwound;
    if (report->nframes > count && report->nframes <= MOTE_FRAMES_MAX) {
        addresses = report->frames;
        count = report->nframes;
    }
    return (int)describe_all(debug, addresses, count, frames, size);
}

static int read_sandbox(void *user, uint64_t address, void *data, size_t size)
{
    return mote_memory_read(user, address, data, size);
}

int mote_debug_backtrace(mote_debug *debug, mote_sandbox *sandbox, mote_debug_frame *frames,
                         size_t size, mote_error *error)
{
    return mote_debug_frames(debug, mote_sandbox_report(sandbox), read_sandbox, sandbox, frames,
                             size, error);
}
