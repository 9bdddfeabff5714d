/* SPDX-License-Identifier: Apache-2.0 */
/* Parked sandboxes: no VM, and the guest does not notice. */
#include "census.h"
#include "raw.h"
#include "support.h"

#include "../guests/taint/taint.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096u
#define RW   (PROT_READ | PROT_WRITE)

static void park(struct box *box)
{
    CHECK_CODE(mote_sandbox_park(box->sandbox), MOTE_OK);
}

static uint32_t number(struct box *box, const char *name)
{
    mote_value result;

    must_call(box, name, NO_ARGS, &result);
    return result.of.u32;
}

static uint64_t number64(struct box *box, const char *name)
{
    mote_value result;

    must_call(box, name, NO_ARGS, &result);
    return result.of.u64;
}

/* ---- state ------------------------------------------------------------------ */

TEST(park, keeps_state)
{
    static unsigned char bytes[50000];
    struct box box;
    mote_value result;

    memset(bytes, 0x5a, sizeof(bytes));
    box_run(&box, "echo");
    must_call(&box, "keep", ARGS(v_bytes(bytes, sizeof(bytes))), NULL);
    for (uint32_t i = 1; i <= 5; i++) {
        park(&box);
        CHECK_INT(mote_sandbox_state(box.sandbox), MOTE_STATE_READY);
        CHECK_INT(number(&box, "count"), i);
        CHECK_INT(number(&box, "count") * 10, (i + 1) * 10);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
        must_call(&box, "keep", ARGS(v_bytes(bytes, sizeof(bytes))), NULL);
        for (uint32_t n = 0; n < i; n++) {
            number(&box, "count");
        }
        park(&box);
        must_call(&box, "kept", NO_ARGS, &result);
        CHECK_INT(result.of.bytes.size, sizeof(bytes));
        CHECK_BYTES(result.of.bytes.data, bytes, sizeof(bytes));
    }
    box_close(&box);
}

TEST(park, before_the_first_call_and_twice)
{
    struct box box;

    box_run(&box, "echo");
    park(&box);
    park(&box);
    CHECK_INT(number(&box, "count"), 1);
    park(&box);
    park(&box);
    CHECK_INT(number(&box, "count"), 2);
    box_close(&box);
}

/* Attached for the host's sake and parked again: the guest has not run in between. */
TEST(park, again_without_a_run)
{
    struct box box;
    unsigned char byte = 9;
    uint64_t address;

    raw_open(&box);
    raw_start(&box);
    address = number64(&box, "scratch");
    for (int i = 0; i < 3; i++) {
        park(&box);
        CHECK_CODE(mote_memory_write(box.sandbox, address + 5, &byte, 1), MOTE_OK);
        park(&box);
        byte = 0;
        CHECK_CODE(mote_memory_read(box.sandbox, address + 5, &byte, 1), MOTE_OK);
        CHECK_INT(byte, 9);
    }
    park(&box);
    CHECK_INT(number(&box, "alive"), 42);
    box_close(&box);
}

/* What a reset would forget it does forget, and no start is lost or invented. */
TEST(park, resets)
{
    struct box box;
    uint64_t first;
    uint64_t second;

    box_run(&box, "echo");
    first = number64(&box, "generation");
    CHECK_INT(number(&box, "count"), 1);
    park(&box);
    CHECK_INT(number64(&box, "generation"), first);
    CHECK_INT(number(&box, "count"), 2);
    park(&box);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    CHECK_INT(mote_sandbox_state(box.sandbox), MOTE_STATE_READY);
    CHECK_INT(number(&box, "count"), 1);
    second = number64(&box, "generation");
    CHECK(second != first);
    CHECK_INT(number64(&box, "hooked"), second);
    park(&box);
    CHECK_INT(number(&box, "count"), 2);
    CHECK_INT(number64(&box, "hooked"), second);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK); /* of what was parked before */
    CHECK_INT(number(&box, "count"), 1);
    box_close(&box);
}

