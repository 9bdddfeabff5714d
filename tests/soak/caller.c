/* SPDX-License-Identifier: Apache-2.0 */
/* A caller has a few sandboxes and does with them whatever the dice say; it knows what each must
 * answer. */
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "soak.h"

enum { SEATS = 4, LARGEST = 100000 };

struct seat {
    mote_sandbox *sandbox;
    enum image image;
    uint32_t count;          /* calls of count() since the sandbox was fresh */
    mote_snapshot *snapshot; /* where a reset leads; NULL: the image's own */
    uint32_t counted;        /* count at the snapshot */
    bool resident;
};

struct table {
    struct seat seats[SEATS];
    uint64_t *random;
    uint8_t bytes[LARGEST];
};

static const mote_error *said(const struct seat *seat)
{
    return mote_sandbox_error(seat->sandbox);
}

static int call(const struct seat *seat, const char *name, const mote_value *arg,
                mote_value *result)
{
    mote_func func = find(seat->image, name);
    mote_function_info info;
    mote_image_export(images[seat->image], func.index, &info);
    atomic_fetch_add(&calls, 1);
    return mote_call(seat->sandbox, func, NULL, arg, arg != NULL, result, info.signature.nresults);
}

static void reset(struct seat *seat)
{
    int status = mote_reset(seat->sandbox);
    expect("reset", status, 0, said(seat));
    seat->count = seat->snapshot ? seat->counted : 0;
    atomic_fetch_add(&resets, 1);
}

/* ---- life ---- */

static void leave(struct seat *seat)
{
    expect("sandbox_free", mote_sandbox_free(seat->sandbox), 0, NULL);
    mote_snapshot_unref(seat->snapshot);
    *seat = (struct seat){0};
}

/* The image's own start, or that of a snapshot which another seat has. */
static void choose_start(struct table *table, struct seat *seat)
{
    const struct seat *other = &table->seats[random_below(table->random, SEATS)];
    seat->image = (enum image)random_below(table->random, IMAGES);
    if (!other->snapshot)
        return;
    seat->image = other->image;
    seat->snapshot = mote_snapshot_ref(other->snapshot);
    seat->count = seat->counted = other->counted;
}

static void take(struct table *table, struct seat *seat)
{
    mote_error error = MOTE_ERROR_INIT;
    choose_start(table, seat);
    mote_sandbox_options options = {.size = sizeof options, .snapshot = seat->snapshot};
    uint32_t tenant = random_below(table->random, TENANTS + 1);
    options.tenant = tenant < TENANTS ? tenants[tenant] : NULL;
    mote_policy *policy = policies[random_below(table->random, POLICIES)];
    expect("sandbox_new",
           mote_sandbox_new(&seat->sandbox, images[seat->image], policy, &options, &error), 0,
           &error);
}

/* ---- calls of the guests ---- */

static void count(struct seat *seat)
{
    mote_value result;
    expect("count", call(seat, "count", NULL, &result), 0, said(seat));
    if (result.of.u32 != ++seat->count)
        wrong("count is %u, not %u", result.of.u32, seat->count);
}

static void echo(struct table *table, struct seat *seat)
{
    size_t size = random_below(table->random, LARGEST);
    mote_value arg = {.type = MOTE_BYTES, .of.bytes = {table->bytes, size}}, result;
    table->bytes[size] = (uint8_t)random_below(table->random, 256);
    expect("echo", call(seat, "echo_bytes", &arg, &result), 0, said(seat));
    if (result.of.bytes.size != size || memcmp(result.of.bytes.data, table->bytes, size) != 0)
        wrong("echo gave %zu other bytes", result.of.bytes.size);
}

static void fault(struct table *table, struct seat *seat)
{
    static const char *const names[] = {"ud2", "write_code", "recurse", "exec_data"};
    mote_value result;
    const char *name = names[random_below(table->random, 4)];
    expect(name, call(seat, name, NULL, &result), MOTE_EFAULT, said(seat));
    expect("poisoned", call(seat, "alive", NULL, &result), MOTE_EPOISONED, NULL);
    atomic_fetch_add(&failures, 1);
    reset(seat);
    expect("alive", call(seat, "alive", NULL, &result), 0, said(seat));
}

static void be_late(struct seat *seat)
{
    mote_call_options soon = {.size = sizeof soon, .deadline_ns = 3000000};
    int status = mote_call(seat->sandbox, find(seat->image, "spin"), &soon, NULL, 0, NULL, 0);
    expect("spin", status, MOTE_EDEADLINE, said(seat));
    atomic_fetch_add(&failures, 1);
    reset(seat);
}

/* ---- interrupts ---- */

static pthread_mutex_t victims = PTHREAD_MUTEX_INITIALIZER;
static mote_handle *victim;

