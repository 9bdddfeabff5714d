/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mailbox: arguments in, results out. The host writes frames and payloads
 * to memory that the guest can also write, and believes nothing of what it
 * reads back: every structure is copied once, then checked, then used.
 */
#include <string.h>

#include "error.h"
#include "resident.h"
#include "sandbox.h"
#include "signature.h"

#define PAYLOAD 16u /* alignment of what frames point to */

/* ---- buffers ---- */

static void wipe(struct mote__buffer *buffer)
{
    if (buffer->most)
        memset(buffer->data, 0, buffer->most);
    buffer->used = buffer->most = 0;
}

static void discard(struct mote__buffer *buffer)
{
    wipe(buffer);
    mote__free(buffer->data);
    *buffer = (struct mote__buffer){0};
}

int mote__buffer_reserve(const mote_allocator *allocator, struct mote__buffer *buffer, size_t size)
{
    if (size <= buffer->room)
        return 0;
    discard(buffer);
    buffer->data = mote__alloc(allocator, size);
    if (!buffer->data)
        return MOTE_ENOMEM;
    buffer->room = size;
    return 0;
}

#define KEPT_ROOM 0x10000u

void mote__buffer_wipe(struct mote__buffer *buffer)
{
    if (buffer->room > KEPT_ROOM)
        discard(buffer);
    else
        wipe(buffer);
}

void mote__buffer_trim(struct mote__buffer *buffer)
{
    if (buffer->room > KEPT_ROOM)
        discard(buffer);
}

/* ---- values and slots ---- */

static struct mote_slot scalar_slot(const mote_value *value)
{
    struct mote_slot slot = {0, 0};
    switch (value->type) {
    case MOTE_I32:
    case MOTE_U32:
    case MOTE_F32:
        memcpy(&slot.lo, &value->of, 4);
        break;
    case MOTE_BOOL:
        slot.lo = value->of.boolean;
        break;
    default:
        memcpy(&slot.lo, &value->of, 8);
        break;
    }
    return slot;
}

static void scalar_value(mote_value *value, struct mote_slot slot)
{
    switch (value->type) {
    case MOTE_I32:
    case MOTE_U32:
    case MOTE_F32:
        memcpy(&value->of, &slot.lo, 4);
        break;
    case MOTE_BOOL:
        value->of.boolean = (slot.lo & 0xffffffff) != 0;
        break;
    default:
        memcpy(&value->of, &slot.lo, 8);
        break;
    }
}

static int bytes_value(mote_sandbox *sandbox, struct mote_slot slot, struct mote__buffer *buffer,
                       mote_value *value)
{
    size_t size = (size_t)slot.hi;
    if (size > buffer->room - buffer->used)
        return MOTE_ELIMIT;
    uint8_t *to = buffer->data ? buffer->data + buffer->used : NULL;
    if (size && mote__memory_get(&sandbox->shell->memory, slot.lo, to, size))
        return MOTE_ERANGE;
    buffer->used += size;
    buffer->most = buffer->used > buffer->most ? buffer->used : buffer->most;
    value->of.bytes.data = to;
    value->of.bytes.size = size;
    return 0;
}

int mote__mailbox_value(mote_sandbox *sandbox, mote_type type, struct mote_slot slot,
                        struct mote__buffer *buffer, mote_value *value)
{
    memset(value, 0, sizeof *value);
    value->type = type;
    if (mote__type_is_bytes(type))
        return bytes_value(sandbox, slot, buffer, value);
    scalar_value(value, slot);
    return 0;
}

/* ---- writing ---- */

/* Makes sure that the mailbox has `size` bytes in all; it grows at its end. */
static int reserve(mote_sandbox *sandbox, size_t size, mote_error *error)
{
    struct mote__memory *memory = &sandbox->shell->memory;
    const struct mote__layout *l = sandbox->shell->layout;
    uint64_t wanted = mote__align_up(size, MOTE_REGION_ALIGN);
    if (wanted > l->mailbox_end - l->mailbox)
        return MOTE_ELIMIT;
    uint64_t end = l->mailbox;
    for (size_t i = mote__regions_find(&memory->regions, end);
         i < memory->regions.count && memory->regions.list[i].start == end; i++)
        end = memory->regions.list[i].end;
    if (l->mailbox + wanted <= end)
        return 0;
    mote__resident_stand(sandbox);
    int status = mote__memory_map(memory, end, l->mailbox + wanted - end, MOTE__READ | MOTE__WRITE,
                                  MOTE__REGION_MAILBOX, error);
    return memory->damaged ? MOTE_ESYSTEM : status;
}

