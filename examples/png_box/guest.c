/* SPDX-License-Identifier: Apache-2.0 */
/* Debian's libpng and zlib in a box: decodes a PNG file to RGBA pixels. */
#include <mote_guest.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER = 8 }; /* width and height, u32 little-endian each */

static void fail(uint32_t code, const char *text)
{
    mote_fail(code, text, strlen(text));
}

/* Room for the answer: the header, then the pixels. NULL when there is none. */
static uint8_t *allocate(png_image *image, size_t *size)
{
    if (image->width > SIZE_MAX / 4 / image->height)
        return NULL;
    *size = HEADER + (size_t)image->width * image->height * 4;
    uint8_t *answer = malloc(*size);
    if (answer != NULL) {
        memcpy(answer, &image->width, 4);
        memcpy(answer + 4, &image->height, 4);
    }
    return answer;
}

static mote_bytes decode_image(png_image *image)
{
    const mote_bytes none = {NULL, 0};
    size_t size;
    uint8_t *answer = allocate(image, &size);

    if (answer == NULL) {
        fail(2, "the picture does not fit the memory");
        return none;
    }
    image->format = PNG_FORMAT_RGBA;
    if (!png_image_finish_read(image, NULL, answer + HEADER, 0, NULL)) {
        fail(1, image->message);
        return none;
    }
    return (mote_bytes){answer, size};
}

/* The bytes of a PNG file to width, height and the pixels, row by row, each as
 * the bytes R G B A. Fails with libpng's own words. */
static mote_bytes decode(mote_bytes png)
{
    mote_bytes answer = {NULL, 0};
    png_image image;

    memset(&image, 0, sizeof(image));
    image.version = PNG_IMAGE_VERSION;
    if (png_image_begin_read_from_memory(&image, png.data, png.size))
        answer = decode_image(&image);
    else
        fail(1, image.message);
    png_image_free(&image);
    return answer;
}
MOTE_EXPORT(decode, bytes, bytes);
