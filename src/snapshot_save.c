/* SPDX-License-Identifier: Apache-2.0 */
/* Writing a snapshot to a file: whole, or not at all. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "os/files.h"
#include "snapshot_file.h"

/* ---- what the file shares ---- */

/* A snapshot is always written in the same way, so that it has one identity: with its parent as the
 * base when the parent had been saved or opened by the first time, else whole. */
static const struct mote__snapshot *choose_base(struct mote__snapshot *s)
{
    uint32_t unknown = MOTE__FORM_UNKNOWN;
    bool layered = s->parent && atomic_load(&s->parent->saved);
    atomic_compare_exchange_strong(&s->form, &unknown,
                                   layered ? MOTE__FORM_LAYERED : MOTE__FORM_WHOLE);
    return atomic_load(&s->form) == MOTE__FORM_LAYERED ? s->parent : NULL;
}

struct mote__checksum mote__snapshot_identity(const struct mote__snapshot *s)
{
    return (struct mote__checksum){s->identity[0], s->identity[1]};
}

/* Two threads that save the same snapshot find the same. */
static void remember(struct mote__snapshot *s, struct mote__checksum identity)
{
    s->identity[0] = identity.low;
    s->identity[1] = identity.high;
    atomic_store(&s->saved, true);
}

/* ---- the tables ---- */

struct saving {
    const mote_snapshot *snapshot;
    const struct mote__snapshot *s, *base;
    struct mote__snapshot_header header;
    uint8_t *tables;
    size_t tables_size;
    int dir, fd;
    const char *path;
};

static size_t page_count(const struct mote__snapshot *s)
{
    return s->ram_size / MOTE__PAGE;
}

static enum mote__file_source source_of(const struct saving *w, size_t page)
{
    size_t offset = w->s->read_only + page * MOTE__PAGE;
    bool shared = w->base && mote__snapshot_page_or_none(w->base, offset) == w->s->pages[page];
    return shared ? MOTE__FILE_BASE : MOTE__FILE_OWN;
}

/* Counts the runs, and writes them where `to` is not NULL. */
static uint64_t make_runs(const struct saving *w, struct mote__file_run *to)
{
    uint64_t count = 0, source = 0;
    for (size_t i = 0; i < page_count(w->s); i++) {
        uint64_t here = w->s->pages[i] ? source_of(w, i) : 0;
        if (here && here != source) {
            count++;
            if (to)
                to[count - 1].offset = w->s->read_only + i * MOTE__PAGE;
            if (to)
                to[count - 1].source = here;
        }
        if (here && to)
            to[count - 1].size += MOTE__PAGE;
        source = here;
    }
    return count;
}

static void make_regions(const struct mote__snapshot *s, struct mote__file_region *to)
{
    for (size_t i = 0; i < s->regions.count; i++) {
        const struct mote__region *r = &s->regions.list[i];
        to[i] = (struct mote__file_region){
            .start = r->start,
            .end = r->end,
            .offset = r->offset == MOTE__UNBACKED ? MOTE__FILE_UNBACKED : r->offset,
            .access = r->access};
    }
}

static void put_cpu(struct mote__snapshot_header *h, const struct mote__snapshot *s)
{
    h->cpu = (uint32_t)s->cpu;
    h->at_entry = s->resume != s->layout.gate + MOTE__GATE_DOORBELL_RETURN;
    h->rbx = s->regs.rbx;
    h->rbp = s->regs.rbp;
    h->rsp = s->regs.rsp;
    h->r12 = s->regs.r12;
    h->r13 = s->regs.r13;
    h->r14 = s->regs.r14;
    h->r15 = s->regs.r15;
    h->fs_base = s->special.fs_base;
    h->gs_base = s->special.gs_base;
    h->x87_control = s->special.x87_control;
    h->mxcsr = s->special.mxcsr;
}

static void put_personality(struct mote__snapshot_header *h, const struct mote__linux *linux)
{
    h->brk = linux->brk;
    h->random_words = linux->random_words;
    h->blocked = linux->blocked;
    h->ignored = linux->ignored;
    h->monotonic_start = linux->monotonic_start;
    h->cpu_ns = linux->cpu_ns;
    h->umask = linux->umask;
    memcpy(h->name, linux->name, sizeof h->name);
}

/* All of the header but the checksums of what comes later. */
static void put_header(struct saving *w, uint64_t nruns)
{
    struct mote__snapshot_header *h = &w->header;
    const mote_image *image = w->snapshot->image;
    *h = (struct mote__snapshot_header){.version = MOTE__SNAPSHOT_VERSION,
                                        .arch = MOTE__SNAPSHOT_ARCH,
                                        .image = mote__checksum_of(image->file, image->file_size),
                                        .layout = w->s->layout,
                                        .nregions = (uint32_t)w->s->regions.count,
                                        .nruns = nruns,
                                        .read_only = w->s->read_only,
                                        .ram_size = w->s->ram_size};
    memcpy(h->magic, MOTE__SNAPSHOT_MAGIC, sizeof h->magic);
    if (w->base)
        h->base = mote__snapshot_identity(w->base);
    put_cpu(h, w->s);
    put_personality(h, &w->s->personality);
}

