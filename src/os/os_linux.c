/* SPDX-License-Identifier: Apache-2.0 */
#include "os/os.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "os/seam.h"

#ifdef MOTE_SEAM
int (*mote__seam_hook)(const char *call);
#endif

static int result(long value)
{
    return value < 0 ? -errno : (int)value;
}

/* ---- files ---- */

int mote__open_read(const char *path)
{
    MOTE__SEAM("open");
    /* A FIFO without a writer would be waited for; what is no regular file is refused later. */
    return result(open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
}

int mote__open_snapshot(const char *path)
{
    MOTE__SEAM("open");
    return result(open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY));
}

int mote__open_device(const char *path)
{
    MOTE__SEAM("open");
    return result(open(path, O_RDWR | O_CLOEXEC));
}

int mote__close(int fd)
{
    return result(close(fd));
}

int mote__file_size(int fd, uint64_t *size)
{
    MOTE__SEAM("fstat");
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
    *size = (uint64_t)st.st_size;
    return 0;
}

int mote__read_at(int fd, void *data, size_t size, uint64_t offset)
{
    MOTE__SEAM("pread");
    unsigned char *at = data;
    while (size) {
        ssize_t n = pread(fd, at, size, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        at += n;
        offset += (uint64_t)n;
        size -= (size_t)n;
    }
    return 0;
}

int mote__ioctl(int fd, unsigned long request, void *argument)
{
    MOTE__SEAM("ioctl");
    return result(ioctl(fd, request, argument));
}

int mote__ioctl_value(int fd, unsigned long request, unsigned long value)
{
    MOTE__SEAM("ioctl");
    return result(ioctl(fd, request, value));
}

/* ---- memory ---- */

static int map_from(void **out, void *at, size_t size, int protection, int flags, int fd,
                    uint64_t offset)
{
    MOTE__SEAM("mmap");
    void *memory = mmap(at, size, protection, flags, fd, (off_t)offset);
    if (memory == MAP_FAILED)
        return errno == EAGAIN ? -MOTE__ELOCKED_MEMORY : -errno; /* mmap(2): locked memory */
    *out = memory;
    return 0;
}

static int map(void **out, void *at, size_t size, int protection, int flags, int fd)
{
    return map_from(out, at, size, protection, flags, fd, 0);
}

int mote__map_read_only(void **out, size_t size, int fd, uint64_t offset)
{
    return map_from(out, NULL, size, PROT_READ, MAP_PRIVATE, fd, offset);
}

int mote__map_anonymous(void **out, size_t size)
{
    return map(out, NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
               -1);
}

int mote__map_shared_fd(void **out, size_t size, int fd)
{
    return map(out, NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
}

int mote__map_over(void *at, size_t size, int fd)
{
    void *out;
    return map(&out, at, size, PROT_READ, MAP_SHARED | MAP_FIXED, fd);
}

int mote__map_private_over(void *at, size_t size, int fd)
{
    void *out;
    return map(&out, at, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, fd);
}

int mote__map_anonymous_over(void *at, size_t size)
{
    void *out;
    return map(&out, at, size, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1);
}

int mote__unmap(void *memory, size_t size)
{
    return result(munmap(memory, size));
}

int mote__seal_memory(void *memory, size_t size)
{
    MOTE__SEAM("mprotect");
    return result(mprotect(memory, size, PROT_READ));
}

static int advise(void *memory, size_t size, int advice)
{
    MOTE__SEAM("madvise");
    return result(madvise(memory, size, advice));
}

int mote__release_pages(void *memory, size_t size)
{
    int status = advise(memory, size, MADV_DONTNEED);
#ifdef MADV_DONTNEED_LOCKED
    if (status == -EINVAL) /* an embedder that called mlockall */
        status = advise(memory, size, MADV_DONTNEED_LOCKED);
#endif
    return status;
}

int mote__zap_pages(void *memory, size_t size)
{
    MOTE__SEAM("mprotect");
    if (mprotect(memory, size, PROT_NONE) < 0)
        return -errno;
    return result(mprotect(memory, size, PROT_READ | PROT_WRITE));
}

int mote__populate_pages(void *memory, size_t size)
{
#ifdef MADV_POPULATE_WRITE
    if (madvise(memory, size, MADV_POPULATE_WRITE) == 0)
        return 0;
#endif
    return 0; /* an older kernel: the pages come one by one */
}

int mote__not_in_child(void *memory, size_t size)
{
    return advise(memory, size, MADV_DONTFORK);
}

int mote__wipe_in_child(void *memory, size_t size)
{
    return advise(memory, size, MADV_WIPEONFORK);
}

static int memory_file(const char *name, uint64_t size, bool sealed)
{
    MOTE__SEAM("memfd_create");
    struct rlimit limit;
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && size > limit.rlim_cur)
        return -EFBIG; /* ftruncate would send SIGXFSZ */
    int fd = memfd_create(name, MFD_CLOEXEC | (sealed ? MFD_ALLOW_SEALING : 0));
    if (fd < 0)
        return -errno;
    if (ftruncate(fd, (off_t)size) < 0 ||
        (sealed && fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW) < 0)) {
        int error = -errno;
        close(fd);
        return error;
    }
    return fd;
}

