/* SPDX-License-Identifier: Apache-2.0 */
#include "policy.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "error.h"
#include "mote_abi.h"
#include "signature.h"

int mote_policy_new(mote_policy **out, mote_host *host, mote_error *error)
{
    if (!out || !host)
        return mote__fail_argument(error, "mote_policy_new: policy or host is NULL");
    int status = mote__host_check(host, error);
    if (status)
        return status;
    mote_policy *policy = mote__alloc(&host->allocator, sizeof *policy);
    if (!policy)
        return mote__fail_memory(error, "a policy");
    atomic_init(&policy->references, 1);
    pthread_mutex_init(&policy->lock, NULL);
    policy->host = host;
    policy->mounts.allocator = &host->allocator;
    policy->memory = MOTE__DEFAULT_MEMORY;
    policy->stream_bytes = MOTE__DEFAULT_STREAM_BYTES;
    policy->open_files = MOTE__DEFAULT_OPEN_FILES;
    policy->file_bytes = MOTE__DEFAULT_FILE_BYTES;
    mote__host_ref(host);
    *out = policy;
    return 0;
}

mote_policy *mote_policy_ref(mote_policy *policy)
{
    if (policy)
        atomic_fetch_add(&policy->references, 1);
    return policy;
}

static void free_grant(struct mote__grant *grant)
{
    if (grant->free_user)
        grant->free_user(grant->user);
    mote__free(grant->module);
    mote__free(grant->name);
}

void mote_policy_unref(mote_policy *policy)
{
    if (!policy || atomic_fetch_sub(&policy->references, 1) != 1)
        return;
    for (size_t i = 0; i < policy->ngrants; i++)
        free_grant(&policy->grants[i]);
    mote__free(policy->grants);
    mote__mounts_free(&policy->mounts);
    mote__policy_free_streams(policy);
    pthread_mutex_destroy(&policy->lock);
    mote__host_unref(policy->host);
    mote__free(policy);
}

void mote__policy_freeze(mote_policy *policy)
{
#if !defined(MOTE_CONTROL_NO_FREEZE)
    pthread_mutex_lock(&policy->lock);
    atomic_store(&policy->frozen, 1);
    pthread_mutex_unlock(&policy->lock);
#else
    (void)policy;
#endif
}

static int check_frozen(const mote_policy *policy, mote_error *error)
{
    if (atomic_load(&policy->frozen))
        return mote__fail(error, MOTE_DOMAIN_API, MOTE_EFROZEN, 0,
                          "grant everything before the first sandbox, or make another policy",
                          "the policy is in use and cannot change");
    return 0;
}

int mote__policy_open(mote_policy *policy, mote_error *error)
{
    if (!policy)
        return mote__fail_argument(error, "the policy is NULL");
    int status = mote__host_check(policy->host, error);
    if (status) /* before the lock: in a child it may be held for ever */
        return status;
    int cancel = mote__cancel_off();
    pthread_mutex_lock(&policy->lock);
    policy->cancel = cancel;
    status = check_frozen(policy, error);
    return status ? mote__policy_close(policy, status) : 0;
}

int mote__policy_close(mote_policy *policy, int status)
{
    int cancel = policy->cancel;
    pthread_mutex_unlock(&policy->lock);
    mote__cancel_back(cancel);
    return status;
}

/* Every option is a number of the policy with its bounds. */
struct option {
    size_t offset;
    uint64_t least, most;
    const char *name;
};

