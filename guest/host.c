/* SPDX-License-Identifier: Apache-2.0 */
/* host.c: the way to the host and back. */
#include <sys/auxv.h>

#include "internal.h"

/* In every program that talks to its host; one that has no such note is an ordinary
 * program. */
#define BUILT_FOR 0x10000 /* as the assembler reads it: without suffix */
_Static_assert(BUILT_FOR == MOTE_ABI_VERSION, "the version is written twice");
__asm__(MOTE__NOTE(MOTE_NOTE_ABI, MOTE__LONG(BUILT_FOR)));

const struct mote_info *mote_info(void)
{
    static const struct mote_info *info;
    if (info == NULL)
        info = (const struct mote_info *)(uintptr_t)getauxval(MOTE_AT_INFO);
    return info;
}

struct mote_mailbox *mote__mailbox(void)
{
    const struct mote_info *info = mote_info();
    return info == NULL ? NULL : (struct mote_mailbox *)(uintptr_t)info->mailbox;
}

void mote__ring(enum mote_request request, const void *message)
{
    struct mote_mailbox *box = mote__mailbox();
    void (*doorbell)(void) = (void (*)(void))(uintptr_t)mote_info()->doorbell;

    box->request = request;
    box->message = (uintptr_t)message;
    /* The host reads and writes all memory here. */
    __asm__ volatile("" ::: "memory");
    doorbell();
    __asm__ volatile("" ::: "memory");
}

int mote__request(enum mote_request request, const void *message)
{
    const struct mote_mailbox *box = mote__mailbox();

    mote__ring(request, message);
    while (box->status > 0)
        mote__answer();
    return box->status;
}

int mote__call_host(const struct mote_host_call *call, struct mote_slot *result)
{
    const struct mote_mailbox *box = mote__mailbox();
    if (box == NULL)
        return MOTE_GUEST_EMISSING;

    int status = mote__request(MOTE_REQUEST_CALL, call);
    *result = box->result;
    return status;
}

mote_string mote_error_text(void)
{
    const struct mote_mailbox *box = mote__mailbox();
    mote_string text = {"", 0};
    if (box != NULL && box->status < 0) {
        text.data = (const char *)(uintptr_t)box->result.lo;
        text.size = (size_t)box->result.hi;
    }
    return text;
}

int64_t mote_error_code(void)
{
    const struct mote_mailbox *box = mote__mailbox();
    return box != NULL && box->status < 0 ? box->code : 0;
}

mote_bytes mote_init_data(void)
{
    const struct mote_info *info = mote_info();
    mote_bytes data = {NULL, 0};
    if (info != NULL) {
        data.data = (const uint8_t *)(uintptr_t)info->init_data;
        data.size = (size_t)info->init_data_size;
    }
    return data;
}

uint64_t mote_generation(void)
{
    /* The host changes it while the program does not look. */
    const volatile struct mote_info *info = mote_info();
    return info == NULL ? 0 : info->generation;
}