int mote__memory_file(const char *name, uint64_t size)
{
    return memory_file(name, size, false);
}

int mote__sized_file(const char *name, uint64_t size)
{
    return memory_file(name, size, true);
}

/* ---- time, threads, signals ---- */

bool mote__cpu_clock(int clock, uint64_t *ns)
{
    struct timespec t;
    if (clock_gettime(clock, &t) < 0)
        return false;
    *ns = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
    return true;
}

static uint64_t look_at(clockid_t clock)
{
    uint64_t ns = 0;
    mote__cpu_clock(clock, &ns);
    return ns;
}

uint64_t mote__now_ns(void)
{
    return look_at(CLOCK_MONOTONIC);
}

uint64_t mote__realtime_ns(void)
{
    return look_at(CLOCK_REALTIME);
}

uint64_t mote__thread_cpu_ns(void)
{
    return look_at(CLOCK_THREAD_CPUTIME_ID);
}

void mote__sleep_ns(uint64_t ns)
{
    struct timespec t = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
    nanosleep(&t, NULL);
}

void mote__yield(void)
{
    sched_yield();
}

int mote__process_id(void)
{
    return getpid();
}

int mote__random(void *data, size_t size)
{
    MOTE__SEAM("getrandom");
    return getrandom(data, size, 0) == (ssize_t)size ? 0 : -EIO;
}

int mote__thread_start(pthread_t *thread, void *(*run)(void *), void *argument)
{
    MOTE__SEAM("thread");
    /* Every signal is blocked in our thread: the embedder's handlers stay on its own. */
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int error = pthread_create(thread, NULL, run, argument);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return -error;
}

int mote__thread_pin(pthread_t thread, unsigned processor)
{
    MOTE__SEAM("pin");
    cpu_set_t set;
    CPU_ZERO(&set);
    if (processor >= CPU_SETSIZE)
        return -EINVAL;
    CPU_SET(processor, &set);
    return -pthread_setaffinity_np(thread, sizeof set, &set);
}

void mote__futex_wait(_Atomic uint32_t *word, uint32_t value)
{
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

void mote__futex_wake(_Atomic uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

int mote__cancel_off(void)
{
    int state = PTHREAD_CANCEL_ENABLE;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    return state;
}

void mote__cancel_back(int state)
{
    pthread_setcancelstate(state, NULL);
}

static void nothing(int signal)
{
    (void)signal;
}

bool mote__signal_is_handled(int signal)
{
    struct sigaction now;
    return sigaction(signal, NULL, &now) == 0 && now.sa_handler != SIG_DFL &&
           now.sa_handler != SIG_IGN;
}

bool mote__signal_is_open(int signal)
{
    sigset_t blocked;
    return pthread_sigmask(SIG_BLOCK, NULL, &blocked) == 0 && !sigismember(&blocked, signal);
}

void mote__signal_open(int signal)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

/* One that nobody handles becomes ours in one step; what another thread took between the
 * look and the step is given back to it. SA_ONSTACK: the thread's own stack may be a coroutine's.
 */
static bool take(int signal)
{
    struct sigaction old, mine = {.sa_handler = nothing, .sa_flags = SA_RESTART | SA_ONSTACK};
    sigemptyset(&mine.sa_mask);
    if (sigaction(signal, NULL, &old) < 0 || old.sa_handler != SIG_DFL)
        return false;
    if (sigaction(signal, &mine, &old) < 0)
        return false;
    if (old.sa_handler == SIG_DFL)
        return true;
    sigaction(signal, &old, NULL);
    return false;
}

int mote__signal_take(void)
{
    MOTE__SEAM("sigaction");
    for (int signal = SIGRTMAX; signal >= SIGRTMIN; signal--)
        if (take(signal))
            return signal;
    return -EBUSY;
}

void mote__signal_give_back(int signal)
{
    struct sigaction now, original = {.sa_handler = SIG_DFL};
    if (sigaction(signal, NULL, &now) == 0 && now.sa_handler == nothing)
        sigaction(signal, &original, NULL);
}
