/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hash_wasm MODULES FILE...: the 22 WebAssembly modules of the npm package hash-wasm, each in its
 * own micro-VM, against published vectors and, over real files, against native tools.
 *
 * MODULES is a folder with NAME.mote of each (mote build NAME.wasm -o NAME.mote).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "digest.h"
#include "native.h"
#include "password.h"

struct totals {
    unsigned modules;
    unsigned vectors;
    unsigned vectors_right;
    unsigned digests; /* of files that a native tool digests, too */
    unsigned digests_right;
};

struct file {
    const char *path;
    uint8_t *data;
    size_t size;
};

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void read_file(struct file *file)
{
    FILE *stream = fopen(file->path, "rbe");
    size_t room = 65536;
    file->data = malloc(room);
    while (stream != NULL && file->data != NULL) {
        file->size += fread(file->data + file->size, 1, room - file->size, stream);
        if (file->size < room)
            break;
        room *= 2;
        file->data = realloc(file->data, room);
    }
    if (stream == NULL || file->data == NULL || ferror(stream)) {
        fprintf(stderr, "hash_wasm: %s: %s\n", file->path, strerror(errno));
        exit(1);
    }
    fclose(stream);
}

/* Digests every file from a fresh state; returns the time inside. */
static double digest_files(struct box *box, const struct algorithm *algorithm,
                           const struct file *files, size_t nfiles, struct totals *totals,
                           bool *compared)
{
    double spent = 0;
    for (size_t i = 0; i < nfiles; i++) {
        uint8_t digest[DIGEST_MAX];
        char hex[2 * DIGEST_MAX + 1];
        char native[2 * DIGEST_MAX + 1];
        const double start = now_ms();
        box_reset(box);
        digest_init(box, algorithm);
        digest_update(box, files[i].data, files[i].size);
        digest_final(box, algorithm, digest);
        spent += now_ms() - start;
        digest_hex(digest, algorithm->size, hex);
        if (algorithm->native == NULL ||
            !native_digest(algorithm->native, files[i].path, algorithm->size, native))
            continue;
        *compared = true;
        totals->digests++;
        totals->digests_right += strcmp(hex, native) == 0;
        if (strcmp(hex, native) != 0)
            fprintf(stderr, "hash_wasm: %s of %s: %s, natively %s\n", algorithm->name,
                    files[i].path, hex, native);
    }
    return spent;
}

static const char *native_name(const struct algorithm *algorithm)
{
    const char *name = algorithm->native[0];
    return strcmp(name, "adler32") == 0 || strcmp(name, "crc32") == 0 ? "zlib" : name;
}

static void show_digest(const struct boxes *boxes, const struct algorithm *algorithm,
                        const struct file *files, size_t nfiles, struct totals *totals)
{
    struct totals mine = {0};
    struct box box;
    bool compared = false;
    size_t bytes = 0;
    const double start = now_ms();
    box_open(&box, boxes, algorithm->module);
    const double opened = now_ms() - start;
    mine.vectors = digest_vectors(&box, algorithm, &mine.vectors_right);
    const double spent = digest_files(&box, algorithm, files, nfiles, &mine, &compared);
    box_close(&box);
    for (size_t i = 0; i < nfiles; i++)
        bytes += files[i].size;
    printf("    %-10s vectors %u/%u", algorithm->name, mine.vectors_right, mine.vectors);
    if (compared)
        printf("   files %u/%u = %-9s", mine.digests_right, mine.digests, native_name(algorithm));
    else
        printf("   files: no native tool%4s", "");
    printf("  open %6.1f ms  %6.1f MB/s\n", opened, spent > 0 ? (double)bytes / spent / 1e3 : 0.0);
    fflush(stdout);
    totals->vectors += mine.vectors;
    totals->vectors_right += mine.vectors_right;
    totals->digests += mine.digests;
    totals->digests_right += mine.digests_right;
}

static void show_password(const struct boxes *boxes, const struct password_function *function,
                          struct totals *totals)
{
    struct box box;
    unsigned right = 0;
    const double start = now_ms();
    box_open(&box, boxes, function->name);
    const double opened = now_ms() - start;
    const double begin = now_ms();
    const unsigned count = function->check(boxes, &box, &right);
    const double spent = now_ms() - begin;
    box_close(&box);
    printf("    %-10s vectors %u/%u%27s  open %6.1f ms  %6.1f ms in all\n", function->name, right,
           count, "", opened, spent);
    fflush(stdout);
    totals->modules++;
    totals->vectors += count;
    totals->vectors_right += right;
}

static int run(const struct boxes *boxes, const struct file *files, size_t nfiles)
{
    struct totals totals = {0};
    const double start = now_ms();
    for (const struct algorithm *a = algorithms; a->name != NULL; a++) {
        totals.modules += a == algorithms || strcmp(a->module, a[-1].module) != 0;
        show_digest(boxes, a, files, nfiles, &totals);
    }
    for (const struct password_function *p = password_functions; p->name != NULL; p++)
        show_password(boxes, p, &totals);
    printf("    %u modules, each in its own micro-VM: %u of %u published vectors, %u of %u digests "
           "of files equal the native ones, %.1f s\n",
           totals.modules, totals.vectors_right, totals.vectors, totals.digests_right,
           totals.digests, (now_ms() - start) / 1e3);
    return totals.vectors_right == totals.vectors && totals.digests_right == totals.digests ? 0 : 1;
}

/* Compute and answer, nothing else; argon2's vector of 64 MiB wants that much. */
static int open_host(struct boxes *boxes, mote_error *error)
{
    int status = mote_host_new(&boxes->host, NULL, error);
    if (status == 0)
        status = mote_policy_new(&boxes->policy, boxes->host, error);
    if (status == 0)
        status = mote_policy_set(boxes->policy, MOTE_OPT_MEMORY, 128ull << 20, error);
    if (status == 0)
        status = mote_policy_set(boxes->policy, MOTE_OPT_DEADLINE, 60000000000ull, error);
    return status;
}

int main(int argc, char **argv)
{
    mote_error error = MOTE_ERROR_INIT;
    struct boxes boxes = {NULL, NULL, argc > 1 ? argv[1] : NULL};
    if (argc < 3) {
        fprintf(stderr, "usage: hash_wasm MODULES FILE...\n");
        return 2;
    }
    if (open_host(&boxes, &error) != 0) {
        fprintf(stderr, "hash_wasm: %s; %s\n", error.text, error.remedy);
        return 1;
    }
    const size_t nfiles = (size_t)argc - 2;
    struct file *files = calloc(nfiles, sizeof *files);
    if (files == NULL)
        return 1;
    for (size_t i = 0; i < nfiles; i++) {
        files[i].path = argv[i + 2];
        read_file(&files[i]);
    }
    const int status = run(&boxes, files, nfiles);
    for (size_t i = 0; i < nfiles; i++)
        free(files[i].data);
    free(files);
    mote_policy_unref(boxes.policy);
    mote_host_free(boxes.host);
    return status;
}
