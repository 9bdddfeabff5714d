/* SPDX-License-Identifier: Apache-2.0 */
/* Whether `mote build` works: by building and running the smallest module that answers. */
#include <builder.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "doctor.h"
#include "wasm_tools.h"

/* (module (func (export "answer") (result i32) i32.const 42)) */
static const unsigned char module[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00,                       /* \0asm, version 1 */
    0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7f,                             /* type () -> i32 */
    0x03, 0x02, 0x01, 0x00,                                               /* one function */
    0x07, 0x0a, 0x01, 0x06, 'a',  'n',  's',  'w',  'e', 'r', 0x00, 0x00, /* export */
    0x0a, 0x06, 0x01, 0x04, 0x00, 0x41, 0x2a, 0x0b,                       /* i32.const 42 */
};

struct files {
    char folder[64];
    char input[96];
    char output[96];
};

static int write_module(struct files *files)
{
    snprintf(files->folder, sizeof(files->folder), "/tmp/mote-doctor.XXXXXX");
    if (mkdtemp(files->folder) == NULL)
        return -errno;
    snprintf(files->input, sizeof(files->input), "%s/answer.wasm", files->folder);
    snprintf(files->output, sizeof(files->output), "%s/answer.mote", files->folder);
    int fd = open(files->input, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    bool written = write(fd, module, sizeof(module)) == (ssize_t)sizeof(module);
    close(fd);
    return written ? 0 : -EIO;
}

static void remove_files(const struct files *files)
{
    unlink(files->input);
    unlink(files->output);
    rmdir(files->folder);
}

static void build_module(struct check *check, const struct files *files)
{
    struct mote__wasm_build_options options = {0};
    struct mote__wasm_error error = {0};
    uint64_t start = now_ns();
    wasm_tools_find(&options);
    options.input = files->input;
    options.output = files->output;
    options.opt_level = 1;
    if (mote__wasm_build(&options, NULL, &error) == 0) {
        check_set(check, CHECK_GOOD, "a module was compiled in %.1f s",
                  (double)(now_ns() - start) / 1e9);
    } else {
        check_set(check, CHECK_NOTE, "mote build does not work: %s", error.text);
        check_remedy(check, "%s", error.remedy);
    }
}

void check_wasm(struct check *check, const char *device)
{
    struct files files;
    (void)device;
    memset(&files, 0, sizeof(files));
    int rc = write_module(&files);
    if (rc == 0)
        build_module(check, &files);
    else
        check_set(check, CHECK_NOTE, "not looked at: cannot write to /tmp: %s", strerror(-rc));
    remove_files(&files);
}
