/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's table of descriptors, and what a process asks of itself. */
#include "raw.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

static void open_three(struct box *box)
{
    mote_error error = MOTE_ERROR_INIT;

    raw_open(box);
    CHECK_CODE(mote_policy_input(box->policy, 0, "abcdefgh", 8, &error), MOTE_OK);
    CHECK_CODE(mote_policy_capture(box->policy, 1, 0, &error), MOTE_OK);
    CHECK_CODE(mote_policy_capture(box->policy, 2, 0, &error), MOTE_OK);
    set_option(box, MOTE_OPT_OPEN_FILES, 8);
    raw_start(box);
}

TEST(descriptors, closed_until_the_reset)
{
    struct box box;

    open_three(&box);
    CHECK_INT(RAW(&box, SYS_close, 1), 0);
    CHECK_INT(RAW(&box, SYS_close, 1), -EBADF);
    CHECK_INT(RAW(&box, SYS_write, 1, at(0), 1), -EBADF);
    CHECK_INT(RAW(&box, SYS_write, 2, at(0), 1), 1);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    CHECK_INT(RAW(&box, SYS_write, 1, at(0), 1), 1);
    CHECK_INT(RAW(&box, SYS_close, -1), -EBADF);
    CHECK_INT(RAW(&box, SYS_close, 1ull << 32 | 1), -EBADF);
    box_close(&box);
}

TEST(descriptors, duplicates)
{
    struct box box;

    open_three(&box);
    CHECK_INT(RAW(&box, SYS_dup, 0), 3);
    CHECK_INT(RAW(&box, SYS_dup, 9), -EBADF);
    CHECK_INT(RAW(&box, SYS_read, 0, at(0), 3), 3);
    CHECK_INT(RAW(&box, SYS_read, 3, at(3), 3), 3); /* it goes on where the other was */
    CHECK_INT(RAW(&box, SYS_dup2, 1, 2), 2);
    CHECK_INT(RAW(&box, SYS_dup2, 1, 1), 1);
    CHECK_INT(RAW(&box, SYS_dup2, 9, 9), -EBADF);
    CHECK_INT(RAW(&box, SYS_dup2, 1, 1024), -EBADF);
    CHECK_INT(RAW(&box, SYS_dup3, 1, 700, O_CLOEXEC), 700);
    CHECK_INT(RAW(&box, SYS_dup3, 1, 1, 0), -EINVAL);
    CHECK_INT(RAW(&box, SYS_fcntl, 700, F_GETFD), FD_CLOEXEC);
    CHECK_INT(RAW(&box, SYS_fcntl, 700, F_SETFD, 0), 0);
    CHECK_INT(RAW(&box, SYS_fcntl, 700, F_GETFD), 0);
    CHECK_INT(RAW(&box, SYS_fcntl, 1, F_DUPFD, 700), 701);
    CHECK_INT(RAW(&box, SYS_fcntl, 1, F_DUPFD_CLOEXEC, 5), 5);
    CHECK_INT(RAW(&box, SYS_fcntl, 1, F_DUPFD, 1024), -EINVAL);
    CHECK_INT(RAW(&box, SYS_fcntl, 1, F_GETFL), O_WRONLY);
    CHECK_INT(RAW(&box, SYS_close, 1), 0);
    CHECK_INT(RAW(&box, SYS_write, 2, at(0), 6), 6); /* the first one's, by its duplicate */
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    CHECK_INT(RAW(&box, SYS_close, 700), -EBADF);
    CHECK_INT(RAW(&box, SYS_close, 3), -EBADF);
    CHECK_INT(RAW(&box, SYS_read, 0, at(0), 100), 8);
    box_close(&box);
}

TEST(descriptors, are_bounded)
{
    struct box box;
    mote_value result;

    open_three(&box);
    for (int i = 0; i < 3; i++) {
        must_call(&box, "repeat",
                  ARGS(v_u64(100), v_i64(-EMFILE), v_u64(SYS_dup), v_u64(0), v_u64(0), v_u64(0)),
                  &result);
        CHECK_INT(result.of.u64, 95);
        CHECK_INT(RAW(&box, SYS_dup2, 0, 100), -EMFILE);
        CHECK_INT(RAW(&box, SYS_dup2, 0, 7), 7); /* in the place of another */
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    }
    CHECK_INT(RAW(&box, SYS_close_range, 1, UINT32_MAX, 0), 0);
    CHECK_INT(RAW(&box, SYS_dup, 0), 1);
    box_close(&box);
}