void *interrupter_run(void *unused)
{
    while (!atomic_load(&no_callers)) {
        pthread_mutex_lock(&victims);
        if (victim && mote_interrupt(victim) == 0) {
            mote_handle_unref(victim);
            victim = NULL;
            atomic_fetch_add(&interrupts, 1);
        }
        pthread_mutex_unlock(&victims);
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return unused;
}

/* Who finds the place taken goes on without. */
static void be_interrupted(struct seat *seat)
{
    pthread_mutex_lock(&victims);
    bool mine = !victim;
    if (mine)
        victim = mote_sandbox_handle(seat->sandbox);
    pthread_mutex_unlock(&victims);
    if (!mine)
        return;
    expect("spin", call(seat, "spin", NULL, NULL), MOTE_EINTERRUPTED, said(seat));
    reset(seat);
}

/* ---- suspended calls ---- */

int host_wait(void *user, mote_context *context, const mote_value *args, size_t nargs,
              mote_value *result)
{
    (void)user;
    (void)context;
    (void)args;
    (void)nargs;
    (void)result;
    return MOTE_PENDING;
}

static void wait_for_answer(struct table *table, struct seat *seat)
{
    mote_value value = {.type = MOTE_U32, .of.u32 = random_below(table->random, 1000)}, result;
    expect("wait", call(seat, "wait", &value, &result), MOTE_PENDING, said(seat));
    atomic_fetch_add(&suspensions, 1);
    if (random_below(table->random, 4) == 0) {
        expect("park", mote_sandbox_park(seat->sandbox), 0, said(seat));
        atomic_fetch_add(&parks, 1);
    }
    switch (random_below(table->random, 3)) {
    case 0:
        expect("resume", mote_resume(seat->sandbox, NULL, &value, &result, 1), 0, said(seat));
        if (result.of.u32 != value.of.u32)
            wrong("an answer became %u, not %u", result.of.u32, value.of.u32);
        break;
    case 1:
        expect("cancel", mote_cancel(seat->sandbox), 0, said(seat));
        reset(seat);
        break;
    default:
        reset(seat); /* ends it, too */
    }
}

/* ---- snapshots and parking ---- */

static void snapshot(struct seat *seat)
{
    mote_error error = MOTE_ERROR_INIT;
    mote_snapshot *taken = NULL;
    if (seat->snapshot) /* or they would lie in layers without end */
        return;
    expect("snapshot_take", mote_snapshot_take(&taken, seat->sandbox, &error), 0, &error);
    expect("restore", mote_sandbox_restore(seat->sandbox, taken), 0, said(seat));
    seat->snapshot = taken;
    seat->counted = seat->count;
    atomic_fetch_add(&snapshots, 1);
}

static void park(struct seat *seat)
{
    expect("park", mote_sandbox_park(seat->sandbox), 0, said(seat));
    atomic_fetch_add(&parks, 1);
}

/* ---- residence ---- */

/* What a call means does not depend on it; where the processor is short, calls are by exit. */
static void move(struct seat *seat)
{
    mote_error error = MOTE_ERROR_INIT;
    if (seat->resident)
        expect("resident_stop", mote_resident_stop(seat->sandbox), 0, NULL);
    else
        expect("resident_start", mote_resident_start(seat->sandbox, NULL, &error), 0, &error);
    seat->resident = !seat->resident;
    atomic_fetch_add(&moves, 1);
}

/* ---- the dice ---- */

static void use(struct table *table, struct seat *seat)
{
    uint32_t dice = random_below(table->random, 20);
    if (seat->image == ECHO) {
        if (dice < 10)
            count(seat);
        else
            echo(table, seat);
    } else if (seat->image == FAULTS) {
        if (dice < 16)
            fault(table, seat);
        else if (dice < 18)
            be_late(seat);
        else
            be_interrupted(seat);
    } else {
        wait_for_answer(table, seat);
    }
}

static void act(struct table *table)
{
    struct seat *seat = &table->seats[random_below(table->random, SEATS)];
    uint32_t dice = random_below(table->random, 100);
    if (!seat->sandbox)
        take(table, seat);
    else if (dice < 75)
        use(table, seat);
    else if (dice < 90)
        reset(seat);
    else if (dice < 93)
        snapshot(seat);
    else if (dice < 95)
        park(seat);
    else if (dice < 97)
        move(seat);
    else
        leave(seat);
}

void *caller_run(void *argument)
{
    struct caller *caller = argument;
    struct table *table = calloc(1, sizeof *table);
    if (!table)
        wrong("no memory");
    table->random = &caller->random;
    while (!atomic_load(&stop))
        act(table);
    for (int i = 0; i < SEATS; i++)
        if (table->seats[i].sandbox)
            leave(&table->seats[i]);
    free(table);
    return NULL;
}
