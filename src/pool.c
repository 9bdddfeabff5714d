/* SPDX-License-Identifier: Apache-2.0 */
#include "pool.h"

#include <string.h>

#include "error.h"
#include "host.h"
#include "mote_abi.h"
#include "vm/revert.h"

/* ---- lists ---- */

static void put_first(struct mote__shells *list, struct mote__shell *shell)
{
    shell->previous = NULL;
    shell->next = list->first;
    if (shell->next)
        shell->next->previous = shell;
    else
        list->last = shell;
    list->first = shell;
    list->count++;
}

static void take_out(struct mote__shells *list, struct mote__shell *shell)
{
    if (shell->previous)
        shell->previous->next = shell->next;
    else
        list->first = shell->next;
    if (shell->next)
        shell->next->previous = shell->previous;
    else
        list->last = shell->previous;
    list->count--;
}

static struct mote__shell *take_last(struct mote__shells *list)
{
    struct mote__shell *shell = list->last;
    if (shell)
        take_out(list, shell);
    return shell;
}

/* ---- rules ---- */

static bool may_have(const struct mote__pool *pool, const struct mote__shell *shell,
                     const char *tenant)
{
    if (!shell->used || pool->reuse == MOTE_REUSE_FREELY)
        return true;
    return pool->reuse == MOTE_REUSE_TENANT && shell->tenant && tenant &&
           strcmp(shell->tenant, tenant) == 0;
}

/* Whether a shell that a sandbox has left can have another one at all. */
static bool is_reusable(const struct mote__pool *pool, const struct mote__shell *shell)
{
    return pool->high && (pool->reuse == MOTE_REUSE_FREELY || shell->tenant);
}

static bool fits(const struct mote__shell *shell, const struct mote__shell_wish *wish)
{
    return shell->snapshot == wish->snapshot &&
           mote__memory_fits(&shell->memory, wish->limit, wish->files) &&
           mote__snapshot_needs(wish->snapshot) <= mote__align_up(wish->limit, MOTE_REGION_ALIGN);
}

static struct mote__shell *find_idle(const struct mote__pool *pool,
                                     const struct mote__shell_wish *wish)
{
    for (struct mote__shell *s = pool->idle.first; s; s = s->next)
        if (fits(s, wish) && may_have(pool, s, wish->tenant))
            return s;
    return NULL;
}

/* Of those that are kept ready: nobody has used it, and it is what was last wished for. */
static bool is_fresh(const struct mote__pool *pool, const struct mote__shell *shell)
{
    return !shell->used && pool->wish.snapshot && fits(shell, &pool->wish);
}

static size_t count_fresh(const struct mote__pool *pool)
{
    size_t n = 0;
    for (const struct mote__shell *s = pool->idle.first; s; s = s->next)
        n += is_fresh(pool, s);
    return n;
}

