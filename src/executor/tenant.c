/* SPDX-License-Identifier: Apache-2.0 */
/* Tenants: their limits, their turn, their account of CPU time. */
#include <string.h>

#include "error.h"
#include "executor/executor.h"
#include "options.h"

#define SECOND 1000000000u

/* ---- the table ---- */

static struct mote__tenant **bucket_of(mote_executor *executor, const char *name)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (const char *c = name; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 16777619u;
    return &executor->tenants[hash % MOTE__BUCKETS];
}

struct mote__tenant *mote__tenant_find(mote_executor *executor, const char *name)
{
    struct mote__tenant *t = *bucket_of(executor, name);
    while (t && strcmp(t->name, name) != 0)
        t = t->chain;
    return t;
}

static void set_default_limits(const mote_executor *executor, struct mote__tenant *tenant)
{
    tenant->own = false;
    tenant->limits = (mote_tenant_limits){.size = sizeof tenant->limits,
                                          .queue = executor->options.tenant_queue,
                                          .concurrency = executor->options.tenant_concurrency};
}

static struct mote__tenant *make(mote_executor *executor, const char *name)
{
    size_t size = strlen(name) + 1;
    struct mote__tenant *t = mote__alloc(&executor->host->allocator, sizeof *t + size);
    if (!t)
        return NULL;
    memcpy(t->name, name, size);
    set_default_limits(executor, t);
    struct mote__tenant **bucket = bucket_of(executor, name);
    t->chain = *bucket;
    *bucket = t;
    return t;
}

struct mote__tenant *mote__tenant_get(mote_executor *executor, const char *name)
{
    struct mote__tenant *t = mote__tenant_find(executor, name);
    return t ? t : make(executor, name);
}

void mote__tenant_drop(mote_executor *executor, struct mote__tenant *tenant)
{
    const mote_executor_use *use = &tenant->use;
    if (tenant->own || use->queued || use->running || use->suspended)
        return;
    struct mote__tenant **at = bucket_of(executor, tenant->name);
    while (*at != tenant)
        at = &(*at)->chain;
    *at = tenant->chain;
    mote__free(tenant);
}

/* ---- turns ---- */

static void add_last(struct mote__tenants *place, struct mote__tenant *t)
{
    t->place = place;
    t->next = NULL;
    t->previous = place->last;
    *(place->last ? &place->last->next : &place->first) = t;
    place->last = t;
}

static void leave(struct mote__tenant *t)
{
    struct mote__tenants *place = t->place;
    *(t->previous ? &t->previous->next : &place->first) = t->next;
    *(t->next ? &t->next->previous : &place->last) = t->previous;
    t->place = NULL;
}

/* Nanoseconds of CPU time are counted in doubles: exact up to 2^53, a hundred days. */
static void grow(struct mote__tenant *t, uint64_t now)
{
    double most = (double)t->limits.cpu_ns;
    if (!t->grown || now < t->grown)
        t->grown = now;
    t->account += (double)(now - t->grown) * most / SECOND;
    t->account = t->account < most ? t->account : most;
    t->grown = now;
}

/* When the account will be above zero. */
static uint64_t due(const struct mote__tenant *t)
{
    return t->grown + 1 + (uint64_t)(-t->account / (double)t->limits.cpu_ns * SECOND);
}

static bool may_start(const struct mote__tenant *t)
{
    uint32_t most = t->limits.concurrency;
    return t->waiting.first && (!most || t->use.running < most);
}

static struct mote__tenants *place_of(mote_executor *executor, struct mote__tenant *t)
{
    if (!may_start(t))
        return NULL;
    if (!t->limits.cpu_ns)
        return &executor->ring;
    grow(t, mote__now_ns());
    return t->account > 0 ? &executor->ring : &executor->late;
}

/* A job came: the tenant keeps its turn. A job was taken: it goes to the end. */
void mote__tenant_place(mote_executor *executor, struct mote__tenant *tenant)
{
    struct mote__tenants *place = place_of(executor, tenant);
    if (place == tenant->place)
        return;
    if (tenant->place)
        leave(tenant);
    if (place)
        add_last(place, tenant);
}

void mote__tenant_end_turn(mote_executor *executor, struct mote__tenant *tenant)
{
    leave(tenant);
    mote__tenant_place(executor, tenant);
}

uint64_t mote__tenants_promote(mote_executor *executor)
{
    uint64_t first = 0, at;
    for (struct mote__tenant *t = executor->late.first, *next; t; t = next) {
        next = t->next;
        mote__tenant_place(executor, t);
        if (t->place == &executor->late && (at = due(t), !first || at < first))
            first = at;
    }
    return first;
}

/* ---- limits ---- */

static int set_limits(mote_executor *executor, const char *name, const mote_tenant_limits *limits,
                      mote_error *error)
{
    struct mote__tenant *t = mote__tenant_get(executor, name);
    if (!t)
        return mote__fail_memory(error, "a tenant");
    set_default_limits(executor, t);
    if (limits) {
        t->own = true;
        t->limits = *limits;
        t->account = t->grown ? t->account : (double)limits->cpu_ns;
    }
    mote__tenant_place(executor, t);
    mote__tenant_drop(executor, t);
    while (executor->idle && executor->ring.first)
        mote__executor_wake(executor);
    return 0;
}

int mote_executor_tenant(mote_executor *executor, const char *tenant,
                         const mote_tenant_limits *given, mote_error *error)
{
    mote_tenant_limits limits;
    int status = mote__executor_check(executor, error);
    if (!status)
        status = mote__options_copy(&limits, sizeof limits, given, sizeof limits,
                                    "mote_tenant_limits", error);
    if (status)
        return status;
    mote__executor_lock(executor);
    status = set_limits(executor, tenant ? tenant : "", given ? &limits : NULL, error);
    mote__executor_unlock(executor);
    return status;
}