TEST(descriptors, what_they_are)
{
    struct stat st;
    struct box box;

    open_three(&box);
    CHECK_INT(RAW(&box, SYS_fstat, 1, at(0)), 0);
    raw_get(&box, 0, &st, sizeof(st));
    CHECK(S_ISFIFO(st.st_mode));
    CHECK_INT(RAW(&box, SYS_fstat, 5, at(0)), -EBADF);
    CHECK_INT(RAW(&box, SYS_lseek, 0, 0, SEEK_SET), -ESPIPE);
    CHECK_INT(RAW(&box, SYS_ioctl, 1, 0x5401, at(0)), -ENOTTY); /* TCGETS */
    CHECK_INT(RAW(&box, SYS_ioctl, 1, 0x5413, at(0)), -ENOTTY); /* TIOCGWINSZ */
    CHECK_INT(RAW(&box, SYS_ioctl, 9, 0x5413, at(0)), -EBADF);
    box_close(&box);
}

/* ---- poll ------------------------------------------------------------------ */

static int64_t poll_one(struct box *box, int fd, short events, int timeout, short *revents)
{
    struct pollfd p = {fd, events, 0x55};
    int64_t n;

    raw_put(box, 0, &p, sizeof(p));
    n = RAW(box, SYS_poll, at(0), 1, timeout);
    raw_get(box, 0, &p, sizeof(p));
    *revents = p.revents;
    return n;
}

TEST(descriptors, poll)
{
    int ends[2];
    short revents;
    struct box box;
    mote_error error = MOTE_ERROR_INIT;

    CHECK(pipe(ends) == 0);
    raw_open(&box);
    CHECK_CODE(mote_policy_fd(box.policy, 0, ends[0], MOTE_GRANT_READ, 0, &error), MOTE_OK);
    CHECK_CODE(mote_policy_capture(box.policy, 1, 0, &error), MOTE_OK);
    raw_start(&box);
    CHECK_INT(poll_one(&box, 1, POLLIN | POLLOUT, -1, &revents), 1);
    CHECK_INT(revents, POLLOUT);
    CHECK_INT(poll_one(&box, 0, POLLIN, 0, &revents), 0);
    CHECK_INT(poll_one(&box, 0, POLLIN, 20, &revents), 0);
    CHECK_INT(poll_one(&box, 9, POLLIN, 20, &revents), 1);
    CHECK_INT(revents, POLLNVAL);
    CHECK_INT(poll_one(&box, -1, POLLIN, 1, &revents), 0);
    CHECK_INT(write(ends[1], "x", 1), 1);
    CHECK_INT(poll_one(&box, 0, POLLIN, -1, &revents), 1);
    CHECK_INT(revents, POLLIN);
    CHECK(close(ends[1]) == 0);
    CHECK_INT(RAW(&box, SYS_read, 0, at(0), 10), 1);
    CHECK_INT(poll_one(&box, 0, POLLIN, -1, &revents), 1);
    CHECK_INT(revents, POLLHUP);
    CHECK_INT(RAW(&box, SYS_poll, at(0), 100000, 0), -EINVAL);
    CHECK_INT(RAW(&box, SYS_poll, 8, 1, 0), -EFAULT);
    box_close(&box);
}

TEST(descriptors, select)
{
    uint64_t bits;
    struct box box;

    open_three(&box);
    bits = 1;
    raw_put(&box, 0, &bits, sizeof(bits));
    bits = 6;
    raw_put(&box, 8, &bits, sizeof(bits));
    CHECK_INT(RAW(&box, SYS_select, 3, at(0), at(8), 0, 0), 3);
    raw_get(&box, 8, &bits, sizeof(bits));
    CHECK_INT(bits, 6);
    bits = 1 << 5;
    raw_put(&box, 0, &bits, sizeof(bits));
    CHECK_INT(RAW(&box, SYS_select, 6, at(0), 0, 0, 0), -EBADF);
    CHECK_INT(RAW(&box, SYS_select, 5, at(0), 0, 0, at(64)), 0); /* beyond the end; no time left */
    CHECK_INT(RAW(&box, SYS_select, -1, 0, 0, 0, 0), -EINVAL);
    CHECK_INT(RAW(&box, SYS_select, 64, 8, 0, 0, 0), -EFAULT);
    box_close(&box);
}

/* ---- identity, limits, signals ------------------------------------------------------ */

TEST(process, identity)
{
    struct utsname names;
    struct box box;

    open_three(&box);
    CHECK_INT(RAW(&box, SYS_getpid), 1);
    CHECK_INT(RAW(&box, SYS_getppid), 0);
    CHECK_INT(RAW(&box, SYS_getuid), 1000);
    CHECK_INT(RAW(&box, SYS_getegid), 1000);
    CHECK_INT(RAW(&box, SYS_uname, at(0)), 0);
    raw_get(&box, 0, &names, sizeof(names));
    CHECK(strcmp(names.sysname, "Linux") == 0 && strcmp(names.machine, "x86_64") == 0);
    CHECK_INT(RAW(&box, SYS_uname, 8), -EFAULT);
    CHECK_INT(RAW(&box, SYS_umask, 077), 022);
    CHECK_INT(RAW(&box, SYS_umask, 077), 077);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    CHECK_INT(RAW(&box, SYS_umask, 077), 022);
    raw_text(&box, 0, "worker");
    CHECK_INT(RAW(&box, SYS_prctl, 15, at(0)), 0);
    CHECK_INT(RAW(&box, SYS_prctl, 16, at(64)), 0);
    raw_get(&box, 64, &names, 16);
    CHECK(strcmp((char *)&names, "worker") == 0);
    CHECK_INT(RAW(&box, SYS_setuid, 1000), 0);
    CHECK_INT(RAW(&box, SYS_setuid, 0), -EPERM);
    CHECK_INT(RAW(&box, SYS_setresuid, 0), -ENOSYS);
    box_close(&box);
}

