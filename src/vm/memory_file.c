/* SPDX-License-Identifier: Apache-2.0 */
/* Granted files in the memory of a guest. */
#include "error.h"
#include "os/os.h"
#include "vm/memory.h"

/* ---- placing ---- */

static int place_file(struct mote__memory *memory, const struct mote__mount *file,
                      mote_error *error)
{
    size_t size = (size_t)mote__align_up(file->size, MOTE__PAGE);
    if (file->kind != MOTE__MOUNT_FILE || size == 0)
        return 0;
    uint8_t *at = memory->ram.host + memory->files + file->offset;
    int status = mote__map_private_over(at, size, file->fd);
    if (status < 0)
        return mote__fail_system(error, status, "mapping a granted file");
    status = mote__not_in_child(at, size);
    return status < 0 ? mote__fail_system(error, status, "madvise(MADV_DONTFORK)") : 0;
}

int mote__memory_place_files(struct mote__memory *memory, const struct mote__mounts *mounts,
                             mote_error *error)
{
    struct mote__arena *ram = &memory->ram;
    size_t size = (size_t)mounts->file_pages, offset;
    if (size > ram->reserved - ram->used)
        return mote__memory_fail_limit(memory, error);
    memory->files = ram->used;
    int status = 0;
    for (size_t i = 0; !status && i < mounts->count; i++)
        status = place_file(memory, &mounts->list[i], error);
    /* Only now does the VM learn of them: nothing is remapped under it. */
    if (!status)
        status = mote__arena_take(ram, size, &offset, error);
    if (!status)
        memory->files_used = size;
    return status;
}

int mote__memory_displace_files(struct mote__memory *memory, mote_error *error)
{
    if (!memory->files_used)
        return 0;
    uint8_t *at = memory->ram.host + memory->files;
    int status = mote__map_anonymous_over(at, memory->files_used);
    if (status >= 0)
        status = mote__not_in_child(at, memory->files_used);
    if (status < 0) {
        memory->damaged = true;
        return mote__fail_system(error, status, "unmapping granted files");
    }
    memory->files = memory->files_used = 0;
    memory->changed = true;
    return 0;
}

/* ---- sharing ---- */

/* Whether a region other than `but` shows pages of [offset, offset + size) of ram; only those that
 * may have been written where `written`. */
static bool is_shown(const struct mote__memory *memory, const struct mote__region *but,
                     size_t offset, size_t size, bool written)
{
    for (size_t i = 0; i < memory->regions.count; i++) {
        const struct mote__region *r = &memory->regions.list[i];
        if (r == but || !mote__region_is_file(r) || (written && r->kind == MOTE__REGION_FILE))
            continue;
        if (r->offset < offset + size && offset < r->offset + (size_t)(r->end - r->start))
            return true;
    }
    return false;
}

static int count_private(struct mote__memory *memory, size_t size, mote_error *error)
{
    if (size > mote__memory_room(memory))
        return mote__memory_fail_limit(memory, error);
    memory->private_files += size;
    return 0;
}

int mote__memory_own_file(struct mote__memory *memory, struct mote__region *region,
                          mote_error *error)
{
    size_t size = (size_t)(region->end - region->start);
    if (is_shown(memory, region, region->offset, size, false))
        return mote__fail(error, MOTE_DOMAIN_GUEST, MOTE_EINVAL, 0, NULL,
                          "pages of a file that are mapped twice cannot become writable");
    int status = count_private(memory, size, error);
    if (!status)
        region->kind = MOTE__REGION_FILE_PRIVATE;
    return status;
}

/* ---- mapping ---- */

/* A copy in memory of its own, where the file's pages are not to be had. */
static int map_copy(struct mote__memory *memory, uint64_t start, uint64_t size,
                    const struct mote__mount *file, uint64_t offset, unsigned access,
                    enum mote__region_kind kind, mote_error *error)
{
    int status = mote__memory_map(memory, start, size, MOTE__READ | MOTE__WRITE, kind, error);
    if (status)
        return status;
    for (uint64_t done = 0; !status && done < size;) {
        size_t part = (size_t)(size - done);
        void *to = mote__memory_at(memory, start + done, &part, MOTE__WRITE);
        status = mote__read_at(file->fd, to, part, offset + done);
        done += part;
    }
    mote__paging_mark_dirty(&memory->tables, memory->root, start, size);
    if (status)
        status = mote__fail_system(error, status, "reading a granted file");
    else if (access != (MOTE__READ | MOTE__WRITE))
        status = mote__memory_protect(memory, start, size, access, error);
    if (status)
        mote__memory_undo(memory, start, size);
    return status;
}

static int map_pages(struct mote__memory *memory, uint64_t start, uint64_t size, size_t offset,
                     unsigned access, mote_error *error)
{
    bool write = access & MOTE__WRITE;
    int status = write ? count_private(memory, (size_t)size, error) : 0;
    if (status)
        return status;
    status = mote__memory_map_at(memory, start, offset, size, access,
                                 write ? MOTE__REGION_FILE_PRIVATE : MOTE__REGION_FILE, error);
    if (status && write)
        memory->private_files -= (size_t)size;
    return status;
}

static int map_inside(struct mote__memory *memory, uint64_t start, uint64_t size,
                      const struct mote__mount *file, uint64_t offset, unsigned access,
                      enum mote__region_kind kind, mote_error *error)
{
    size_t at = memory->files + (size_t)(file->offset + offset);
    if (is_shown(memory, NULL, at, (size_t)size, !(access & MOTE__WRITE)))
        return map_copy(memory, start, size, file, offset, access, kind, error);
    return map_pages(memory, start, size, at, access, error);
}

int mote__memory_map_file(struct mote__memory *memory, uint64_t start, uint64_t size,
                          const struct mote__mount *file, uint64_t offset, unsigned access,
                          enum mote__region_kind kind, mote_error *error)
{
    if (access & MOTE__EXECUTE)
        return mote__fail(error, MOTE_DOMAIN_GUEST, MOTE_EINVAL, 0, NULL,
                          "granted files are never executable");
    uint64_t end = mote__align_up(file->size, MOTE__PAGE);
    uint64_t inside = offset < end ? end - offset : 0;
    inside = inside < size ? inside : size;
    int status = 0;
    if (inside)
        status = map_inside(memory, start, inside, file, offset, access, kind, error);
    if (status || inside == size)
        return status;
    status = mote__memory_map(memory, start + inside, size - inside, 0, kind, error);
    if (status && inside)
        mote__memory_undo(memory, start, inside);
    return status;
}
