/* SPDX-License-Identifier: Apache-2.0 */
#include "pool.h"

#include <string.h>

#include "error.h"
#include "image/image.h"
#include "mote_abi.h"
#include "pool_list.h"
#include "vm/revert.h"

/* Machines that wait to be destroyed, beyond as many as are kept idle. */
#define MAY_LAG 4u

/* ---- rules ---- */

static bool may_have(const struct mote__pool *pool, const struct mote__machine *machine,
                     const char *tenant)
{
    if (!machine->used || pool->reuse == MOTE_REUSE_FREELY)
        return true;
    return pool->reuse == MOTE_REUSE_TENANT && machine->tenant && tenant &&
           strcmp(machine->tenant, tenant) == 0;
}

/* Whether a machine that a sandbox has left can have another one at all. */
static bool is_reusable(const struct mote__pool *pool, const struct mote__machine *machine)
{
    return pool->high && (pool->reuse == MOTE_REUSE_FREELY || machine->tenant);
}

static bool fits(const struct mote__shell *shell, const struct mote__shell_wish *wish)
{
    return shell->snapshot == wish->snapshot &&
           mote__memory_fits(&shell->memory, wish->limit, wish->files) &&
           mote__snapshot_needs(wish->snapshot) <= mote__align_up(wish->limit, MOTE_REGION_ALIGN);
}

static struct mote__shell *find_seat(const struct mote__machine *machine,
                                     const struct mote__shell_wish *wish)
{
    for (size_t i = 0; i < machine->count; i++)
        if (fits(machine->seats[i], wish))
            return machine->seats[i];
    return NULL;
}

/* How well a machine serves a wish; 0: not at all. One with the right shell is worth more than one
 * without, and unused ones are kept for those who can have no other. */
static unsigned value_of(const struct mote__pool *pool, const struct mote__machine *machine,
                         const struct mote__shell_wish *wish)
{
    if (!may_have(pool, machine, wish->tenant))
        return 0;
    unsigned used = machine->used ? 1 : 0;
    if (find_seat(machine, wish))
        return 3 + used;
    return mote__machine_has_room(machine, wish->snapshot, wish->limit, wish->files) ? 1 + used : 0;
}

static struct mote__machine *find_idle(const struct mote__pool *pool,
                                       const struct mote__shell_wish *wish)
{
    struct mote__machine *best = NULL;
    unsigned most = 0;
    for (struct mote__machine *m = pool->idle.first; m && most < 4; m = m->next) {
        unsigned value = value_of(pool, m, wish);
        if (value <= most)
            continue;
        most = value;
        best = m;
    }
    return best;
}

/* Of those that are kept ready: nobody has used it, and it is what was last wished for. */
static bool is_fresh(const struct mote__pool *pool, const struct mote__machine *machine)
{
    return !machine->used && pool->wish.snapshot && find_seat(machine, &pool->wish);
}

static size_t count_fresh(const struct mote__pool *pool)
{
    size_t n = 0;
    for (const struct mote__machine *m = pool->idle.first; m; m = m->next)
        n += is_fresh(pool, m);
    return n;
}

static bool should_make(const struct mote__pool *pool)
{
    return pool->low && pool->wish.snapshot && (!pool->most || pool->vms < pool->most) &&
           count_fresh(pool) < pool->low;
}

/* ---- the thread ---- */

static void lock(struct mote__pool *pool)
{
    pthread_mutex_lock(&pool->lock);
}

static void unlock(struct mote__pool *pool)
{
    pthread_mutex_unlock(&pool->lock);
}

static void wake(struct mote__pool *pool)
{
    if (pool->threaded && (pool->surplus.count || should_make(pool)))
        pthread_cond_signal(&pool->work);
}

/* The idle machine that is least worth keeping: those made ahead come last, then what was used
 * last. */
static struct mote__machine *take_worst(struct mote__pool *pool)
{
    struct mote__machine *worst = pool->idle.last;
    while (worst && is_fresh(pool, worst))
        worst = worst->previous;
    if (!worst)
        return mote__machines_take_last(&pool->idle);
    mote__machines_take_out(&pool->idle, worst);
    return worst;
}

