/* SPDX-License-Identifier: Apache-2.0 */
/*
 * png_box FOLDER: decodes every PNG file below FOLDER by libpng in a micro-VM
 * that is reset before each file, then by libpng in this process, and compares
 * the pixels. Fails unless at least 100 files of all colour types, interlaced
 * ones among them, came out equal. Files below a folder named "crashers" may be
 * refused, and then are not shown to this process: some make libpng fill 2 GB.
 */
#include <ftw.h>
#include <png.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "../example.h"

enum { MAX_FILES = 1000, WANTED_FILES = 100, HEADER = 8, ROUNDS = 3 };

static char *paths[MAX_FILES];
static size_t npaths;

/* One decoded file: width and height, u32 little-endian each, then RGBA pixels. */
struct picture {
    uint8_t *data; /* NULL: refused, for the reason in `text` */
    size_t size;
    char text[128];
};

static struct {
    size_t equal, refused, wrong, interlaced;
    size_t of_colour[7]; /* by the colour type of PNG: 0 2 3 4 6 */
    double native_us, box_us, refused_us;
    uint64_t pixels;
} total;

/* ---- files --------------------------------------------------------------------- */

static int collect(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    size_t length = strlen(path);
    (void)st;
    (void)ftw;
    if (type == FTW_F && length > 4 && strcmp(path + length - 4, ".png") == 0 && npaths < MAX_FILES)
        paths[npaths++] = strdup(path);
    return 0;
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static uint8_t *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rbe");
    uint8_t *data = NULL;
    if (file != NULL && fseek(file, 0, SEEK_END) == 0) {
        long end = ftell(file);
        *size = end > 0 ? (size_t)end : 0;
        rewind(file);
        data = malloc(*size + 1);
        if (data != NULL && fread(data, 1, *size, file) != *size) {
            free(data);
            data = NULL;
        }
    }
    if (file != NULL)
        fclose(file);
    return data;
}

/* ---- the two decoders ------------------------------------------------------------- */

static void decode_native(const uint8_t *file, size_t size, struct picture *picture)
{
    png_image image = {0};
    image.version = PNG_IMAGE_VERSION;
    if (png_image_begin_read_from_memory(&image, file, size)) {
        image.format = PNG_FORMAT_RGBA;
        picture->size = HEADER + (size_t)image.width * image.height * 4;
        picture->data = malloc(picture->size);
        if (picture->data != NULL) {
            memcpy(picture->data, &image.width, 4);
            memcpy(picture->data + 4, &image.height, 4);
            if (!png_image_finish_read(&image, NULL, picture->data + HEADER, 0, NULL)) {
                free(picture->data);
                picture->data = NULL;
            }
        }
    }
    snprintf(picture->text, sizeof(picture->text), "%s", image.message);
    png_image_free(&image);
}

/* The pixels lie in the sandbox's memory, readable until its next operation. */
static bool decode_boxed(mote_sandbox *sandbox, mote_func decode, const uint8_t *file, size_t size,
                         mote_value *picture)
{
    mote_value argument = {MOTE_BYTES, {.bytes = {file, size}}};
    must(mote_reset(sandbox), mote_sandbox_error(sandbox));
    return mote_call(sandbox, decode, NULL, &argument, 1, picture, 1) == 0;
}

/* ---- comparison -------------------------------------------------------------------- */

static void count_equal(const uint8_t *file, const struct picture *picture)
{
    uint8_t colour = file[25]; /* IHDR: width, height, depth, colour type, ..., interlace */
    total.equal++;
    total.interlaced += file[28] != 0;
    total.of_colour[colour < 7 ? colour : 1]++;
    total.pixels += (picture->size - HEADER) / 4;
}

static void compare(const char *path, const uint8_t *file, const struct picture *native,
                    const mote_value *boxed)
{
    if (native->data != NULL && boxed->of.bytes.size == native->size &&
        memcmp(native->data, boxed->of.bytes.data, native->size) == 0) {
        count_equal(file, native);
        return;
    }
    total.wrong++;
    show(-1, "WRONG: %s: %s", path, native->data != NULL ? "other pixels" : native->text);
}

static void count_refused(const char *path, mote_sandbox *sandbox, double took)
{
    if (strstr(path, "/crashers/") != NULL) {
        total.refused++;
        total.refused_us += took;
        return;
    }
    total.wrong++;
    show(-1, "WRONG: %s: %s", path, mote_sandbox_error(sandbox)->text);
}

