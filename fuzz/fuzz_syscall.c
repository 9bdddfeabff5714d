/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls with any registers and any memory, through the real API on a hypervisor that is not
 * there. Three sandboxes take turns: one that was granted nearly everything, one with clocks and
 * pipes of the host, one with nothing. Answers are values or errors, limits hold,
 * what is outside of a granted directory stays as it is, and a reset leaves nothing open.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../tests/unit/tiny_elf.h"
#include "fake_hv.h"
#include "linux/internal.h"
#include "sandbox.h"
#include "script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MEMORY       (2u << 20)
#define LONGEST      1024u /* bytes of a script */
#define STREAM_BYTES 100000u
#define OWN_LIMIT    5000u
#define FILE_BYTES   (1u << 20)
#define OPEN_FILES   12u
#define NAMES        (TINY_DATA + 0x1000) /* a page of strings, which the guest may overwrite */

enum { GRANTED, WAITING, NOTHING, SANDBOXES };

static mote_host *host;
static mote_image *image;
static mote_sandbox *sandboxes[SANDBOXES], *sandbox;
static struct script script;
static uint64_t served[512];
static size_t nserved;
static bool asked; /* a system call was made: judge its answer */
static uint64_t number;
static uint64_t taken, given; /* by the callbacks of this input */
static int fds_before;        /* of the process, while no guest has any open */
static int in_pipe, out_pipe; /* our ends */
static char top[] = "/dev/shm/mote-syscall-XXXXXX";
static struct stat canary;

/* ---- the guest's choices ---- */

static const char *const names[] = {
    "/d/a",      "/d/sub/b",     "/d/new",     "a",       "sub",
    "../canary", "/d/up/canary", "/d",         "/",       "",
    "/dev/null", "/dev/urandom", "/f",         "/d/sub",  "/none",
    ".",         "..",           "/d/sub/new", "/d/link", "/proc/self/exe",
};

#define NNAMES (sizeof names / sizeof names[0])

static uint64_t choose_address(void)
{
    const struct mote__layout *l = &image->layout;
    const struct mote__regions *r = &sandbox->shell->memory.regions;
    switch (script_u8(&script) % 9) {
    case 0:
        return TINY_DATA + script_u8(&script) * 16u;
    case 1:
        return l->stack_top - script_u16(&script);
    case 2:
        return r->list[script_u8(&script) % r->count].end - script_u8(&script);
    case 3:
        return script_u64(&script);
    case 4:
        return l->mmap + script_u8(&script) * (uint64_t)MOTE__PAGE;
    case 5:
        return TINY_TEXT + script_u16(&script) % 0x2000;
    case 6:
        return l->heap + script_u16(&script);
    case 7:
        return l->gate + script_u16(&script);
    default:
        return 0;
    }
}

static uint64_t choose_argument(void)
{
    static const uint64_t special[] = {(uint64_t)AT_FDCWD, UINT64_MAX, INT64_MAX,
                                       1ull << 63,         0x1000,     0x7fffffff,
                                       UINT32_MAX,         1ull << 32};
    switch (script_u8(&script) % 8) {
    case 0:
    case 1:
        return script_u8(&script) % 16;
    case 2:
        return NAMES + script_u8(&script) % NNAMES * 32;
    case 3:
        return script_u16(&script);
    case 4:
        return special[script_u8(&script) % 8];
    case 5:
        return script_u64(&script);
    default:
        return choose_address();
    }
}

static void scribble(struct mote__vm *vm)
{
    uint8_t bytes[64];
    size_t size = script_u8(&script) % (sizeof bytes + 1);
    uint64_t at = choose_address();
    script_take(&script, bytes, size);
    fake_write(vm, at, bytes, size);
}

static void choose_number(void)
{
    uint8_t choice = script_u8(&script);
    number = choice < 250 ? served[choice % nserved] : script_u16(&script);
    if (choice == 255)
        number = script_u64(&script);
}