#define OPTION(name, field, least, most) \
    [MOTE_OPT_##name] = {offsetof(struct mote_policy, field), least, most, "MOTE_OPT_" #name}

static const struct option options[] = {
    OPTION(MEMORY, memory, MOTE_REGION_ALIGN, MOTE__LARGEST_MEMORY),
    OPTION(DEADLINE, deadline_ns, 0, UINT64_MAX),
    OPTION(STREAM_BYTES, stream_bytes, 0, UINT64_MAX),
    OPTION(CPU_BUDGET, cpu_budget_ns, 0, UINT64_MAX),
    OPTION(CPU_TIME, cpu_time, 0, 1),
    OPTION(CALL_BYTES, call_bytes, 0, UINT64_MAX),
    OPTION(CLOCK, clock, MOTE_CLOCK_NONE, MOTE_CLOCK_REAL),
    OPTION(RANDOM, random, MOTE_RANDOM_NONE, MOTE_RANDOM_REAL),
    OPTION(RANDOM_SEED, random_seed, 0, UINT64_MAX),
    OPTION(FROZEN_TIME, frozen_time_ns, 0, INT64_MAX),
    OPTION(REFUSED, refused, MOTE_REFUSED_ENOSYS, MOTE_REFUSED_FAULT),
    OPTION(OPEN_FILES, open_files, 3, MOTE__FD_END),
    OPTION(FILE_BYTES, file_bytes, 0, UINT64_MAX),
};

static int set_option(mote_policy *policy, mote_option number, uint64_t value, mote_error *error)
{
    unsigned n = (unsigned)number;
    const struct option *o = n < sizeof options / sizeof options[0] ? &options[n] : NULL;
    if (!o || !o->name)
        return mote__fail_argument(error, "mote_policy_set: unknown option");
    if (value < o->least || value > o->most)
        return mote__fail(error, MOTE_DOMAIN_API, MOTE_EINVAL, 0, NULL,
                          "%s is %llu, not between %llu and %llu", o->name,
                          (unsigned long long)value, (unsigned long long)o->least,
                          (unsigned long long)o->most);
    *(uint64_t *)(void *)((char *)policy + o->offset) = value;
    return 0;
}

int mote_policy_set(mote_policy *policy, mote_option option, uint64_t value, mote_error *error)
{
    int status = mote__policy_open(policy, error);
    return status ? status : mote__policy_close(policy, set_option(policy, option, value, error));
}

const struct mote__grant *mote__policy_find(const mote_policy *policy, const char *module,
                                            const char *name)
{
    for (size_t i = 0; policy && i < policy->ngrants; i++) {
        const struct mote__grant *g = &policy->grants[i];
        if (strcmp(g->module, module) == 0 && strcmp(g->name, name) == 0)
            return g;
    }
    return NULL;
}

static int add_grant(mote_policy *policy, const struct mote__grant *grant, mote_error *error)
{
    struct mote__grant *grants = mote__realloc(&policy->host->allocator, policy->grants,
                                               (policy->ngrants + 1) * sizeof *grants);
    if (!grants)
        return mote__fail_memory(error, "a host function");
    policy->grants = grants;
    grants[policy->ngrants++] = *grant;
    return 0;
}

static int check_function(const mote_policy *policy, const char *module, const char *name,
                          const char *signature, mote_host_fn fn, mote_error *error)
{
    if (!module || !name || !signature || !fn || strlen(module) > MOTE_MAX_NAME ||
        strlen(name) > MOTE_MAX_NAME)
        return mote__fail_argument(
            error, "mote_policy_function: module, name, signature or fn is NULL or too long");
    if (mote__policy_find(policy, module, name))
        return mote__fail(error, MOTE_DOMAIN_API, MOTE_EINVAL, 0, NULL,
                          "host function %s.%s is already granted", module, name);
    return 0;
}

static int grant_function(mote_policy *policy, const char *module, const char *name,
                          const char *signature, mote_host_fn fn, void *user,
                          mote_free_fn free_user, mote_error *error)
{
    int status = check_function(policy, module, name, signature, fn, error);
    struct mote__grant grant = {.fn = fn, .user = user, .free_user = free_user};
    if (!status)
        status = mote_signature_parse(&grant.signature, signature, error);
    if (status)
        return status;
    grant.module = mote__strdup(&policy->host->allocator, module);
    grant.name = mote__strdup(&policy->host->allocator, name);
    status = grant.module && grant.name ? add_grant(policy, &grant, error)
                                        : mote__fail_memory(error, "a host function");
    if (status) {
        mote__free(grant.module);
        mote__free(grant.name);
    }
    return status;
}

int mote_policy_function(mote_policy *policy, const char *module, const char *name,
                         const char *signature, mote_host_fn fn, void *user, mote_free_fn free_user,
                         mote_error *error)
{
    int status = mote__policy_open(policy, error);
    return status ? status
                  : mote__policy_close(policy, grant_function(policy, module, name, signature, fn,
                                                              user, free_user, error));
}

int mote_policy_log(mote_policy *policy, mote_log_fn fn, void *user, mote_error *error)
{
    int status = mote__policy_open(policy, error);
    if (status)
        return status;
    policy->log = fn;
    policy->log_user = user;
    return mote__policy_close(policy, 0);
}

int mote_policy_trace(mote_policy *policy, mote_trace_fn fn, void *user, mote_error *error)
{
    int status = mote__policy_open(policy, error);
    if (status)
        return status;
    policy->trace = fn;
    policy->trace_user = user;
    return mote__policy_close(policy, 0);
}