/* An idle machine, clean; what is then too much goes. */
static void keep_idle(struct mote__pool *pool, struct mote__machine *machine)
{
    mote__machines_put_first(&pool->idle, machine);
    while (pool->idle.count > pool->high)
        mote__machines_put_first(&pool->surplus, take_worst(pool));
}

static void forget_wish(struct mote__pool *pool)
{
    mote__snapshot_unref(pool->wish.snapshot);
    pool->wish.snapshot = NULL;
}

static void destroy_one(struct mote__pool *pool)
{
    struct mote__machine *machine = mote__machines_take_last(&pool->surplus);
    unlock(pool);
    mote__machine_free(machine);
    lock(pool);
    pool->vms--;
}

static int make_shell(struct mote__shell **shell, mote_host *host,
                      const struct mote__shell_wish *wish, mote_error *error)
{
    int status = mote__shell_from_snapshot(shell, &host->allocator, host->hv, wish->snapshot,
                                           wish->limit, wish->files, error);
    if (!status)
        (*shell)->machine->number = atomic_fetch_add(&host->pool.made_ever, 1);
    return status;
}

/* When it fails, nothing is made ahead until a sandbox is short of one again. */
static void make_one(mote_host *host)
{
    struct mote__pool *pool = &host->pool;
    struct mote__shell *shell = NULL;
    struct mote__shell_wish wish = pool->wish;
    mote_error error = MOTE_ERROR_INIT;
    pool->making = mote__snapshot_ref(wish.snapshot);
    pool->vms++;
    unlock(pool);
    if (make_shell(&shell, host, &wish, &error))
        mote__host_log(host, 2, "no VM could be made ahead: %s", error.text);
    else
        mote__host_log(host, 1, "VM %llu was made ahead",
                       (unsigned long long)shell->machine->number);
    lock(pool);
    if (shell) {
        keep_idle(pool, shell->machine);
    } else {
        pool->vms--;
        if (pool->wish.snapshot == wish.snapshot)
            forget_wish(pool);
    }
    mote__snapshot_unref(pool->making);
    pool->making = NULL;
    pthread_cond_broadcast(&pool->made);
}

static void *work(void *argument)
{
    mote_host *host = argument;
    struct mote__pool *pool = &host->pool;
    lock(pool);
    while (!pool->stop) {
        if (should_make(pool)) {
            make_one(host);
        } else if (pool->surplus.count) {
            destroy_one(pool);
        } else {
            pthread_cond_wait(&pool->work, &pool->lock);
            continue;
        }
        unlock(pool);
        mote__published_renew(host);
        lock(pool);
    }
    unlock(pool);
    return NULL;
}

/* Until the thread has made what it makes. */
static void wait_made(struct mote__pool *pool)
{
    int cancel = mote__cancel_off(); /* the lock would stay locked */
    pthread_cond_wait(&pool->made, &pool->lock);
    mote__cancel_back(cancel);
}

/* ---- life ---- */

int mote__pool_start(mote_host *host, const mote_host_options *options, mote_error *error)
{
    struct mote__pool *pool = &host->pool;
    if (options->reuse < MOTE_REUSE_TENANT || options->reuse > MOTE_REUSE_FREELY)
        return mote__fail_argument(error, "mote_host_options.reuse is none of enum mote_reuse");
    pool->low = options->shells_low;
    pool->high = options->shells_high > pool->low ? options->shells_high : pool->low;
    pool->most = options->shells_most;
    pool->reuse = options->reuse;
    pool->ready = true;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    pthread_cond_init(&pool->made, NULL);
    if (!pool->high)
        return 0;
    int status = mote__thread_start(&pool->thread, work, host);
    if (status < 0)
        return mote__fail_system(error, status, "starting the pool's thread");
    pool->threaded = true;
    return 0;
}

void mote__pool_stop(struct mote__pool *pool)
{
    if (!pool->ready)
        return;
    lock(pool);
    pool->stop = true;
    pthread_cond_signal(&pool->work);
    unlock(pool);
    if (pool->threaded)
        pthread_join(pool->thread, NULL);
    pool->threaded = false;
    pthread_cond_destroy(&pool->made);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
}