static double shorter(double a, double b)
{
    return a < b ? a : b;
}

/* Each side gets the shortest of its rounds; every round in the box starts from a fresh state. */
static void decode_twice(const char *path, const uint8_t *file, size_t size, mote_sandbox *sandbox,
                         mote_func decode)
{
    struct picture native = {0};
    mote_value boxed = {MOTE_VOID, {0}};
    double box_us = 1e9;
    double native_us = 1e9;
    for (int i = 0; i < ROUNDS; i++) {
        double start = now_us();
        bool decoded = decode_boxed(sandbox, decode, file, size, &boxed);
        box_us = shorter(box_us, now_us() - start);
        if (!decoded) {
            count_refused(path, sandbox, box_us);
            return;
        }
    }
    for (int i = 0; i < ROUNDS; i++) {
        free(native.data);
        native.data = NULL;
        double start = now_us();
        decode_native(file, size, &native);
        native_us = shorter(native_us, now_us() - start);
    }
    total.box_us += box_us;
    total.native_us += native_us;
    compare(path, file, &native, &boxed);
    free(native.data);
}

static void decode_file(const char *path, mote_sandbox *sandbox, mote_func decode)
{
    size_t size = 0;
    uint8_t *file = read_file(path, &size);
    if (file == NULL) {
        show(-1, "WRONG: %s cannot be read", path);
        total.wrong++;
        return;
    }
    decode_twice(path, file, size, sandbox, decode);
    free(file);
}

/* ---- the whole ------------------------------------------------------------------------ */

static bool all_colours(void)
{
    return total.of_colour[0] > 0 && total.of_colour[2] > 0 && total.of_colour[3] > 0 &&
           total.of_colour[4] > 0 && total.of_colour[6] > 0;
}

static int summary(void)
{
    double files = total.equal > 0 ? (double)total.equal : 1;
    double slower = total.native_us > 0 ? total.box_us / total.native_us : 0;
    show(-1, "%zu PNG files decoded, %.2f megapixels, pixels equal to the native libpng's",
         total.equal, (double)total.pixels / 1e6);
    show(-1, "(%zu grey, %zu grey+alpha, %zu palette, %zu RGB, %zu RGBA; %zu interlaced)",
         total.of_colour[0], total.of_colour[4], total.of_colour[3], total.of_colour[2],
         total.of_colour[6], total.interlaced);
    show(total.box_us / files,
         "per file in the box, reset included, best of %d (%.2f times native)", ROUNDS, slower);
    show(total.native_us / files, "per file native, best of %d", ROUNDS);
    show(total.refused_us, "%zu files made to crash libpng refused, in all", total.refused);
    bool good =
        total.wrong == 0 && total.equal >= WANTED_FILES && total.interlaced > 0 && all_colours();
    if (!good) {
        show(-1, "WRONG: %zu files differ; wanted: %d equal ones, of all kinds", total.wrong,
             (int)WANTED_FILES);
    }
    return good ? 0 : 1;
}

int main(int argc, char **argv)
{
    mote_error error = MOTE_ERROR_INIT;
    mote_host *host;
    mote_image *image;
    mote_sandbox *sandbox;
    mote_func decode;
    if (argc != 2 || nftw(argv[1], collect, 16, 0) != 0) {
        fprintf(stderr, "usage: png_box FOLDER\n");
        return 2;
    }
    qsort(paths, npaths, sizeof(paths[0]), compare_paths);

    mote_source source = MOTE_SOURCE_PATH(guest_path("png"));
    double start = now_us();
    must(mote_host_new(&host, NULL, &error), &error);
    must(mote_image_open(&image, host, &source, NULL, &error), &error);
    must(mote_sandbox_new(&sandbox, image, NULL, NULL, &error), &error);
    must(mote_find(image, "decode", "(bytes)->bytes", &decode, &error), &error);
    show(now_us() - start, "libpng and zlib are loaded into a sandbox that is granted nothing");

    for (size_t i = 0; i < npaths; i++) {
        decode_file(paths[i], sandbox, decode);
        free(paths[i]);
    }
    mote_sandbox_free(sandbox);
    mote_image_unref(image);
    mote_host_free(host);
    return summary();
}
