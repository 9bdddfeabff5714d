/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread, one epoll loop, a thousand guests that wait at once. Each asks a
 * question that takes a while to answer; the host function says MOTE_PENDING
 * and sets a timer, and when that fires the loop resumes the guest. A few never
 * get an answer: the loop waits for them until their deadline.
 *
 *     event_loop [GUESTS]
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "../example.h"

#define GUESTS    1000
#define QUESTIONS 3
#define FORGOTTEN 100u           /* every so many gets no answer to its last question */
#define SHORT_NS  1000000000ull  /* deadline of such a visit */
#define LONG_NS   60000000000ull /* and of the others */
#define FDS_EACH  3u             /* VM, vCPU and timer of a guest */

struct visitor {
    mote_sandbox *sandbox;
    uint32_t number, asked;
    mote_value answer;
    int timer;
};

/* What there is of everything. */
static struct {
    mote_host *host;
    mote_image *image;
    mote_policy *policy;
    mote_func visit;
    struct visitor *visitors;
    uint32_t count;
    int epoll;
    uint32_t waiting, most_waiting, answered, right, late;
    double resuming; /* microseconds in mote_resume */
} loop;

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "event_loop: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- limits ---- */

/* Raises a limit of the process to what is needed, as far as it may. */
static void need(int resource, rlim_t needed, const char *name, const char *remedy)
{
    struct rlimit limit;
    if (getrlimit(resource, &limit) != 0)
        give_up(name);
    if (limit.rlim_cur >= needed)
        return;
    if (limit.rlim_max < needed) {
        fprintf(stderr, "event_loop: %u guests need %s of %llu, the limit is %llu; %s\n",
                loop.count, name, (unsigned long long)needed, (unsigned long long)limit.rlim_max,
                remedy);
        exit(1);
    }
    limit.rlim_cur = needed;
    if (setrlimit(resource, &limit) != 0)
        give_up(name);
}

/* Each VM has file descriptors, and a kernel thread that counts as the process's. (What other
 * processes of the user have is not known: then the library says MOTE_EPROCESSES.) */
static void check_limits(void)
{
    need(RLIMIT_NOFILE, (rlim_t)FDS_EACH * loop.count + 64, "RLIMIT_NOFILE",
         "raise it with ulimit -n, or ask for fewer guests");
    need(RLIMIT_NPROC, (rlim_t)loop.count + 64, "RLIMIT_NPROC",
         "raise it with ulimit -u, or ask for fewer guests");
}

static bool is_forgotten(const struct visitor *visitor)
{
    return visitor->number % FORGOTTEN == FORGOTTEN - 1;
}

/* ---- waiting ---- */

static void set_timer(struct visitor *visitor, int flags, uint64_t ns)
{
    struct itimerspec time = {.it_value = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)}};
    if (timerfd_settime(visitor->timer, flags, &time, NULL) != 0)
        give_up("timerfd_settime");
}

/* The question takes 1 to 50 ms to answer; or for ever, then the deadline will wake us. */
static int ask(void *user, mote_context *context, const mote_value *args, size_t nargs,
               mote_value *result)
{
    struct visitor *visitor = mote_sandbox_user(mote_context_sandbox(context));
    (void)user;
    (void)nargs;
    (void)result;
    visitor->answer = (mote_value){.type = MOTE_U32, .of.u32 = args[0].of.u32 * 2};
    visitor->asked++;
    if (visitor->asked == QUESTIONS && is_forgotten(visitor))
        set_timer(visitor, TFD_TIMER_ABSTIME,
                  mote_sandbox_deadline(mote_context_sandbox(context)) + 1);
    else
        set_timer(visitor, 0, 1000000ull * (1 + visitor->number * 7919u % 50));
    return MOTE_PENDING;
}

/* ---- guests ---- */

/* 2 + 6 + 14: what the answers add up to. */
#define SUM 22

/* A call, or the rest of one, has come back. */
static void came_back(struct visitor *visitor, int status, const mote_value *result)
{
    if (status == MOTE_PENDING) {
        loop.waiting++;
        loop.most_waiting = loop.waiting > loop.most_waiting ? loop.waiting : loop.most_waiting;
        return;
    }
    if (status == MOTE_EDEADLINE)
        loop.late++;
    else
        must(status, mote_sandbox_error(visitor->sandbox));
    loop.right += status == 0 && result->of.u32 == SUM;
}

