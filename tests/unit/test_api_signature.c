/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures in text: what is one, what is none, and back again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "mote.h"

static void parses(void **state)
{
    mote_signature s;

    (void)state;
    assert_int_equal(mote_signature_parse(&s, "(i32,string)->bytes", NULL), MOTE_OK);
    assert_int_equal(s.nparams, 2);
    assert_int_equal(s.params[0], MOTE_I32);
    assert_int_equal(s.params[1], MOTE_STRING);
    assert_int_equal(s.nresults, 1);
    assert_int_equal(s.result, MOTE_BYTES);
}

static void parses_empty(void **state)
{
    mote_signature s;

    (void)state;
    assert_int_equal(mote_signature_parse(&s, "()->void", NULL), MOTE_OK);
    assert_int_equal(s.nparams, 0);
    assert_int_equal(s.nresults, 0);
    assert_int_equal(s.result, MOTE_VOID);
}

static void spaces_are_allowed(void **state)
{
    mote_signature s;
    char text[64];

    (void)state;
    assert_int_equal(mote_signature_parse(&s, "  ( f32 ,  f64,bool ) -> u64  ", NULL), MOTE_OK);
    assert_true(mote_signature_format(&s, text, sizeof(text)) < sizeof(text));
    assert_string_equal(text, "(f32,f64,bool)->u64");
}

/* Every text that is none gives EINVAL, and the place in the message. */
static void refuses(void **state)
{
    static const char *const all[] = {
        "",
        "(",
        "()",
        "i32",
        "(i32",
        "(i32,)->void",
        "(,)->void",
        "(void)->i32",
        "(i33)->i32",
        "()->",
        "()->i33",
        "()->i32,i32",
        "()->i32 x",
        "(i32)->i32)",
        "(i 32)->i32",
        "(I32)->i32",
        "()- >i32",
        "(i32 i32)->i32",
        "()->voidx",
        "(i32x)->i32",
        "(i32)i32",
        "((i32))->i32",
        "(string,)->i32",
        "->i32",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        mote_signature s;
        mote_error error = MOTE_ERROR_INIT;

        if (mote_signature_parse(&s, all[i], &error) != MOTE_EINVAL) {
            fail_msg("'%s' is taken for a signature", all[i]);
        }
        assert_int_equal(error.code, MOTE_EINVAL);
        assert_int_equal(error.domain, MOTE_DOMAIN_API);
        assert_true(error.text[0] != '\0');
    }
}

static void many(char *text, size_t size, unsigned count)
{
    size_t used = (size_t)snprintf(text, size, "(");

    for (unsigned i = 0; i < count; i++) {
        used += (size_t)snprintf(text + used, size - used, i == 0 ? "i32" : ",i32");
    }
    snprintf(text + used, size - used, ")->void");
}

static void limit_of_parameters(void **state)
{
    mote_signature s;
    char text[512];

    (void)state;
    many(text, sizeof(text), MOTE_PARAMS_MAX);
    assert_int_equal(mote_signature_parse(&s, text, NULL), MOTE_OK);
    assert_int_equal(s.nparams, MOTE_PARAMS_MAX);
    many(text, sizeof(text), MOTE_PARAMS_MAX + 1);
    assert_int_equal(mote_signature_parse(&s, text, NULL), MOTE_EINVAL);
}

/* The length that it needs, whatever the room; never a byte beyond. */
static void formats_in_any_room(void **state)
{
    const char *expected = "(i32,u32,i64,u64,f32,f64,bool,string,bytes)->string";
    mote_signature s;
    char text[128];

    (void)state;
    assert_int_equal(mote_signature_parse(&s, expected, NULL), MOTE_OK);
    for (size_t room = 0; room < sizeof(text) - 1; room++) {
        size_t length;

        memset(text, '#', sizeof(text));
        length = mote_signature_format(&s, text, room);
        assert_true(length == strlen(expected) || length == strlen(expected) + 1);
        assert_int_equal(text[room], '#');
        if (room > strlen(expected)) {
            assert_string_equal(text, expected);
        } else if (room > 0) {
            assert_int_equal(text[room - 1], '\0');
            assert_memory_equal(text, expected, room - 1);
        }
    }
    assert_true(mote_signature_format(&s, NULL, 0) >= strlen(expected));
}

static void round_trip(void **state)
{
    mote_signature a;
    mote_signature b;
    char text[512];

    (void)state;
    memset(&a, 0, sizeof(a));
    a.nparams = MOTE_PARAMS_MAX;
    a.nresults = 1;
    a.result = MOTE_F64;
    for (unsigned i = 0; i < MOTE_PARAMS_MAX; i++) {
        a.params[i] = (mote_type)(MOTE_I32 + i % 9);
    }
    mote_signature_format(&a, text, sizeof(text));
    assert_int_equal(mote_signature_parse(&b, text, NULL), MOTE_OK);
    assert_int_equal(b.nparams, a.nparams);
    assert_memory_equal(b.params, a.params, sizeof(a.params));
    assert_int_equal(b.result, a.result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses),
        cmocka_unit_test(parses_empty),
        cmocka_unit_test(spaces_are_allowed),
        cmocka_unit_test(refuses),
        cmocka_unit_test(limit_of_parameters),
        cmocka_unit_test(formats_in_any_room),
        cmocka_unit_test(round_trip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
