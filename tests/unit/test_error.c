/* SPDX-License-Identifier: Apache-2.0 */
#include "cmocka_first.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "os/os.h"

static void test_every_code_has_name_and_sentence(void **state)
{
    (void)state;
    char name[32];
#define MOTE_X(short_name, number, text)                           \
    snprintf(name, sizeof name, "MOTE_%s", #short_name);           \
    assert_string_equal(mote_error_name(MOTE_##short_name), name); \
    assert_string_equal(mote_error_string(-(number)), text);
    MOTE_ERROR_MAP(MOTE_X)
#undef MOTE_X
    assert_string_equal(mote_error_name(0), "MOTE_OK");
    assert_string_equal(mote_error_string(0), "success");
}

static void test_unknown_codes_have_words(void **state)
{
    (void)state;
    static const int unknown[] = {1, -9999, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        assert_string_equal(mote_error_name(unknown[i]), "MOTE_E?");
        assert_string_equal(mote_error_string(unknown[i]), "unknown error");
    }
}

static void test_every_fault_has_words(void **state)
{
    (void)state;
#define MOTE_X(number, name, words) \
    assert_string_equal(mote_fault_name((mote_fault_kind)(number)), words);
    MOTE_FAULT_MAP(MOTE_X)
#undef MOTE_X
    assert_string_equal(mote_fault_name((mote_fault_kind)999), "unknown fault");
}

static void test_fail_fills_everything(void **state)
{
    (void)state;
    mote_error e = MOTE_ERROR_INIT;
    int status =
        mote__fail(&e, MOTE_DOMAIN_GUEST, MOTE_EFAULT, 42, "do this", "page %d of %s", 3, "guest");
    assert_int_equal(status, MOTE_EFAULT);
    assert_int_equal(e.domain, MOTE_DOMAIN_GUEST);
    assert_int_equal(e.code, MOTE_EFAULT);
    assert_int_equal(e.detail, 42);
    assert_string_equal(e.text, "page 3 of guest");
    assert_string_equal(e.remedy, "do this");
}

static void test_fail_cuts_long_texts(void **state)
{
    (void)state;
    char text[2000];
    mote_error e = MOTE_ERROR_INIT;
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '\0';
    mote__fail(&e, MOTE_DOMAIN_API, MOTE_EINVAL, 0, text, "%s", text);
    assert_int_equal(strlen(e.text), sizeof e.text - 1);
    assert_int_equal(strlen(e.remedy), sizeof e.remedy - 1);
}

static void test_no_remedy_empties_the_old_one(void **state)
{
    (void)state;
    mote_error e = MOTE_ERROR_INIT;
    mote__fail(&e, MOTE_DOMAIN_API, MOTE_EINVAL, 0, "old", "old");
    mote__fail(&e, MOTE_DOMAIN_API, MOTE_ETYPE, 0, NULL, "new");
    assert_string_equal(e.remedy, "");
    assert_string_equal(e.text, "new");
}

static void test_null_and_small_structures_are_left_alone(void **state)
{
    (void)state;
    mote_error e;
    assert_int_equal(mote__fail(NULL, 0, MOTE_EBUSY, 0, NULL, "x"), MOTE_EBUSY);
    memset(&e, 0x5a, sizeof e);
    e.size = sizeof e - 1; /* an embedder of an older version, or none at all */
    mote_error before = e;
    assert_int_equal(mote__fail(&e, 0, MOTE_EBUSY, 0, NULL, "x"), MOTE_EBUSY);
    assert_memory_equal(&e, &before, sizeof e);
}

static void test_system_errors_keep_errno(void **state)
{
    (void)state;
    mote_error e = MOTE_ERROR_INIT;
    assert_int_equal(mote__fail_system(&e, -EACCES, "opening"), MOTE_ESYSTEM);
    assert_int_equal(e.detail, EACCES);
    assert_int_equal(e.domain, MOTE_DOMAIN_SYSTEM);
    assert_string_equal(e.text, "opening: Permission denied");
    assert_string_equal(e.remedy, "");
    assert_int_equal(mote__fail_system(&e, -EMFILE, "opening"), MOTE_EFILES);
    assert_non_null(strstr(e.remedy, "RLIMIT_NOFILE"));
    assert_int_equal(mote__fail_system(&e, -EAGAIN, "a thread"), MOTE_EPROCESSES);
    assert_non_null(strstr(e.remedy, "RLIMIT_NPROC"));
    assert_int_equal(mote__fail_system(&e, -MOTE__ELOCKED_MEMORY, "mapping"), MOTE_ELOCKED);
    assert_non_null(strstr(e.remedy, "RLIMIT_MEMLOCK"));
    assert_int_equal(mote__fail_system(&e, -ENOMEM, "mapping"), MOTE_ENOMEM);
}

static void test_a_strange_errno_is_no_crash(void **state)
{
    (void)state;
    mote_error e = MOTE_ERROR_INIT;
    assert_int_equal(mote__fail_system(&e, -4000, "ioctl"), MOTE_ESYSTEM);
    assert_int_equal(e.detail, 4000);
}

static void test_clear(void **state)
{
    (void)state;
    mote_error e;
    memset(&e, 0xff, sizeof e);
    mote__error_clear(&e);
    assert_int_equal(e.size, sizeof e);
    assert_int_equal(e.code, 0);
    assert_string_equal(e.text, "");
}

static void test_version(void **state)
{
    (void)state;
    char text[32];
    snprintf(text, sizeof text, "%d.%d.%d", MOTE_VERSION_MAJOR, MOTE_VERSION_MINOR,
             MOTE_VERSION_PATCH);
    assert_string_equal(mote_version(), text);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code_has_name_and_sentence),
        cmocka_unit_test(test_unknown_codes_have_words),
        cmocka_unit_test(test_every_fault_has_words),
        cmocka_unit_test(test_fail_fills_everything),
        cmocka_unit_test(test_fail_cuts_long_texts),
        cmocka_unit_test(test_no_remedy_empties_the_old_one),
        cmocka_unit_test(test_null_and_small_structures_are_left_alone),
        cmocka_unit_test(test_system_errors_keep_errno),
        cmocka_unit_test(test_a_strange_errno_is_no_crash),
        cmocka_unit_test(test_clear),
        cmocka_unit_test(test_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
