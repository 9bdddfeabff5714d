/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The executor, as its files share it. It stands on the public API; of the library's inside it
 * uses the seam, how errors are told, and of its host the allocator, the fork mark and the signal.
 *
 * One lock guards everything but what a worker does with the job that it runs. A job that may start
 * stands in the queue of its tenant; a tenant with such jobs stands in the ring, from
 * which workers take one job of each in turn, or, while its account of CPU time is empty, among
 * the late ones.
 */
#ifndef MOTE_EXECUTOR_INTERNAL_H
#define MOTE_EXECUTOR_INTERNAL_H

#include "host.h"
#include "mote_executor.h"
#include "os/os.h"

#define MOTE__SLOT_BITS 20u /* of an id; the rest counts jobs */
#define MOTE__BUCKETS   1024u

enum mote__job_phase {
    MOTE__JOB_QUEUED,    /* in its tenant's queue; to go on when it has a sandbox */
    MOTE__JOB_CANCELLED, /* out of it, for a worker to end */
    MOTE__JOB_PREPARED,  /* a worker has it, outside of the guest */
    MOTE__JOB_CALLING,   /* a worker is, or will be at once, in the guest */
    MOTE__JOB_SUSPENDED,
    MOTE__JOB_ENDED /* waits for mote_executor_next */
};

/* What a suspended job is resumed with. */
struct mote__answer {
    bool fails, has_value;
    int code;
    const char *text;
    mote_value value;
    unsigned char bytes[]; /* of text and value */
};

/* A sandbox and whom it serves. */
struct mote__kept {
    mote_job_info info; /* the sandbox's user data */
    mote_sandbox *sandbox;
    mote_handle *handle;
    mote_image *image;   /* which the sandbox holds, and */
    mote_policy *policy; /* this one */
    char *tenant;
    uint64_t used; /* when, in jobs of its worker */
};

struct mote__tenant;

struct mote__job {
    mote_executor *executor;
    struct mote__job *next, *previous; /* in whatever queue it stands */
    struct mote__tenant *tenant;
    uint64_t id;
    _Atomic uint32_t phase; /* enum mote__job_phase; CALLING begins and ends without the lock */
    _Atomic bool cancelled;
    struct mote__kept *kept;     /* from PREPARED on, while it has one */
    struct mote__answer *answer; /* given, and not looked at yet */
    struct mote__answer *using;  /* its worker's */
    mote_image *image;
    mote_policy *policy;
    mote_func func;
    mote_call_options call;
    mote_done_fn done;
    void *user;
    uint32_t nresults;
    int status;
    mote_value result;
    void *result_bytes;
    mote_fault_kind fault;
    uint64_t wall_ns, cpu_ns;
    mote_error error;
    size_t nargs;
    mote_value args[]; /* behind them, their strings and bytes */
};

struct mote__jobs {
    struct mote__job *first, *last;
};

struct mote__tenants {
    struct mote__tenant *first, *last;
};

struct mote__tenant {
    struct mote__tenant *chain;           /* in its bucket */
    struct mote__tenant *next, *previous; /* in `place` */
    struct mote__tenants *place;          /* the ring, the late ones, or NULL */
    struct mote__jobs waiting;
    bool own; /* it has limits of its own */
    mote_tenant_limits limits;
    double account; /* nanoseconds of CPU time */
    uint64_t grown; /* until when the account has grown */
    mote_executor_use use;
    char name[];
};

struct mote__worker {
    mote_executor *executor;
    pthread_t thread;
    bool started;
    struct mote__kept **kept; /* for later jobs */
    uint32_t nkept;
    uint64_t jobs; /* after which it kept a sandbox */
    uint64_t made; /* sandboxes that are not counted yet */
    /* of the job that it runs */
    struct mote__tenant *tenant;
    bool charged;
    uint64_t cpu_started;
};

