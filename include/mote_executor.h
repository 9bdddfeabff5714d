/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mote_executor.h: threads that run calls of many tenants, each call in a fresh sandbox.
 *
 * A job is one call: an image, a policy, an export and its arguments. Any thread submits jobs,
 * which never waits; workers run them and tell how each ended, by a callback or through a
 * descriptor for an event loop (mote_executor_fd). It is what an embedder could write on mote.h,
 * and uses nothing else.
 *
 * Sandboxes. A job runs in a sandbox that is in its image's initial state and that served no other
 * tenant, image or policy before. Each worker keeps some for the next jobs of the same three, and
 * resets one as soon as its job has ended. Jobs without a tenant (NULL or "") share none.
 *
 * Order. The jobs of a tenant start in the order in which they were submitted. Workers go round the
 * tenants that have jobs which may start, and take one of each: a tenant with a thousand jobs in
 * the queue delays another one's first job by one job, not by a thousand. All jobs without a tenant
 * are one tenant in this respect and for limits.
 *
 * Threads. Everything may be called by any thread, also from callbacks and host functions, except
 * that mote_executor_drain and mote_executor_free answer MOTE_EBUSY on a worker. Callbacks and
 * host functions run on workers: while one waits, its worker does nothing else. In workers all
 * signals are blocked but the one of the host.
 *
 * Fork. In a forked child everything answers MOTE_EFORKED, save mote_executor_free, which releases
 * the child's memory, and mote_completion_release. A callback or host function that forks must end
 * the child: where it returns there, its thread ends, the only one of the child.
 */
#ifndef MOTE_EXECUTOR_H
#define MOTE_EXECUTOR_H

#include "mote.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mote_executor mote_executor;

typedef struct mote_executor_options {
    size_t size;      /* sizeof(mote_executor_options) */
    uint32_t threads; /* workers, at most 256; 0: one for each processor that this thread may use */
    /* Jobs that wait for a worker, and completions that wait for mote_executor_next, together; 0:
     * 1024; at most 500000. */
    uint32_t queue;
    /* That each worker keeps for later jobs, each with its VM; 0: 16, at most 4096. The one that
     * was used longest ago gives way. */
    uint32_t sandboxes;
    uint32_t suspended; /* jobs that may be suspended at once, each with its VM; 0: 256, at most
                           500000 */
    /* Limits of tenants that have none of their own: see mote_tenant_limits. */
    uint32_t tenant_queue;
    uint32_t tenant_concurrency;
} mote_executor_options;

/* Starts the workers. `options` may be NULL. The host cannot be freed before the executor. Errors:
 * EINVAL, ENOMEM, ESYSTEM, EFILES, EPROCESSES, EFORKED. */
MOTE_API int mote_executor_new(mote_executor **executor, mote_host *host,
                               const mote_executor_options *options, mote_error *error);

/* ---- jobs ---- */

/* How a job ended. */
typedef struct mote_completion {
    size_t size; /* sizeof(mote_completion) of the library, or as the caller of _next set it */
    uint64_t id;
    void *user; /* of the job */
    /* What mote_call or mote_run returned: 0 or a MOTE_E*; or why it did not run: the error of
     * mote_sandbox_new, or MOTE_EINTERRUPTED. */
    int status;
    uint32_t nresults;       /* 0 or 1; 0 unless `status` is 0 */
    mote_value result;       /* of a program: its exit status, i32 */
    const mote_error *error; /* NULL when `status` is 0 */
    mote_fault_kind fault;   /* and more of the report, 0 when it did not run */
    uint64_t wall_ns;
    uint64_t cpu_ns;
    /* In a callback: the sandbox, after the call, for questions (report, output, memory); NULL when
     * the job did not run, and in completions of mote_executor_next. */
    mote_sandbox *sandbox;
    void *memory; /* the library's */
} mote_completion;

/* Runs on a worker. All that `completion` points to lives until it returns. */
typedef void (*mote_done_fn)(void *user, const mote_completion *completion);

typedef struct mote_job {
    size_t size; /* sizeof(mote_job) */
    mote_image *image;
    mote_policy *policy;    /* NULL: as for mote_sandbox_new */
    mote_func func;         /* of the image; zero: the image is a program, which is run */
    const mote_value *args; /* copied with their strings and bytes */
    size_t nargs;
    const mote_call_options *call; /* NULL: none; the deadline counts from the start of the call */
    const char *tenant;            /* any text; copied. NULL is "" */
    mote_done_fn done;             /* NULL: the completion goes to mote_executor_next */
    void *user;
} mote_job;

/* Puts a job into the queue; never waits for one. `id` may be NULL; it is set before the job
 * starts. Image and policy are kept until the job has ended. Errors: ELIMIT (the queue of the
 * executor or of the tenant is full: nothing is wrong, try again later), EBUSY (it is being
 * drained), EINVAL, ETYPE (more than MOTE_PARAMS_MAX arguments), ENOMEM, EFORKED. Wrong types of
 * arguments fail the job. */
MOTE_API int mote_executor_submit(mote_executor *executor, const mote_job *job, uint64_t *id,
                                  mote_error *error);

/* Ends a job with MOTE_EINTERRUPTED: one that waits is taken out of the queue, one that runs is
 * interrupted, one that is suspended is cancelled. Its completion comes as for all others, and may
 * say that the job ended otherwise before. A callback or host function that runs is not stopped.
 * May wait while the arguments of the job are copied into its sandbox. Errors: ENOTFOUND (no such
 * job, or it has ended), EFORKED, EINVAL. */
