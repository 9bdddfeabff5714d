/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files by grant: a script of operations with hostile paths on a granted directory full of traps. A
 * canary outside is never opened, told about or changed; nothing special is opened;
 * budgets hold; no descriptor is left.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files/files.h"
#include "script.h"

#define CHECK(what, text)                              \
    do {                                               \
        if (!(what)) {                                 \
            fprintf(stderr, "fuzz_files: %s\n", text); \
            abort();                                   \
        }                                              \
    } while (0)

#define OPERATIONS 64
#define OPEN       4
#define BUDGET     (1u << 20)

static char top[32] = "/dev/shm/mote-fuzz-XXXXXX"; /* memory: each run makes some twenty files */
static int root, inside;                           /* T and T/in */
static struct mote__mounts mounts;
static struct stat canary, outside;

/* ---- the world ---- */

static void clean_up(void)
{
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", top);
    if (system(command))
        fprintf(stderr, "fuzz_files: %s could not be removed\n", top);
}

static void empty(int dir)
{
    DIR *list = fdopendir(dir);
    fchmod(dir, 0755);
    rewinddir(list);
    for (struct dirent *e; (e = readdir(list));) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
            continue;
        if (unlinkat(dir, e->d_name, 0) == 0)
            continue;
        fchmodat(dir, e->d_name, 0755, 0);
        empty(openat(dir, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
        unlinkat(dir, e->d_name, AT_REMOVEDIR);
    }
    closedir(list);
}

static void put(const char *name, const char *text)
{
    int fd = openat(inside, name, O_WRONLY | O_CREAT, 0644);
    CHECK(fd >= 0 && write(fd, text, strlen(text)) > 0, "the world can be made");
    close(fd);
}

static void make_inside(void)
{
    char absolute[64];
    empty(openat(inside, ".", O_RDONLY | O_DIRECTORY));
    mkdirat(inside, "a", 0755);
    mkdirat(inside, "a/b", 0755);
    mkdirat(inside, "ro", 0755);
    put("f", "file");
    put("a/f", "deeper");
    put("ro/f", "kept");
    mkfifoat(inside, "fifo", 0666);
    symlinkat("../outside", inside, "out");
    symlinkat("../outside/canary", inside, "canary");
    symlinkat("..", inside, "up");
    symlinkat("a/b/../../../outside", inside, "chain");
    symlinkat("../../outside/new", inside, "a/new");
    symlinkat("a/b", inside, "in");
    symlinkat("loop", inside, "loop");
    snprintf(absolute, sizeof absolute, "%s/outside/canary", top);
    symlinkat(absolute, inside, "abs");
    symlinkat("/proc/self/root", inside, "magic");
}

static int make_world(void)
{
    CHECK(mkdtemp(top), "there is a temporary directory");
    atexit(clean_up);
    root = open(top, O_RDONLY | O_DIRECTORY);
    mkdirat(root, "in", 0755);
    mkdirat(root, "outside", 0755);
    inside = openat(root, "in", O_RDONLY | O_DIRECTORY);
    int fd = openat(root, "outside/canary", O_WRONLY | O_CREAT, 0644);
    CHECK(write(fd, "canary", 6) == 6 && fstat(fd, &canary) == 0, "there is a canary");
    close(fd);
    CHECK(fstatat(root, "outside", &outside, 0) == 0, "it is outside");
    make_inside();
    char host[64];
    snprintf(host, sizeof host, "%s/in", top);
    CHECK(!mote__mounts_add_directory(&mounts, host, "/d", true, NULL), "it can be granted");
    snprintf(host, sizeof host, "%s/in/ro", top);
    CHECK(!mote__mounts_add_directory(&mounts, host, "/ro", false, NULL), "read-only, too");
    CHECK(!mote__mounts_add_file(&mounts, "/proc/self/cmdline", "/file", NULL), "and a file");
    return 0;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_mode == b->st_mode && a->st_size == b->st_size &&
           a->st_nlink == b->st_nlink && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
           a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static void check_outside(void)
{
    struct stat now;
    CHECK(fstatat(root, "outside/canary", &now, 0) == 0 && is_same(&now, &canary),
          "the canary is as it was");
    CHECK(fstatat(root, "outside", &now, 0) == 0 && is_same(&now, &outside),
          "what is outside is as it was");
    CHECK(fstatat(root, "in/ro/f", &now, AT_SYMLINK_NOFOLLOW) != 0 || S_ISREG(now.st_mode),
          "no link was made");
}

/* ---- a guest ---- */

struct guest {
    struct script *script;
    struct mote__file *open[OPEN];
    uint64_t left;
};

static const char *const words[] = {
    "..", ".",   "/",   "a",    "b",  "f",  "d", "ro",   "out",   "canary", "up",      "chain",
    "in", "abs", "new", "loop", "//", "/d", "/", "fifo", "magic", "file",   "outside", "../",
};

/* Words of the world for small bytes, others as they are; now and then a very long one. */
static size_t make_path(struct script *script, char *path, size_t size)
{
    size_t length = 0, parts = script_u8(script) % 24;
    for (size_t i = 0; i < parts && !script_ended(script); i++) {
        uint8_t byte = script_u8(script);
        char one[2] = {(char)byte, 0};
        const char *word = byte < sizeof words / sizeof *words ? words[byte] : one;
        size_t part = byte == 0xfe ? 0 : strlen(word), run = byte == 0xff ? 300 : 1;
        if (length + run * (part + 1) + 1 >= size)
            break;
        for (; part && run; run--, length += part)
            memcpy(path + length, word, part);
        if (byte == 0xfe)
            path[length++] = '\0';
    }
    return length;
}

static struct mote__file *any_file(struct guest *g)
{
    return g->open[script_u8(g->script) % OPEN];
}

static int find(struct guest *g, struct mote__place *place)
{
    static char path[2 * MOTE__PATH_MAX];
    size_t length = make_path(g->script, path, sizeof path);
    uint8_t how = script_u8(g->script);
    struct mote__file *from = how & 1 ? any_file(g) : NULL;
    int status = how & 2 && from
                     ? mote__place_beneath(place, &mounts, from, path, length)
                     : mote__place_find(place, &mounts, how & 4 ? "/" : "/d/a", from, path, length);
    if (!status) {
        CHECK(place->guest[0] == '/' && strlen(place->guest) < MOTE__PATH_MAX, "a path is whole");
        CHECK(!strstr(place->guest, "/../") && !strstr(place->guest, "//"), "and normal");
        CHECK(place->rest[0] != '/', "and beneath");
    }
    return status;
}

/* What was opened may be opened: neither the canary nor what it lies in, and nothing special. */
static void check_file(const struct mote__file *file)
{
    struct stat st;
    if (!file->mount)
        return;
    CHECK(fstat(file->fd, &st) == 0, "an open file has a descriptor");
    CHECK(st.st_ino != canary.st_ino && st.st_ino != outside.st_ino, "nothing outside is opened");
    CHECK(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode), "nothing special is opened");
    if (file->flags & MOTE__OPEN_WRITE)
        CHECK(file->mount->writable, "what is read-only is not opened to write");
}

static void open_one(struct guest *g, const struct mote__place *place)
{
    struct mote__file **slot = &g->open[script_u8(g->script) % OPEN];
    unsigned flags = script_u16(g->script) & 0xff, mode = script_u16(g->script);
    mote__file_unref(*slot);
    *slot = NULL;
    if (mote__file_open(slot, place, flags, mode, &g->left) == 0)
        check_file(*slot);
}

static void look_at(struct guest *g, const struct mote__place *place)
{
    struct mote__file_status status;
    char target[16];
    if (mote__place_status(place, script_u8(g->script) & 1, &status) == 0) {
        CHECK((status.mode & ~0777u) == 0 && status.inode, "a status is what a guest may know");
        CHECK(status.inode != canary.st_ino, "numbers are scrambled");
    }
    mote__place_access(place, script_u8(g->script) & 7);
    CHECK(mote__place_readlink(place, target, sizeof target) <= (int64_t)sizeof target,
          "a link is cut");
}

static struct mote__file_times any_times(struct guest *g)
{
    uint8_t how = script_u8(g->script);
    struct mote__file_times times = {how % 3, how / 3 % 3, 0, 0};
    times.accessed_ns = (int64_t)script_u64(g->script);
    times.modified_ns = (int64_t)script_u64(g->script);
    return times;
}

static void change(struct guest *g, const struct mote__place *place)
{
    struct mote__place to;
    struct mote__file_times times;
    switch (script_u8(g->script) % 7) {
    case 0:
        mote__place_mkdir(place, script_u16(g->script), &g->left);
        break;
    case 1:
        mote__place_rmdir(place);
        break;
    case 2:
        mote__place_unlink(place);
        break;
    case 3:
        if (find(g, &to) == 0)
            mote__place_rename(place, &to, script_u8(g->script) & 1);
        break;
    case 4:
        mote__place_truncate(place, script_u32(g->script), &g->left);
        break;
    case 5:
        mote__place_chmod(place, script_u16(g->script));
        break;
    default:
        times = any_times(g);
        mote__place_times(place, script_u8(g->script) & 1, &times);
    }
}

static void use_directory(struct guest *g, struct mote__file *dir)
{
    struct mote__dir_entry entry;
    for (int n = script_u8(g->script) % 8; n && mote__file_next(dir, &entry) == 1; n--) {
        CHECK(strlen(entry.name) == entry.length && !strchr(entry.name, '/'), "a name is one");
        mote__file_accept(dir, &entry);
    }
    mote__file_seek(dir, (int64_t)script_u64(g->script), script_u8(g->script) % 3);
}

static void use_contents(struct guest *g, struct mote__file *file)
{
    static char data[4096];
    size_t size = script_u16(g->script) % sizeof data;
    uint64_t offset = script_u64(g->script) >> script_u8(g->script) % 64;
    switch (script_u8(g->script) % 6) {
    case 0:
        memset(data, 0, sizeof data);
        mote__file_read(file, data, size);
        CHECK(memcmp(data, "canary", 6) != 0, "the canary is not read");
        break;
    case 1:
        mote__file_pread(file, data, size, offset);
        break;
    case 2:
        mote__file_write(file, data, size, &g->left);
        break;
    case 3:
        mote__file_pwrite(file, data, size, offset, &g->left);
        break;
    case 4:
        mote__file_truncate(file, offset, &g->left);
        break;
    default:
        mote__file_seek(file, (int64_t)offset, script_u8(g->script) % 3);
    }
}

static void use_file(struct guest *g, struct mote__file *file)
{
    struct mote__file_status status;
    struct mote__file_times times;
    CHECK(mote__file_status(file, &status) == 0, "an open file has a status");
    switch (script_u8(g->script) % 5) {
    case 0:
        mote__file_chmod(file, script_u16(g->script));
        break;
    case 1:
        times = any_times(g);
        mote__file_times(file, &times);
        break;
    case 2:
        mote__file_lock(file, script_u8(g->script) % 3, script_u64(g->script),
                        script_u64(g->script));
        break;
    case 3:
        use_directory(g, file);
        break;
    default:
        use_contents(g, file);
    }
}

static void one_operation(struct guest *g)
{
    struct mote__place place;
    uint8_t what = script_u8(g->script) % 4;
    struct mote__file *file = any_file(g);
    uint64_t before = g->left;
    if (what == 0 && file)
        use_file(g, file);
    else if (find(g, &place) == 0)
        (what == 3 ? change : what == 2 ? look_at : open_one)(g, &place);
    CHECK(g->left <= before, "a budget only shrinks");
}

static int lowest_free(void)
{
    int fd = dup(root);
    close(fd);
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int made = -1;
    if (made < 0)
        made = make_world();
    struct script script = {data, size};
    struct guest g = {.script = &script, .left = BUDGET};
    int before = lowest_free();
    for (int i = 0; i < OPERATIONS && !script_ended(&script); i++)
        one_operation(&g);
    for (int i = 0; i < OPEN; i++)
        mote__file_unref(g.open[i]);
    CHECK(lowest_free() == before, "no descriptor is left");
    check_outside();
    make_inside();
    return 0;
}
