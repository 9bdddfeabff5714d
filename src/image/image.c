/* SPDX-License-Identifier: Apache-2.0 */
#include "image/image.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "options.h"
#include "policy.h"

#define DEFAULT_BOOT_MEMORY   (64ull << 20)
#define DEFAULT_BOOT_DEADLINE 10000000000ull
#define DEFAULT_STACK         (8ull << 20)
#define LARGEST_STACK         (1ull << 30)
#define LARGEST_FILE          (1ull << 30)

/* ---- reading the source ---- */

static int read_fd(mote_image *image, int fd, mote_error *error)
{
    uint64_t size;
    int status = mote__file_size(fd, &size);
    if (status < 0)
        return mote__fail_system(error, status, image->name);
    if (size > LARGEST_FILE)
        return mote__fail(error, MOTE_DOMAIN_IMAGE, MOTE_EIMAGE, 0, NULL,
                          "not a guest image: %s is larger than 1 GiB", image->name);
    image->file = mote__alloc(&image->host->allocator, (size_t)size);
    if (!image->file)
        return mote__fail_memory(error, "the image");
    image->file_size = (size_t)size;
    status = mote__read_at(fd, image->file, image->file_size, 0);
    return status < 0 ? mote__fail_system(error, status, image->name) : 0;
}

static int read_path(mote_image *image, const char *path, mote_error *error)
{
    int fd = mote__open_read(path);
    if (fd < 0)
        return mote__fail_system(error, fd, path);
    int status = read_fd(image, fd, error);
    mote__close(fd);
    return status;
}

static int read_data(mote_image *image, const void *data, size_t size, mote_error *error)
{
    image->file = mote__alloc(&image->host->allocator, size);
    if (!image->file)
        return mote__fail_memory(error, "the image");
    memcpy(image->file, data, size);
    image->file_size = size;
    return 0;
}

static int read_source(mote_image *image, const mote_source *source, mote_error *error)
{
    if (source->path)
        return read_path(image, source->path, error);
    if (source->fd >= 0)
        return read_fd(image, source->fd, error);
    return read_data(image, source->data, source->data_size, error);
}

/* ---- opening ---- */

static int check_source(const mote_source *source, mote_error *error)
{
    int given = (source->path != NULL) + (source->fd >= 0) + (source->data != NULL);
    if (given != 1)
        return mote__fail_argument(error, "mote_image_open: give one of path, fd and data");
    return 0;
}

static int check_options(const mote_image_options *options, mote_error *error)
{
    if (options->boot_memory > MOTE__LARGEST_MEMORY)
        return mote__fail_argument(error, "mote_image_open: options.boot_memory is above 16 GiB");
    if (options->stack > LARGEST_STACK)
        return mote__fail_argument(error, "mote_image_open: options.stack is above 1 GiB");
    return 0;
}

/* The caller's structures, whatever version of mote.h it was built against. */
static int copy_arguments(mote_source *source, mote_image_options *options,
                          const mote_source *given, const mote_image_options *given_options,
                          mote_error *error)
{
    if (!given)
        return mote__fail_argument(error, "mote_image_open: source is NULL");
    int status = mote__options_copy(source, sizeof *source, given,
                                    MOTE__SIZE_UP_TO(mote_source, data_size), "mote_source", error);
    if (!status)
        status = mote__options_copy(options, sizeof *options, given_options,
                                    MOTE__SIZE_UP_TO(mote_image_options, cpu), "mote_image_options",
                                    error);
    if (!status)
        status = check_source(source, error);
    return status ? status : check_options(options, error);
}

static void take_options(mote_image *image, const mote_image_options *options)
{
    image->boot_memory = options->boot_memory ? options->boot_memory : DEFAULT_BOOT_MEMORY;
    image->boot_deadline_ns =
        options->boot_deadline_ns ? options->boot_deadline_ns : DEFAULT_BOOT_DEADLINE;
    image->cpu = options->cpu ? options->cpu : MOTE_CPU_V2;
}

