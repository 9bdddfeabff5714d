/* SPDX-License-Identifier: Apache-2.0 */
/* Calls bindings/rust-guest: host functions, text, failure, a panic, and the call after it. */
#include <mote_call.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUST(what)                                                    \
    do {                                                              \
        if (!(what)) {                                                \
            fprintf(stderr, "%d: %s: %s\n", __LINE__, #what, said()); \
            exit(1);                                                  \
        }                                                             \
    } while (0)

static mote_error error = MOTE_ERROR_INIT;
static mote_sandbox *sandbox;

static const char *said(void)
{
    return sandbox != NULL ? mote_sandbox_error(sandbox)->text : error.text;
}

static int price(void *user, mote_context *context, const mote_value *args, size_t nargs,
                 mote_value *result)
{
    mote_chars item;
    (void)user;
    if (mote_take(args, nargs, &item) != 0)
        return MOTE_ETYPE;
    if (item.size != 3 || memcmp(item.data, "tea", 3) != 0)
        return mote_context_fail(context, 1, "only tea is sold here");
    *result = mote_value_of(250u);
    return 0;
}

int main(int argc, char **argv)
{
    mote_source source = MOTE_SOURCE_PATH(argc > 1 ? argv[1] : "./guest");
    mote_host *host = NULL;
    mote_image *image = NULL;
    mote_policy *policy = NULL;
    mote_func total, count_words, divide;
    mote_chars text;
    uint32_t cost = 0;
    uint64_t quotient = 0;

    MUST(mote_host_new(&host, NULL, &error) == 0);
    MUST(mote_image_open(&image, host, &source, NULL, &error) == 0);
    MUST(mote_policy_new(&policy, host, &error) == 0);
    MUST(mote_policy_function(policy, "env", "price", "(string)->u32", price, NULL, NULL, &error) ==
         0);
    MUST(mote_sandbox_new(&sandbox, image, policy, NULL, &error) == 0);
    MUST(mote_find(image, "total", "(string,u32)->u32", &total, &error) == 0);
    MUST(mote_find(image, "count_words", "(string)->string", &count_words, &error) == 0);
    MUST(mote_find(image, "divide", "(u64,u64)->u64", &divide, &error) == 0);

    for (int i = 0; i < 3; i++) {
        MUST(mote_invoke(sandbox, total, &cost, "tea", 3u) == 0 && cost == 750);
        MUST(mote_invoke(sandbox, total, &cost, "gin", 3u) == MOTE_EGUEST);
        MUST(strstr(said(), "no such item") != NULL);
        MUST(mote_invoke(sandbox, count_words, &text, "b a b") == 0);
        MUST(text.size == 8 && memcmp(text.data, "a 1, b 2", 8) == 0);
        MUST(mote_invoke(sandbox, count_words, &text, "") == 0 && text.size == 0);
        MUST(mote_invoke(sandbox, divide, &quotient, (uint64_t)84, (uint64_t)2) == 0 &&
             quotient == 42);
        MUST(mote_invoke(sandbox, divide, &quotient, (uint64_t)1, (uint64_t)0) == MOTE_EABORTED);
        MUST(strstr(mote_sandbox_report(sandbox)->text, "attempt to divide by zero") != NULL);
        MUST(strstr(mote_sandbox_report(sandbox)->text, "src/main.rs:") != NULL);
        MUST(mote_sandbox_state(sandbox) == MOTE_STATE_POISONED);
        MUST(mote_reset(sandbox) == 0);
        MUST(mote_invoke(sandbox, total, &cost, "tea", UINT32_MAX) == MOTE_EABORTED);
        MUST(strstr(mote_sandbox_report(sandbox)->text, "nobody can pay that") != NULL);
        MUST(mote_reset(sandbox) == 0);
    }

    mote_sandbox_free(sandbox);
    mote_policy_unref(policy);
    mote_image_unref(image);
    MUST(mote_host_free(host) == 0);
    puts("the Rust guest answers");
    return 0;
}
