/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mailbox_liar: speaks to the host past the SDK, and lies. Each lie is a
 * function; lie(n) tells the n-th and returns the status that the host gave,
 * if the host lets it go on at all.
 */
#include <mote_guest.h>
#include <string.h>

/* Only for the numbers: add is import 0, take 1, give 2. */
MOTE_IMPORT(env, add, i32, i32, i32)
MOTE_IMPORT(env, take, void, bytes)
MOTE_IMPORT(env, give, bytes, u32)
/* The host tells the n-th lie in a nested call. */
MOTE_IMPORT_WEAK_AS(env_tell, "env", "tell", i32, u32)

enum { ADD, TAKE, GIVE, TELL, IMPORTS };

#define NON_CANONICAL 0x8000000000000000ull
#define KERNEL_HALF   0xffff800000001000ull
#define LAST_BYTE     0xffffffffffffffffull
#define UNMAPPED      0x00006fffdead0000ull

/* The SDK's way back into its loop, for lies after which the call is over. */
void mote__answer(void);

static struct mote_mailbox *box(void)
{
    return (struct mote_mailbox *)(uintptr_t)mote_info()->mailbox;
}

/* The end of the mailbox as it was when the sandbox started. */
static uint64_t mailbox_end(void)
{
    return mote_info()->mailbox + mote_info()->mailbox_size;
}

static int32_t ring(uint32_t request, uint64_t message)
{
    box()->request = request;
    box()->message = message;
    __asm__ volatile("" ::: "memory");
    ((void (*)(void))(uintptr_t)mote_info()->doorbell)();
    __asm__ volatile("" ::: "memory");
    return box()->status;
}

/* Ends the call with what the frame holds, and serves on from here. */
static _Noreturn void serve_on(void)
{
    ring(MOTE_REQUEST_RETURN, 0);
    for (;;)
        mote__answer();
}

/* ---- requests ------------------------------------------------------------ */

static int32_t request_none(void)
{
    return ring(MOTE_REQUEST_NONE, 0);
}
static int32_t request_unknown(void)
{
    return ring(7, 0);
}
static int32_t request_negative(void)
{
    return ring(0xffffffff, 0);
}
static int32_t request_ready_again(void)
{
    return ring(MOTE_REQUEST_READY, 0);
}

/* ---- where the message lies ---------------------------------------------- */

static int32_t call_at_null(void)
{
    return ring(MOTE_REQUEST_CALL, 0);
}
static int32_t call_at_non_canonical(void)
{
    return ring(MOTE_REQUEST_CALL, NON_CANONICAL);
}
static int32_t call_at_kernel_half(void)
{
    return ring(MOTE_REQUEST_CALL, KERNEL_HALF);
}
static int32_t call_at_last_byte(void)
{
    return ring(MOTE_REQUEST_CALL, LAST_BYTE);
}
static int32_t call_that_wraps(void)
{
    return ring(MOTE_REQUEST_CALL, (uint64_t) - (int64_t)sizeof(struct mote_host_call));
}
static int32_t call_at_unmapped(void)
{
    return ring(MOTE_REQUEST_CALL, UNMAPPED);
}
static int32_t call_in_gate_page(void)
{
    return ring(MOTE_REQUEST_CALL, mote_info()->doorbell);
}
static int32_t call_in_info_page(void)
{
    return ring(MOTE_REQUEST_CALL, (uintptr_t)mote_info());
}
static int32_t call_is_mailbox(void)
{
    return ring(MOTE_REQUEST_CALL, mote_info()->mailbox);
}
static int32_t call_across_mailbox_end(void)
{
    return ring(MOTE_REQUEST_CALL, mailbox_end() - 8);
}
static int32_t text_at_null(void)
{
    return ring(MOTE_REQUEST_LOG, 0);
}
static int32_t text_across_mailbox_end(void)
{
    return ring(MOTE_REQUEST_LOG, mailbox_end() - 8);
}
static int32_t fail_at_unmapped(void)
{
    return ring(MOTE_REQUEST_FAIL, UNMAPPED);
}
static int32_t abort_at_unmapped(void)
{
    return ring(MOTE_REQUEST_ABORT, UNMAPPED);
}

/* ---- what the call says -------------------------------------------------- */

struct message {
    struct mote_host_call call;
    struct mote_slot args[MOTE_MAX_PARAMS + 1];
};