static int parse(mote_image *image, uint64_t stack, mote_error *error)
{
    int status = mote__hv_check_cpu(image->host->hv, image->cpu, error);
    if (!status)
        status = mote__elf_parse(&image->elf, image->file, image->file_size, error);
    if (!status)
        status = mote__notes_read(&image->notes, &image->elf, image->file, &image->host->allocator,
                                  error);
    if (status)
        return status;
    mote__layout_make(&image->layout, &image->elf, image->notes.window,
                      stack ? stack : DEFAULT_STACK);
    return mote__image_share(image, error);
}

static const char *name_of(const mote_source *source, const mote_image_options *options)
{
    if (options->name)
        return options->name;
    return source->path ? source->path : "guest";
}

static int open_image(mote_image **out, mote_host *host, const mote_source *source,
                      const mote_image_options *options, mote_error *error)
{
    mote_image *image = mote__alloc(&host->allocator, sizeof *image);
    if (!image)
        return mote__fail_memory(error, "an image");
    atomic_init(&image->references, 1);
    pthread_mutex_init(&image->boot_lock, NULL);
    image->host = host;
    image->read_only_fd = -1;
    mote__host_ref(host);
    take_options(image, options);
    image->name = mote__strdup(&host->allocator, name_of(source, options));
    image->symbols = mote__symbols_new(&host->allocator);
    int status = image->name && image->symbols ? read_source(image, source, error)
                                               : mote__fail_memory(error, "an image");
    if (!status)
        status = parse(image, options->stack, error);
    if (status) {
        mote_image_unref(image);
        return status;
    }
    *out = image;
    return 0;
}

int mote_image_open(mote_image **out, mote_host *host, const mote_source *given,
                    const mote_image_options *given_options, mote_error *error)
{
    mote_source source;
    mote_image_options options;
    if (!out || !host)
        return mote__fail_argument(error, "mote_image_open: image or host is NULL");
    int status = mote__host_check(host, error);
    if (!status)
        status = copy_arguments(&source, &options, given, given_options, error);
    return status ? status : open_image(out, host, &source, &options, error);
}

mote_image *mote_image_ref(mote_image *image)
{
    if (image)
        atomic_fetch_add(&image->references, 1);
    return image;
}

void mote_image_unref(mote_image *image)
{
    if (!image || atomic_fetch_sub(&image->references, 1) != 1)
        return;
    mote__pool_forget(image);
    mote__snapshot_unref(image->snapshot);
    if (image->read_only_fd >= 0)
        mote__close(image->read_only_fd);
    mote__symbols_free(image->symbols);
    mote__notes_free(&image->notes);
    mote__free(image->file);
    mote__free(image->name);
    pthread_mutex_destroy(&image->boot_lock);
    mote__host_unref(image->host);
    mote__free(image);
}

int mote_image_boot(mote_image *image, mote_error *error)
{
    if (!image)
        return mote__fail_argument(error, "mote_image_boot: the image is NULL");
    int status = mote__host_check(image->host, error);
    return status ? status : mote__image_boot(image, error);
}

/* ---- what is in it ---- */

int mote_image_symbol(const mote_image *image, uint64_t address, char *text, size_t size)
{
    if (!image || (size && !text))
        return MOTE_EINVAL;
    return mote__host_forked(image->host) ? MOTE_EFORKED
                                          : mote__image_symbol(image, address, text, size);
}

size_t mote_image_exports(const mote_image *image)
{
    return image ? image->notes.exports.count : 0;
}

size_t mote_image_imports(const mote_image *image)
{
    return image ? image->notes.imports.count : 0;
}

static int get(const struct mote__functions *functions, size_t index, mote_function_info *info)
{
    if (!info || index >= functions->count)
        return MOTE_EINVAL;
    *info = functions->list[index];
    return 0;
}

int mote_image_export(const mote_image *image, size_t index, mote_function_info *info)
{
    return image ? get(&image->notes.exports, index, info) : MOTE_EINVAL;
}

int mote_image_import(const mote_image *image, size_t index, mote_function_info *info)
{
    return image ? get(&image->notes.imports, index, info) : MOTE_EINVAL;
}