/* Puts a payload behind what the mailbox holds at *used, and points a slot to it. */
static int put_payload(mote_sandbox *sandbox, const mote_value *value, size_t *used,
                       struct mote_slot *slot)
{
    size_t size = value->of.bytes.size;
    size_t at = (size_t)mote__align_up(*used, PAYLOAD);
    uint64_t address = sandbox->shell->layout->mailbox + at;
    *slot = (struct mote_slot){address, size};
    if (size == 0)
        return 0;
    *used = at + size;
    return mote__memory_put(&sandbox->shell->memory, address, value->of.bytes.data, size);
}

static int put_value(mote_sandbox *sandbox, const mote_value *value, size_t *used,
                     struct mote_slot *slot)
{
    if (mote__type_is_bytes(value->type))
        return put_payload(sandbox, value, used, slot);
    *slot = scalar_slot(value);
    return 0;
}

/* Adds up what `count` values carry, and the room that it takes; false on overflow. */
static bool measure(const mote_value *values, size_t count, uint64_t *carried, size_t *room)
{
    for (size_t i = 0; i < count; i++) {
        if (!mote__type_is_bytes(values[i].type))
            continue;
        size_t size = values[i].of.bytes.size;
        if (size > SIZE_MAX / 2 || *room > SIZE_MAX / 2 - PAYLOAD)
            return false;
        *carried += size;
        *room += size + PAYLOAD;
    }
    return true;
}

uint64_t mote__call_bytes(const mote_sandbox *sandbox)
{
    uint64_t granted = sandbox->policy ? sandbox->policy->call_bytes : 0;
    return granted ? granted : sandbox->shell->memory.limit;
}

/* A frame with its slots, as it is written at once. */
struct frame {
    struct mote_call_frame head;
    struct mote_slot slots[MOTE_MAX_PARAMS + MOTE_MAX_RESULTS];
};

static size_t frame_size(uint32_t nargs, uint32_t nresults)
{
    return sizeof(struct mote_call_frame) + (nargs + nresults) * sizeof(struct mote_slot);
}

/* What the memory layer said, if it was asked, is the reason. */
static int no_room(mote_sandbox *sandbox, int status, size_t size)
{
    if (status != MOTE_ELIMIT)
        return status;
    mote_error why = sandbox->error;
    bool told = why.code == MOTE_ELIMIT;
    return mote__fail(&sandbox->error, MOTE_DOMAIN_API, MOTE_ELIMIT, 0, told ? why.remedy : NULL,
                      "%zu bytes of arguments or results do not fit: %.400s", size,
                      told ? why.text : "no guest has as much memory");
}

static int too_many_bytes(mote_sandbox *sandbox, uint64_t carried, const char *what)
{
    return mote__fail(&sandbox->error, MOTE_DOMAIN_API, MOTE_ELIMIT, 0,
                      "allow more with MOTE_OPT_CALL_BYTES, whose default is the memory limit",
                      "%llu bytes of %s are more than the %llu that one call may carry",
                      (unsigned long long)carried, what,
                      (unsigned long long)mote__call_bytes(sandbox));
}

/* The control block is at the start of the mailbox, always in its first page. */
static struct mote_mailbox *control(const mote_sandbox *sandbox)
{
    size_t size = sizeof(struct mote_mailbox);
    return mote__memory_at(&sandbox->shell->memory, sandbox->shell->layout->mailbox, &size,
                           MOTE__READ | MOTE__WRITE);
}

static void mark_control(mote_sandbox *sandbox)
{
    struct mote__memory *memory = &sandbox->shell->memory;
    mote__paging_mark_dirty(&memory->tables, memory->root, sandbox->shell->layout->mailbox,
                            sizeof(struct mote_mailbox));
}

/* Writes the frame of the innermost call and what its arguments point to, from `base` on. */
static int put_frame(mote_sandbox *sandbox, const mote_signature *signature, const mote_value *args,
                     size_t base)
{
    struct mote__call *call = mote__call_now(sandbox);
    struct frame frame = {.head = {.function = call->function,
                                   .nargs = signature->nparams,
                                   .nresults = signature->nresults}};
    size_t size = frame_size(signature->nparams, signature->nresults);
    int status = 0;
    call->used = base + size;
    for (uint32_t i = 0; !status && i < signature->nparams; i++)
        status = put_value(sandbox, &args[i], &call->used, &frame.slots[i]);
    call->frame = sandbox->shell->layout->mailbox + base;
    return status ? status : mote__memory_put(&sandbox->shell->memory, call->frame, &frame, size);
}