/* ---- the pages ---- */

/* The next own pages from *page on that lie side by side in memory; 0 at the end. */
static size_t next_piece(const struct saving *w, size_t *page, const uint8_t **data)
{
    const uint8_t **pages = w->s->pages;
    size_t n = page_count(w->s), i = *page;
    while (i < n && (!pages[i] || source_of(w, i) != MOTE__FILE_OWN))
        i++;
    if (i == n)
        return 0;
    *data = pages[i];
    size_t size = 0;
    for (; i < n && pages[i] == *data + size && source_of(w, i) == MOTE__FILE_OWN; i++)
        size += MOTE__PAGE;
    *page = i;
    return size;
}

static uint64_t sum_pages(struct saving *w)
{
    struct mote__checksum_state state;
    const uint8_t *data;
    uint64_t all = 0;
    mote__checksum_begin(&state);
    for (size_t page = 0, size; (size = next_piece(w, &page, &data)); all += size)
        mote__checksum_add(&state, data, size);
    w->header.pages = mote__checksum_end(&state);
    return all;
}

static int make_tables(struct saving *w, mote_error *error)
{
    uint64_t nruns = make_runs(w, NULL);
    put_header(w, nruns);
    w->tables_size = (size_t)mote__snapshot_tables_size(w->header.nregions, nruns);
    w->tables = mote__alloc(w->s->allocator, w->tables_size);
    if (!w->tables)
        return mote__fail_memory(error, "the tables of a snapshot");
    w->header.file_size = w->tables_size + sum_pages(w);
    uint8_t *regions = w->tables + sizeof w->header;
    uint8_t *runs = regions + w->header.nregions * sizeof(struct mote__file_region);
    make_regions(w->s, (struct mote__file_region *)(void *)regions);
    make_runs(w, (struct mote__file_run *)(void *)runs);
    memcpy(w->tables, &w->header, sizeof w->header);
    w->header.tables = mote__checksum_of(w->tables, w->tables_size);
    memcpy(w->tables, &w->header, sizeof w->header);
    return 0;
}

/* ---- the file ---- */

static int write_all(int fd, const uint8_t *data, size_t size, uint64_t offset)
{
    while (size) {
        int64_t n = mote__fd_write(fd, data, size, offset);
        if (n == -EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? (int)n : -EIO;
        data += n;
        offset += (uint64_t)n;
        size -= (size_t)n;
    }
    return 0;
}

static int write_file(const struct saving *w)
{
    const uint8_t *data;
    uint64_t offset = w->tables_size;
    int status = write_all(w->fd, w->tables, w->tables_size, 0);
    for (size_t page = 0, size; !status && (size = next_piece(w, &page, &data)); offset += size)
        status = write_all(w->fd, data, size, offset);
    return status ? status : mote__fd_sync(w->fd);
}

/* Under another name first, so that there is never half a snapshot under the right one. */
static int put_in_place(struct saving *w, const char *name)
{
    char temporary[48];
    uint64_t number;
    int status = mote__random(&number, sizeof number);
    if (status < 0)
        return status;
    snprintf(temporary, sizeof temporary, ".mote-snapshot-%016llx", (unsigned long long)number);
    w->fd = mote__create_at(w->dir, temporary);
    if (w->fd < 0)
        return w->fd;
    status = write_file(w);
    mote__close(w->fd);
    if (!status)
        status = mote__rename_at(w->dir, temporary, w->dir, name, 0);
    if (status)
        mote__remove_at(w->dir, temporary, 0);
    return status;
}

/* Opens the folder of the path; `*name` is what is behind it. */
static int open_folder(const char *path, const mote_allocator *allocator, const char **name)
{
    const char *slash = strrchr(path, '/');
    *name = slash ? slash + 1 : path;
    if (!slash)
        return mote__open_folder(".");
    char *folder = mote__strdup(allocator, path);
    if (!folder)
        return -ENOMEM;
    folder[slash == path ? 1 : slash - path] = '\0';
    int fd = mote__open_folder(folder);
    mote__free(folder);
    return fd;
}

static int write_snapshot(struct saving *w)
{
    const char *name;
    w->dir = open_folder(w->path, w->s->allocator, &name);
    if (w->dir < 0)
        return w->dir;
    int status = put_in_place(w, name);
    if (!status)
        status = mote__fd_sync(w->dir);
    mote__close(w->dir);
    return status;
}

static bool is_name(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    return *name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

int mote_snapshot_save(mote_snapshot *snapshot, const char *path, mote_error *error)
{
    if (!snapshot || !path || !is_name(path))
        return mote__fail_argument(error, "mote_snapshot_save: no snapshot, or no name of a file");
    int status = mote__host_check(snapshot->image->host, error);
    if (status)
        return status;
    struct saving w = {.snapshot = snapshot,
                       .s = snapshot->state,
                       .base = choose_base(snapshot->state),
                       .path = path};
    status = make_tables(&w, error);
    if (!status) {
        status = write_snapshot(&w);
        if (status)
            status = mote__fail_system(error, status, path);
    }
    mote__free(w.tables);
    if (!status)
        remember(snapshot->state, w.header.tables);
    return status;
}