TEST(park, keeps_init_data)
{
    struct box box;
    mote_value result;
    mote_error error = MOTE_ERROR_INIT;
    mote_sandbox_options options = {
        .size = sizeof(options), .init_data = "the data", .init_data_size = 8};

    box_open(&box, "echo");
    CHECK_CODE(mote_sandbox_new(&box.sandbox, box.image, box.policy, &options, &error), MOTE_OK);
    for (int i = 0; i < 3; i++) {
        park(&box);
        must_call(&box, "init_data", NO_ARGS, &result);
        CHECK_BYTES(result.of.bytes.data, "the data", 8);
    }
    box_close(&box);
}

/* ---- mappings ------------------------------------------------------------------ */

static uint32_t peek(struct box *box, int64_t address)
{
    mote_value value;

    must_call(box, "peek", ARGS(v_u64((uint64_t)address)), &value);
    return value.of.u32;
}

static void poke(struct box *box, int64_t address, uint32_t byte)
{
    must_call(box, "poke", ARGS(v_u64((uint64_t)address), v_u32(byte)), NULL);
}

static int64_t map(struct box *box, uint64_t size, int access)
{
    int64_t address =
        RAW(box, SYS_mmap, 0, size, access, MAP_PRIVATE | MAP_ANONYMOUS, (uint64_t)-1, 0);

    CHECK(address > 0);
    return address;
}

TEST(park, keeps_mappings)
{
    struct box box;
    int64_t a;
    int64_t b;
    int64_t none;

    raw_open(&box);
    raw_start(&box);
    a = map(&box, 16 * PAGE, RW);
    b = map(&box, 4 * PAGE, RW);
    none = map(&box, 4 * PAGE, PROT_NONE);
    for (unsigned i = 0; i < 16; i += 2) {
        poke(&box, a + i * PAGE, i + 1);
    }
    poke(&box, b, 77);
    CHECK_INT(RAW(&box, SYS_mprotect, a + 4 * PAGE, PAGE, PROT_READ), 0);
    CHECK_INT(RAW(&box, SYS_mprotect, a + 6 * PAGE, PAGE, PROT_NONE), 0);
    CHECK_INT(RAW(&box, SYS_munmap, a + 8 * PAGE, PAGE), 0);
    park(&box);
    for (unsigned i = 0; i < 16; i++) {
        if (i != 6 && i != 8) {
            CHECK_INT(peek(&box, a + i * PAGE), i % 2 ? 0 : i + 1);
        }
    }
    CHECK_INT(peek(&box, b), 77);
    /* Access is what it was; what had none keeps its contents. */
    CHECK_INT(RAW(&box, SYS_mprotect, a + 6 * PAGE, PAGE, RW), 0);
    CHECK_INT(peek(&box, a + 6 * PAGE), 7);
    CHECK_INT(RAW(&box, SYS_mprotect, none, PAGE, RW), 0);
    poke(&box, none, 5);
    park(&box);
    CHECK_INT(peek(&box, none), 5);
    check_page_fault(&box,
                     box_call(&box, "poke", ARGS(v_u64((uint64_t)a + 4 * PAGE), v_u32(1)), NULL),
                     MOTE_ACCESS_WRITE, (uint64_t)a + 4 * PAGE);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    check_page_fault(&box, box_call(&box, "peek", ARGS(v_u64((uint64_t)b)), &(mote_value){0}),
                     MOTE_ACCESS_READ, (uint64_t)b);
    box_close(&box);
}

