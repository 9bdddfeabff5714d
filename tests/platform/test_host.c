/* SPDX-License-Identifier: Apache-2.0 */
/* Signals, immediate_exit and fork, on the host's side. */
#include "check.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

GUEST(spin, "1: inc %rbx\njmp 1b\n");
GUEST(count_up, "inc %rbx\nmov $0x41,%eax\n" FINISH);

static void ignore(int signal)
{
    (void)signal;
}

static void install_kick(void)
{
    struct sigaction action = {.sa_handler = ignore};
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGUSR1, &action, NULL) < 0)
        give_up("sigaction: %s", strerror(errno));
}

struct kicker {
    struct vm *vm;
    pid_t thread;
    useconds_t after;
    bool set_flag;
};

static void *kick(void *argument)
{
    const struct kicker *k = argument;
    usleep(k->after);
    if (k->set_flag)
        __atomic_store_n(&k->vm->run->immediate_exit, 1, __ATOMIC_RELAXED);
    syscall(SYS_tgkill, getpid(), k->thread, SIGUSR1);
    return NULL;
}

static struct outcome run_and_kick(struct vm *vm, useconds_t after, bool set_flag)
{
    struct kicker k = {vm, (pid_t)syscall(SYS_gettid), after, set_flag};
    pthread_t thread;
    if (pthread_create(&thread, NULL, kick, &k))
        give_up("pthread_create");
    struct outcome o = vm_run(vm);
    pthread_join(thread, NULL);
    vm->run->immediate_exit = 0;
    return o;
}

static void test_kick_spinning(struct vm *vm)
{
    install_kick();
    BOOT(vm, spin);
    uint64_t last = 0;
    int went_on = 0; /* on a busy machine the kick may come before the guest's turn */
    for (int i = 0; i < 10; i++) {
        struct outcome o = run_and_kick(vm, 5000, true);
        EXPECT_EVENT(o, EV_INTERRUPTED);
        EXPECT(vm_see(vm)->rbx >= last, "RBX went back from %llu", (unsigned long long)last);
        went_on += vm_see(vm)->rbx > last;
        EXPECT(vm_see(vm)->rip >= VA_CODE && vm_see(vm)->rip < VA_CODE + 8, "RIP %#llx",
               (unsigned long long)vm_see(vm)->rip);
        last = vm_see(vm)->rbx;
    }
    EXPECT(went_on > 1, "the guest went on after %d of 10 kicks", went_on);
    note("exit_reason after EINTR by a signal: %u", vm->run->exit_reason);
}

static void test_registers_after_kick(struct vm *vm)
{
    /* An interrupted guest is left for good: new RIP without completion. */
    install_kick();
    BOOT(vm, spin);
    struct outcome o = run_and_kick(vm, 5000, true);
    EXPECT_EVENT(o, EV_INTERRUPTED);
    vm_place(vm, VA_CODE + 0x800, &count_up);
    struct kvm_regs *r = vm_regs(vm);
    r->rip = VA_CODE + 0x800;
    r->rbx = 0x500;
    o = vm_run(vm);
    EXPECT_EVENT(o, EV_DOORBELL);
    EXPECT_EQ(vm_see(vm)->rbx, 0x501, "RBX");
}

static void test_immediate_exit(struct vm *vm)
{
    BOOT(vm, count_up);
    vm_regs(vm)->rbx = 0x100;
    vm->run->immediate_exit = 1;
    for (int i = 0; i < 3; i++) {
        struct outcome o = vm_run(vm);
        EXPECT_EVENT(o, EV_INTERRUPTED);
        EXPECT_EQ(vm_see(vm)->rbx, 0x100, "RBX while not entered");
        EXPECT_EQ(vm_see(vm)->rip, VA_CODE, "RIP while not entered");
    }
    vm->run->immediate_exit = 0;
    struct outcome o = vm_run(vm);
    EXPECT_EVENT(o, EV_DOORBELL);
    EXPECT_EQ(vm_see(vm)->rbx, 0x101, "RBX");
}

