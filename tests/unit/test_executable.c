/* SPDX-License-Identifier: Apache-2.0 */
/* What the ELF reader takes, and each thing that it refuses, by name. */
#include "cmocka_first.h"

#include <stdlib.h>

#include "arch/x86_64/paging.h"
#include "image/executable.h"
#include "tiny_elf.h"

/* The file ends behind its last header's bytes; each test breaks one thing. */
static struct tiny_elf t;
static mote_error error;

static int set_up(void **state)
{
    (void)state;
    tiny_init(&t);
    tiny_abi(&t, MOTE_ABI_VERSION);
    error = (mote_error)MOTE_ERROR_INIT;
    return 0;
}

/* Parses the first `size` bytes, in memory of exactly that size. */
static int parse_part(struct mote__elf *elf, size_t size)
{
    tiny_finish(&t);
    uint8_t *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, t.bytes, size);
    int status = mote__elf_parse(elf, copy, size, &error);
    free(copy);
    return status;
}

static void refused(const char *why)
{
    struct mote__elf elf;
    assert_int_equal(parse_part(&elf, sizeof t.bytes), MOTE_EIMAGE);
    assert_int_equal(error.code, MOTE_EIMAGE);
    assert_int_equal(error.domain, MOTE_DOMAIN_IMAGE);
    if (!strstr(error.text, why))
        fail_msg("\"%s\" does not say \"%s\"", error.text, why);
}

static void test_a_right_file(void **state)
{
    (void)state;
    struct mote__elf elf;
    assert_int_equal(parse_part(&elf, sizeof t.bytes), 0);
    assert_int_equal(elf.nsegments, 3);
    assert_int_equal(elf.nnotes, 1);
    assert_int_equal(elf.low, TINY_TEXT);
    assert_int_equal(elf.high, TINY_DATA + 0x2000);
    assert_int_equal(elf.entry, t.e.e_entry);
    assert_int_equal(elf.phdr, TINY_TEXT + sizeof(Elf64_Ehdr));
    assert_int_equal(elf.phnum, TINY_HEADERS);
    assert_int_equal(elf.segments[0].access, MOTE__READ | MOTE__EXECUTE);
    assert_int_equal(elf.segments[1].access, MOTE__READ);
    assert_int_equal(elf.segments[2].access, MOTE__READ | MOTE__WRITE);
    assert_int_equal(elf.segments[2].file_size, 0x1000);
    assert_int_equal(elf.segments[2].size, 0x2000);
}

static void test_position_independent(void **state)
{
    (void)state;
    struct mote__elf elf;
    t.e.e_type = ET_DYN;
    for (int i = 0; i < TINY_NOTE; i++)
        t.p[i].p_vaddr -= TINY_TEXT;
    t.e.e_entry -= TINY_TEXT;
    assert_int_equal(parse_part(&elf, sizeof t.bytes), 0);
    assert_true(elf.low >= MOTE_REGION_ALIGN);
    assert_int_equal(elf.entry - elf.low, 0x800);
}

static void test_empty_segments_are_nothing(void **state)
{
    (void)state;
    struct mote__elf elf;
    t.p[TINY_RODATA].p_memsz = t.p[TINY_RODATA].p_filesz = 0;
    assert_int_equal(parse_part(&elf, sizeof t.bytes), 0);
    assert_int_equal(elf.nsegments, 2);
}

static void test_every_truncation_is_refused_or_harmless(void **state)
{
    (void)state;
    struct mote__elf elf;
    size_t needed = t.p[TINY_NOTE].p_offset + t.p[TINY_NOTE].p_filesz;
    for (size_t size = 0; size < needed; size += size < 600 ? 1 : 61)
        assert_int_equal(parse_part(&elf, size), MOTE_EIMAGE);
    assert_int_equal(parse_part(&elf, needed), 0);
}

static void test_truncated_header_is_named(void **state)
{
    (void)state;
    struct mote__elf elf;
    assert_int_equal(parse_part(&elf, sizeof(Elf64_Ehdr) - 1), MOTE_EIMAGE);
    assert_non_null(strstr(error.text, "truncated"));
    assert_int_equal(parse_part(&elf, 3), MOTE_EIMAGE);
    assert_non_null(strstr(error.text, "not an ELF file"));
}

static void test_not_elf(void **state)
{
    (void)state;
    t.e.e_ident[0] = '#';
    refused("not an ELF file");
}

static void test_wrong_class(void **state)
{
    (void)state;
    t.e.e_ident[EI_CLASS] = ELFCLASS32;
    refused("wrong class");
}

static void test_wrong_byte_order(void **state)
{
    (void)state;
    t.e.e_ident[EI_DATA] = ELFDATA2MSB;
    refused("wrong byte order");
}

static void test_wrong_machine(void **state)
{
    (void)state;
    t.e.e_machine = EM_AARCH64;
    refused("wrong machine");
}

static void test_object_file(void **state)
{
    (void)state;
    t.e.e_type = ET_REL;
    refused("not an executable");
}

static void test_no_headers(void **state)
{
    (void)state;
    t.e.e_phnum = 0;
    refused("no program headers");
}

static void test_headers_of_another_size(void **state)
{
    (void)state;
    t.e.e_phentsize = 32;
    refused("of the right size");
}

static void test_headers_out_of_range(void **state)
{
    (void)state;
    static const uint64_t offsets[] = {sizeof t.bytes, sizeof t.bytes - 8, UINT64_MAX,
                                       UINT64_MAX - 200};
    for (size_t i = 0; i < 4; i++) {
        t.e.e_phoff = offsets[i];
        refused("headers out of range");
    }
}

