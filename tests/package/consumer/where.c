/* SPDX-License-Identifier: Apache-2.0 */
/* where GUEST: an embedder who also has libmote_debug tells the line at which a guest faults. */
#include <mote_debug.h>
#include <stdio.h>
#include <string.h>

/* Prints "FUNCTION at FILE:LINE" of the innermost frame; the file without its folder. */
static int tell(mote_debug *debug, mote_sandbox *sandbox, mote_error *error)
{
    mote_debug_frame frame = {0};
    int found = mote_debug_backtrace(debug, sandbox, &frame, 1, error);
    if (found <= 0 || frame.function == NULL || frame.file == NULL)
        return found < 0 ? found : MOTE_ENOTFOUND;
    const char *slash = strrchr(frame.file, '/');
    printf("%s at %s:%u\n", frame.function, slash != NULL ? slash + 1 : frame.file, frame.line);
    return 0;
}

int main(int argc, char **argv)
{
    mote_error error = MOTE_ERROR_INIT;
    mote_host *host = NULL;
    mote_image *image = NULL;
    mote_sandbox *sandbox = NULL;
    mote_debug *debug = NULL;
    mote_func crash;
    mote_source source = MOTE_SOURCE_PATH(argc > 1 ? argv[1] : "");

    if (mote_host_new(&host, NULL, &error) != 0 ||
        mote_image_open(&image, host, &source, NULL, &error) != 0 ||
        mote_sandbox_new(&sandbox, image, NULL, NULL, &error) != 0 ||
        mote_find(image, "crash", "()->void", &crash, &error) != 0 ||
        mote_debug_open(&debug, &source, &error) != 0) {
        fprintf(stderr, "%s\n%s\n", error.text, error.remedy);
        return 1;
    }
    int rc = mote_call(sandbox, crash, NULL, NULL, 0, NULL, 0);
    rc = rc == MOTE_EFAULT ? tell(debug, sandbox, &error) : MOTE_ESTRANGE;
    if (rc != 0)
        fprintf(stderr, "%s %s\n", mote_error_name(rc), error.text);
    mote_debug_close(debug);
    mote_sandbox_free(sandbox);
    mote_image_unref(image);
    mote_host_free(host);
    return rc != 0;
}
