/* SPDX-License-Identifier: Apache-2.0 */
/* What is granted, and how guest paths become places in it. */
#include <stdio.h>

#include "error.h"
#include "files/internal.h"

/* ---- guest paths, as text ---- */

size_t mote__files_prefix(const char *guest)
{
    size_t length = strlen(guest);
    return length == 1 ? 0 : length;
}

bool mote__files_within(const char *guest, const char *directory, size_t prefix)
{
    return strncmp(guest, directory, prefix) == 0 &&
           (prefix == 0 || guest[prefix] == '/' || guest[prefix] == '\0');
}

/* A path in the making: text[0..length), without a slash at its end. */
struct text {
    char *at;
    size_t length;
    size_t floor; /* `..` does not go above */
    bool strict;  /* and is EPERM where it would */
};

static int go_up(struct text *text)
{
    if (text->length <= text->floor)
        return text->strict ? -EPERM : 0;
    while (text->at[--text->length] != '/')
        ;
    return 0;
}

static int add_component(struct text *text, const char *name, size_t length)
{
    if (length == 0 || (length == 1 && name[0] == '.'))
        return 0;
    if (length == 2 && name[0] == '.' && name[1] == '.')
        return go_up(text);
    if (length > MOTE__NAME_MAX || text->length + 1 + length + 1 > MOTE__PATH_MAX)
        return -ENAMETOOLONG;
    text->at[text->length] = '/';
    memcpy(text->at + text->length + 1, name, length);
    text->length += 1 + length;
    return 0;
}

static int add_path(struct text *text, const char *path, size_t length)
{
    int status = 0;
    while (!status && length) {
        const char *slash = memchr(path, '/', length);
        size_t part = slash ? (size_t)(slash - path) : length;
        status = add_component(text, path, part);
        part += slash != NULL;
        path += part;
        length -= part;
    }
    return status;
}

/* Whether the last component is empty, "." or "..". */
static bool ends_as_directory(const char *path, size_t length)
{
    size_t dots = 0;
    while (dots < length && path[length - 1 - dots] == '.')
        dots++;
    return dots <= 2 && (dots == length || path[length - 1 - dots] == '/');
}

/* `path` as the absolute, normal text in `out`; relative to `base`, which is one. */
static int make_absolute(char *out, const char *base, bool strict, const char *path, size_t length)
{
    if (length == 0)
        return -ENOENT;
    if (memchr(path, '\0', length))
        return -EINVAL;
    struct text text = {.at = out, .strict = strict};
    if (path[0] != '/') {
        text.length = mote__files_prefix(base);
        memcpy(out, base, text.length);
    } else if (strict) {
        return -EPERM;
    }
    text.floor = strict ? text.length : 0;
    int status = add_path(&text, path, length);
    if (text.length == 0)
        out[text.length++] = '/';
    out[text.length] = '\0';
    return status;
}

/* ---- places ---- */

static const struct mote__mount *find_mount(const struct mote__mounts *mounts, const char *guest)
{
    const struct mote__mount *best = NULL;
    for (size_t i = 0; i < mounts->count; i++) {
        const struct mote__mount *m = &mounts->list[i];
        if (mote__files_within(guest, m->guest, m->length) && (!best || m->length > best->length))
            best = m;
    }
    return best;
}

bool mote__files_lead_to_mount(const struct mote__mounts *mounts, const char *guest)
{
    size_t prefix = mote__files_prefix(guest);
    for (size_t i = 0; i < mounts->count; i++)
        if (mote__files_within(mounts->list[i].guest, guest, prefix))
            return true;
    return false;
}

static const char *behind(const char *guest, size_t prefix)
{
    return guest[prefix] == '/' ? guest + prefix + 1 : guest + prefix;
}

