/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a snapshot's file: everything is checked before anything of the guest is mapped. */
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "sandbox.h"
#include "snapshot_file.h"

struct opening {
    mote_image *image;
    const mote_snapshot *base;
    int fd;
    const char *name;
    uint64_t size;
    struct mote__snapshot_header header; /* copied once */
    uint8_t *tables;                     /* and all tables */
    const struct mote__file_region *regions;
    const struct mote__file_run *runs;
};

static bool fits(const struct mote__checksum *wanted, const void *data, size_t size)
{
#if defined(MOTE_CONTROL_NO_SNAPSHOT_CHECKSUM)
    return true;
#endif
    return mote__checksum_equal(mote__checksum_of(data, size), *wanted);
}

/* ---- the header ---- */

static int read_header(struct opening *o, mote_error *error)
{
    int status = mote__file_size(o->fd, &o->size);
    if (status == -EISDIR || status == -EINVAL)
        return mote__fail_snapshot(error, "%s is not a regular file", o->name);
    if (status < 0)
        return mote__fail_system(error, status, o->name);
    if (o->size < sizeof o->header)
        return mote__fail_snapshot(error, "%s is not a snapshot, or truncated: it has %llu bytes",
                                   o->name, (unsigned long long)o->size);
    status = mote__read_at(o->fd, &o->header, sizeof o->header, 0);
    return status < 0 ? mote__fail_system(error, status, o->name) : 0;
}

static int check_format(const struct opening *o, mote_error *error)
{
    const struct mote__snapshot_header *h = &o->header;
    if (memcmp(h->magic, MOTE__SNAPSHOT_MAGIC, sizeof h->magic) != 0)
        return mote__fail_snapshot(error, "%s is not a snapshot of mote", o->name);
    if (h->version != MOTE__SNAPSHOT_VERSION)
        return mote__fail_snapshot(error, "%s has version %u of the format, this library reads %u",
                                   o->name, h->version, MOTE__SNAPSHOT_VERSION);
    if (h->arch != MOTE__SNAPSHOT_ARCH)
        return mote__fail_snapshot(error, "%s is of another architecture (ELF machine %u, not %u)",
                                   o->name, h->arch, MOTE__SNAPSHOT_ARCH);
    if (o->size < h->file_size)
        return mote__fail_snapshot(error, "%s is truncated: it has %llu bytes of %llu", o->name,
                                   (unsigned long long)o->size, (unsigned long long)h->file_size);
    if (o->size > h->file_size)
        return mote__fail_snapshot(error, "%s is damaged: it has %llu bytes more than it says",
                                   o->name, (unsigned long long)(o->size - h->file_size));
    if (h->nregions > MOTE__MAX_REGIONS || h->nruns > o->size / sizeof(struct mote__file_run) ||
        mote__snapshot_tables_size(h->nregions, h->nruns) > o->size)
        return mote__fail_snapshot(error, "%s is damaged: its tables are larger than the file",
                                   o->name);
    return 0;
}

/* ---- the tables ---- */

/* The header stays the one that was read first: its numbers were believed already. */
static int read_tables(struct opening *o, mote_error *error)
{
    struct mote__snapshot_header plain = o->header;
    size_t size = (size_t)mote__snapshot_tables_size(o->header.nregions, o->header.nruns);
    o->tables = mote__alloc(&o->image->host->allocator, size);
    if (!o->tables)
        return mote__fail_memory(error, "the tables of a snapshot");
    int status = mote__read_at(o->fd, o->tables, size, 0);
    if (status < 0)
        return mote__fail_system(error, status, o->name);
    plain.tables = (struct mote__checksum){0, 0};
    memcpy(o->tables, &plain, sizeof plain);
    if (!fits(&o->header.tables, o->tables, size))
        return mote__fail_snapshot(error, "%s is damaged: the checksum of its tables is wrong",
                                   o->name);
    const uint8_t *regions = o->tables + sizeof plain;
    const uint8_t *runs = regions + o->header.nregions * sizeof(struct mote__file_region);
    o->regions = (const struct mote__file_region *)(const void *)regions;
    o->runs = (const struct mote__file_run *)(const void *)runs;
    return 0;
}

/* ---- what it belongs to ---- */