static void test_immediate_exit_takes_registers(struct vm *vm)
{
    /* Dirty registers given with immediate_exit are not lost. */
    BOOT(vm, count_up);
    struct outcome o = vm_run(vm);
    EXPECT_EVENT(o, EV_DOORBELL);
    struct kvm_regs *r = vm_regs(vm);
    r->rip = VA_CODE;
    r->rbx = 0x200;
    vm->run->immediate_exit = 1;
    o = vm_run(vm);
    EXPECT_EVENT(o, EV_INTERRUPTED);
    vm->run->immediate_exit = 0;
    o = vm_run(vm);
    EXPECT_EVENT(o, EV_DOORBELL);
    EXPECT_EQ(vm_see(vm)->rbx, 0x201, "RBX");
}

static void test_pending_signal(struct vm *vm)
{
    /* A signal that came before KVM_RUN and was handled is gone; only the
     * flag keeps the request. */
    install_kick();
    BOOT(vm, count_up);
    syscall(SYS_tgkill, getpid(), (pid_t)syscall(SYS_gettid), SIGUSR1);
    struct outcome o = vm_run(vm);
    EXPECT_EVENT(o, EV_DOORBELL);
}

static int run_in_child(struct vm *vm)
{
    pid_t child = fork();
    if (child == 0)
        _exit(ioctl(vm->cpu, KVM_RUN, 0) < 0 ? errno : 0);
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int touch_in_child(volatile uint8_t *at)
{
    pid_t child = fork();
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        *at = 1;
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void test_fork(struct vm *vm)
{
    BOOT(vm, count_up);
    struct outcome o = vm_run(vm);
    EXPECT_EVENT(o, EV_DOORBELL);
    EXPECT(madvise(vm->run, vm->run_size, MADV_DONTFORK) == 0, "MADV_DONTFORK on kvm_run: %s",
           strerror(errno));
    EXPECT(madvise(vm->user, USER_SIZE, MADV_DONTFORK) == 0, "MADV_DONTFORK on memory: %s",
           strerror(errno));
    EXPECT_EQ(run_in_child(vm), EIO, "KVM_RUN in a child");
    EXPECT_EQ(touch_in_child((volatile uint8_t *)vm->run), SIGSEGV, "kvm_run in a child");
    EXPECT_EQ(touch_in_child(vm->user), SIGSEGV, "guest memory in a child");
    vm_regs(vm)->rip = VA_CODE;
    o = vm_run(vm);
    EXPECT_EVENT(o, EV_DOORBELL);
    EXPECT_EQ(vm_see(vm)->rbx, 2, "the parent's guest goes on, RBX");
}

static void test_wipe_on_fork(struct vm *vm)
{
    (void)vm;
    uint8_t *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(page != MAP_FAILED && madvise(page, PAGE, MADV_WIPEONFORK) == 0, "MADV_WIPEONFORK: %s",
           strerror(errno));
    page[0] = 0x5a;
    pid_t child = fork();
    if (child == 0)
        _exit(page[0]);
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the mark is still there");
    EXPECT_EQ(page[0], 0x5a, "the parent's mark");
}

static void *run_once(void *argument)
{
    struct vm *vm = argument;
    vm_regs(vm)->rip = VA_CODE;
    struct outcome o = vm_run(vm);
    EXPECT_EVENT(o, EV_DOORBELL);
    return NULL;
}

static void test_moves_threads(struct vm *vm)
{
    BOOT(vm, count_up);
    for (int i = 0; i < 20; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, run_once, vm))
            give_up("pthread_create");
        pthread_join(thread, NULL);
    }
    EXPECT_EQ(vm_see(vm)->rbx, 20, "RBX");
}

const struct test host_tests[] = {
    {"host.kick_spinning", test_kick_spinning},
    {"host.registers_after_kick", test_registers_after_kick},
    {"host.immediate_exit", test_immediate_exit},
    {"host.immediate_exit_registers", test_immediate_exit_takes_registers},
    {"host.signal_before_run", test_pending_signal},
    {"host.fork", test_fork},
    {"host.wipe_on_fork", test_wipe_on_fork},
    {"host.moves_threads", test_moves_threads},
    {0},
};
