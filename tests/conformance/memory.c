/* SPDX-License-Identifier: Apache-2.0 */
/* Memory: what a guest may not write, run or reach. */
#include "support.h"

#include <string.h>
#include <sys/mman.h>

static uint64_t address(struct box *box, const char *name)
{
    mote_value result;

    must_call(box, name, NO_ARGS, &result);
    return result.of.u64;
}

/* ---- write ------------------------------------------------------------------ */

static void faults_on_write(const char *export, const char *where)
{
    struct box box;
    uint64_t expected = 0;
    int rc;

    box_run(&box, "faults");
    if (where != NULL) {
        expected = address(&box, where);
    }
    rc = box_call(&box, export, NO_ARGS, NULL);
    check_exception(&box, rc, MOTE_FAULT_PAGE, 14);
    CHECK_INT(mote_sandbox_report(box.sandbox)->access, MOTE_ACCESS_WRITE);
    CHECK(mote_sandbox_report(box.sandbox)->symbol[0] != '\0');
    if (where != NULL) {
        CHECK_HEX(mote_sandbox_report(box.sandbox)->address, expected);
    }
    expect_alive(&box);
    box_close(&box);
}

TEST(memory, write_code)
{
    faults_on_write("write_code", "address_of_code");
}

TEST(memory, write_rodata)
{
    faults_on_write("write_rodata", NULL);
}

TEST(memory, write_gate)
{
    faults_on_write("write_gate", "address_of_doorbell");
}

TEST(memory, write_info)
{
    faults_on_write("write_info", "address_of_info");
}

/* ---- execute ------------------------------------------------------------------ */

static void faults_on_execute(const char *export)
{
    const mote_report *report;
    struct box box;
    int rc;

    box_run(&box, "faults");
    rc = box_call(&box, export, NO_ARGS, NULL);
    check_exception(&box, rc, MOTE_FAULT_PAGE, 14);
    report = mote_sandbox_report(box.sandbox);
    CHECK_INT(report->access, MOTE_ACCESS_EXECUTE);
    CHECK_HEX(report->registers.rip, report->address);
    expect_alive(&box);
    box_close(&box);
}

TEST(memory, execute_heap)
{
    faults_on_execute("exec_heap");
}

TEST(memory, execute_stack)
{
    faults_on_execute("exec_stack");
}

TEST(memory, execute_data)
{
    faults_on_execute("exec_data");
}

TEST(memory, execute_bss)
{
    faults_on_execute("exec_bss");
}

TEST(memory, execute_rodata)
{
    faults_on_execute("exec_rodata");
}

TEST(memory, execute_mailbox)
{
    faults_on_execute("exec_mailbox");
}

TEST(memory, execute_info)
{
    faults_on_execute("exec_info");
}

/* ---- addresses that are nobody's ------------------------------------------------------ */

static void faults_at(struct box *box, uint64_t where)
{
    int rc = box_call(box, "wild_read", ARGS(v_u64(where)), &(mote_value){0});

    check_page_fault(box, rc, MOTE_ACCESS_READ, where);
    CHECK_CODE(mote_reset(box->sandbox), MOTE_OK);
    rc = box_call(box, "wild_write", ARGS(v_u64(where)), NULL);
    check_page_fault(box, rc, MOTE_ACCESS_WRITE, where);
    CHECK_CODE(mote_reset(box->sandbox), MOTE_OK);
    rc = box_call(box, "jump_to", ARGS(v_u64(where)), NULL);
    check_page_fault(box, rc, MOTE_ACCESS_EXECUTE, where);
    expect_alive(box);
}

TEST(memory, null_read)
{
    struct box box;
    int rc;

    box_run(&box, "faults");
    rc = box_call(&box, "wild_read", ARGS(v_u64(0)), &(mote_value){0});
    check_page_fault(&box, rc, MOTE_ACCESS_READ, 0);
    expect_alive(&box);
    box_close(&box);
}

TEST(memory, null_write)
{
    struct box box;
    int rc;

    box_run(&box, "faults");
    rc = box_call(&box, "wild_write", ARGS(v_u64(0)), NULL);
    check_page_fault(&box, rc, MOTE_ACCESS_WRITE, 0);
    expect_alive(&box);
    box_close(&box);
}

