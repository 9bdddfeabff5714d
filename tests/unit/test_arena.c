/* SPDX-License-Identifier: Apache-2.0 */
#include "cmocka_first.h"

#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "hv/kvm/kvm.h"
#include "os/os.h"
#include "vm/arena.h"

#define KIB 1024u
#define MIB (1024u * KIB)

static void test_reserve_rounds_up_and_costs_nothing(void **state)
{
    (void)state;
    struct mote__arena a;
    assert_int_equal(mote__arena_reserve(&a, (size_t)1 << 34, 0, 0, NULL), 0);
    assert_int_equal(a.reserved, (size_t)1 << 34);
    mote__arena_release(&a);
    assert_int_equal(mote__arena_reserve(&a, 1, 0x1000, 3, NULL), 0);
    assert_int_equal(a.reserved, 64 * KIB);
    assert_int_equal(a.physical, 0x1000);
    assert_int_equal(a.first_slot, 3);
    mote__arena_release(&a);
    assert_null(a.host);
    mote__arena_release(&a); /* twice is fine */
}

static void test_too_much_is_an_error(void **state)
{
    (void)state;
    struct mote__arena a;
    mote_error e = MOTE_ERROR_INIT;
    assert_int_equal(mote__arena_reserve(&a, (size_t)1 << 60, 0, 0, &e), MOTE_ENOMEM);
    assert_int_equal(e.code, MOTE_ENOMEM);
    assert_null(a.host);
    mote__arena_release(&a);
}

static void test_take_in_order_and_zeroed(void **state)
{
    (void)state;
    struct mote__arena a;
    size_t first, second;
    assert_int_equal(mote__arena_reserve(&a, 64 * KIB, 0, 0, NULL), 0);
    assert_int_equal(mote__arena_take(&a, 3 * (size_t)MOTE__PAGE, &first, NULL), 0);
    assert_int_equal(mote__arena_take(&a, MOTE__PAGE, &second, NULL), 0);
    assert_int_equal(first, 0);
    assert_int_equal(second, 3 * MOTE__PAGE);
    for (size_t i = 0; i < 4 * (size_t)MOTE__PAGE; i++)
        assert_int_equal(a.host[i], 0);
    mote__arena_release(&a);
}

static void test_take_to_the_last_byte_and_no_further(void **state)
{
    (void)state;
    struct mote__arena a;
    mote_error e = MOTE_ERROR_INIT;
    size_t offset = 77;
    assert_int_equal(mote__arena_reserve(&a, 64 * KIB, 0, 0, NULL), 0);
    assert_int_equal(mote__arena_take(&a, 64 * KIB + MOTE__PAGE, &offset, &e), MOTE_ELIMIT);
    assert_int_equal(offset, 77);
    assert_int_equal(mote__arena_take(&a, 64 * KIB, &offset, NULL), 0);
    assert_int_equal(mote__arena_take(&a, MOTE__PAGE, &offset, &e), MOTE_ELIMIT);
    assert_int_equal(mote__arena_take(&a, SIZE_MAX - MOTE__PAGE + 1, &offset, &e), MOTE_ELIMIT);
    assert_int_equal(e.code, MOTE_ELIMIT);
    assert_int_equal(a.used, 64 * KIB);
    mote__arena_release(&a);
}

/* A slot that the VM refuses leaves the arena as it was. */
static void test_a_refused_slot(void **state)
{
    (void)state;
    struct mote__arena a;
    struct mote__vm vm = {.fd = -1, .vcpu = -1};
    mote_error e = MOTE_ERROR_INIT;
    size_t offset;
    assert_int_equal(mote__arena_reserve(&a, MIB, 0, 0, NULL), 0);
    assert_int_equal(mote__arena_attach(&a, &vm, MOTE__PAGE, &e), MOTE_ESYSTEM);
    assert_int_equal(a.slots, 0);
    assert_int_equal(a.backed, 0);
    assert_int_equal(mote__arena_take(&a, MOTE__PAGE, &offset, &e), MOTE_ESYSTEM);
    assert_int_equal(a.used, 0);
    mote__arena_release(&a);
}

/* An empty VM of the real KVM, or -1. */
static int make_vm(void)
{
    int device = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    int vm = device < 0 ? -1 : ioctl(device, KVM_CREATE_VM, 0);
    if (device >= 0)
        close(device);
    return vm;
}

/* Small steps up to the largest limit: slots suffice, and all that is used is backed. */
static void test_growth_needs_few_slots(void **state)
{
    (void)state;
    struct mote__arena a;
    struct mote__vm vm = {.fd = make_vm(), .vcpu = -1};
    mote_error e = MOTE_ERROR_INIT;
    size_t offset, limit = (size_t)4 << 30;
    if (vm.fd < 0)
        fail_msg("no VM to be had: see mote doctor");
    assert_int_equal(mote__arena_reserve(&a, limit, (uint64_t)1 << 32, 0, NULL), 0);
    assert_int_equal(mote__arena_attach(&a, &vm, MOTE__PAGE, NULL), 0);
    for (size_t i = 0; i < limit / MIB; i++) {
        if (mote__arena_take(&a, MIB, &offset, &e))
            fail_msg("after %zu MiB, %u slots: %s", i, a.slots, e.text);
        assert_int_equal(offset, i * MIB);
        assert_true(a.backed >= a.used && a.backed <= a.reserved);
    }
    assert_true(a.slots <= MOTE__ARENA_SLOTS);
    close(vm.fd);
    mote__arena_release(&a);
}

static void test_attach_backs_what_is_used(void **state)
{
    (void)state;
    struct mote__arena a;
    struct mote__vm vm = {.fd = make_vm(), .vcpu = -1};
    size_t offset;
    if (vm.fd < 0)
        fail_msg("no VM to be had: see mote doctor");
    assert_int_equal(mote__arena_reserve(&a, MIB, 0, 0, NULL), 0);
    assert_int_equal(mote__arena_take(&a, 300 * KIB, &offset, NULL), 0);
    assert_int_equal(a.backed, 0);
    assert_int_equal(mote__arena_attach(&a, &vm, a.used, NULL), 0);
    assert_int_equal(a.backed, 320 * KIB);
    assert_int_equal(a.slots, 1);
    close(vm.fd);
    mote__arena_release(&a);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reserve_rounds_up_and_costs_nothing),
        cmocka_unit_test(test_too_much_is_an_error),
        cmocka_unit_test(test_take_in_order_and_zeroed),
        cmocka_unit_test(test_take_to_the_last_byte_and_no_further),
        cmocka_unit_test(test_a_refused_slot),
        cmocka_unit_test(test_growth_needs_few_slots),
        cmocka_unit_test(test_attach_backs_what_is_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