struct mote_executor {
    mote_host *host;
    mote_executor_options options;
    int event;
    pthread_mutex_t lock;
    int cancel;          /* state of cancellation of the thread that has it */
    pthread_cond_t work; /* for workers: a job may start, or all is over */
    pthread_cond_t ends; /* for those who drain: the last job has ended */
    uint32_t idle;       /* workers that wait, and */
    uint32_t woken;      /* those that were woken and have not run since */
    bool closed;         /* accepts no more jobs */
    bool stop;           /* workers end with the last job */
    struct mote__tenants ring, late;
    struct mote__jobs cancelled, ended;
    mote_executor_use use;
    struct mote__tenant *tenants[MOTE__BUCKETS];
    struct mote__job **slots; /* by the low bits of an id; for all jobs that there can be */
    uint32_t *free_slots;
    uint32_t nslots, nfree;
    uint64_t jobs; /* that ever were */
    struct mote__worker workers[];
};

/* ---- executor.c ---- */

void mote__executor_lock(mote_executor *executor);
void mote__executor_unlock(mote_executor *executor);
/* MOTE_EINVAL, MOTE_EFORKED, described. */
int mote__executor_check(const mote_executor *executor, mote_error *error);
/* Jobs that have not ended. With the lock, as all that follow. */
uint64_t mote__executor_live(const mote_executor *executor);
/* A job has ended: those who drain may go on, and workers that stop. */
void mote__executor_ended(mote_executor *executor);
/* ---- queue.c ---- */

/* A worker that waits looks again, if there is one. */
void mote__executor_wake(mote_executor *executor);

void mote__jobs_push(struct mote__jobs *jobs, struct mote__job *job);
void mote__jobs_push_first(struct mote__jobs *jobs, struct mote__job *job);
void mote__jobs_remove(struct mote__jobs *jobs, struct mote__job *job);
/* Puts a job into its tenant's queue: at its end, or at its start when it goes on. */
void mote__queue_add(struct mote__job *job, bool goes_on);
/* Takes it out, as cancelled: a worker will end it. From QUEUED or SUSPENDED. */
void mote__queue_cancel(struct mote__job *job);
/* The job that is next, counted as running; waits for one. NULL: all is over. */
struct mote__job *mote__queue_take(mote_executor *executor);

/* ---- tenant.c ---- */

/* NULL when there is none. */
struct mote__tenant *mote__tenant_find(mote_executor *executor, const char *name);
/* The same, made if it is new; NULL: no memory. */
struct mote__tenant *mote__tenant_get(mote_executor *executor, const char *name);
/* Forgets it, when it has no jobs and no limits of its own. */
void mote__tenant_drop(mote_executor *executor, struct mote__tenant *tenant);
/* Into the ring, to the late ones or to neither, as it is now. */
void mote__tenant_place(mote_executor *executor, struct mote__tenant *tenant);
/* The same, and behind the others: one of its jobs was taken. It stands in the ring. */
void mote__tenant_end_turn(mote_executor *executor, struct mote__tenant *tenant);
/* Late ones whose time has come go to the ring; when the next one's comes, or 0. */
uint64_t mote__tenants_promote(mote_executor *executor);

/* ---- job.c ---- */

/* Without a tenant and an id, which it gets when it is accepted. */
int mote__job_make(struct mote__job **job, mote_executor *executor, const mote_job *given,
                   mote_error *error);
/* Does not need its executor any more. */
void mote__job_free(struct mote__job *job);
/* The job of an id, or NULL. With the lock. */
struct mote__job *mote__job_find(const mote_executor *executor, uint64_t id);
/* There is one as long as limits are kept. */
void mote__job_take_slot(struct mote__job *job);
void mote__job_release_slot(struct mote__job *job);
/* What there is to say of a job that has ended. */
void mote__job_describe(const struct mote__job *job, mote_completion *completion);

/* ---- submit.c ---- */

/* MOTE_ENOTFOUND when it has ended. With the lock. */
int mote__job_cancel(struct mote__job *job);

/* ---- kept.c ---- */

/* A sandbox for the job: one that the worker keeps, or a new one. */
int mote__kept_take(struct mote__worker *worker, struct mote__job *job);
/* Resets it for a later job, or releases it. NULL is fine. */
void mote__kept_give(struct mote__worker *worker, struct mote__kept *kept);
void mote__kept_free(struct mote__kept *kept);

/* ---- worker.c ---- */

void *mote__worker_run(void *worker);

#endif