/* env.add(1, 2), as it should be. */
static struct message honest_add(void)
{
    struct message message = {
        {ADD, 2, {MOTE_TYPE_I32, MOTE_TYPE_I32}, MOTE_TYPE_I32, 0},
        {{1, 0}, {2, 0}},
    };
    return message;
}

/* env.take of these bytes. */
static int32_t take(uint64_t address, uint64_t size)
{
    struct message message = {
        {TAKE, 1, {MOTE_TYPE_BYTES}, MOTE_TYPE_VOID, 0},
        {{address, size}},
    };
    return ring(MOTE_REQUEST_CALL, (uintptr_t)&message);
}

static int32_t tell(const struct message *message)
{
    return ring(MOTE_REQUEST_CALL, (uintptr_t)message);
}

static int32_t honest(void)
{
    struct message message = honest_add();
    return tell(&message);
}
static int32_t unknown_function(void)
{
    struct message message = honest_add();
    message.call.function = IMPORTS;
    return tell(&message);
}
static int32_t huge_function(void)
{
    struct message message = honest_add();
    message.call.function = 0xffffffff;
    return tell(&message);
}
static int32_t too_few_arguments(void)
{
    struct message message = honest_add();
    message.call.nargs = 1;
    return tell(&message);
}
static int32_t too_many_arguments(void)
{
    struct message message = honest_add();
    message.call.nargs = 3;
    message.call.types[2] = MOTE_TYPE_I32;
    return tell(&message);
}
static int32_t thirty_three_arguments(void)
{
    struct message message = honest_add();
    message.call.nargs = MOTE_MAX_PARAMS + 1;
    return tell(&message);
}
static int32_t huge_count(void)
{
    struct message message = honest_add();
    message.call.nargs = 0xffffffff;
    return tell(&message);
}
static int32_t wrong_type(void)
{
    struct message message = honest_add();
    message.call.types[1] = MOTE_TYPE_BYTES;
    return tell(&message);
}
static int32_t type_zero(void)
{
    struct message message = honest_add();
    message.call.types[0] = 0;
    return tell(&message);
}
static int32_t type_reserved(void)
{
    struct message message = honest_add();
    message.call.types[0] = MOTE_TYPE_REF;
    return tell(&message);
}
static int32_t type_unknown(void)
{
    struct message message = honest_add();
    message.call.types[0] = 255;
    return tell(&message);
}
static int32_t wrong_result_type(void)
{
    struct message message = honest_add();
    message.call.result_type = MOTE_TYPE_STRING;
    return tell(&message);
}
static int32_t result_type_unknown(void)
{
    struct message message = honest_add();
    message.call.result_type = 0xffffffff;
    return tell(&message);
}
static int32_t dirty_high_bits(void)
{
    struct message message = honest_add();
    message.args[0].lo |= 0xdeadbeef00000000;
    message.args[0].hi = LAST_BYTE;
    return tell(&message);
}
static int32_t arguments_past_the_end(void)
{
    struct message message = honest_add();
    uint64_t place = mailbox_end() - sizeof(message.call);
    memcpy((void *)(uintptr_t)place, &message.call, sizeof(message.call));
    return ring(MOTE_REQUEST_CALL, place);
}
static int32_t misaligned_call(void)
{
    static _Alignas(16) uint8_t memory[sizeof(struct message) + 3];
    struct message message = honest_add();
    memcpy(memory + 3, &message, sizeof(message));
    return ring(MOTE_REQUEST_CALL, (uintptr_t)memory + 3);
}

/* ---- what the bytes say ------------------------------------------------------------------------
 */

static uint8_t some_bytes[64];

static int32_t bytes_at_null(void)
{
    return take(0, 16);
}
static int32_t no_bytes_at_null(void)
{
    return take(0, 0);
}
static int32_t no_bytes_anywhere(void)
{
    return take(NON_CANONICAL, 0);
}
static int32_t bytes_at_non_canonical(void)
{
    return take(NON_CANONICAL, 16);
}
static int32_t bytes_in_kernel_half(void)
{
    return take(KERNEL_HALF, 16);
}
static int32_t bytes_that_wrap(void)
{
    return take(LAST_BYTE - 7, 16);
}
static int32_t bytes_of_all_sizes(void)
{
    return take((uintptr_t)some_bytes, LAST_BYTE);
}
static int32_t bytes_of_half_the_world(void)
{
    return take((uintptr_t)some_bytes, 1ull << 63);
}
static int32_t bytes_of_a_terabyte(void)
{
    return take((uintptr_t)some_bytes, 1ull << 40);
}
static int32_t bytes_beyond_the_limit(void)
{
    return take((uintptr_t)some_bytes, mote_info()->memory_limit + 1);
}
static int32_t bytes_across_mailbox_end(void)
{
    return take(mailbox_end() - 8, 16);
}
static int32_t bytes_of_the_gate_page(void)
{
    return take(mote_info()->doorbell, 16);
}

