/* SPDX-License-Identifier: Apache-2.0 */
/* Calls on open files: where they are, what a directory lists, locks. */
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#include "linux/internal.h"

#define RETRY_NS 10000000u /* between two tries at a lock that another holds */

/* ---- where ---- */

int64_t mote__linux_lseek(mote_sandbox *sandbox, struct mote__syscall *call)
{
    const struct mote__open *open = mote__fds_open_of(&sandbox->fds, call->args[0]);
    if (!open)
        return -EBADF;
    if (open->kind != MOTE__FD_FILE)
        return open->kind == MOTE__FD_STREAM ? -ESPIPE : 0;
    if (call->args[2] > MOTE__SEEK_END)
        return -EINVAL;
    return mote__file_seek(open->file, (int64_t)call->args[1], (enum mote__seek)call->args[2]);
}

/* ---- directories ---- */

/* The kernel's, with the name behind it. */
struct entry {
    uint64_t inode;
    int64_t next;
    uint16_t size;
    uint8_t type;
    char name[MOTE__NAME_MAX + 1];
};

#define NAME_OFFSET (offsetof(struct entry, name))

static uint8_t type_of(enum mote__file_kind kind)
{
    static const uint8_t types[] = {
        [MOTE__KIND_FILE] = 8, [MOTE__KIND_DIRECTORY] = 4, [MOTE__KIND_SYMLINK] = 10};
    return kind == MOTE__KIND_OTHER ? 0 : types[kind]; /* DT_REG, DT_DIR, DT_LNK, DT_UNKNOWN */
}

/* One entry as the guest reads it; its size. */
static size_t pack(struct entry *to, const struct mote__dir_entry *from)
{
    memset(to, 0, sizeof *to);
    size_t length = from->length < MOTE__NAME_MAX ? from->length : MOTE__NAME_MAX;
    to->inode = from->inode;
    to->next = (int64_t)from->next;
    to->type = type_of(from->kind);
    to->size = (uint16_t)mote__align_up(NAME_OFFSET + length + 1, 8);
    memcpy(to->name, from->name, length);
    return to->size;
}

int64_t mote__linux_getdents64(mote_sandbox *sandbox, struct mote__syscall *call)
{
    const struct mote__open *open = mote__fds_open_of(&sandbox->fds, call->args[0]);
    uint64_t room = (uint32_t)call->args[2], used = 0;
    if (!open)
        return -EBADF;
    if (open->kind != MOTE__FD_FILE || open->file->kind != MOTE__KIND_DIRECTORY)
        return -ENOTDIR;
    while (!mote__linux_stopping(sandbox)) {
        struct mote__dir_entry next;
        struct entry entry;
        int more = mote__file_next(open->file, &next);
        if (more <= 0)
            return used ? (int64_t)used : more;
        size_t size = pack(&entry, &next);
        if (size > room - used)
            return used ? (int64_t)used : -EINVAL;
        if (mote__linux_put(sandbox, call->args[1] + used, &entry, size))
            return used ? (int64_t)used : -EFAULT;
        mote__file_accept(open->file, &next);
        used += size;
    }
    return (int64_t)used;
}

/* ---- locks: of the open file, whichever way they are asked for ---- */

/* Tries, and tries again while another holds it and `wait` is set. */
static int64_t lock(const mote_sandbox *sandbox, const struct mote__file *file,
                    enum mote__lock_kind kind, uint64_t start, uint64_t size, bool wait)
{
    for (;;) {
        int status = mote__file_lock(file, kind, start, size);
        if (status != -EAGAIN || !wait)
            return status;
        status = mote__linux_wait(sandbox, NULL, 0, RETRY_NS);
        if (status < 0)
            return status;
    }
}

static bool to_kind(int64_t type, enum mote__lock_kind *kind)
{
    *kind = type == F_WRLCK   ? MOTE__LOCK_EXCLUSIVE
            : type == F_RDLCK ? MOTE__LOCK_SHARED
                              : MOTE__LOCK_NONE;
    return type == F_WRLCK || type == F_RDLCK || type == F_UNLCK;
}

/* The range in the file; -EINVAL where it begins before it or wraps. */
static int64_t to_range(const struct mote__file *file, const struct flock *l, uint64_t *start,
                        uint64_t *size)
{
    struct mote__file_status st = {.size = 0};
    int64_t from = 0, length = l->l_len;
    int status = l->l_whence == SEEK_END ? mote__file_status(file, &st) : 0;
    if (status)
        return status;
    if (l->l_whence < SEEK_SET || l->l_whence > SEEK_END)
        return -EINVAL;
    int64_t base = l->l_whence == SEEK_CUR ? (int64_t)file->offset : (int64_t)st.size;
    if (__builtin_add_overflow(base, l->l_start, &from))
        return -EOVERFLOW;
    if (length < 0) {
        if (__builtin_add_overflow(from, length, &from) ||
            __builtin_sub_overflow((int64_t)0, length, &length))
            return -EINVAL;
    }
    if (from < 0 || (length && length - 1 > INT64_MAX - from))
        return -EINVAL;
    *start = (uint64_t)from;
    *size = (uint64_t)length;
    return 0;
}

static int64_t tell_holder(mote_sandbox *sandbox, const struct mote__file *file, uint64_t address,
                           struct flock *l, enum mote__lock_kind kind, uint64_t start,
                           uint64_t size)
{
    int holder = mote__file_lock_test(file, kind, start, size);
    if (holder < 0)
        return holder;
    l->l_type = holder == MOTE__LOCK_EXCLUSIVE ? F_WRLCK
                : holder == MOTE__LOCK_SHARED  ? F_RDLCK
                                               : F_UNLCK;
    l->l_pid = holder == MOTE__LOCK_NONE ? l->l_pid : -1; /* nobody the guest could know */
    return mote__linux_put(sandbox, address, l, sizeof *l);
}

int64_t mote__linux_record_lock(mote_sandbox *sandbox, const struct mote__open *open, int command,
                                uint64_t address)
{
    struct flock l;
    enum mote__lock_kind kind;
    uint64_t start, size;
    if (open->kind != MOTE__FD_FILE)
        return -EINVAL;
    if (mote__linux_get(sandbox, address, &l, sizeof l))
        return -EFAULT;
    if (!to_kind(l.l_type, &kind))
        return -EINVAL;
    int64_t status = to_range(open->file, &l, &start, &size);
    if (status)
        return status;
    if (command == F_GETLK || command == F_OFD_GETLK)
        return tell_holder(sandbox, open->file, address, &l, kind, start, size);
    return lock(sandbox, open->file, kind, start, size,
                command == F_SETLKW || command == F_OFD_SETLKW);
}

int64_t mote__linux_flock(mote_sandbox *sandbox, struct mote__syscall *call)
{
    const struct mote__open *open = mote__fds_open_of(&sandbox->fds, call->args[0]);
    uint64_t how = call->args[1] & ~(uint64_t)LOCK_NB;
    if (!open)
        return -EBADF;
    if (open->kind != MOTE__FD_FILE || (how != LOCK_SH && how != LOCK_EX && how != LOCK_UN))
        return -EINVAL;
    enum mote__lock_kind kind = how == LOCK_EX   ? MOTE__LOCK_EXCLUSIVE
                                : how == LOCK_SH ? MOTE__LOCK_SHARED
                                                 : MOTE__LOCK_NONE;
    return lock(sandbox, open->file, kind, 0, 0, !(call->args[1] & LOCK_NB));
}