static int check_image(const struct opening *o, mote_error *error)
{
    const mote_image *image = o->image;
    if (!mote__checksum_equal(o->header.image, mote__checksum_of(image->file, image->file_size)))
        return mote__fail_snapshot(error, "%s is of another image than %s", o->name, image->name);
    if (memcmp(&o->header.layout, &image->layout, sizeof image->layout) != 0)
        return mote__fail_snapshot(error,
                                   "%s is of an image with another layout: open %s with the "
                                   "options (stack) and the library that it had then",
                                   o->name, image->name);
    if (o->header.cpu != MOTE_CPU_V2 && o->header.cpu != MOTE_CPU_V3)
        return mote__fail_snapshot(error, "%s needs a processor of level %u, which is not known",
                                   o->name, o->header.cpu);
    return mote__hv_check_cpu(image->host->hv, (mote_cpu)o->header.cpu, error);
}

static int check_base(const struct opening *o, mote_error *error)
{
    bool none = mote__checksum_is_none(o->header.base);
    if (none && o->base)
        return mote__fail_snapshot(error, "%s has no base, and one was given", o->name);
    if (none)
        return 0;
    if (!o->base)
        return mote__fail_snapshot(error, "%s has only what differs from its base: open that first",
                                   o->name);
    const struct mote__snapshot *s = o->base->state;
    if (o->base->image != o->image || !atomic_load(&s->saved) ||
        !mote__checksum_equal(mote__snapshot_identity(s), o->header.base))
        return mote__fail_snapshot(error, "%s has another base than the one given", o->name);
    return 0;
}

/* ---- the pages ---- */

static int map_pages(const struct opening *o, struct mote__snapshot *s, mote_error *error)
{
    uint64_t at = mote__snapshot_tables_size(o->header.nregions, o->header.nruns);
    size_t size = (size_t)(o->size - at);
    void *own = NULL;
    if (size) {
        int status = mote__map_read_only(&own, size, o->fd, at);
        if (status < 0)
            return mote__fail_system(error, status, o->name);
        s->own = own;
        s->own_size = size;
    }
    if (!fits(&o->header.pages, own, size))
        return mote__fail_snapshot(error, "%s is damaged: the checksum of its pages is wrong",
                                   o->name);
    return 0;
}

static int place_run(const struct opening *o, struct mote__snapshot *s,
                     const struct mote__file_run *r, const uint8_t **own, mote_error *error)
{
    for (uint64_t at = r->offset; at < r->offset + r->size; at += MOTE__PAGE) {
        const uint8_t *page = *own;
        if (r->source == MOTE__FILE_BASE)
            page = mote__snapshot_page_or_none(o->base->state, (size_t)at);
        else
            *own += MOTE__PAGE;
        if (!page)
            return mote__fail_snapshot(error, "%s is not a valid snapshot: its base lacks a page",
                                       o->name);
        s->pages[(at - s->read_only) / MOTE__PAGE] = page;
    }
    return 0;
}

static int place_pages(const struct opening *o, struct mote__snapshot *s, mote_error *error)
{
    s->pages = mote__alloc_array(s->allocator, s->ram_size / MOTE__PAGE, sizeof *s->pages);
    if (!s->pages)
        return mote__fail_memory(error, "a snapshot");
    const uint8_t *own = s->own;
    int status = 0;
    for (uint64_t i = 0; !status && i < o->header.nruns; i++)
        status = place_run(o, s, &o->runs[i], &own, error);
    return status;
}

/* ---- the snapshot ---- */

static int make_regions(const struct opening *o, struct mote__snapshot *s, mote_error *error)
{
    int status = 0;
    for (uint32_t i = 0; !status && i < o->header.nregions; i++) {
        const struct mote__file_region *r = &o->regions[i];
        bool backed = r->offset != MOTE__FILE_UNBACKED;
        status = mote__regions_insert(
            &s->regions,
            (struct mote__region){.start = r->start,
                                  .end = r->end,
                                  .offset = backed ? (size_t)r->offset : MOTE__UNBACKED,
                                  .access = (unsigned)r->access,
                                  .kind = mote__snapshot_kind(&s->layout, r->start)});
    }
    return status ? mote__fail_memory(error, "a snapshot's regions") : 0;
}