/* Memory of the snapshot that was unmapped, is lent to something else, and comes back. */
TEST(park, keeps_what_became_of_the_snapshot)
{
    struct box box;
    int64_t boot;
    int64_t other;

    raw_open(&box);
    raw_start(&box);
    boot = (int64_t)number64(&box, "from_boot");
    CHECK_INT(RAW(&box, SYS_munmap, boot, 2 * PAGE), 0);
    park(&box);
    other = map(&box, 2 * PAGE, RW); /* the same pages of memory: free ones are taken first */
    CHECK_INT(peek(&box, other), 0);
    CHECK_INT(peek(&box, other + PAGE), 0);
    park(&box);
    CHECK_INT(peek(&box, other), 0);
    poke(&box, other + PAGE, 3);
    park(&box);
    CHECK_INT(peek(&box, other + PAGE), 3);
    CHECK_INT(peek(&box, other), 0);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    CHECK_INT(peek(&box, boot), 7);
    CHECK_INT(peek(&box, boot + PAGE), 7);
    /* The same in the parked state, which is dropped. */
    CHECK_INT(RAW(&box, SYS_mprotect, boot + PAGE, PAGE, RW), 0);
    poke(&box, boot + PAGE, 8);
    park(&box);
    CHECK_INT(peek(&box, boot + PAGE), 8);
    park(&box);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    CHECK_INT(peek(&box, boot + PAGE), 7);
    box_close(&box);
}

/* Zeroed memory of the snapshot is a difference, too; so is what moved, and what was emptied. */
TEST(park, keeps_zeroes_and_moves)
{
    struct box box;
    int64_t boot;
    int64_t moved;
    int64_t top;

    raw_open(&box);
    raw_start(&box);
    boot = (int64_t)number64(&box, "from_boot");
    poke(&box, boot, 0);
    CHECK_INT(RAW(&box, SYS_madvise, boot + PAGE, PAGE, MADV_DONTNEED), 0);
    park(&box);
    CHECK_INT(peek(&box, boot), 0);
    CHECK_INT(peek(&box, boot + 1), 7);
    CHECK_INT(peek(&box, boot + PAGE), 0);
    CHECK_INT(RAW(&box, SYS_mprotect, boot + PAGE, PAGE, RW), 0);
    moved = RAW(&box, SYS_mremap, boot, PAGE, 64 * PAGE, MREMAP_MAYMOVE);
    CHECK(moved > 0);
    poke(&box, moved + 63 * PAGE, 4);
    top = RAW(&box, SYS_brk, RAW(&box, SYS_brk, 0) + 8 * PAGE);
    poke(&box, top - 1, 6);
    park(&box);
    CHECK_INT(peek(&box, moved + 1), 7);
    CHECK_INT(peek(&box, moved + 63 * PAGE), 4);
    CHECK_INT(peek(&box, top - 1), 6);
    CHECK_INT(RAW(&box, SYS_brk, 0), top);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    CHECK_INT(peek(&box, boot), 7);
    box_close(&box);
}

/* What maps, counts and frees works on as if nothing had been: to the last page of the limit. */
TEST(park, keeps_the_limit)
{
    struct box box;
    struct box same;
    uint64_t pages[2] = {0, 0};
    struct box *boxes[2] = {&box, &same};

    for (int i = 0; i < 2; i++) {
        raw_open(boxes[i]);
        set_option(boxes[i], MOTE_OPT_MEMORY, 4 * MIB);
        raw_start(boxes[i]);
        int64_t first = map(boxes[i], 32 * PAGE, RW);
        CHECK_INT(RAW(boxes[i], SYS_munmap, first + 4 * PAGE, 8 * PAGE), 0);
        if (i == 0) {
            park(boxes[i]);
        }
        while (RAW(boxes[i], SYS_mmap, 0, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, (uint64_t)-1, 0) >
               0) {
            pages[i]++;
        }
    }
    CHECK(pages[0] > 100);
    CHECK_INT(pages[0], pages[1]);
    for (int i = 0; i < 2; i++) {
        box_close(boxes[i]);
    }
}

/* ---- files ------------------------------------------------------------------ */