static void free_list(const mote_host *host, struct mote__machines *list)
{
    struct mote__machine *machine;
    while ((machine = mote__machines_take_last(list))) {
        if (mote__host_forked(host))
            mote__machine_abandon(machine);
        mote__machine_free(machine);
    }
}

void mote__pool_free(mote_host *host)
{
    free_list(host, &host->pool.idle);
    free_list(host, &host->pool.surplus);
    mote__snapshot_unref(host->pool.wish.snapshot);
}

/* ---- taking ---- */

/* A place for one more VM: `*victim` is one that must be destroyed for it, or NULL. */
static int make_room(struct mote__pool *pool, struct mote__machine **victim)
{
    *victim = NULL;
    while (pool->most && pool->vms >= pool->most) {
        *victim = mote__machines_take_last(&pool->surplus);
        if (!*victim)
            *victim = take_worst(pool);
        if (*victim)
            return 0;
        if (!pool->making)
            return MOTE__POOL_FULL;
        wait_made(pool);
    }
    pool->vms++;
    return 0;
}

static void remember_wish(struct mote__pool *pool, const struct mote__shell_wish *wish)
{
    if (!pool->low)
        return;
    struct mote__snapshot *old = pool->wish.snapshot;
    pool->wish = *wish;
    pool->wish.tenant = NULL;
    mote__snapshot_ref(wish->snapshot);
    mote__snapshot_unref(old);
}

/* An idle machine, or the right to make one. */
static int find(struct mote__machine **machine, struct mote__pool *pool,
                const struct mote__shell_wish *wish, struct mote__machine **victim)
{
    *machine = find_idle(pool, wish);
    if (*machine) {
        mote__machines_take_out(&pool->idle, *machine);
        pool->reused++;
        wake(pool);
        return 0;
    }
    int status = make_room(pool, victim);
    if (status)
        return status;
    pool->created++;
    remember_wish(pool, wish);
    wake(pool);
    return 0;
}

static void make_failed(struct mote__pool *pool)
{
    lock(pool);
    pool->vms--;
    pool->created--;
    unlock(pool);
}

static int make(struct mote__shell **shell, mote_host *host, const struct mote__shell_wish *wish,
                struct mote__machine *victim, mote_error *error)
{
    if (victim)
        mote__machine_free(victim);
    int status = make_shell(shell, host, wish, error);
    if (status)
        make_failed(&host->pool);
    return status;
}

static void tell(const mote_host *host, const struct mote__machine *machine, const char *tenant)
{
    if (host->pool.high)
        mote__host_log(host, 1, "VM %llu, %s: for a sandbox of %s%.64s",
                       (unsigned long long)machine->number,
                       machine->used ? "used before" : "unused", tenant ? "tenant " : "its own",
                       tenant ? tenant : "");
}

/* Without memory for the name it is nobody's, and never used again. */
static void claim(mote_host *host, struct mote__machine *machine, const char *tenant)
{
    tell(host, machine, tenant);
    if (!machine->used && tenant && host->pool.high && host->pool.reuse == MOTE_REUSE_TENANT)
        machine->tenant = mote__strdup(&host->allocator, tenant);
    machine->used = true;
}

/* Turns the machine to the shell that is wished for. */
static int turn(struct mote__shell **shell, mote_host *host, struct mote__machine *machine,
                const struct mote__shell_wish *wish, mote_error *error)
{
    int status = 0;
    *shell = find_seat(machine, wish);
    if (!*shell)
        status = mote__machine_add(shell, machine, &host->allocator, wish->snapshot, wish->limit,
                                   wish->files, error);
    if (!status)
        status = mote__machine_choose(*shell, error);
    if (status)
        mote__pool_drop(host, machine->seats[0]);
    return status;
}