static bool should_make(const struct mote__pool *pool)
{
    return pool->low && pool->wish.snapshot && (!pool->most || pool->shells < pool->most) &&
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

/* The idle shell that is least worth keeping: those made ahead come last, then what was used last.
 */
static struct mote__shell *take_worst(struct mote__pool *pool)
{
    struct mote__shell *worst = pool->idle.last;
    while (worst && is_fresh(pool, worst))
        worst = worst->previous;
    if (!worst)
        return take_last(&pool->idle);
    take_out(&pool->idle, worst);
    return worst;
}

/* An idle shell, clean; what is then too much goes. */
static void keep_idle(struct mote__pool *pool, struct mote__shell *shell)
{
    put_first(&pool->idle, shell);
    while (pool->idle.count > pool->high)
        put_first(&pool->surplus, take_worst(pool));
}

static void forget_wish(struct mote__pool *pool)
{
    mote__snapshot_unref(pool->wish.snapshot);
    pool->wish.snapshot = NULL;
}

static void destroy_one(struct mote__pool *pool)
{
    struct mote__shell *shell = take_last(&pool->surplus);
    unlock(pool);
    mote__shell_free(shell);
    lock(pool);
    pool->shells--;
}

static int make_shell(struct mote__shell **shell, mote_host *host,
                      const struct mote__shell_wish *wish, mote_error *error)
{
    int status = mote__shell_from_snapshot(shell, &host->allocator, host->hv, wish->snapshot,
                                           wish->limit, wish->files, error);
    if (!status)
        (*shell)->number = atomic_fetch_add(&host->pool.made_ever, 1);
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
    pool->shells++;
    unlock(pool);
    if (make_shell(&shell, host, &wish, &error))
        mote__host_log(host, 2, "no VM could be made ahead: %s", error.text);
    else
        mote__host_log(host, 1, "VM %llu was made ahead", (unsigned long long)shell->number);
    lock(pool);
    if (shell) {
        keep_idle(pool, shell);
    } else {
        pool->shells--;
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
        if (should_make(pool))
            make_one(host);
        else if (pool->surplus.count)
            destroy_one(pool);
        else
            pthread_cond_wait(&pool->work, &pool->lock);
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

static void free_list(const mote_host *host, struct mote__shells *list)
{
    struct mote__shell *shell;
    while ((shell = take_last(list))) {
        if (mote__host_forked(host))
            mote__shell_abandon(shell);
        mote__shell_free(shell);
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
static int make_room(struct mote__pool *pool, struct mote__shell **victim)
{
    *victim = NULL;
    while (pool->most && pool->shells >= pool->most) {
        *victim = take_last(&pool->surplus);
        if (!*victim)
            *victim = take_worst(pool);
        if (*victim)
            return 0;
        if (!pool->making)
            return MOTE__POOL_FULL;
        wait_made(pool);
    }
    pool->shells++;
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

/* An idle shell, or the right to make one. */
static int find(struct mote__shell **shell, struct mote__pool *pool,
                const struct mote__shell_wish *wish, struct mote__shell **victim)
{
    *shell = find_idle(pool, wish);
    if (*shell) {
        take_out(&pool->idle, *shell);
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

static int make(struct mote__shell **shell, mote_host *host, const struct mote__shell_wish *wish,
                struct mote__shell *victim, mote_error *error)
{
    mote__shell_free(victim);
    int status = make_shell(shell, host, wish, error);
    if (!status)
        return 0;
    lock(&host->pool);
    host->pool.shells--;
    host->pool.created--;
    unlock(&host->pool);
    return status;
}

/* Without memory for the name it is nobody's, and never used again. */
static void claim(mote_host *host, struct mote__shell *shell, const char *tenant)
{
    if (!shell->used && tenant && host->pool.high && host->pool.reuse == MOTE_REUSE_TENANT)
        shell->tenant = mote__strdup(&host->allocator, tenant);
    shell->used = true;
}

static void tell(const mote_host *host, const struct mote__shell *shell, const char *tenant)
{
    if (host->pool.high)
        mote__host_log(host, 1, "VM %llu, %s: for a sandbox of %s%.64s",
                       (unsigned long long)shell->number, shell->used ? "used before" : "unused",
                       tenant ? "tenant " : "its own", tenant ? tenant : "");
}

int mote__pool_take(struct mote__shell **out, mote_host *host, const struct mote__shell_wish *wish,
                    mote_error *error)
{
    struct mote__shell *shell, *victim = NULL;
    lock(&host->pool);
    int status = find(&shell, &host->pool, wish, &victim);
    unlock(&host->pool);
    if (!status && !shell)
        status = make(&shell, host, wish, victim, error);
    if (status)
        return status;
    mote__memory_set_limit(&shell->memory, wish->limit);
    tell(host, shell, wish->tenant);
    claim(host, shell, wish->tenant);
    *out = shell;
    return 0;
}

/* ---- giving ---- */

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
    if (!pool->threaded)
        mote__shell_free(shell);
    lock(pool);
    if (pool->threaded)
        put_first(&pool->surplus, shell);
    else
        pool->shells--;
    wake(pool);
    unlock(pool);
}

void mote__pool_give(mote_host *host, struct mote__shell *shell)
{
    struct mote__pool *pool = &host->pool;
    if (mote__host_forked(host) || !is_reusable(pool, shell) || shell->memory.damaged ||
        mote__shell_outgrown(shell) || mote__shell_clean(shell, NULL)) {
        mote__pool_drop(host, shell);
        return;
    }
    lock(pool);
    keep_idle(pool, shell);
    wake(pool);
    unlock(pool);
}

static bool is_of(const struct mote__snapshot *snapshot, const struct mote__snapshot *image)
{
    while (snapshot && snapshot != image)
        snapshot = snapshot->parent;
    return snapshot != NULL;
}

void mote__pool_forget(mote_host *host, const struct mote__snapshot *image)
{
    struct mote__pool *pool = &host->pool;
    if (mote__host_forked(host))
        return;
    lock(pool);
    if (is_of(pool->wish.snapshot, image))
        forget_wish(pool);
    while (is_of(pool->making, image))
        wait_made(pool);
    for (struct mote__shell *s = pool->idle.first, *next; s; s = next) {
        next = s->next;
        if (!is_of(s->snapshot, image))
            continue;
        take_out(&pool->idle, s);
        put_first(&pool->surplus, s);
    }
    wake(pool);
    unlock(pool);
}

void mote__pool_count(struct mote__pool *pool, mote_host_use *use)
{
    lock(pool);
    use->vms_idle = pool->idle.count + pool->surplus.count;
    use->vms_used = pool->shells - use->vms_idle;
    use->vms_reused = pool->reused;
    unlock(pool);
    use->vms_created = atomic_load(&pool->made_ever);
}