TEST(park, keeps_private_file_pages)
{
    char path[] = "/tmp/mote-park-XXXXXX";
    static char page[PAGE];
    struct box box;
    mote_error error = MOTE_ERROR_INIT;
    int fd = mkstemp(path);

    CHECK(fd >= 0);
    for (unsigned i = 0; i < 8; i++) {
        page[0] = (char)(10 + i);
        CHECK_INT(write(fd, page, PAGE), PAGE);
    }
    CHECK_INT(write(fd, "tail", 4), 4);
    close(fd);
    raw_open(&box);
    CHECK_CODE(mote_policy_file(box.policy, path, "/file", &error), MOTE_OK);
    unlink(path);
    raw_start(&box);
    int64_t guest_fd = RAW(&box, SYS_open, raw_text(&box, 0x8000, "/file"), O_RDONLY, 0);
    int64_t at = RAW(&box, SYS_mmap, 0, 9 * PAGE, RW, MAP_PRIVATE, guest_fd, 0);
    CHECK(at > 0);
    poke(&box, at + PAGE, 99);
    poke(&box, at + 8 * PAGE + 3, 'L');
    CHECK_INT(RAW(&box, SYS_read, guest_fd, raw_text(&box, 0x9000, "."), 1), 1);
    park(&box);
    for (unsigned i = 0; i < 8; i++) {
        CHECK_INT(peek(&box, at + i * PAGE), i == 1 ? 99 : 10 + i);
    }
    CHECK_INT(peek(&box, at + 8 * PAGE), 't');
    CHECK_INT(peek(&box, at + 8 * PAGE + 3), 'L');
    /* Without access in between, and back to the file's own page. */
    CHECK_INT(RAW(&box, SYS_mprotect, at, 9 * PAGE, PROT_NONE), 0);
    park(&box);
    CHECK_INT(RAW(&box, SYS_mprotect, at, 9 * PAGE, RW), 0);
    CHECK_INT(peek(&box, at + PAGE), 99);
    CHECK_INT(RAW(&box, SYS_madvise, at, 9 * PAGE, MADV_DONTNEED), 0);
    park(&box);
    CHECK_INT(peek(&box, at + PAGE), 11);
    /* The descriptor is where it was. */
    CHECK_INT(RAW(&box, SYS_lseek, guest_fd, 0, SEEK_CUR), 1);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    CHECK_INT(number(&box, "alive"), 42);
    box_close(&box);
}

/* Copies that the host made are the guest's as if it had written them. */
TEST(park, keeps_copies_of_files)
{
    char folder[] = "/tmp/mote-park-XXXXXX";
    char path[64];
    struct box box;
    mote_error error = MOTE_ERROR_INIT;

    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof(path), "%s/file", folder);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    CHECK(fd >= 0 && write(fd, "copied", 6) == 6);
    close(fd);
    raw_open(&box);
    CHECK_CODE(mote_policy_dir(box.policy, folder, "/dir", MOTE_GRANT_READ, &error), MOTE_OK);
    CHECK_CODE(mote_policy_file(box.policy, path, "/file", &error), MOTE_OK);
    raw_start(&box);
    int64_t dir = RAW(&box, SYS_open, raw_text(&box, 0x8000, "/dir/file"), O_RDONLY, 0);
    int64_t file = RAW(&box, SYS_open, raw_text(&box, 0x8000, "/file"), O_RDONLY, 0);
    int64_t of_dir = RAW(&box, SYS_mmap, 0, PAGE, RW, MAP_PRIVATE, dir, 0);
    int64_t first = RAW(&box, SYS_mmap, 0, PAGE, RW, MAP_PRIVATE, file, 0);
    int64_t second = RAW(&box, SYS_mmap, 0, PAGE, RW, MAP_PRIVATE, file, 0);
    unlink(path);
    rmdir(folder);
    CHECK(of_dir > 0 && first > 0 && second > 0);
    park(&box);
    CHECK_INT(peek(&box, of_dir + 5), 'd');
    CHECK_INT(peek(&box, first + 5), 'd');
    CHECK_INT(peek(&box, second + 5), 'd');
    box_close(&box);
}

/* ---- the processor ------------------------------------------------------------------ */

