/* SPDX-License-Identifier: Apache-2.0 */
/* dispatch.c: serves one call of an export. */
#include <string.h>

#include "internal.h"

typedef void export_wrapper(const struct mote_slot *args, struct mote_slot *results);

/* One entry per MOTE_EXPORT: the distance from the entry to its wrapper. */
extern const int32_t __start_mote_exports[] __attribute__((visibility("hidden")));
extern const int32_t __stop_mote_exports[] __attribute__((visibility("hidden")));

/* Makes the section, hence the two symbols, exist in a guest without exports. */
__asm__(MOTE__SECTION("mote_exports", "@progbits", MOTE__ALIGN_4));

/* How the call that is running fails, if it does. A call that succeeds writes
 * nothing here, so that this page stays clean. */
static struct failure {
    bool set;
    struct mote_text message;
    char text[MOTE_MAX_TEXT];
} failure;

bool mote__serving;

static void (*restore_hook)(uint64_t generation);
static uint64_t seen_generation;

void mote_on_restore(void (*hook)(uint64_t generation))
{
    seen_generation = mote_generation();
    restore_hook = hook;
}

/* A program without hook writes nothing here: its pages stay clean. */
static void notice_restore(void)
{
    if (restore_hook == NULL || seen_generation == mote_generation())
        return;
    seen_generation = mote_generation();
    restore_hook(seen_generation);
}

void mote_fail(uint32_t code, const char *text, size_t size)
{
    if (!mote__serving)
        mote_abort(code, text, size);
    if (size > MOTE_MAX_TEXT)
        size = MOTE_MAX_TEXT;
    if (size > 0)
        memmove(failure.text, text, size);
    failure.message = (struct mote_text){0, code, (uintptr_t)failure.text, size};
    failure.set = true;
}

static export_wrapper *find_export(uint32_t index)
{
    uintptr_t start = (uintptr_t)__start_mote_exports;
    uintptr_t stop = (uintptr_t)__stop_mote_exports;
    if (index >= (stop - start) / sizeof(*__start_mote_exports))
        return NULL;
    const int32_t *entry = &__start_mote_exports[index];
    return (export_wrapper *)((uintptr_t)entry + (uintptr_t)(intptr_t)*entry);
}

static void run(const struct mote_call_frame *frame)
{
    static const char no_export[] = "no export has this number";
    struct mote_slot *args = (struct mote_slot *)(uintptr_t)(frame + 1);
    export_wrapper *wrapper = find_export(frame->function);

    notice_restore();
    if (failure.set)
        return;
    if (wrapper != NULL)
        wrapper(args, args + frame->nargs);
    else
        mote_fail((uint32_t)MOTE_GUEST_EINVAL, no_export, sizeof(no_export) - 1);
}

static void answer(void)
{
    run((const struct mote_call_frame *)(uintptr_t)mote__mailbox()->call);
    if (failure.set) {
        failure.set = false;
        mote__ring(MOTE_REQUEST_FAIL, &failure.message);
    } else {
        mote__ring(MOTE_REQUEST_RETURN, NULL);
    }
}

/* A nested call, inside a call that has failed and not yet returned. */
static void answer_inside_failure(void)
{
    struct failure outer = failure;
    failure.set = false;
    answer();
    failure = outer;
}

void mote__answer(void)
{
    if (failure.set)
        answer_inside_failure();
    else
        answer();
}