/* Those that end the guest are left for the end of a script. */
static bool ends_guest(void)
{
    return number == SYS_exit || number == SYS_exit_group || number == SYS_kill ||
           number == SYS_tkill || number == SYS_tgkill;
}

static void ask(struct mote__vm *vm, struct mote__exit *exit)
{
    uint64_t *list[] = {&vm->regs.rdi, &vm->regs.rsi, &vm->regs.rdx,
                        &vm->regs.r10, &vm->regs.r8,  &vm->regs.r9};
    for (uint8_t n = script_u8(&script) % 4; n; n--)
        scribble(vm);
    choose_number();
    if (ends_guest() && script.left > 8)
        number = SYS_read;
    vm->regs.rax = number;
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
        *list[i] = choose_argument();
    asked = true;
    fake_syscall(vm, exit, TINY_TEXT);
}

static void judge(const struct mote__vm *vm)
{
    int64_t result = (int64_t)vm->regs.rax;
    fake_check(result > -4096, "an answer is a value or an error");
    if (number >= sizeof served / sizeof served[0])
        fake_check(result == -ENOSYS, "numbers that there are not are ENOSYS");
    asked = false;
}

static void ring(struct mote__vm *vm, struct mote__exit *exit)
{
    uint32_t request = sandbox ? MOTE_REQUEST_RETURN : MOTE_REQUEST_READY;
    fake_check(fake_write(vm, image->layout.mailbox, &request, sizeof request), "a mailbox");
    fake_doorbell(vm, exit);
}

static void guest(struct mote__vm *vm, struct mote__exit *exit)
{
    if (asked)
        judge(vm);
    if (!sandbox || script_ended(&script))
        ring(vm, exit);
    else
        ask(vm, exit);
}

/* ---- what was granted ---- */

static int64_t write_stream(void *user, mote_sandbox *s, const void *data, size_t size)
{
    volatile uint8_t sink = 0;
    (void)user;
    fake_check(s == sandbox && size <= MOTE__PIECE, "a piece is bounded");
    for (size_t i = 0; i < size; i += 64)
        sink = ((const uint8_t *)data)[i];
    (void)sink;
    size_t n = script_u8(&script) & 1 ? size : size / 2;
    taken += n;
    fake_check(taken <= OWN_LIMIT, "a stream's own limit holds");
    return (int64_t)n;
}

static int64_t read_stream(void *user, mote_sandbox *s, void *data, size_t size)
{
    (void)user;
    fake_check(s == sandbox && size <= MOTE__PIECE, "a piece is bounded");
    memset(data, 1, size);
    if (script_u8(&script) == 7)
        return -EIO;
    given += size;
    fake_check(given <= OWN_LIMIT, "a stream's own limit holds");
    return (int64_t)size;
}

static void watch(void *user, mote_sandbox *s, const mote_syscall_event *event)
{
    (void)user;
    fake_check(s == sandbox && event->number == number && event->name[0], "it is this call");
    fake_check(!event->refused || event->result == -ENOSYS || event->result == -EPERM,
               "a refusal is one");
}

static void clean_up(void)
{
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", top);
    if (system(command))
        fprintf(stderr, "fuzz_syscall: %s could not be removed\n", top);
}

static const char *path_of(const char *name)
{
    static char path[64];
    snprintf(path, sizeof path, "%s/%s", top, name);
    return path;
}

static void put_file(const char *name)
{
    int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    fake_check(fd >= 0 && write(fd, "contents of a file", 18) == 18, "a file");
    close(fd);
}

/* T/canary; T/in with a few things, one of which points out. */
static void make_files(bool first)
{
    char command[256];
    if (first)
        fake_check(mkdtemp(top) && atexit(clean_up) == 0 && mkdir(path_of("in"), 0755) == 0,
                   "a directory");
    snprintf(command, sizeof command,
             "cd %s/in && chmod -R u+rwx . && rm -rf ./* && mkdir sub && ln -s .. up && "
             "ln -s sub/b link",
             top);
    fake_check(system(command) == 0, "what is in it");
    put_file("in/a");
    put_file("in/sub/b");
    if (first)
        put_file("canary");
    fake_check(!first || stat(path_of("canary"), &canary) == 0, "a canary");
}

