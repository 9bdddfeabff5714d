/* SPDX-License-Identifier: Apache-2.0 */
/* What the host makes of a halted monitor, however hostile registers and frames are. */
#include "cmocka_first.h"

#include <string.h>

#include "arch/x86_64/monitor.h"
#include "os/os.h"

#define AT  0x10000010000ull /* the monitor page */
#define TOP (AT + 2 * MOTE__PAGE)

static uint8_t page[MOTE__PAGE], stack[MOTE__PAGE];
static struct mote__cpu_regs regs;
static struct mote__halt halt;

static int set_up(void **state)
{
    (void)state;
    mote__monitor_build(page, AT, TOP);
    memset(stack, 0xaa, sizeof stack);
    memset(&regs, 0x11, sizeof regs);
    return 0;
}

static const struct mote__trap_frame user = {.rip = 0x401234,
                                             .cs = MOTE__USER_CODE,
                                             .rflags = 0x202,
                                             .rsp = 0x7fff0000,
                                             .ss = MOTE__USER_DATA};

static bool has_code(uint32_t vector)
{
    return vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21;
}

/* The vCPU as it halts behind the stub of a vector. */
static void trap(uint32_t vector, const struct mote__trap_frame *frame, uint64_t code)
{
    size_t pushed = sizeof *frame + (has_code(vector) ? 8 : 0);
    memcpy(stack + MOTE__PAGE - sizeof *frame, frame, sizeof *frame);
    if (has_code(vector))
        memcpy(stack + MOTE__PAGE - pushed, &code, sizeof code);
    regs.rip = AT + MOTE__MONITOR_VECTORS + 16ull * vector + 1;
    regs.rsp = TOP - pushed;
}

static enum mote__halt_kind decode(void)
{
    mote__monitor_decode(&halt, &regs, AT, TOP, stack);
    return halt.kind;
}

static void test_every_vector(void **state)
{
    (void)state;
    for (uint32_t v = 0; v < MOTE__VECTORS; v++) {
        trap(v, &user, 0x17);
        assert_int_equal(decode(), MOTE__HALT_TRAP);
        assert_int_equal(halt.vector, v);
        assert_int_equal(halt.error_code, has_code(v) ? 0x17 : 0);
        assert_int_equal(halt.regs.rip, user.rip);
        assert_int_equal(halt.regs.rsp, user.rsp);
        assert_int_equal(halt.regs.rflags, user.rflags);
        assert_int_equal(halt.regs.rax, 0x1111111111111111);
    }
}

static void test_only_the_low_half_of_an_error_code(void **state)
{
    (void)state;
    trap(14, &user, 0xffffffff00000006);
    assert_int_equal(decode(), MOTE__HALT_TRAP);
    assert_int_equal(halt.error_code, 6);
}

static void test_syscall(void **state)
{
    (void)state;
    regs.rip = AT + MOTE__MONITOR_SYSCALL + 1;
    regs.rcx = 0x401000;
    regs.r11 = 0x246;
    regs.rsp = 0x1234;
    assert_int_equal(decode(), MOTE__HALT_SYSCALL);
    assert_int_equal(halt.regs.rip, 0x401000);
    assert_int_equal(halt.regs.rflags, 0x246);
    assert_int_equal(halt.regs.rsp, 0x1234);
}

/* On kvm-pvm a system call is an instruction fetch that faults at LSTAR. */
static void test_syscall_as_a_page_fault(void **state)
{
    (void)state;
    struct mote__trap_frame frame = user;
    frame.rip = AT + MOTE__MONITOR_SYSCALL;
    regs.rcx = 0x401000;
    regs.r11 = 0x202;
    trap(14, &frame, 0x15);
    assert_int_equal(decode(), MOTE__HALT_SYSCALL);
    assert_int_equal(halt.regs.rip, 0x401000);
    trap(13, &frame, 0);
    assert_int_equal(decode(), MOTE__HALT_TRAP); /* no other vector means that */
}

static void test_a_frame_of_the_monitor_is_broken(void **state)
{
    (void)state;
    static const uint64_t selectors[] = {0,    MOTE__KERNEL_CODE, MOTE__KERNEL_DATA, 0x21, 0x22,
                                         ~3ull};
    for (size_t i = 0; i < sizeof selectors / sizeof selectors[0]; i++) {
        struct mote__trap_frame frame = user;
        frame.cs = selectors[i];
        trap(14, &frame, 0);
        assert_int_equal(decode(), MOTE__HALT_BROKEN);
        trap(3, &frame, 0);
        assert_int_equal(decode(), MOTE__HALT_BROKEN);
    }
}

static void test_another_rip_is_broken(void **state)
{
    (void)state;
    static const uint64_t places[] = {0,
                                      1,
                                      UINT64_MAX,
                                      AT,
                                      AT + 1,
                                      AT + MOTE__MONITOR_VECTORS,
                                      AT + MOTE__MONITOR_VECTORS + 2,
                                      AT + MOTE__MONITOR_VECTORS - 15,
                                      AT + MOTE__MONITOR_SYSCALL,
                                      AT + MOTE__MONITOR_SYSCALL + 2,
                                      AT + MOTE__MONITOR_RETURN,
                                      0x401000};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        trap(6, &user, 0);
        regs.rip = places[i];
        assert_int_equal(decode(), MOTE__HALT_BROKEN);
    }
}

static void test_another_stack_pointer_is_broken(void **state)
{
    (void)state;
    static const int64_t off[] = {8, -8, 1, 16, -40, 4096, -4096, INT64_MIN};
    for (uint32_t v = 0; v < MOTE__VECTORS; v++)
        for (size_t i = 0; i < sizeof off / sizeof off[0]; i++) {
            trap(v, &user, 0);
            regs.rsp += (uint64_t)off[i];
            assert_int_equal(decode(), MOTE__HALT_BROKEN);
        }
}