static unsigned char *tainted_look(bool parked)
{
    unsigned char *seen = malloc(LOOK_SIZE);
    struct box box;
    mote_value result;

    box_run(&box, "taint");
    must_call(&box, "taint", ARGS(v_u32(0), v_u32(3)), NULL);
    if (parked) {
        park(&box);
    }
    must_call(&box, "look", ARGS(v_u32(0)), &result);
    CHECK(seen != NULL && result.of.bytes.size == LOOK_SIZE);
    memcpy(seen, result.of.bytes.data, LOOK_SIZE);
    box_close(&box);
    return seen;
}

/* Callee-saved registers, bases and control words are the guest's; the rest is clean. */
TEST(park, keeps_what_a_doorbell_keeps)
{
    static const unsigned char zero[32 * 64];
    static const unsigned saved[] = {1, 6, 7, 12, 13, 14, 15}; /* rbx rbp rsp r12 ... r15 */
    unsigned char *warm = tainted_look(false);
    unsigned char *parked = tainted_look(true);

    CHECK(warm[LOOK_FXSAVE] == (TAINT_FCW & 0xff) && warm[LOOK_FXSAVE + 1] == TAINT_FCW >> 8);
    for (size_t i = 0; i < COUNT(saved); i++) {
        CHECK_BYTES(parked + LOOK_GPR + 8 * saved[i], warm + LOOK_GPR + 8 * saved[i], 8);
    }
    CHECK_BYTES(parked + LOOK_FS_WORD, warm + LOOK_FS_WORD, 8);
    CHECK_BYTES(parked + LOOK_FXSAVE, warm + LOOK_FXSAVE, 2);           /* control word */
    CHECK_BYTES(parked + LOOK_FXSAVE + 24, warm + LOOK_FXSAVE + 24, 4); /* MXCSR */
    CHECK_BYTES(parked + LOOK_FXSAVE + 160, zero, 16 * 16);             /* xmm0 ... 15 */
    free(warm);
    free(parked);
}

/* A guest that goes on from where it was parked is reset to the image's state all the same. */
TEST(park, reset_of_the_processor_is_clean)
{
    unsigned char *fresh = malloc(LOOK_SIZE);
    struct box box;
    mote_value result;

    box_run(&box, "taint");
    must_call(&box, "look", ARGS(v_u32(0)), &result);
    CHECK(fresh != NULL && result.of.bytes.size == LOOK_SIZE);
    memcpy(fresh, result.of.bytes.data, LOOK_SIZE);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    must_call(&box, "taint", ARGS(v_u32(0), v_u32(3)), NULL);
    park(&box);
    must_call(&box, "look", ARGS(v_u32(0)), &result);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    must_call(&box, "look", ARGS(v_u32(0)), &result);
    CHECK_BYTES((const unsigned char *)result.of.bytes.data, fresh, LOOK_VECTORS);
    free(fresh);
    box_close(&box);
}

TEST(park, reset_after_parking_is_clean)
{
    struct box box;

    box_run(&box, "dirty");
    for (int i = 0; i < 3; i++) {
        must_call(&box, "dirty", ARGS(v_u32(100)), NULL);
        must_call(&box, "dirty_bss", ARGS(v_u32(100)), NULL);
        must_call(&box, "dirty_mapped", ARGS(v_u32(10)), &(mote_value){0});
        CHECK_INT(number64(&box, "traces"), 201);
        park(&box);
        CHECK_INT(number64(&box, "traces"), 201);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
        CHECK_INT(number64(&box, "traces"), 1);
    }
    box_close(&box);
}

/* ---- suspended calls ------------------------------------------------------------------ */

static struct waiting {
    const mote_value *args;
    unsigned calls;
} waiting;

static int fn_wait(void *user, mote_context *context, const mote_value *args, size_t nargs,
                   mote_value *result)
{
    (void)user;
    (void)context;
    (void)nargs;
    (void)result;
    waiting.args = args;
    waiting.calls++;
    return MOTE_PENDING;
}

static int fn_unused(void *user, mote_context *context, const mote_value *args, size_t nargs,
                     mote_value *result)
{
    (void)user;
    (void)context;
    (void)args;
    (void)nargs;
    (void)result;
    return 0;
}