static void make_cpu(struct mote__snapshot *s, const struct mote__snapshot_header *h,
                     uint64_t entry)
{
    s->regs = (struct mote__cpu_regs){.rbx = h->rbx,
                                      .rbp = h->rbp,
                                      .rsp = h->rsp,
                                      .r12 = h->r12,
                                      .r13 = h->r13,
                                      .r14 = h->r14,
                                      .r15 = h->r15,
                                      .rip = s->layout.gate + MOTE__GATE_SCRUB,
                                      .rflags = MOTE__FLAGS_FIXED};
    s->special = (struct mote__cpu_special){.fs_base = h->fs_base,
                                            .gs_base = h->gs_base,
                                            .x87_control = (uint16_t)h->x87_control,
                                            .mxcsr = h->mxcsr};
    s->resume = h->at_entry ? entry : s->layout.gate + MOTE__GATE_DOORBELL_RETURN;
}

static void make_personality(struct mote__linux *linux, const struct mote__snapshot_header *h)
{
    *linux = (struct mote__linux){.brk = h->brk,
                                  .random_words = h->random_words,
                                  .blocked = h->blocked,
                                  .ignored = h->ignored,
                                  .monotonic_start = h->monotonic_start,
                                  .cpu_ns = h->cpu_ns,
                                  .umask = h->umask};
    memcpy(linux->name, h->name, sizeof linux->name);
}

static void begin(const struct opening *o, struct mote__snapshot *s)
{
    const struct mote__snapshot_header *h = &o->header;
    atomic_init(&s->references, 1);
    s->allocator = s->regions.allocator = s->free.allocator = &o->image->host->allocator;
    s->image = o->image;
    s->parent = o->base ? mote__snapshot_ref(o->base->state) : NULL;
    s->layers = s->parent ? s->parent->layers + 1 : 0;
    s->layout = o->image->layout;
    s->cpu = (mote_cpu)h->cpu;
    s->read_only = (size_t)h->read_only;
    s->read_only_fd = o->image->read_only_fd;
    s->ram_size = (size_t)h->ram_size;
    s->identity[0] = h->tables.low;
    s->identity[1] = h->tables.high;
    atomic_init(&s->form, s->parent ? MOTE__FORM_LAYERED : MOTE__FORM_WHOLE);
    atomic_init(&s->saved, true);
    make_cpu(s, h, o->image->elf.entry);
    make_personality(&s->personality, h);
}

static int make_snapshot(const struct opening *o, struct mote__snapshot **out, mote_error *error)
{
    struct mote__snapshot *s = mote__alloc(&o->image->host->allocator, sizeof *s);
    if (!s)
        return mote__fail_memory(error, "a snapshot");
    begin(o, s);
    int status = map_pages(o, s, error);
    if (!status)
        status = place_pages(o, s, error);
    if (!status)
        status = make_regions(o, s, error);
    if (!status)
        status = mote__snapshot_complete(s, error);
    if (status) {
        mote__snapshot_unref(s);
        return status;
    }
    *out = s;
    return 0;
}

static int read_and_check(struct opening *o, mote_error *error)
{
    int status = read_header(o, error);
    if (!status)
        status = check_format(o, error);
    if (!status)
        status = read_tables(o, error);
    if (!status)
        status = check_image(o, error);
    if (!status)
        status = check_base(o, error);
    return status ? status
                  : mote__snapshot_check(&o->header, o->regions, o->runs, o->image, o->name, error);
}

int mote__snapshot_open_fd(mote_snapshot **out, mote_image *image, const mote_snapshot *base,
                           int fd, const char *name, mote_error *error)
{
    struct opening o = {.image = image, .base = base, .fd = fd, .name = name};
    struct mote__snapshot *state = NULL;
    int status = read_and_check(&o, error);
    if (!status)
        status = make_snapshot(&o, &state, error);
    mote__free(o.tables);
    if (status)
        return status;
    status = mote__snapshot_wrap(out, image, state, error);
    if (status)
        mote__snapshot_unref(state);
    return status;
}

int mote_snapshot_open(mote_snapshot **out, mote_image *image, mote_snapshot *base,
                       const char *path, mote_error *error)
{
    if (!out || !image || !path)
        return mote__fail_argument(error, "mote_snapshot_open: snapshot, image or path is NULL");
    int status = mote__host_check(image->host, error);
    if (status)
        return status;
    int fd = mote__open_snapshot(path);
    if (fd == -ELOOP)
        return mote__fail_snapshot(error, "%s is a symbolic link", path);
    if (fd < 0)
        return mote__fail_system(error, fd, path);
    status = mote__snapshot_open_fd(out, image, base, fd, path, error);
    mote__close(fd);
    return status;
}