/* From the text to a mount, and to `from` where it is on the way. */
static int locate(struct mote__place *place, const struct mote__mounts *mounts,
                  const struct mote__file *from)
{
    place->mounts = mounts;
    place->mount = find_mount(mounts, place->guest);
    place->directory = -1;
    place->rest = place->guest + strlen(place->guest);
    if (!place->mount)
        return mote__files_lead_to_mount(mounts, place->guest) ? 0 : -ENOENT;
    size_t prefix = place->mount->length;
    place->directory = place->mount->fd;
    if (from && from->mount == place->mount) {
        size_t longer = mote__files_prefix(from->guest);
        if (mote__files_within(place->guest, from->guest, longer)) {
            prefix = longer;
            place->directory = from->fd;
        }
    }
    place->rest = behind(place->guest, prefix);
    if (place->mount->kind == MOTE__MOUNT_FILE && (*place->rest || place->slash))
        return -ENOTDIR;
    return 0;
}

static int find(struct mote__place *place, const struct mote__mounts *mounts, const char *base,
                const struct mote__file *from, bool strict, const char *path, size_t length)
{
    int status = make_absolute(place->guest, base, strict, path, length);
    if (status)
        return status;
    place->slash = ends_as_directory(path, length);
    return locate(place, mounts, from);
}

int mote__place_find(struct mote__place *place, const struct mote__mounts *mounts, const char *cwd,
                     const struct mote__file *from, const char *path, size_t length)
{
    if (from && from->kind != MOTE__KIND_DIRECTORY && !(length && path[0] == '/'))
        return -ENOTDIR;
    bool relative = from && from->kind == MOTE__KIND_DIRECTORY && length && path[0] != '/';
    return find(place, mounts, relative ? from->guest : cwd, relative ? from : NULL, false, path,
                length);
}

int mote__place_beneath(struct mote__place *place, const struct mote__mounts *mounts,
                        const struct mote__file *from, const char *path, size_t length)
{
    if (from->kind != MOTE__KIND_DIRECTORY)
        return -ENOTDIR;
    return find(place, mounts, from->guest, from, true, path, length);
}

/* ---- mounts ---- */

static int check_guest(const struct mote__mounts *mounts, const char *guest, char *normal,
                       mote_error *error)
{
    if (make_absolute(normal, "/", false, guest, strlen(guest)))
        return mote__fail(error, MOTE_DOMAIN_API, MOTE_EINVAL, 0, NULL,
                          "%.200s is no path under which a guest can have files", guest);
    for (size_t i = 0; i < mounts->count; i++)
        if (strcmp(mounts->list[i].guest, normal) == 0)
            return mote__fail(error, MOTE_DOMAIN_API, MOTE_EINVAL, 0, NULL,
                              "the guest path %.200s is granted already", normal);
    return 0;
}

static int no_memory(mote_error *error)
{
    return mote__fail_memory(error, "a grant of files");
}

/* Room for one more, and the key before the first. */
static int make_room(struct mote__mounts *mounts, mote_error *error)
{
    int status = mounts->count ? 0 : mote__random(&mounts->key, sizeof mounts->key);
    if (status < 0)
        return mote__fail_system(error, status, "getrandom");
    struct mote__mount *list =
        mote__realloc(mounts->allocator, mounts->list, (mounts->count + 1) * sizeof *mounts->list);
    if (!list)
        return no_memory(error);
    mounts->list = list;
    return 0;
}

/* Adds a mount without fd; the caller fills it in or takes it away again. */
static int begin_mount(struct mote__mounts *mounts, const char *guest, enum mote__mount_kind kind,
                       mote_error *error)
{
    char normal[MOTE__PATH_MAX];
    int status = check_guest(mounts, guest, normal, error);
    if (!status)
        status = make_room(mounts, error);
    if (status)
        return status;
    struct mote__mount mount = {.kind = kind, .fd = -1, .key = mounts->key};
    mount.guest = mote__strdup(mounts->allocator, normal);
    if (!mount.guest)
        return no_memory(error);
    mount.length = mote__files_prefix(normal);
    mounts->list[mounts->count++] = mount;
    return 0;
}

static void free_mount(struct mote__mount *mount)
{
    if (mount->fd >= 0)
        mote__close(mount->fd);
    mote__free(mount->guest);
}

static int end_mount(struct mote__mounts *mounts, int status)
{
    if (status)
        free_mount(&mounts->list[--mounts->count]);
    return status;
}