static void open_waiting(struct box *box)
{
    box_open(box, "nested");
    grant(box, "down", "(u32)->u32", fn_unused, NULL);
    grant(box, "around", "(string)->string", fn_unused, NULL);
    grant(box, "act", "(u32)->void", fn_unused, NULL);
    grant(box, "wait", "(u32)->u32", fn_wait, NULL);
    grant(box, "wait_bytes", "(bytes,string)->bytes", fn_wait, NULL);
    grant(box, "wait_only", "()->void", fn_wait, NULL);
    box_start(box);
}

static int resume(struct box *box, uint32_t answer, mote_value *result)
{
    mote_value value = v_u32(answer);

    return mote_resume(box->sandbox, NULL, &value, result, 1);
}

TEST(park, suspended)
{
    struct box box;
    mote_value result;
    uint32_t times = test_repeat(20);

    open_waiting(&box);
    CHECK_CODE(box_call(&box, "wait_often", ARGS(v_u32(times)), &result), MOTE_PENDING);
    for (uint32_t i = 1; i <= times; i++) {
        park(&box);
        CHECK_INT(mote_sandbox_state(box.sandbox), MOTE_STATE_SUSPENDED);
        CHECK_INT(waiting.args[0].of.u32, i); /* they live until it is answered */
        CHECK_CODE(box_call(&box, "alive", NO_ARGS, &result), MOTE_ESUSPENDED);
        CHECK_CODE(resume(&box, 2 * i, &result), i < times ? MOTE_PENDING : MOTE_OK);
    }
    CHECK_INT(result.of.u32, times * (times + 1));
    expect_alive(&box);
    box_close(&box);
}

TEST(park, suspended_with_bytes)
{
    static char bytes[100000];
    struct box box;
    mote_value result;
    mote_value answer;

    memset(bytes, 'b', sizeof(bytes));
    open_waiting(&box);
    CHECK_CODE(
        box_call(&box, "wait_bytes", ARGS(v_bytes(bytes, sizeof(bytes)), v_text("t", 1)), &result),
        MOTE_PENDING);
    park(&box);
    CHECK_BYTES(waiting.args[0].of.bytes.data, bytes, sizeof(bytes));
    answer = v_bytes(bytes, 70000);
    CHECK_CODE(mote_resume(box.sandbox, NULL, &answer, &result, 1), MOTE_OK);
    CHECK_INT(result.of.bytes.size, 70000);
    box_close(&box);
}

TEST(park, suspended_program)
{
    struct box box;
    mote_value result;
    int status = -1;

    box_open(&box, "waiting_plain");
    grant(&box, "wait", "(u32)->u32", fn_wait, NULL);
    box_start(&box);
    for (int i = 0; i < 2; i++) {
        park(&box);
        CHECK_CODE(mote_run(box.sandbox, NULL, &status), MOTE_PENDING);
        park(&box);
        CHECK_CODE(resume(&box, 40, &result), MOTE_PENDING);
        park(&box);
        CHECK_CODE(resume(&box, 2, &result), MOTE_OK);
        CHECK_INT(result.of.i32, 42);
        park(&box); /* closed */
        CHECK_INT(mote_sandbox_state(box.sandbox), MOTE_STATE_CLOSED);
        CHECK_CODE(mote_run(box.sandbox, NULL, &status), MOTE_EPOISONED);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    }
    box_close(&box);
}

