/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts that cannot be: what is missing, and what to do, is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "mote.h"

static void refused(const char *device, const char *named)
{
    mote_host_options options = {.size = sizeof(options), .device = device};
    mote_error error = MOTE_ERROR_INIT;
    mote_host *host = NULL;

    assert_int_equal(mote_host_new(&host, &options, &error), MOTE_EBACKEND);
    assert_null(host);
    assert_int_equal(error.code, MOTE_EBACKEND);
    assert_non_null(strstr(error.text, named));
    assert_true(error.remedy[0] != '\0');
}

static void missing_device(void **state)
{
    (void)state;
    refused("/nonexistent/kvm", "/nonexistent/kvm");
}

static void device_that_is_none(void **state)
{
    (void)state;
    refused("/dev/null", "/dev/null");
    refused("/etc/hostname", "/etc/hostname");
}

static void forbidden_device(void **state)
{
    char path[] = "/tmp/mote-device-XXXXXX";
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    close(fd);
    chmod(path, 0);
    refused(path, path); /* root may open it, and finds that it is no device */
    unlink(path);
}

static void null_arguments(void **state)
{
    mote_host_options options = {.size = 1};
    mote_error error = MOTE_ERROR_INIT;
    mote_host *host = NULL;

    (void)state;
    assert_int_equal(mote_host_new(NULL, NULL, &error), MOTE_EINVAL);
    assert_int_equal(mote_host_new(&host, &options, &error), MOTE_EINVAL);
    assert_int_equal(mote_host_new(&host, &options, NULL), MOTE_EINVAL);
    assert_null(host);
}

/* An error structure of an older, shorter kind is not written beyond its size. */
static void error_of_another_size(void **state)
{
    mote_host_options options = {.size = sizeof(options), .device = "/nonexistent"};
    unsigned char room[sizeof(mote_error)];
    mote_error *error = (void *)room;
    mote_host *host = NULL;

    (void)state;
    memset(room, 0x5a, sizeof(room));
    error->size = offsetof(mote_error, text);
    assert_int_equal(mote_host_new(&host, &options, error), MOTE_EBACKEND);
    for (size_t i = offsetof(mote_error, text); i < sizeof(room); i++) {
        assert_int_equal(room[i], 0x5a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(missing_device),        cmocka_unit_test(device_that_is_none),
        cmocka_unit_test(forbidden_device),      cmocka_unit_test(null_arguments),
        cmocka_unit_test(error_of_another_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
