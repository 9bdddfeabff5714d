/* SPDX-License-Identifier: Apache-2.0 */
#include "cmocka_first.h"

#include <stdlib.h>

#include "arch/x86_64/paging.h"
#include "image/note.h"
#include "tiny_elf.h"

static struct tiny_elf t;
static struct mote__notes notes;
static mote_error error;

static int set_up(void **state)
{
    (void)state;
    tiny_init(&t);
    error = (mote_error)MOTE_ERROR_INIT;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mote__notes_free(&notes);
    return 0;
}

/* Reads the notes of the file, which ends right behind them. */
static int read_notes(void)
{
    struct mote__elf elf;
    size_t size = t.p[TINY_NOTE].p_offset + t.p[TINY_NOTE].p_filesz;
    tiny_finish(&t);
    assert_int_equal(mote__elf_parse(&elf, t.bytes, sizeof t.bytes, &error), 0);
    uint8_t *copy = malloc(size);
    assert_non_null(copy);
    memcpy(copy, t.bytes, size);
    int status = mote__notes_read(&notes, &elf, copy, NULL, &error);
    free(copy);
    return status;
}

static void refused(const char *why)
{
    assert_int_equal(read_notes(), MOTE_EIMAGE);
    if (!strstr(error.text, why))
        fail_msg("\"%s\" does not say \"%s\"", error.text, why);
}

static void add_export(const char *name, const char *signature)
{
    tiny_function(&t, MOTE_NOTE_EXPORT, 0, "", name, signature);
}

static void test_a_plain_program(void **state)
{
    (void)state;
    assert_int_equal(read_notes(), 0);
    assert_int_equal(notes.abi_version, 0);
    assert_int_equal(notes.exports.count + notes.imports.count, 0);
}

static void test_exports_and_imports(void **state)
{
    (void)state;
    tiny_abi(&t, MOTE_ABI_VERSION);
    add_export("a", "()->void");
    add_export("b", "(string)->bytes");
    tiny_function(&t, MOTE_NOTE_IMPORT, MOTE_NOTE_WEAK, "env", "log", "(string)->void");
    tiny_function(&t, MOTE_NOTE_IMPORT, 0, "env", "add", "(i32,i32)->i32");
    assert_int_equal(read_notes(), 0);
    assert_int_equal(notes.abi_version, MOTE_ABI_VERSION);
    assert_int_equal(notes.exports.count, 2);
    assert_string_equal(notes.exports.list[1].name, "b");
    assert_string_equal(notes.exports.list[1].signature_text, "(string)->bytes");
    assert_int_equal(notes.exports.list[1].signature.result, MOTE_BYTES);
    assert_int_equal(notes.imports.count, 2);
    assert_string_equal(notes.imports.list[0].module, "env");
    assert_true(notes.imports.list[0].weak);
    assert_false(notes.imports.list[1].weak);
}

static void test_notes_of_others_are_skipped(void **state)
{
    (void)state;
    tiny_note_as(&t, "GNU", 3, "12345678901234567890", 20);
    tiny_note_as(&t, "mot", 99, NULL, 0);
    tiny_note_as(&t, "motex", 99, NULL, 0);
    tiny_abi(&t, MOTE_ABI_VERSION);
    assert_int_equal(read_notes(), 0);
    assert_int_equal(notes.abi_version, MOTE_ABI_VERSION);
}

static void test_the_last_padding_may_be_missing(void **state)
{
    (void)state;
    tiny_abi(&t, MOTE_ABI_VERSION);
    add_export("abcd", "()->void"); /* 4 + 1 + 5 + 9 bytes: one of padding */
    t.p[TINY_NOTE].p_filesz -= 1;
    assert_int_equal(read_notes(), 0);
    assert_int_equal(notes.exports.count, 1);
}

static void test_unknown_versions(void **state)
{
    (void)state;
    static const uint32_t unknown[] = {0, (MOTE_ABI_MAJOR + 1) << 16, MOTE_ABI_VERSION + 1,
                                       UINT32_MAX};
    for (size_t i = 0; i < 4; i++) {
        tiny_init(&t);
        tiny_abi(&t, unknown[i]);
        refused("unknown ABI version");
    }
}

static void test_no_version(void **state)
{
    (void)state;
    add_export("a", "()->void");
    refused("functions but no ABI version");
}

static void test_unknown_type(void **state)
{
    (void)state;
    tiny_note(&t, 77, NULL, 0);
    refused("a note of an unknown type");
}

static void test_short_descriptions(void **state)
{
    (void)state;
    tiny_note(&t, MOTE_NOTE_ABI, "abc", 3);
    refused("the ABI note is truncated");
    tiny_init(&t);
    tiny_note(&t, MOTE_NOTE_WINDOW, "abcdefg", 7);
    refused("the window note is truncated");
    for (uint32_t size = 0; size < 17; size++) { /* flags, "", "a", "()->void": 15 bytes */
        static const char desc[] = "\0\0\0\0\0a\0()->void";
        tiny_init(&t);
        tiny_abi(&t, MOTE_ABI_VERSION);
        tiny_note(&t, MOTE_NOTE_EXPORT, desc, size < sizeof desc ? size : sizeof desc);
        if (size < sizeof desc)
            refused("a function note is truncated");
        else
            assert_int_equal(read_notes(), 0);
        mote__notes_free(&notes);
    }
}