/* ---- what the text says -------------------------------------------------- */

static int32_t send_text(uint32_t request, uint64_t address, uint64_t size)
{
    struct mote_text text = {0xffffffff, 0xffffffff, address, size};
    return ring(request, (uintptr_t)&text);
}

static int32_t log_level_unknown(void)
{
    return send_text(MOTE_REQUEST_LOG, (uintptr_t) "liar", 4);
}
static int32_t log_of_all_sizes(void)
{
    return send_text(MOTE_REQUEST_LOG, (uintptr_t) "liar", LAST_BYTE);
}
static int32_t log_at_non_canonical(void)
{
    return send_text(MOTE_REQUEST_LOG, NON_CANONICAL, 16);
}
static int32_t log_with_controls(void)
{
    return send_text(MOTE_REQUEST_LOG, (uintptr_t) "\x1b[2J\0\r\n\xff", 8);
}
static int32_t fail_of_all_sizes(void)
{
    return send_text(MOTE_REQUEST_FAIL, (uintptr_t) "liar", LAST_BYTE);
}
static int32_t fail_at_non_canonical(void)
{
    return send_text(MOTE_REQUEST_FAIL, NON_CANONICAL, 16);
}
static int32_t abort_of_all_sizes(void)
{
    return send_text(MOTE_REQUEST_ABORT, (uintptr_t) "liar", LAST_BYTE);
}
static int32_t abort_at_non_canonical(void)
{
    return send_text(MOTE_REQUEST_ABORT, NON_CANONICAL, 16);
}

/* ---- what the host wrote ------------------------------------------------- */

static struct mote_call_frame *frame(void)
{
    return (struct mote_call_frame *)(uintptr_t)box()->call;
}

/* The SDK finishes the call, over a frame that is no longer the host's. */
static int32_t frame_counts_changed(void)
{
    frame()->nargs = 0x7fffffff;
    frame()->nresults = 0xffffffff;
    frame()->function = 0xffffffff;
    return 0;
}
static int32_t frame_moved(void)
{
    box()->call = NON_CANONICAL;
    return 0;
}
static int32_t status_changed(void)
{
    box()->status = 0x7fffffff;
    return 0;
}
static int32_t mailbox_filled(void)
{
    memset(box(), 0xff, mote_info()->mailbox_size);
    return 0;
}
static int32_t return_twice(void)
{
    serve_on();
}

/* ---- calls in calls ------------------------------------------------------ */

static uint64_t outer_frame; /* of the call around this one; 0: none */

static int32_t outer_returned_first(void)
{
    box()->call = outer_frame;
    serve_on();
}
static int32_t outer_failed_first(void)
{
    box()->call = outer_frame;
    return send_text(MOTE_REQUEST_FAIL, (uintptr_t) "liar", 4);
}
static int32_t no_frame_returned(void)
{
    box()->call = 0;
    serve_on();
}
static int32_t frame_beside_returned(void)
{
    box()->call += 16;
    serve_on();
}
/* Returns, and once more when the host goes on with the call around this one. */
static int32_t returned_twice(void)
{
    uint64_t inner = box()->call;
    ring(MOTE_REQUEST_RETURN, 0);
    box()->call = inner;
    serve_on();
}
/* The payload of the call around this one is the guest's to write; the host has its copy. */
static int32_t outer_overwritten(void)
{
    if (outer_frame)
        memset((void *)(uintptr_t)outer_frame, 0xff, sizeof(struct mote_call_frame) + 32);
    return 0;
}

/* ---- all of them --------------------------------------------------------- */

/* clang-format off */
#define LIE(name) {#name, name},