TEST(memory, null_page_to_the_end)
{
    struct box box;

    box_run(&box, "faults");
    faults_at(&box, 0);
    faults_at(&box, 8);
    faults_at(&box, 4095);
    faults_at(&box, 65535);
    box_close(&box);
}

TEST(memory, past_the_end)
{
    struct box box;

    box_run(&box, "faults");
    faults_at(&box, 0x7fffffffefff);
    faults_at(&box, 0x7ffffffff000 - 1);
    faults_at(&box, 0x600000000000);
    box_close(&box);
}

/* Where machines have their video memory, their interrupt controllers and their firmware: here are
 * page faults, never an access that the hypervisor sees. */
TEST(memory, mmio_like)
{
    const uint64_t all[] = {0xa0000,    0xb8000,    0xe0000,    0xd0000000, 0xe0000000,
                            0xfec00000, 0xfed00000, 0xfee00000, 0xfeffc000, 0xfffff000};
    struct box box;

    box_run(&box, "faults");
    for (size_t i = 0; i < COUNT(all); i++) {
        faults_at(&box, all[i]);
    }
    box_close(&box);
}

/* The upper half: a page fault, or a protection fault where it is not canonical. */
TEST(memory, kernel_half)
{
    const uint64_t all[] = {0xffff800000000000ull, 0xffffffff80000000ull, 0xffffffffff600000ull,
                            0xffffc90000000000ull, 0x800000000000ull,     UINT64_MAX};
    const char *exports[] = {"wild_read", "wild_write", "jump_to"};
    struct box box;

    box_run(&box, "faults");
    for (size_t i = 0; i < COUNT(all) * COUNT(exports); i++) {
        const char *export = exports[i % COUNT(exports)];
        mote_value result;
        int rc = box_call(&box, export, ARGS(v_u64(all[i / COUNT(exports)])),
                          strcmp(export, "wild_read") == 0 ? &result : NULL);

        CHECK_CODE(rc, MOTE_EFAULT);
        expect_alive(&box);
    }
    box_close(&box);
}

/* ---- the monitor ------------------------------------------------------------------ */

static int try_peek(struct box *box, uint64_t where)
{
    mote_value result;
    int rc = box_call(box, "peek", ARGS(v_u64(where)), &result);

    CHECK(rc == MOTE_OK || rc == MOTE_EFAULT);
    CHECK_CODE(mote_reset(box->sandbox), MOTE_OK);
    return rc;
}

static int try_poke(struct box *box, uint64_t where)
{
    int rc = box_call(box, "poke", ARGS(v_u64(where), v_u32(0xcc)), NULL);

    CHECK(rc == MOTE_OK || rc == MOTE_EFAULT);
    CHECK_CODE(mote_reset(box->sandbox), MOTE_OK);
    return rc;
}

/* Where the processor says that its tables are, and around. (UMIP may refuse to say.) */
static void unreachable_around(struct box *box, const char *export)
{
    mote_value base;
    int rc = box_call(box, export, NO_ARGS, &base);

    CHECK(rc == MOTE_OK || rc == MOTE_EFAULT);
    CHECK_CODE(mote_reset(box->sandbox), MOTE_OK);
    for (int page = -8; rc == MOTE_OK && page <= 8; page++) {
        uint64_t where = base.of.u64 + (uint64_t)((int64_t)page * 4096);

        CHECK_CODE(try_peek(box, where), MOTE_EFAULT);
        CHECK_CODE(try_poke(box, where), MOTE_EFAULT);
    }
}

/* The pages that the host lends: the gate, the info page and the snapshot's registers. */
enum { LENT_PAGES = 3, AROUND = 256 };

/* Whether the guest can read a page that is not even its own once it has: a stack grows. */
static bool reads_foreign(struct box *box, uint64_t page)
{
    mote_value result;
    char byte;
    bool foreign = box_call(box, "peek", ARGS(v_u64(page)), &result) == MOTE_OK &&
                   mote_memory_read(box->sandbox, page, &byte, 1) != MOTE_OK;

    CHECK_CODE(mote_reset(box->sandbox), MOTE_OK);
    return foreign;
}

/* It may read what is lent, and write nothing. */
static bool reaches(struct box *box, uint64_t page)
{
    if (!reads_foreign(box, page)) {
        return false;
    }
    if (try_poke(box, page) == MOTE_OK) {
        FAIL("0x%llx is not the guest's, and it can write there", (unsigned long long)page);
    }
    return true;
}