/* The host refused; `remedy` may be NULL, and is for errors that have none of their own. */
static int fail_host(const char *doing, const char *host, int status, const char *remedy,
                     mote_error *error)
{
    char what[256];
    snprintf(what, sizeof what, "%s %.200s", doing, host);
    if (mote__system_code(status) != MOTE_ESYSTEM)
        return mote__fail_system(error, status, what);
    return mote__fail(error, MOTE_DOMAIN_SYSTEM, MOTE_ESYSTEM, -status, remedy, "%s: %s", what,
                      strerrordesc_np(-status));
}

/* Asks for what openat2 and /proc must be able to do, once, where the embedder can hear it. */
static int check_host(int fd, const char *host, mote_error *error)
{
    int found = mote__open_beneath(fd, ".", O_PATH | O_DIRECTORY, 0);
    if (found < 0)
        return fail_host("openat2 beneath", host, found,
                         "granting directories needs openat2: Linux 5.8 or later", error);
    int again = mote__open_again(found, O_PATH);
    mote__close(found);
    if (again < 0)
        return fail_host("opening through /proc/thread-self/fd", host, again,
                         "granting directories needs /proc to be mounted", error);
    mote__close(again);
    return 0;
}

static int open_root(struct mote__mount *mount, const char *host, mote_error *error)
{
    mount->fd = mote__open_root(host);
    return mount->fd < 0 ? fail_host("granting the directory", host, mount->fd, NULL, error)
                         : check_host(mount->fd, host, error);
}

int mote__mounts_add_directory(struct mote__mounts *mounts, const char *host, const char *guest,
                               bool writable, mote_error *error)
{
    int status = begin_mount(mounts, guest, MOTE__MOUNT_DIRECTORY, error);
    if (status)
        return status;
    struct mote__mount *mount = &mounts->list[mounts->count - 1];
    mount->writable = writable;
    return end_mount(mounts, open_root(mount, host, error));
}

static int fail_file(const char *host, int status, mote_error *error)
{
    if (status != -EINVAL && status != -EISDIR)
        return fail_host("granting the file", host, status, NULL, error);
    return mote__fail(error, MOTE_DOMAIN_API, MOTE_EINVAL, -status,
                      "grant directories with mote_policy_dir",
                      "cannot grant the file %.200s: it is no regular file", host);
}

static int copy_file(struct mote__mount *mount, int fd)
{
    struct stat st;
    mount->fd = mote__sealed_copy(fd, "mote-file", mount->size);
    int status = mount->fd < 0 ? mount->fd : mote__fd_status(fd, &st);
    if (status)
        return status;
    mount->inode = mote__files_inode(mount->key, st.st_dev, st.st_ino);
    mount->time_ns = mote__files_ns(st.st_mtim);
    return 0;
}

static int open_and_copy(struct mote__mount *mount, const char *host, uint64_t room,
                         mote_error *error)
{
    int fd = mote__open_read(host);
    if (fd < 0)
        return fail_file(host, fd, error);
    int status = mote__file_size(fd, &mount->size);
    if (!status && mount->size > room) {
        mote__close(fd);
        return mote__fail(error, MOTE_DOMAIN_API, MOTE_EINVAL, 0,
                          "grant the directory instead: mote_policy_dir",
                          "cannot grant the file %.200s: all granted files are more than %llu GiB",
                          host, (unsigned long long)(MOTE__LARGEST_FILES >> 30));
    }
    if (!status)
        status = copy_file(mount, fd);
    mote__close(fd);
    return status ? fail_file(host, status, error) : 0;
}

int mote__mounts_add_file(struct mote__mounts *mounts, const char *host, const char *guest,
                          mote_error *error)
{
    int status = begin_mount(mounts, guest, MOTE__MOUNT_FILE, error);
    if (status)
        return status;
    struct mote__mount *mount = &mounts->list[mounts->count - 1];
    mount->offset = mounts->file_pages;
    status =
        end_mount(mounts, open_and_copy(mount, host, MOTE__LARGEST_FILES - mount->offset, error));
    if (!status)
        mounts->file_pages += mote__align_up(mount->size, MOTE__PAGE);
    return status;
}

void mote__mounts_free(struct mote__mounts *mounts)
{
    for (size_t i = 0; i < mounts->count; i++)
        free_mount(&mounts->list[i]);
    mote__free(mounts->list);
    *mounts = (struct mote__mounts){0};
}