static const struct {
    const char *name;
    int32_t (*tell)(void);
} lies[] = {
    LIE(honest) LIE(request_none) LIE(request_unknown) LIE(request_negative)
    LIE(request_ready_again) LIE(call_at_null) LIE(call_at_non_canonical)
    LIE(call_at_kernel_half) LIE(call_at_last_byte) LIE(call_that_wraps) LIE(call_at_unmapped)
    LIE(call_in_gate_page) LIE(call_in_info_page) LIE(call_is_mailbox)
    LIE(call_across_mailbox_end) LIE(text_at_null) LIE(text_across_mailbox_end)
    LIE(fail_at_unmapped) LIE(abort_at_unmapped) LIE(unknown_function) LIE(huge_function)
    LIE(too_few_arguments) LIE(too_many_arguments) LIE(thirty_three_arguments) LIE(huge_count)
    LIE(wrong_type) LIE(type_zero) LIE(type_reserved) LIE(type_unknown) LIE(wrong_result_type)
    LIE(result_type_unknown) LIE(dirty_high_bits) LIE(arguments_past_the_end)
    LIE(misaligned_call) LIE(bytes_at_null) LIE(no_bytes_at_null) LIE(no_bytes_anywhere)
    LIE(bytes_at_non_canonical) LIE(bytes_in_kernel_half) LIE(bytes_that_wrap)
    LIE(bytes_of_all_sizes) LIE(bytes_of_half_the_world) LIE(bytes_of_a_terabyte)
    LIE(bytes_beyond_the_limit) LIE(bytes_across_mailbox_end) LIE(bytes_of_the_gate_page)
    LIE(log_level_unknown) LIE(log_of_all_sizes) LIE(log_at_non_canonical)
    LIE(log_with_controls) LIE(fail_of_all_sizes) LIE(fail_at_non_canonical)
    LIE(abort_of_all_sizes) LIE(abort_at_non_canonical) LIE(frame_counts_changed)
    LIE(frame_moved) LIE(status_changed) LIE(mailbox_filled) LIE(return_twice)
    LIE(outer_returned_first) LIE(outer_failed_first) LIE(no_frame_returned)
    LIE(frame_beside_returned) LIE(returned_twice) LIE(outer_overwritten)
};
/* clang-format on */

enum { COUNT = sizeof(lies) / sizeof(lies[0]) };

static uint32_t lie_count(void)
{
    return COUNT;
}
MOTE_EXPORT(lie_count, u32);

static mote_string lie_name(uint32_t n)
{
    const char *name = n < COUNT ? lies[n].name : "";
    return (mote_string){name, strlen(name)};
}
MOTE_EXPORT(lie_name, string, u32);

static int32_t lie(uint32_t n)
{
    return n < COUNT ? lies[n].tell() : 0;
}
MOTE_EXPORT(lie, i32, u32);

/* The same in a call that the host makes from inside this one. */
static int32_t lie_inside(uint32_t n)
{
    int32_t result = 0;
    outer_frame = box()->call;
    int status = env_tell(&result, n);
    return status ? status : result;
}
MOTE_EXPORT(lie_inside, i32, u32);

/* ---- lies in results, made by the caller --------------------------------- */

static mote_bytes lie_bytes(uint64_t address, uint64_t size)
{
    return (mote_bytes){(const uint8_t *)(uintptr_t)address, size};
}
MOTE_EXPORT(lie_bytes, bytes, u64, u64);

static mote_string lie_string(uint64_t address, uint64_t size)
{
    return (mote_string){(const char *)(uintptr_t)address, size};
}
MOTE_EXPORT(lie_string, string, u64, u64);

/* Any bits in the slot of a narrow result. */
static _Noreturn void return_slot(uint64_t lo, uint64_t hi)
{
    struct mote_slot *args = (struct mote_slot *)(uintptr_t)(frame() + 1);
    args[frame()->nargs] = (struct mote_slot){lo, hi};
    serve_on();
}

static int32_t lie_i32(uint64_t lo, uint64_t hi)
{
    return_slot(lo, hi);
}
MOTE_EXPORT(lie_i32, i32, u64, u64);

static bool lie_bool(uint64_t lo, uint64_t hi)
{
    return_slot(lo, hi);
}
MOTE_EXPORT(lie_bool, bool, u64, u64);

static uint32_t alive(void)
{
    return 42;
}
MOTE_EXPORT(alive, u32);