/* The monitor is where the processor says, if it says; else it can hardly be far from the pages
 * that the guest is told of. */
TEST(memory, monitor_unreachable)
{
    struct box box;
    mote_value info;
    unsigned lent = 0;

    box_run(&box, "probe");
    unreachable_around(&box, "gdt_base");
    unreachable_around(&box, "idt_base");
    must_call(&box, "info", NO_ARGS, &info);
    for (int page = -AROUND; page <= AROUND; page++) {
        lent += reaches(&box, info.of.u64 + (uint64_t)((int64_t)page * 4096));
    }
    CHECK(lent <= LENT_PAGES);
    box_close(&box);
}

static void same_view(struct box *box, uint64_t where)
{
    unsigned char byte = 0;
    int guest = try_peek(box, where);
    int host = mote_memory_read(box->sandbox, where, &byte, 1);

    if ((guest == MOTE_OK) != (host == MOTE_OK)) {
        FAIL("0x%llx: the guest's read says %s, mote_memory_read says %s",
             (unsigned long long)where, mote_error_name(guest), mote_error_name(host));
    }
    guest = try_poke(box, where);
    host = mote_memory_write(box->sandbox, where, &byte, 1);
    if ((guest == MOTE_OK) != (host == MOTE_OK)) {
        FAIL("0x%llx: the guest's write says %s, mote_memory_write says %s",
             (unsigned long long)where, mote_error_name(guest), mote_error_name(host));
    }
    CHECK_CODE(mote_reset(box->sandbox), MOTE_OK);
}

/* Wherever one looks, the guest reaches what the host's region table says, and no more: neither
 * page tables nor anything else that the processor could find. */
TEST(memory, guest_and_host_agree_on_what_is_mapped)
{
    unsigned steps = test_repeat(400);
    struct box box;

    box_run(&box, "probe");
    for (unsigned bit = 12; bit < 47; bit++) {
        same_view(&box, 1ull << bit);
        same_view(&box, (1ull << bit) - 1);
    }
    for (unsigned i = 0; i < steps; i++) { /* the first 16 MiB */
        same_view(&box, (uint64_t)i * (16 * MIB / steps));
    }
    for (unsigned i = 0; i < steps; i++) { /* 4 GiB */
        same_view(&box, (uint64_t)i * (4096 * MIB / steps));
    }
    box_close(&box);
}

TEST(memory, host_reads_and_writes_by_range)
{
    struct box box;
    mote_value base;
    char text[64];

    box_run(&box, "probe");
    must_call(&box, "map", ARGS(v_u64(65536)), &base);
    CHECK(base.of.u64 != 0);
    CHECK_CODE(mote_memory_write(box.sandbox, base.of.u64 + 5, "hello", 6), MOTE_OK);
    CHECK_CODE(mote_memory_read(box.sandbox, base.of.u64 + 5, text, 6), MOTE_OK);
    CHECK(strcmp(text, "hello") == 0);
    CHECK_CODE(mote_memory_read(box.sandbox, UINT64_MAX, text, 1), MOTE_ERANGE);
    CHECK_CODE(mote_memory_read(box.sandbox, UINT64_MAX - 3, text, 8), MOTE_ERANGE);
    CHECK_CODE(mote_memory_read(box.sandbox, base.of.u64, text, SIZE_MAX), MOTE_ERANGE);
    CHECK_CODE(mote_memory_read(box.sandbox, 0, text, 8), MOTE_ERANGE);
    CHECK_CODE(mote_memory_read(box.sandbox, base.of.u64, NULL, 8), MOTE_EINVAL);
    CHECK_CODE(mote_memory_write(box.sandbox, 0x7ffffffff000, "x", 1), MOTE_ERANGE);
    CHECK_INT(mote_sandbox_state(box.sandbox), MOTE_STATE_READY);
    box_close(&box);
}

/* ---- rights that the guest gives up ------------------------------------------------------ */

static uint64_t map_and_touch(struct box *box, uint64_t size)
{
    mote_value base;

    must_call(box, "map", ARGS(v_u64(size)), &base);
    CHECK(base.of.u64 != 0);
    must_call(box, "fill", ARGS(v_u64(base.of.u64), v_u64(size), v_u32(0x5a)), NULL);
    return base.of.u64;
}