/* Whatever the registers are: a trap of the guest's, a system call, or broken. */
static void test_random_registers(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (int i = 0; i < 200000; i++) {
        uint64_t *words[] = {&regs.rip, &regs.rsp, &regs.rcx, &regs.r11};
        for (size_t k = 0; k < 4; k++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            *words[k] = k < 2 ? AT + (seed >> 33) % (2 * MOTE__PAGE) : seed;
        }
        memcpy(stack + MOTE__PAGE - 48 + seed % 41, &seed, sizeof seed);
        decode();
        assert_true(halt.kind <= MOTE__HALT_BROKEN);
        assert_true(halt.kind == MOTE__HALT_BROKEN || halt.vector < MOTE__VECTORS);
    }
}

static void test_return_writes_a_frame_of_cpl_3(void **state)
{
    (void)state;
    struct mote__trap_frame frame;
    regs.rip = 0x401000;
    regs.rsp = 0x7000;
    regs.rflags = UINT64_MAX;
    mote__monitor_return(&regs, AT, TOP, stack);
    memcpy(&frame, stack + MOTE__PAGE - sizeof frame, sizeof frame);
    assert_int_equal(frame.rip, 0x401000);
    assert_int_equal(frame.rsp, 0x7000);
    assert_int_equal(frame.cs & 3, 3);
    assert_int_equal(frame.ss & 3, 3);
    assert_int_equal(frame.rflags & 0x3000, 0);   /* IOPL */
    assert_int_equal(frame.rflags & 0x200, 0);    /* IF: there are no interrupts */
    assert_int_equal(frame.rflags & 0x4000, 0);   /* NT */
    assert_int_equal(frame.rflags & 0x20000, 0);  /* VM */
    assert_int_equal(frame.rflags & 0x180000, 0); /* VIF, VIP */
    assert_int_equal(regs.rip, AT + MOTE__MONITOR_RETURN);
    assert_int_equal(regs.rsp, TOP - sizeof frame);
    assert_int_equal(regs.rflags, MOTE__FLAGS_FIXED);
}

/* Wherever in the monitor it stands: what the guest was, or nothing. */
static void test_the_guest_in_the_monitor(void **state)
{
    (void)state;
    struct mote__cpu_regs guest;
    regs.rip = 0x401000;
    regs.rsp = 0x7000;
    mote__monitor_return(&regs, AT, TOP, stack);
    assert_true(mote__monitor_guest(&guest, &regs, AT, TOP, stack));
    assert_int_equal(guest.rip, 0x401000);
    assert_int_equal(guest.rsp, 0x7000);
    for (uint64_t behind = 0; behind < 2; behind++) { /* at the `hlt` and behind it: #DE */
        regs.rip = AT + MOTE__MONITOR_VECTORS + behind;
        assert_true(mote__monitor_guest(&guest, &regs, AT, TOP, stack));
        assert_int_equal(guest.rip, 0x401000);
        regs.rip = AT + MOTE__MONITOR_SYSCALL + behind;
        regs.rcx = 0x402000;
        assert_true(mote__monitor_guest(&guest, &regs, AT, TOP, stack));
        assert_int_equal(guest.rip, 0x402000);
    }
    regs.rip = AT + MOTE__MONITOR_RETURN;
    regs.rsp = TOP - 8;
    assert_false(mote__monitor_guest(&guest, &regs, AT, TOP, stack));
    regs.rip = AT + MOTE__MONITOR_VECTORS + 5;
    assert_false(mote__monitor_guest(&guest, &regs, AT, TOP, stack));
}

static void test_bitmap_allows_the_doorbell_alone(void **state)
{
    (void)state;
    struct mote__cpu_setup setup = {0};
    mote__monitor_setup(&setup, AT);
    const uint8_t *tss = page + (setup.tss - AT);
    uint16_t bitmap;
    memcpy(&bitmap, tss + 102, sizeof bitmap);
    for (uint32_t port = 0; bitmap + port / 8 <= setup.tss_limit; port++) {
        bool open = !(tss[bitmap + port / 8] >> port % 8 & 1);
        assert_int_equal(open, port == MOTE__DOORBELL_PORT);
    }
    assert_int_equal(tss[setup.tss_limit], 0xff); /* the byte of ones behind it */
}

static void test_gates(void **state)
{
    (void)state;
    struct mote__cpu_setup setup = {0};
    mote__monitor_setup(&setup, AT);
    assert_int_equal(setup.idt_limit, 16 * MOTE__VECTORS - 1);
    for (uint32_t v = 0; v < MOTE__VECTORS; v++) {
        const uint8_t *gate = page + (setup.idt - AT) + (size_t)16 * v;
        assert_int_equal(gate[2] | gate[3] << 8, MOTE__KERNEL_CODE);
        assert_int_equal(gate[4], 1); /* always on the IST */
        assert_int_equal(gate[5] & 0x60, v == 3 ? 0x60 : 0);
        assert_int_equal(page[MOTE__MONITOR_VECTORS + (size_t)16 * v], 0xf4);
    }
}

#define TEST(function) cmocka_unit_test_setup(function, set_up)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_every_vector),
        TEST(test_only_the_low_half_of_an_error_code),
        TEST(test_syscall),
        TEST(test_syscall_as_a_page_fault),
        TEST(test_a_frame_of_the_monitor_is_broken),
        TEST(test_another_rip_is_broken),
        TEST(test_another_stack_pointer_is_broken),
        TEST(test_random_registers),
        TEST(test_return_writes_a_frame_of_cpl_3),
        TEST(test_the_guest_in_the_monitor),
        TEST(test_bitmap_allows_the_doorbell_alone),
        TEST(test_gates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
