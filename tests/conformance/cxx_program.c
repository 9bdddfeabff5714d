/* SPDX-License-Identifier: Apache-2.0 */
/* An ordinary C++ program: libstdc++ with its streams, exceptions, static constructors and
 * thread-local data, on what a policy grants. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void expect(struct box *box, int fd, const char *text)
{
    const void *data;
    size_t size;

    CHECK_CODE(mote_sandbox_output(box->sandbox, fd, &data, &size), MOTE_OK);
    if (size != strlen(text) || memcmp(data, text, size) != 0) {
        FAIL("it printed '%.*s'", (int)size, (const char *)data);
    }
}

static void start(struct box *box, const char *directory)
{
    static const char *const args[] = {"plain_cxx", "/in/words", "/in/none", NULL};
    static const char input[] = "two one two\n";
    mote_sandbox_options options = {.size = sizeof(options), .args = args};
    mote_error error = MOTE_ERROR_INIT;

    box_open(box, "plain_cxx");
    CHECK_CODE(mote_policy_input(box->policy, 0, input, strlen(input), &error), MOTE_OK);
    CHECK_CODE(mote_policy_capture(box->policy, 1, 0, &error), MOTE_OK);
    CHECK_CODE(mote_policy_capture(box->policy, 2, 0, &error), MOTE_OK);
    if (directory != NULL) {
        CHECK_CODE(mote_policy_dir(box->policy, directory, "/in", MOTE_GRANT_READ, &error),
                   MOTE_OK);
    }
    CHECK_CODE(mote_sandbox_new(&box->sandbox, box->image, box->policy, &options, &error), MOTE_OK);
}

#define BEFORE                                                                \
    "made first\nmade second\ncaught: from the depth\ncaught: out of range\n" \
    "caught: bad alloc\nown: 47\nonce\n"
#define AFTER "ff 0.5\ngone second\ngone first\n"

TEST(programs, of_cxx)
{
    char directory[] = "/tmp/mote-cxx-XXXXXX", path[64];
    struct box box;
    FILE *file;
    int status = -1;

    CHECK(mkdtemp(directory) != NULL);
    snprintf(path, sizeof(path), "%s/words", directory);
    file = fopen(path, "w");
    CHECK(file != NULL && fputs("three two", file) >= 0 && fclose(file) == 0);
    start(&box, directory);
    for (int i = 0; i < 2; i++) {
        CHECK_CODE(mote_run(box.sandbox, NULL, &status), MOTE_OK);
        CHECK_INT(status, 3);
        expect(&box, 1, BEFORE "cannot open /in/none\none 1\nthree 1\ntwo 3\n" AFTER);
        expect(&box, 2, "done\n");
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    }
    CHECK(unlink(path) == 0 && rmdir(directory) == 0);
    box_close(&box);
}

TEST(programs, of_cxx_without_files)
{
    struct box box;
    int status = -1;

    start(&box, NULL);
    CHECK_CODE(mote_run(box.sandbox, NULL, &status), MOTE_OK);
    CHECK_INT(status, 2);
    expect(&box, 1, BEFORE "cannot open /in/words\ncannot open /in/none\none 1\ntwo 2\n" AFTER);
    box_close(&box);
}