/* Touch, revoke, touch again: the second touch must fault. */
TEST(memory, revoked_write)
{
    struct box box;
    mote_value result;
    uint64_t base;
    int rc;

    box_run(&box, "probe");
    base = map_and_touch(&box, 65536);
    must_call(&box, "protect", ARGS(v_u64(base), v_u64(65536), v_u32(PROT_READ)), &result);
    CHECK_INT(result.of.i32, 0);
    must_call(&box, "peek", ARGS(v_u64(base + 4096)), &result);
    CHECK_INT(result.of.u32, 0x5a);
    rc = box_call(&box, "poke", ARGS(v_u64(base + 4096), v_u32(1)), NULL);
    check_page_fault(&box, rc, MOTE_ACCESS_WRITE, base + 4096);
    box_close(&box);
}

TEST(memory, revoked_read)
{
    struct box box;
    mote_value result;
    uint64_t base;
    int rc;

    box_run(&box, "probe");
    base = map_and_touch(&box, 65536);
    must_call(&box, "protect", ARGS(v_u64(base), v_u64(65536), v_u32(PROT_NONE)), &result);
    CHECK_INT(result.of.i32, 0);
    rc = box_call(&box, "peek", ARGS(v_u64(base + 4096)), &result);
    check_page_fault(&box, rc, MOTE_ACCESS_READ, base + 4096);
    box_close(&box);
}

TEST(memory, unmapped_read)
{
    struct box box;
    mote_value result;
    uint64_t base;
    int rc;

    box_run(&box, "probe");
    base = map_and_touch(&box, 65536);
    must_call(&box, "unmap", ARGS(v_u64(base), v_u64(65536)), &result);
    CHECK_INT(result.of.i32, 0);
    rc = box_call(&box, "peek", ARGS(v_u64(base + 4096)), &result);
    check_page_fault(&box, rc, MOTE_ACCESS_READ, base + 4096);
    box_close(&box);
}

/* What was unmapped and is mapped again is clean. */
TEST(memory, mapped_again_is_clean)
{
    struct box box;
    mote_value result;
    uint64_t base;

    box_run(&box, "probe");
    base = map_and_touch(&box, 1 << 20);
    must_call(&box, "unmap", ARGS(v_u64(base), v_u64(1 << 20)), &result);
    must_call(&box, "map", ARGS(v_u64(1 << 20)), &result);
    base = result.of.u64;
    CHECK(base != 0);
    must_call(&box, "nonzero", ARGS(v_u64(base), v_u64(1 << 20)), &result);
    CHECK_INT(result.of.u64, 0);
    box_close(&box);
}

/* No page may be both written and run: asked for both, or for one after the other, the guest gets
 * an error, or a page on which the code does not run. */
TEST(memory, no_way_to_run_what_was_written)
{
    const uint32_t rights[] = {PROT_READ | PROT_WRITE | PROT_EXEC, PROT_READ | PROT_EXEC,
                               PROT_EXEC};
    struct box box;
    mote_value result;

    box_run(&box, "probe");
    for (size_t i = 0; i < COUNT(rights); i++) {
        uint64_t base = map_and_touch(&box, 65536);
        int rc;

        must_call(&box, "poke", ARGS(v_u64(base), v_u32(0xc3)), NULL);
        must_call(&box, "protect", ARGS(v_u64(base), v_u64(65536), v_u32(rights[i])), &result);
        rc = box_call(&box, "run_at", ARGS(v_u64(base)), NULL);
        check_page_fault(&box, rc, MOTE_ACCESS_EXECUTE, base);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    }
    box_close(&box);
}

/* A revocation does not outlive the reset, in neither direction. */
TEST(memory, rights_after_reset)
{
    struct box box;
    mote_value result;
    uint64_t base;
    int rc;

    box_run(&box, "probe");
    base = map_and_touch(&box, 65536);
    must_call(&box, "protect", ARGS(v_u64(base), v_u64(65536), v_u32(PROT_READ)), &result);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    rc = box_call(&box, "peek", ARGS(v_u64(base)), &result);
    check_page_fault(&box, rc, MOTE_ACCESS_READ, base);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    must_call(&box, "map", ARGS(v_u64(65536)), &result);
    base = result.of.u64;
    must_call(&box, "nonzero", ARGS(v_u64(base), v_u64(65536)), &result);
    CHECK_INT(result.of.u64, 0);
    must_call(&box, "poke", ARGS(v_u64(base), v_u32(1)), NULL);
    box_close(&box);
}
