/* SPDX-License-Identifier: Apache-2.0 */
/* What is in a directory: the host's entries, or the mounts beneath one that only leads to them. */
#include <dirent.h>
#include <stdalign.h>

#include "files/internal.h"

struct mote__listing {
    size_t at, filled;
    uint64_t device;
    char name[MOTE__NAME_MAX + 1]; /* of a directory that leads to mounts */
    alignas(8) unsigned char data[4096];
};

static enum mote__file_kind kind_of(unsigned char type)
{
    switch (type) {
    case DT_REG:
        return MOTE__KIND_FILE;
    case DT_DIR:
        return MOTE__KIND_DIRECTORY;
    case DT_LNK:
        return MOTE__KIND_SYMLINK;
    default:
        return MOTE__KIND_OTHER;
    }
}

static int make_listing(struct mote__file *file)
{
    struct stat st = {0};
    if (file->listing)
        return 0;
    int status = file->mount ? mote__fd_status(file->fd, &st) : 0;
    if (status)
        return status;
    file->listing = mote__alloc(file->mounts->allocator, sizeof *file->listing);
    if (!file->listing)
        return -ENOMEM;
    file->listing->device = st.st_dev;
    return 0;
}

/* The kernel's struct linux_dirent64 is this one. */
static int next_of_host(struct mote__file *file, struct mote__dir_entry *entry)
{
    struct mote__listing *l = file->listing;
    if (l->at == l->filled) {
        int64_t n = mote__fd_entries(file->fd, l->data, sizeof l->data);
        if (n <= 0)
            return (int)n;
        l->at = 0;
        l->filled = (size_t)n;
    }
    const struct dirent64 *d = (const struct dirent64 *)(const void *)(l->data + l->at);
    *entry =
        (struct mote__dir_entry){.name = d->d_name,
                                 .length = strlen(d->d_name),
                                 .inode = mote__files_inode(file->mount->key, l->device, d->d_ino),
                                 .next = (uint64_t)d->d_off,
                                 .kind = kind_of(d->d_type)};
    return 1;
}

/* The component behind `prefix` of a mount's path; 0 when the mount is not beneath. */
static size_t component(const struct mote__mount *mount, const char *guest, size_t prefix,
                        const char **name)
{
    if (!mote__files_within(mount->guest, guest, prefix) || !mount->guest[prefix])
        return 0;
    *name = mount->guest + prefix + 1;
    return strcspn(*name, "/");
}

/* Whether a mount before the one at `index` already gave this name. */
static bool is_repeated(const struct mote__file *file, size_t index, const char *name,
                        size_t length)
{
    size_t prefix = mote__files_prefix(file->guest);
    for (size_t i = 0; i < index; i++) {
        const char *other;
        size_t n = component(&file->mounts->list[i], file->guest, prefix, &other);
        if (n == length && memcmp(other, name, n) == 0)
            return true;
    }
    return false;
}

static void name_entry(struct mote__file *file, struct mote__dir_entry *entry, const char *name,
                       size_t length, uint64_t next)
{
    memcpy(file->listing->name, name, length);
    file->listing->name[length] = '\0';
    *entry = (struct mote__dir_entry){.name = file->listing->name,
                                      .length = length,
                                      .inode = next,
                                      .next = next,
                                      .kind = MOTE__KIND_DIRECTORY};
}

/* Offsets: 0 and 1 are "." and "..", the others mounts. */
static int next_of_mounts(struct mote__file *file, struct mote__dir_entry *entry)
{
    size_t prefix = mote__files_prefix(file->guest);
    if (file->offset < 2) {
        name_entry(file, entry, "..", (size_t)file->offset + 1, file->offset + 1);
        return 1;
    }
    for (uint64_t i = file->offset - 2; i < file->mounts->count; i++) {
        const struct mote__mount *m = &file->mounts->list[i];
        const char *name;
        size_t length = component(m, file->guest, prefix, &name);
        if (!length || is_repeated(file, (size_t)i, name, length))
            continue;
        name_entry(file, entry, name, length, i + 3);
        if (m->kind == MOTE__MOUNT_FILE && !name[length])
            entry->kind = MOTE__KIND_FILE;
        return 1;
    }
    return 0;
}

int mote__file_next(struct mote__file *file, struct mote__dir_entry *entry)
{
    if (file->kind != MOTE__KIND_DIRECTORY)
        return -ENOTDIR;
    int status = make_listing(file);
    if (status)
        return status;
    return file->mount ? next_of_host(file, entry) : next_of_mounts(file, entry);
}

void mote__file_accept(struct mote__file *file, const struct mote__dir_entry *entry)
{
    struct mote__listing *l = file->listing;
    file->offset = entry->next;
    if (file->mount)
        l->at += ((const struct dirent64 *)(const void *)(l->data + l->at))->d_reclen;
}
