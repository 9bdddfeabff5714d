/* SPDX-License-Identifier: Apache-2.0 */
/* A guest greets through a host function that it was granted, and has nothing else. */
#include <string.h>

#include "../example.h"

/* What the guest gets from us: `user` is ours, the text is a copy. */
static int say(void *user, mote_context *context, const mote_value *args, size_t nargs,
               mote_value *result)
{
    (void)context;
    (void)nargs;
    (void)result;
    snprintf(user, 128, "%.*s", (int)args[0].of.bytes.size, (const char *)args[0].of.bytes.data);
    return 0;
}

int main(void)
{
    char heard[128] = "";
    mote_error error = MOTE_ERROR_INIT;
    mote_host *host = NULL;
    mote_image *image = NULL;
    mote_policy *policy = NULL;
    mote_sandbox *sandbox = NULL;
    mote_func greet;
    const mote_value name = mote_string("world");

    double start = now_us();
    must(mote_host_new(&host, NULL, &error), &error);
    show(now_us() - start, "the hypervisor is open and tested");

    start = now_us();
    mote_source source = MOTE_SOURCE_PATH(guest_path("hello"));
    must(mote_image_open(&image, host, &source, NULL, &error), &error);
    must(mote_image_boot(image, &error), &error);
    show(now_us() - start, "the guest is loaded and booted to its snapshot, once");

    must(mote_policy_new(&policy, host, &error), &error);
    must(mote_policy_function(policy, "env", "say", "(string)->void", say, heard, NULL, &error),
         &error);
    start = now_us();
    must(mote_sandbox_new(&sandbox, image, policy, NULL, &error), &error);
    show(now_us() - start, "a sandbox is made from the snapshot");

    must(mote_find(image, "greet", "(string)->void", &greet, &error), &error);
    for (int i = 0; i < 3; i++) {
        heard[0] = '\0';
        start = now_us();
        must(mote_call(sandbox, greet, NULL, &name, 1, NULL, 0), mote_sandbox_error(sandbox));
        show(now_us() - start, "call %d: the guest says \"%s\"", i + 1, heard);
    }

    mote_sandbox_free(sandbox);
    mote_policy_unref(policy);
    mote_image_unref(image);
    mote_host_free(host);
    return strcmp(heard, "Hello, world!") == 0 ? 0 : 1;
}