int mote__mailbox_post(mote_sandbox *sandbox, const mote_signature *signature,
                       const mote_value *args)
{
    const struct mote__call *call = mote__call_now(sandbox);
    bool nested = sandbox->depth > 0;
    size_t base =
        nested ? (size_t)mote__align_up(call[-1].used, PAYLOAD) : sizeof(struct mote_mailbox);
    size_t needed = base + frame_size(signature->nparams, signature->nresults);
    uint64_t carried = 0;
    if (!measure(args, signature->nparams, &carried, &needed))
        return no_room(sandbox, MOTE_ELIMIT, SIZE_MAX);
    if (sandbox->policy && sandbox->policy->call_bytes && carried > sandbox->policy->call_bytes)
        return too_many_bytes(sandbox, carried, "arguments"); /* else the memory limit tells */
    int status = reserve(sandbox, needed, &sandbox->error);
    if (status)
        return no_room(sandbox, status, needed);
    status = put_frame(sandbox, signature, args, base);
    if (status)
        return status;
    struct mote_mailbox *mailbox = control(sandbox);
    mailbox->status = nested ? MOTE_GUEST_SERVE : 0;
    mailbox->call = call->frame;
    mailbox->request = MOTE_REQUEST_NONE;
    mark_control(sandbox);
    return 0;
}

/* Puts the payload of an answer behind the innermost call; the next answer overwrites it. */
static int put_answer(mote_sandbox *sandbox, const mote_value *value, struct mote_slot *slot)
{
    size_t used = mote__call_now(sandbox)->used, needed = used;
    uint64_t carried = 0;
    if (!measure(value, 1, &carried, &needed))
        return MOTE_ELIMIT;
    int status = reserve(sandbox, needed, NULL);
    return status ? status : put_value(sandbox, value, &used, slot);
}

/* With a text where that fits. */
static int put_refusal(mote_sandbox *sandbox, struct mote_slot *slot)
{
    mote_value text = mote_string("result too large");
    int status = put_answer(sandbox, &text, slot);
    return status == MOTE_ELIMIT ? 0 : status;
}

int mote__mailbox_answer(mote_sandbox *sandbox, int32_t status, int64_t code,
                         const mote_value *result)
{
    struct mote_slot slot = {0, 0};
    int failed = result ? put_answer(sandbox, result, &slot) : 0;
    if (failed == MOTE_ELIMIT) {
        status = MOTE_GUEST_ENOMEM;
        code = 0;
        failed = put_refusal(sandbox, &slot);
    }
    if (failed)
        return mote__fault_end(sandbox, failed, MOTE_FAULT_MEMORY, 0,
                               "the host has no memory for the answer of a host function");
    struct mote_mailbox *mailbox = control(sandbox);
    mailbox->status = status;
    mailbox->code = code;
    mailbox->call = mote__call_now(sandbox)->frame;
    mailbox->result = slot;
    mailbox->request = MOTE_REQUEST_NONE;
    mark_control(sandbox);
    return 0;
}

/* ---- reading ---- */

struct mote_mailbox mote__mailbox_read(const mote_sandbox *sandbox)
{
    struct mote_mailbox copy;
    memcpy(&copy, control(sandbox), sizeof copy);
    return copy;
}

int mote__mailbox_collect(mote_sandbox *sandbox, const mote_signature *signature,
                          mote_value *results)
{
    sandbox->results.used = 0;
    if (signature->nresults == 0)
        return 0;
    struct mote_slot slot;
    uint64_t at = mote__call_now(sandbox)->frame + frame_size(signature->nparams, 0);
    int status = mote__memory_get(&sandbox->shell->memory, at, &slot, sizeof slot);
    if (!status && mote__type_is_bytes(signature->result)) {
        if (!mote__memory_check(&sandbox->shell->memory, slot.lo, slot.hi, MOTE__READ))
            status = MOTE_ERANGE;
        else if (slot.hi > mote__call_bytes(sandbox))
            return too_many_bytes(sandbox, slot.hi, "results");
        else
            status =
                mote__buffer_reserve(&sandbox->host->allocator, &sandbox->results, (size_t)slot.hi);
    }
    if (!status)
        status = mote__mailbox_value(sandbox, signature->result, slot, &sandbox->results, results);
    if (status == MOTE_ERANGE)
        return mote__fault_end(sandbox, MOTE_EPROTOCOL, MOTE_FAULT_PROTOCOL, 0,
                               "the guest's result of %llu bytes at %#llx is not in its memory",
                               (unsigned long long)slot.hi, (unsigned long long)slot.lo);
    return status ? mote__fail_memory(&sandbox->error, "the results of a call") : 0;
}

int mote__mailbox_text(mote_sandbox *sandbox, uint64_t message, struct mote_text *head, char *text,
                       size_t *size)
{
    int status = mote__memory_get(&sandbox->shell->memory, message, head, sizeof *head);
    if (status)
        return status;
    *size = head->size < MOTE_MAX_TEXT ? (size_t)head->size : MOTE_MAX_TEXT;
#if defined(MOTE_CONTROL_NO_TEXT_BOUND)
    *size = (size_t)head->size;
#endif
    status = mote__memory_get(&sandbox->shell->memory, head->text, text, *size);
    text[status ? 0 : *size] = '\0';
    return status;
}