/* The other ends of a suspended call, all while it is parked. */
TEST(park, suspended_and_ended)
{
    struct box box;
    mote_value result;
    mote_handle *handle;

    open_waiting(&box);
    handle = mote_sandbox_handle(box.sandbox);
    for (int i = 0; i < 4; i++) {
        CHECK_CODE(box_call(&box, "wait", ARGS(v_u32(1)), &result), MOTE_PENDING);
        park(&box);
        if (i == 0) {
            CHECK_CODE(mote_cancel(box.sandbox), MOTE_OK);
        } else if (i == 1) {
            CHECK_CODE(mote_interrupt(handle), MOTE_OK);
            CHECK_CODE(resume(&box, 1, &result), MOTE_EINTERRUPTED);
        } else if (i == 2) {
            CHECK_CODE(mote_resume_fail(box.sandbox, NULL, 5, "no", &result, 1), MOTE_EGUEST);
        }
        if (i < 2) {
            CHECK_INT(mote_sandbox_report(box.sandbox)->fault, MOTE_FAULT_INTERRUPT);
            CHECK_INT(mote_sandbox_state(box.sandbox), MOTE_STATE_POISONED);
            CHECK_CODE(box_call(&box, "alive", NO_ARGS, &result), MOTE_EPOISONED);
        }
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
        CHECK_CODE(mote_interrupt(handle), MOTE_ENOTFOUND);
        CHECK_INT(number(&box, "alive"), 42);
    }
    CHECK_CODE(box_call(&box, "wait", ARGS(v_u32(1)), &result), MOTE_PENDING);
    park(&box);
    mote_handle_unref(handle);
    box_close(&box); /* with all that it keeps */
}

/* ---- what only a reset can help ------------------------------------------------------------ */

TEST(park, poisoned)
{
    struct box box;
    mote_value result;
    unsigned char byte;

    box_run(&box, "faults");
    check_fault(&box, box_call(&box, "ud2", NO_ARGS, NULL), MOTE_EFAULT, MOTE_FAULT_ILLEGAL);
    park(&box);
    CHECK_INT(mote_sandbox_report(box.sandbox)->fault, MOTE_FAULT_ILLEGAL);
    CHECK_CODE(box_call(&box, "alive", NO_ARGS, &result), MOTE_EPOISONED);
    CHECK_CODE(mote_memory_read(box.sandbox, 0x400000, &byte, 1), MOTE_EPOISONED);
    expect_alive(&box);
    box_close(&box);
}

TEST(park, wrong_moments)
{
    CHECK_CODE(mote_sandbox_park(NULL), MOTE_EINVAL);
}

/* ---- what it costs ------------------------------------------------------------------ */

/* Neither VM nor descriptors nor mappings are left, and what it kept goes with it. */
TEST(park, owns_nothing)
{
    struct census before;
    struct census after;
    struct box box;

    box_run(&box, "dirty");
    mote_sandbox_free(box.sandbox);
    box.sandbox = NULL;
    census_take(&before);
    box_start(&box);
    must_call(&box, "dirty", ARGS(v_u32(20)), NULL);
    park(&box);
    census_take(&after);
    CHECK_INT(after.vms, before.vms);
    CHECK_INT(after.vcpus, before.vcpus);
    CHECK_INT(after.fds, before.fds);
    if (!SANITIZED) {
        CHECK(after.heap - before.heap >= 20 * PAGE);
        CHECK(after.heap - before.heap < 40 * PAGE);
    }
    mote_sandbox_free(box.sandbox);
    box.sandbox = NULL;
    census_check(&before, "a parked sandbox");
    box_close(&box);
}

/* Nothing of a guest is left in the host's memory when it goes on, is reset or freed. */
TEST(park, leaves_nothing_behind)
{
    struct searcher searcher;
    struct box box;

    searcher_open(&searcher, 64);
    for (size_t i = 0; i < searcher.size; i++) {
        searcher.needle[i] = (unsigned char)(0xc1 + i * 37);
    }
    box_run(&box, "echo");
    must_call(&box, "keep", ARGS(v_bytes(searcher.needle, searcher.size)), NULL);
    park(&box);
    CHECK(searcher_count(&searcher, NULL, 0) > 0);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    CHECK_INT(searcher_count(&searcher, NULL, 0), 0);
    must_call(&box, "keep", ARGS(v_bytes(searcher.needle, searcher.size)), NULL);
    park(&box);
    CHECK_INT(number(&box, "count"), 1);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    CHECK_INT(searcher_count(&searcher, NULL, 0), 0);
    box_close(&box);
}