TEST(process, limits)
{
    struct sysinfo info;
    struct rlimit limit;
    uint64_t mask = 0;
    struct box box;

    open_three(&box);
    CHECK_INT(RAW(&box, SYS_prlimit64, 0, RLIMIT_STACK, 0, at(0)), 0);
    raw_get(&box, 0, &limit, sizeof(limit));
    CHECK_INT(limit.rlim_cur, 8 * MIB);
    CHECK_INT(RAW(&box, SYS_prlimit64, 0, RLIMIT_STACK, at(0), 0), -EPERM);
    CHECK_INT(RAW(&box, SYS_prlimit64, 0, 99, 0, at(0)), -EINVAL);
    CHECK_INT(RAW(&box, SYS_prlimit64, 77, RLIMIT_STACK, 0, at(0)), -ESRCH);
    CHECK_INT(RAW(&box, SYS_getrlimit, RLIMIT_NOFILE, at(0)), 0);
    CHECK_INT(RAW(&box, SYS_sysinfo, at(0)), 0);
    raw_get(&box, 0, &info, sizeof(info));
    CHECK_INT(info.totalram, 64 * MIB);
    CHECK(info.freeram < info.totalram && info.uptime == 0);
    CHECK_INT(RAW(&box, SYS_sched_getaffinity, 0, 128, at(0)), 8);
    raw_get(&box, 0, &mask, sizeof(mask));
    CHECK_INT(mask, 1);
    CHECK_INT(RAW(&box, SYS_sched_yield), 0);
    box_close(&box);
}

TEST(process, signals_are_set_up_and_never_come)
{
    uint64_t action[4] = {(uintptr_t)SIG_IGN, 0, 0, 0}, set = 0xff;
    struct box box;

    open_three(&box);
    raw_put(&box, 0, action, sizeof(action));
    CHECK_INT(RAW(&box, SYS_rt_sigaction, SIGUSR1, at(0), at(64), 8), 0);
    raw_get(&box, 64, action, sizeof(action));
    CHECK_INT(action[0], (uintptr_t)SIG_DFL);
    CHECK_INT(RAW(&box, SYS_rt_sigaction, SIGUSR1, 0, at(64), 8), 0);
    raw_get(&box, 64, action, sizeof(action));
    CHECK_INT(action[0], (uintptr_t)SIG_IGN);
    CHECK_INT(RAW(&box, SYS_rt_sigaction, SIGKILL, at(0), 0, 8), -EINVAL);
    CHECK_INT(RAW(&box, SYS_rt_sigaction, 65, at(0), 0, 8), -EINVAL);
    CHECK_INT(RAW(&box, SYS_kill, 1, SIGUSR1), 0); /* ignored */
    CHECK_INT(RAW(&box, SYS_kill, 1, SIGCHLD), 0); /* by default */
    CHECK_INT(RAW(&box, SYS_kill, 2, SIGTERM), -ESRCH);
    raw_put(&box, 0, &set, sizeof(set));
    CHECK_INT(RAW(&box, SYS_rt_sigprocmask, SIG_BLOCK, at(0), at(8), 8), 0);
    raw_get(&box, 8, &set, sizeof(set));
    CHECK_INT(set, 0);
    CHECK_INT(RAW(&box, SYS_rt_sigprocmask, SIG_BLOCK, 0, at(8), 8), 0);
    raw_get(&box, 8, &set, sizeof(set));
    CHECK_HEX(set, 0xff & ~(1ull << (SIGKILL - 1)));
    CHECK_INT(RAW(&box, SYS_sigaltstack, 0, at(0)), 0);
    check_fault(&box, raw_fails(&box, 0, SYS_kill, 1, SIGUSR2, 0), MOTE_EABORTED, MOTE_FAULT_ABORT);
    CHECK_INT(mote_sandbox_report(box.sandbox)->code, SIGUSR2);
    expect_alive(&box);
    check_fault(&box, raw_fails(&box, 0, SYS_kill, 1, SIGUSR1, 0), MOTE_EABORTED,
                MOTE_FAULT_ABORT); /* forgotten with the reset */
    box_close(&box);
}