static void start(struct visitor *visitor)
{
    const mote_call_options options = {sizeof options, is_forgotten(visitor) ? SHORT_NS : LONG_NS};
    const mote_value questions = {.type = MOTE_U32, .of.u32 = QUESTIONS};
    mote_value result;
    came_back(visitor, mote_call(visitor->sandbox, loop.visit, &options, &questions, 1, &result, 1),
              &result);
}

/* The answer is there; one that comes after the deadline is refused by mote. */
static void go_on(struct visitor *visitor)
{
    uint64_t fired;
    mote_value result;
    if (read(visitor->timer, &fired, sizeof fired) != sizeof fired)
        give_up("reading a timer");
    loop.waiting--;
    loop.answered++;
    double begin = now_us();
    int status = mote_resume(visitor->sandbox, NULL, &visitor->answer, &result, 1);
    loop.resuming += now_us() - begin;
    came_back(visitor, status, &result);
}

static void run(void)
{
    struct epoll_event events[64];
    while (loop.waiting) {
        int n = epoll_wait(loop.epoll, events, 64, -1);
        if (n < 0 && errno != EINTR)
            give_up("epoll_wait");
        for (int i = 0; i < n; i++)
            go_on(events[i].data.ptr);
    }
}

/* ---- making and freeing ---- */

static void make_visitor(struct visitor *visitor, uint32_t number)
{
    mote_error error = MOTE_ERROR_INIT;
    mote_sandbox_options options = {.size = sizeof options, .user = visitor};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = visitor};
    visitor->number = number;
    visitor->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    if (visitor->timer < 0 || epoll_ctl(loop.epoll, EPOLL_CTL_ADD, visitor->timer, &event) != 0)
        give_up("a timer");
    must(mote_sandbox_new(&visitor->sandbox, loop.image, loop.policy, &options, &error), &error);
}

static void free_visitor(struct visitor *visitor)
{
    mote_sandbox_free(visitor->sandbox);
    close(visitor->timer);
}

static void open_all(void)
{
    mote_error error = MOTE_ERROR_INIT;
    mote_source source = MOTE_SOURCE_PATH(guest_path("visitor"));
    must(mote_host_new(&loop.host, NULL, &error), &error);
    must(mote_image_open(&loop.image, loop.host, &source, NULL, &error), &error);
    must(mote_find(loop.image, "visit", "(u32)->u32", &loop.visit, &error), &error);
    must(mote_policy_new(&loop.policy, loop.host, &error), &error);
    must(mote_policy_set(loop.policy, MOTE_OPT_MEMORY, 4u << 20, &error), &error);
    must(mote_policy_function(loop.policy, "env", "ask", "(u32)->u32", ask, NULL, NULL, &error),
         &error);
    loop.visitors = calloc(loop.count, sizeof *loop.visitors);
    loop.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!loop.visitors || loop.epoll < 0)
        give_up("starting");
}

static void close_all(void)
{
    for (uint32_t i = 0; i < loop.count; i++)
        free_visitor(&loop.visitors[i]);
    free(loop.visitors);
    close(loop.epoll);
    mote_policy_unref(loop.policy);
    mote_image_unref(loop.image);
    mote_host_free(loop.host);
}

int main(int argc, char **argv)
{
    long count = argc > 1 ? strtol(argv[1], NULL, 10) : GUESTS;
    loop.count = count > 0 && count <= 100000 ? (uint32_t)count : GUESTS;
    check_limits();
    open_all();

    double begin = now_us();
    for (uint32_t i = 0; i < loop.count; i++)
        make_visitor(&loop.visitors[i], i);
    double time = now_us() - begin;
    show(time, "%u sandboxes are made, %.0f us each", loop.count, time / loop.count);

    begin = now_us();
    for (uint32_t i = 0; i < loop.count; i++)
        start(&loop.visitors[i]);
    time = now_us() - begin;
    show(time, "%u calls are started and wait, %.1f us each", loop.waiting, time / loop.count);

    begin = now_us();
    run();
    time = now_us() - begin;
    show(time, "one thread has answered %u questions, %.1f us each, and waited between them",
         loop.answered, loop.resuming / loop.answered);
    show(-1, "%u guests waited at once; %u got the right sum, %u waited in vain", loop.most_waiting,
         loop.right, loop.late);

    begin = now_us();
    uint32_t forgotten = loop.count / FORGOTTEN;
    close_all();
    show(now_us() - begin, "everything is freed");
    return loop.most_waiting == loop.count && loop.late == forgotten &&
                   loop.right == loop.count - forgotten
               ? 0
               : 1;
}