int mote__pool_take(struct mote__shell **out, mote_host *host, const struct mote__shell_wish *wish,
                    mote_error *error)
{
    struct mote__machine *machine, *victim = NULL;
    struct mote__shell *shell = NULL;
    int status = mote__shell_check_limit(wish->snapshot, wish->limit, error);
    if (status)
        return status; /* no idle machine is tried in vain */
    lock(&host->pool);
    status = find(&machine, &host->pool, wish, &victim);
    unlock(&host->pool);
    if (!status)
        status = machine ? turn(&shell, host, machine, wish, error)
                         : make(&shell, host, wish, victim, error);
    if (status)
        return status;
    mote__memory_set_limit(&shell->memory, wish->limit);
    claim(host, shell->machine, wish->tenant);
    *out = shell;
    return 0;
}

/* ---- giving ---- */

/* Destroys one machine on this thread where the pool's own comes not after, or is not there. */
static void relieve(struct mote__pool *pool)
{
    size_t may_wait = pool->threaded ? pool->high + MAY_LAG : 0;
    lock(pool);
    if (pool->surplus.count > may_wait)
        destroy_one(pool);
    unlock(pool);
}

void mote__pool_drop(mote_host *host, struct mote__shell *shell)
{
    struct mote__pool *pool = &host->pool;
    if (mote__host_forked(host)) {
        mote__shell_abandon(shell);
        mote__shell_free(shell);
        return;
    }
    if (!shell->snapshot) { /* of a boot: not counted */
        mote__shell_free(shell);
        return;
    }
    lock(pool);
    mote__machines_put_first(&pool->surplus, shell->machine);
    wake(pool);
    unlock(pool);
    relieve(pool);
}

/* Whether an image is gone that the machine has a shell of. */
static bool is_forgotten(const struct mote__machine *machine)
{
    for (size_t i = 0; i < machine->count; i++)
        for (struct mote__snapshot *s = machine->seats[i]->snapshot; s; s = s->parent)
            if (atomic_load(&s->forgotten))
                return true;
    return false;
}

static bool can_be_kept(const struct mote__pool *pool, struct mote__shell *shell)
{
    return is_reusable(pool, shell->machine) && !shell->memory.damaged &&
           !mote__shell_outgrown(shell) && mote__shell_clean(shell, NULL) == 0;
}

void mote__pool_give(mote_host *host, struct mote__shell *shell)
{
    struct mote__pool *pool = &host->pool;
    struct mote__machine *machine = shell->machine;
    if (mote__host_forked(host) || !can_be_kept(pool, shell)) {
        mote__pool_drop(host, shell);
        return;
    }
    lock(pool);
    if (is_forgotten(machine))
        mote__machines_put_first(&pool->surplus, machine);
    else
        keep_idle(pool, machine);
    wake(pool);
    unlock(pool);
    relieve(pool);
}

static bool is_of(const struct mote__snapshot *snapshot, const mote_image *image)
{
    return snapshot && snapshot->image == image;
}

static bool has_seat_of(const struct mote__machine *machine, const mote_image *image)
{
    for (size_t i = 0; i < machine->count; i++)
        if (is_of(machine->seats[i]->snapshot, image))
            return true;
    return false;
}

void mote__pool_forget(const mote_image *image)
{
    mote_host *host = image->host;
    struct mote__pool *pool = &host->pool;
    struct mote__snapshot *own = image->snapshot;
    if (mote__host_forked(host))
        return;
    lock(pool);
    if (own)
        atomic_store(&own->forgotten, true);
    if (is_of(pool->wish.snapshot, image))
        forget_wish(pool);
    while (is_of(pool->making, image))
        wait_made(pool);
    for (struct mote__machine *m = pool->idle.first, *next; m; m = next) {
        next = m->next;
        if (!has_seat_of(m, image))
            continue;
        mote__machines_take_out(&pool->idle, m);
        mote__machines_put_first(&pool->surplus, m);
    }
    wake(pool);
    unlock(pool);
}

void mote__pool_count(struct mote__pool *pool, mote_host_use *use)
{
    lock(pool);
    use->vms_idle = pool->idle.count + pool->surplus.count;
    use->vms_used = pool->vms - use->vms_idle;
    use->vms_reused = pool->reused;
    unlock(pool);
    use->vms_created = atomic_load(&pool->made_ever);
}
