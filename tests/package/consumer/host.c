/* SPDX-License-Identifier: Apache-2.0 */
/* host GUEST: an embedder who has only the installed library. */
#include <mote.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    mote_error error = MOTE_ERROR_INIT;
    mote_host *host = NULL;
    mote_image *image = NULL;
    mote_sandbox *sandbox = NULL;
    mote_func twice;
    mote_value argument = {MOTE_I32, {.i32 = 21}};
    mote_value result = {MOTE_VOID, {0}};
    mote_source source = MOTE_SOURCE_PATH(argc > 1 ? argv[1] : "");

    if (mote_host_new(&host, NULL, &error) != 0 ||
        mote_image_open(&image, host, &source, NULL, &error) != 0 ||
        mote_sandbox_new(&sandbox, image, NULL, NULL, &error) != 0 ||
        mote_find(image, "twice", "(i32)->i32", &twice, &error) != 0) {
        fprintf(stderr, "%s\n%s\n", error.text, error.remedy);
        return 1;
    }
    int rc = mote_call(sandbox, twice, NULL, &argument, 1, &result, 1);
    printf("mote %s: %d\n", mote_version(), rc == 0 ? result.of.i32 : rc);
    mote_sandbox_free(sandbox);
    mote_image_unref(image);
    return mote_host_free(host);
}