static void test_note_behind_its_segment(void **state)
{
    (void)state;
    tiny_abi(&t, MOTE_ABI_VERSION);
    static const uint32_t sizes[] = {5, 0x1000, UINT32_MAX};
    for (size_t i = 0; i < 3; i++) {
        memcpy(t.bytes + t.p[TINY_NOTE].p_offset + 4, &sizes[i], sizeof sizes[i]);
        refused("a note ends behind its segment");
    }
    t.p[TINY_NOTE].p_filesz = 11;
    refused("a note ends behind its segment");
}

static void test_long_names(void **state)
{
    (void)state;
    char name[MOTE_MAX_NAME + 2];
    memset(name, 'n', sizeof name);
    name[MOTE_MAX_NAME] = '\0';
    tiny_abi(&t, MOTE_ABI_VERSION);
    add_export(name, "()->void");
    assert_int_equal(read_notes(), 0);
    mote__notes_free(&notes);
    name[MOTE_MAX_NAME] = 'n';
    name[MOTE_MAX_NAME + 1] = '\0';
    add_export(name, "()->void");
    refused("has too long a name");
}

static void test_wrong_signature(void **state)
{
    (void)state;
    tiny_abi(&t, MOTE_ABI_VERSION);
    add_export("a", "(i31)->void");
    refused("a signature that is not understood");
}

static void test_exported_twice(void **state)
{
    (void)state;
    tiny_abi(&t, MOTE_ABI_VERSION);
    add_export("a", "()->void");
    add_export("b", "()->void");
    add_export("a", "()->i32");
    refused("exports \"a\" twice");
}

static void test_windows(void **state)
{
    (void)state;
    static const uint64_t wrong[] = {0, 1, 0x1001, MOTE_MAX_WINDOW + 0x1000, UINT64_MAX};
    for (size_t i = 0; i < 5; i++) {
        tiny_init(&t);
        tiny_window(&t, wrong[i]);
        refused("memory window is not a number of pages up to 8 GiB");
    }
    tiny_init(&t);
    tiny_window(&t, TINY_TEXT - 0x1000); /* one page stays free between them */
    assert_int_equal(read_notes(), 0);
    assert_int_equal(notes.window, TINY_TEXT - 0x1000);
    tiny_init(&t);
    tiny_window(&t, TINY_TEXT);
    refused("inside its own memory window");
}

/* One function note, many times over, from a segment of notes of its own size. */
static int read_many(uint32_t type, unsigned n)
{
    static const char desc[] = "\0\0\0\0\0n\0()->void"; /* 16 bytes, no padding */
    struct mote__elf elf = {.nnotes = 1, .low = 0x400000};
    const uint32_t head[] = {sizeof MOTE_NOTE_NAME, sizeof desc, type};
    const uint32_t abi[] = {sizeof MOTE_NOTE_NAME, 4, MOTE_NOTE_ABI};
    size_t one = sizeof head + 8 + 16;
    uint8_t *bytes = calloc(n + 1, one);
    assert_non_null(bytes);
    uint32_t version = MOTE_ABI_VERSION;
    memcpy(bytes, abi, sizeof abi);
    memcpy(bytes + sizeof abi, MOTE_NOTE_NAME, sizeof MOTE_NOTE_NAME);
    memcpy(bytes + sizeof abi + 8, &version, sizeof version);
    size_t at = sizeof abi + 12;
    for (unsigned i = 0; i < n; i++, at += one) {
        memcpy(bytes + at, head, sizeof head);
        memcpy(bytes + at + sizeof head, MOTE_NOTE_NAME, sizeof MOTE_NOTE_NAME);
        memcpy(bytes + at + sizeof head + 8, desc, sizeof desc);
    }
    elf.notes[0].size = at;
    int status = mote__notes_read(&notes, &elf, bytes, NULL, &error);
    free(bytes);
    return status;
}

static void test_too_many_functions(void **state)
{
    (void)state;
    assert_int_equal(read_many(MOTE_NOTE_IMPORT, MOTE_MAX_IMPORTS), 0);
    assert_int_equal(notes.imports.count, MOTE_MAX_IMPORTS);
    mote__notes_free(&notes);
    assert_int_equal(read_many(MOTE_NOTE_IMPORT, MOTE_MAX_IMPORTS + 1), MOTE_EIMAGE);
    assert_non_null(strstr(error.text, "too many function notes"));
    mote__notes_free(&notes);
    assert_int_equal(read_many(MOTE_NOTE_EXPORT, MOTE_MAX_EXPORTS + 1), MOTE_EIMAGE);
    assert_non_null(strstr(error.text, "too many function notes"));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_a_plain_program),
        TEST(test_exports_and_imports),
        TEST(test_notes_of_others_are_skipped),
        TEST(test_the_last_padding_may_be_missing),
        TEST(test_unknown_versions),
        TEST(test_no_version),
        TEST(test_unknown_type),
        TEST(test_short_descriptions),
        TEST(test_note_behind_its_segment),
        TEST(test_long_names),
        TEST(test_wrong_signature),
        TEST(test_exported_twice),
        TEST(test_windows),
        TEST(test_too_many_functions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