MOTE_API int mote_executor_cancel(mote_executor *executor, uint64_t id);

/* ---- jobs that are suspended ---- */

/*
 * When a host function returns MOTE_PENDING its job is suspended: it leaves its worker and goes on,
 * on any worker, before the other jobs of its tenant, once it is answered. The host function finds
 * out which job it is by mote_sandbox_user(mote_context_sandbox(context)), which in jobs points to
 * this, until the job ends.
 */
typedef struct mote_job_info {
    size_t size; /* sizeof(mote_job_info) of the library */
    mote_executor *executor;
    uint64_t id;
    void *user; /* of the job */
} mote_job_info;

/* Answers the host function for which a job waits; may come before that function has returned
 * MOTE_PENDING. `answer` is as for mote_resume, and copied. One of the wrong type ends the job with
 * MOTE_ETYPE, one that is late with MOTE_EDEADLINE. Jobs that nobody answers stay, until they are
 * cancelled. Errors: ENOTFOUND (no such job, or it neither runs nor is suspended), EBUSY (it has an
 * answer already), ENOMEM, EINVAL, EFORKED. */
MOTE_API int mote_executor_resume(mote_executor *executor, uint64_t id, const mote_value *answer,
                                  mote_error *error);
/* The same, as if the host function had returned mote_context_fail(context, code, text). */
MOTE_API int mote_executor_resume_fail(mote_executor *executor, uint64_t id, int code,
                                       const char *text, mote_error *error);

/* ---- completions for event loops ---- */

/* A descriptor that is readable (poll, epoll) while mote_executor_next has something to give. It is
 * the executor's: do not read or close it. MOTE_EINVAL, MOTE_EFORKED. */
MOTE_API int mote_executor_fd(const mote_executor *executor);

/* The next completion of a job without a callback, in the order in which they ended; never waits.
 * Set `size` of `completion`. Returns 1, or 0 when there is none, or MOTE_EINVAL, MOTE_EFORKED.
 * What it points to lives until mote_completion_release, which may come after mote_executor_free.
 */
MOTE_API int mote_executor_next(mote_executor *executor, mote_completion *completion);
/* Once for each that mote_executor_next gave. NULL is fine. */
MOTE_API void mote_completion_release(mote_completion *completion);

/* ---- tenants ---- */

typedef struct mote_tenant_limits {
    size_t size;    /* sizeof(mote_tenant_limits) */
    uint32_t queue; /* jobs of it that wait for a worker; 0: as many as the executor has room for */
    uint32_t concurrency; /* jobs of it that run at once, without suspended ones; 0: no limit */
    /* CPU time for each second of the wall clock, in nanoseconds: 500000000 is half a processor; 0:
     * no limit. The tenant has an account that grows by so much, evenly, up to one second's worth,
     * with which it starts. Each job is charged with what its worker used for it, host functions
     * and the reset included, when it ends or is suspended. While the account is not above zero no
     * job of the tenant starts; a job that runs goes on (bound it by MOTE_OPT_CPU_BUDGET). */
    uint64_t cpu_ns;
} mote_tenant_limits;

/* Gives a tenant limits of its own; they hold at once. NULL: those of the executor's options again.
 * A tenant without limits of its own is known, and counted, only while it has jobs. Memory and time
 * of single calls are limited by policies. Errors: EINVAL, ENOMEM, EFORKED. */
MOTE_API int mote_executor_tenant(mote_executor *executor, const char *tenant,
                                  const mote_tenant_limits *limits, mote_error *error);

/* submitted = queued + running + suspended + completed + failed + cancelled, at every moment. */
typedef struct mote_executor_use {
    size_t size;        /* sizeof(mote_executor_use) */
    uint64_t submitted; /* jobs that were accepted */
    uint64_t refused;   /* that were not: MOTE_ELIMIT */
    uint64_t completed; /* ended with status 0 */
    uint64_t failed;    /* ended otherwise */
    uint64_t cancelled; /* ended with MOTE_EINTERRUPTED */
    uint64_t queued;    /* wait for a worker now, also to go on after they were answered */
    uint64_t running;   /* now, until their callback has returned and their sandbox was reset */
    uint64_t suspended; /* now, not yet answered */
    uint64_t cpu_ns;    /* charged to tenants that have a limit of it */
    uint64_t untaken;   /* completions that wait for mote_executor_next now; 0 for a tenant */
    uint64_t sandboxes; /* made for jobs since the start; 0 for a tenant */
} mote_executor_use;

/* The figures of one tenant, or of all (NULL). Errors: ENOTFOUND (no such tenant now), EINVAL,
 * EFORKED. */
MOTE_API int mote_executor_describe(mote_executor *executor, const char *tenant,
                                    mote_executor_use *use);

/* ---- the end ---- */

/* Accepts no more jobs, and waits until none is queued, runs or is suspended (mote_executor_use).
 * Completions may wait for mote_executor_next still. `timeout_ns` 0: as long as it takes.
 * Errors: EDEADLINE (the time passed; jobs go on, new ones are still refused), EBUSY (this is a
 * worker), EINVAL, EFORKED. */
MOTE_API int mote_executor_drain(mote_executor *executor, uint64_t timeout_ns);

/* Cancels all jobs, waits until they have ended and their callbacks have returned, and releases
 * everything, completions that nobody took included. No other thread may use the executor any more.
 * MOTE_EBUSY, and nothing is done, on a worker. NULL is fine. */
MOTE_API int mote_executor_free(mote_executor *executor);

#ifdef __cplusplus
}
#endif

#endif