static void test_dynamic(void **state)
{
    (void)state;
    t.p[TINY_NOTE].p_type = PT_INTERP;
    refused("dynamic");
    assert_non_null(strstr(error.remedy, "-static"));
}

static void test_segment_behind_the_file(void **state)
{
    (void)state;
    static const uint64_t offsets[] = {sizeof t.bytes - 0xfff, UINT64_MAX, UINT64_MAX - 0xfff};
    for (size_t i = 0; i < 3; i++) {
        t.p[TINY_RODATA].p_offset = offsets[i];
        refused("truncated: a segment ends behind the file");
    }
}

static void test_segment_larger_in_the_file(void **state)
{
    (void)state;
    t.p[TINY_RODATA].p_memsz = 0xfff;
    refused("larger in the file than in memory");
}

static void test_segment_that_wraps(void **state)
{
    (void)state;
    t.p[TINY_BSS].p_memsz = UINT64_MAX - 0x1000;
    refused("wraps around");
    t.p[TINY_BSS].p_memsz = 0x2000;
    t.p[TINY_BSS].p_vaddr = UINT64_MAX - 0x1000;
    refused("wraps around");
    t.p[TINY_BSS].p_vaddr = MOTE__IMAGE_TOP - 0x1fff;
    refused("above 64 TiB");
}

static void test_segment_at_the_very_top(void **state)
{
    (void)state;
    struct mote__elf elf;
    t.p[TINY_BSS].p_vaddr = MOTE__IMAGE_TOP - 0x2000;
    assert_int_equal(parse_part(&elf, sizeof t.bytes), 0);
    assert_int_equal(elf.high, MOTE__IMAGE_TOP);
}

static void test_write_and_execute(void **state)
{
    (void)state;
    t.p[TINY_CODE].p_flags |= PF_W;
    refused("write+execute");
}

static void test_overlapping_segments(void **state)
{
    (void)state;
    t.p[TINY_RODATA].p_vaddr = TINY_TEXT + 0x800;
    refused("overlapping segments");
}

static void test_segments_that_share_a_page(void **state)
{
    (void)state;
    t.p[TINY_CODE].p_memsz = t.p[TINY_CODE].p_filesz = 0xf00;
    t.p[TINY_RODATA].p_vaddr = TINY_TEXT + 0xf80;
    refused("two of them share a page");
}

static void test_segment_at_zero(void **state)
{
    (void)state;
    t.p[TINY_RODATA].p_vaddr = 0;
    refused("covers address 0");
}

static void test_entry_outside_code(void **state)
{
    (void)state;
    static const uint64_t entries[] = {0, TINY_TEXT - 1, TINY_TEXT + 0x1000, TINY_DATA, UINT64_MAX};
    for (size_t i = 0; i < 5; i++) {
        t.e.e_entry = entries[i];
        refused("entry outside code");
    }
}

static void test_nothing_to_load(void **state)
{
    (void)state;
    for (int i = 0; i < TINY_NOTE; i++)
        t.p[i].p_type = PT_NULL;
    refused("nothing to load");
}

static void test_note_behind_the_file(void **state)
{
    (void)state;
    t.p[TINY_NOTE].p_filesz = 0x1001;
    refused("truncated: a note ends behind the file");
}

/* Headers of one kind, more than there may be, at the end of the file. */
static void many(const Elf64_Phdr *p, unsigned n, uint64_t apart, const char *why)
{
    tiny_finish(&t);
    t.e.e_phoff = 0x3800;
    t.e.e_phnum = (uint16_t)n;
    for (unsigned i = 0; i < n; i++) {
        Elf64_Phdr one = *p;
        one.p_vaddr += i * apart;
        memcpy(t.bytes + 0x3800 + i * sizeof one, &one, sizeof one);
    }
    memcpy(t.bytes, &t.e, sizeof t.e);
    struct mote__elf elf;
    assert_int_equal(mote__elf_parse(&elf, t.bytes, sizeof t.bytes, &error), MOTE_EIMAGE);
    assert_non_null(strstr(error.text, why));
}

static void test_too_many_segments(void **state)
{
    (void)state;
    many(&t.p[TINY_CODE], MOTE__MAX_SEGMENTS + 1, 0x1000, "more than 16 segments");
}

static void test_too_many_notes(void **state)
{
    (void)state;
    many(&t.p[TINY_NOTE], MOTE__MAX_SEGMENTS + 1, 0, "more than 16 note segments");
}

#define TEST(function) cmocka_unit_test_setup(function, set_up)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_a_right_file),
        TEST(test_position_independent),
        TEST(test_empty_segments_are_nothing),
        TEST(test_every_truncation_is_refused_or_harmless),
        TEST(test_truncated_header_is_named),
        TEST(test_not_elf),
        TEST(test_wrong_class),
        TEST(test_wrong_byte_order),
        TEST(test_wrong_machine),
        TEST(test_object_file),
        TEST(test_no_headers),
        TEST(test_headers_of_another_size),
        TEST(test_headers_out_of_range),
        TEST(test_dynamic),
        TEST(test_segment_behind_the_file),
        TEST(test_segment_larger_in_the_file),
        TEST(test_segment_that_wraps),
        TEST(test_segment_at_the_very_top),
        TEST(test_write_and_execute),
        TEST(test_overlapping_segments),
        TEST(test_segments_that_share_a_page),
        TEST(test_segment_at_zero),
        TEST(test_entry_outside_code),
        TEST(test_nothing_to_load),
        TEST(test_note_behind_the_file),
        TEST(test_too_many_segments),
        TEST(test_too_many_notes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