static void check_canary(void)
{
    struct stat now;
    fake_check(stat(path_of("canary"), &now) == 0 && now.st_size == canary.st_size &&
                   now.st_mtim.tv_nsec == canary.st_mtim.tv_nsec && now.st_mode == canary.st_mode &&
                   now.st_ctim.tv_nsec == canary.st_ctim.tv_nsec,
               "what is outside stays as it is");
}

static int set_all(mote_policy *policy, mote_clock clock, mote_random random)
{
    int failed = mote_policy_set(policy, MOTE_OPT_MEMORY, MEMORY, NULL);
    failed |= mote_policy_set(policy, MOTE_OPT_STREAM_BYTES, STREAM_BYTES, NULL);
    failed |= mote_policy_set(policy, MOTE_OPT_OPEN_FILES, OPEN_FILES, NULL);
    failed |= mote_policy_set(policy, MOTE_OPT_FILE_BYTES, FILE_BYTES, NULL);
    failed |= mote_policy_set(policy, MOTE_OPT_CLOCK, clock, NULL);
    return failed | mote_policy_set(policy, MOTE_OPT_RANDOM, random, NULL);
}

static int grant_streams(mote_policy *policy)
{
    static const mote_stream calls = {
        .size = sizeof calls, .read = read_stream, .write = write_stream, .limit = OWN_LIMIT};
    int failed = mote_policy_input(policy, 0, "some input to read", 18, NULL);
    failed |= mote_policy_capture(policy, 1, OWN_LIMIT, NULL);
    return failed | mote_policy_stream(policy, 2, &calls, NULL);
}

static int grant_files(mote_policy *policy)
{
    int failed =
        mote_policy_dir(policy, path_of("in"), "/d", MOTE_GRANT_READ | MOTE_GRANT_WRITE, NULL);
    return failed | mote_policy_file(policy, path_of("canary"), "/f", NULL);
}

static int grant_pipes(mote_policy *policy)
{
    int in[2], out[2];
    fake_check(pipe2(in, O_NONBLOCK | O_CLOEXEC) == 0 && pipe2(out, O_NONBLOCK | O_CLOEXEC) == 0,
               "pipes");
    int failed = mote_policy_fd(policy, 0, in[0], MOTE_GRANT_READ, 0, NULL);
    failed |= mote_policy_fd(policy, 1, out[1], MOTE_GRANT_WRITE, 0, NULL);
    close(in[0]);
    close(out[1]);
    in_pipe = in[1];
    out_pipe = out[0];
    return failed;
}

static mote_policy *make_policy(int which)
{
    mote_policy *policy;
    int failed = mote_policy_new(&policy, host, NULL);
    fake_check(!failed, "a policy");
    switch (which) {
    case GRANTED:
        failed |= set_all(policy, MOTE_CLOCK_FROZEN, MOTE_RANDOM_SEEDED);
        failed |= grant_streams(policy) | grant_files(policy);
        failed |= mote_policy_trace(policy, watch, NULL, NULL);
        break;
    case WAITING:
        failed |= set_all(policy, MOTE_CLOCK_COARSE, MOTE_RANDOM_REAL);
        failed |= grant_pipes(policy);
        break;
    default:
        failed |= mote_policy_set(policy, MOTE_OPT_REFUSED, MOTE_REFUSED_FAULT, NULL);
        failed |= mote_policy_set(policy, MOTE_OPT_MEMORY, MEMORY, NULL);
    }
    failed |= mote_policy_set(policy, MOTE_OPT_DEADLINE, 4000000, NULL); /* some sleep for ever */
    fake_check(!failed, "its grants");
    return policy;
}

/* ---- set up once ---- */

