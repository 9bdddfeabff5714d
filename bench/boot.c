/* SPDX-License-Identifier: Apache-2.0 */
/* image.boot: open an image and run it to its snapshot, which is paid once. */
#include <math.h>

#include "bench.h"
#include "library.h"
#include "measure.h"

static int64_t time_boot(void *context)
{
    mote_host *host = context;
    mote_image *image = NULL;
    mote_source source = MOTE_SOURCE_PATH(MOTE_GUEST_DIR "/echo");
    uint64_t start = now_ns();
    int status = mote_image_open(&image, host, &source, NULL, NULL);
    if (!status)
        status = mote_image_boot(image, NULL);
    uint64_t end = now_ns();
    mote_image_unref(image);
    return status ? -1 : (int64_t)(end - start);
}

int bench_boot(struct bench *bench, unsigned unused)
{
    (void)unused;
    struct library library;
    if (library_open(&library, "echo", 0))
        return -1;
    struct side side = {.run = time_boot, .context = library.host};
    int status = interleave("image.boot", &side, 1, bench_samples(bench, 100, 10), 1);
    if (!status) {
        struct row row = {.name = "image.boot", .unit = "us", .goal = NAN};
        row_fill(&row, &side, NULL, 1000);
        bench_add(bench, &row);
    }
    sides_free(&side, 1);
    library_close(&library);
    return status;
}