static void open_image(void)
{
    static struct tiny_elf elf;
    tiny_init(&elf);
    tiny_abi(&elf, MOTE_ABI_VERSION);
    tiny_function(&elf, MOTE_NOTE_EXPORT, 0, "", "run", "()->void");
    tiny_finish(&elf);
    mote_source source = MOTE_SOURCE_DATA(elf.bytes, sizeof elf.bytes);
    mote_image_options options = {.size = sizeof options, .boot_memory = MEMORY};
    fake_check(mote_image_open(&image, host, &source, &options, NULL) == 0, "an image");
}

static int open_fds(void)
{
    int n = 0;
    for (int fd = 0; fd < 64; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static void make_sandboxes(void)
{
    fake_guest = guest;
    for (uint64_t n = 0; n < sizeof served / sizeof served[0]; n++)
        if (mote__linux_row(n) && mote__linux_row(n)->serve)
            served[nserved++] = n;
    make_files(true);
    fake_check(mote_host_new(&host, NULL, NULL) == 0, "a host");
    open_image();
    for (int i = 0; i < SANDBOXES; i++) {
        mote_policy *policy = make_policy(i);
        fake_check(mote_sandbox_new(&sandboxes[i], image, policy, NULL, NULL) == 0, "a sandbox");
        mote_policy_unref(policy);
    }
}

/* ---- one input ---- */

static void begin(int which)
{
    static unsigned inputs;
    char page[32 * NNAMES] = {0}, bytes[0x1000];
    if (which == GRANTED && inputs++ % 256 == 0)
        make_files(false);
    for (size_t i = 0; i < NNAMES; i++)
        snprintf(page + 32 * i, 32, "%s", names[i]);
    fake_check(mote_memory_write(sandbox, NAMES, page, sizeof page) == 0, "names");
    while (read(out_pipe, bytes, sizeof bytes) > 0)
        ;
    fake_check(write(in_pipe, "from the host", 13) == 13 || errno == EAGAIN, "a pipe");
    taken = given = 0;
    asked = false;
    fds_before = open_fds();
}

static void check_after(int status)
{
    const struct mote__fds *fds = &sandbox->fds;
    fake_check(status == 0 || sandbox->error.text[0], "a failure is described");
    fake_check(fds->count <= fds->room && fds->file_bytes_left <= FILE_BYTES + 0ull + INT64_MAX,
               "descriptors are bounded");
    fake_check(!sandbox->policy ||
                   sandbox->personality.stream_bytes <= sandbox->policy->stream_bytes,
               "streams are bounded");
    for (size_t i = 0; sandbox->policy && i < sandbox->policy->nstreams; i++)
        fake_check(fds->streams[i].capture.used <= OWN_LIMIT, "what is captured is bounded");
    if (sandbox->shell)
        fake_check(mote__memory_in_use(&sandbox->shell->memory) <= MEMORY, "memory is bounded");
}

static void check_reset(void)
{
    const struct mote__fds *fds = &sandbox->fds;
    size_t streams = sandbox->policy->nstreams;
    fake_check(mote_reset(sandbox) == 0, "a reset");
    fake_check(fds->count == streams, "a reset brings the descriptors back");
    for (size_t i = 0; i < streams; i++)
        fake_check(fds->streams[i].given == 0 && fds->streams[i].capture.used == 0,
                   "and forgets what they carried");
    fake_check(open_fds() == fds_before, "no descriptor of the host stays open");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!host)
        make_sandboxes();
    script = (struct script){data, size < LONGEST ? size : LONGEST};
    uint8_t choice = script_u8(&script);
    int which = choice < 180 ? GRANTED : choice < 210 ? WAITING : NOTHING;
    sandbox = sandboxes[which];
    begin(which);
    mote_func run = {image, 0};
    int status = mote_call(sandbox, run, NULL, NULL, 0, NULL, 0);
    check_after(status);
    check_reset();
    if (which == GRANTED)
        check_canary();
    return 0;
}
