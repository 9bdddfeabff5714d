/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks and randomness, as a policy grants them. */
#include "raw.h"

#include <pthread.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>

static const int all_clocks[] = {
    CLOCK_REALTIME,         CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW,      CLOCK_REALTIME_COARSE,
    CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME,  CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID};

static void open_clock(struct box *box, mote_clock clock)
{
    raw_open(box);
    set_option(box, MOTE_OPT_CLOCK, clock);
    set_option(box, MOTE_OPT_FROZEN_TIME, 1700000000123456789ull);
    raw_start(box);
}

static uint64_t look(struct box *box, int clock)
{
    struct timespec t;

    CHECK_INT(RAW(box, SYS_clock_gettime, clock, at(0)), 0);
    raw_get(box, 0, &t, sizeof(t));
    CHECK(t.tv_nsec >= 0 && t.tv_nsec < 1000000000);
    return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

static uint64_t real_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

TEST(clocks, none)
{
    const int calls[] = {SYS_clock_gettime, SYS_clock_getres, SYS_gettimeofday,    SYS_time,
                         SYS_times,         SYS_nanosleep,    SYS_clock_nanosleep, SYS_getrusage};
    struct box box;

    open_clock(&box, MOTE_CLOCK_NONE);
    for (size_t i = 0; i < COUNT(calls); i++) {
        CHECK_INT(RAW(&box, calls[i], 0, at(0), at(0), at(0)),
                  calls[i] == SYS_clock_gettime ? -EPERM : -ENOSYS);
        CHECK_INT(mote_sandbox_report(box.sandbox)->refused, 1);
    }
    box_close(&box);
}

TEST(clocks, frozen)
{
    struct timespec hour = {3600, 0};
    struct box box;

    open_clock(&box, MOTE_CLOCK_FROZEN);
    for (int i = 0; i < 2; i++) {
        CHECK(look(&box, CLOCK_REALTIME) == 1700000000123456789ull);
        CHECK_INT(look(&box, CLOCK_MONOTONIC), 0);
        CHECK_INT(look(&box, CLOCK_PROCESS_CPUTIME_ID), 0);
        CHECK_INT(RAW(&box, SYS_time, 0), 1700000000);
        raw_put(&box, 64, &hour, sizeof(hour));
        CHECK_INT(RAW(&box, SYS_nanosleep, at(64), 0), 0);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    }
    box_close(&box);
}

static void moves(struct box *box)
{
    uint64_t before = real_now(), first = look(box, CLOCK_REALTIME), zero, later;

    CHECK(first + SECOND / 100 >= before && first <= real_now());
    zero = look(box, CLOCK_MONOTONIC);
    sleep_ms(30);
    later = look(box, CLOCK_MONOTONIC);
    CHECK(zero < 20 * SECOND); /* not the host's */
    CHECK(later >= zero + SECOND / 50);
    for (size_t i = 0; i < COUNT(all_clocks); i++) {
        uint64_t once = look(box, all_clocks[i]);

        CHECK(look(box, all_clocks[i]) >= once);
    }
}

TEST(clocks, real)
{
    struct timeval t;
    uint64_t before, now;
    struct box box;

    open_clock(&box, MOTE_CLOCK_REAL);
    moves(&box);
    before = real_now();
    CHECK_INT(RAW(&box, SYS_gettimeofday, at(0), at(64)), 0);
    raw_get(&box, 0, &t, sizeof(t));
    now = (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_usec * 1000;
    CHECK(now + 1000 > before && now <= real_now());
    box_close(&box);
}

TEST(clocks, coarse)
{
    struct timespec t;
    struct timeval v;
    struct box box;

    open_clock(&box, MOTE_CLOCK_COARSE);
    moves(&box);
    for (unsigned i = 0; i < test_repeat(50); i++) {
        for (size_t k = 0; k < COUNT(all_clocks); k++) {
            CHECK_INT(look(&box, all_clocks[k]) % (SECOND / 100), 0);
        }
        CHECK_INT(RAW(&box, SYS_gettimeofday, at(0), 0), 0);
        raw_get(&box, 0, &v, sizeof(v));
        CHECK_INT(v.tv_usec % 10000, 0);
    }
    CHECK_INT(RAW(&box, SYS_clock_getres, CLOCK_MONOTONIC, at(0)), 0);
    raw_get(&box, 0, &t, sizeof(t));
    CHECK_INT(t.tv_nsec, 10000000);
    box_close(&box);
}

TEST(clocks, zero_after_a_reset)
{
    struct box box;

    open_clock(&box, MOTE_CLOCK_REAL);
    look(&box, CLOCK_MONOTONIC);
    sleep_ms(50);
    CHECK(look(&box, CLOCK_MONOTONIC) >= SECOND / 20);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    CHECK_INT(look(&box, CLOCK_MONOTONIC), 0);
    box_close(&box);
}

TEST(clocks, wrong_questions)
{
    struct timespec bad[] = {{-1, 0}, {0, -1}, {0, 1000000000}};
    struct box box;

    open_clock(&box, MOTE_CLOCK_REAL);
    CHECK_INT(RAW(&box, SYS_clock_gettime, 99, at(0)), -EINVAL);
    CHECK_INT(RAW(&box, SYS_clock_gettime, -1, at(0)), -EINVAL);
    CHECK_INT(RAW(&box, SYS_clock_gettime, 0, 8), -EFAULT);
    CHECK_INT(RAW(&box, SYS_clock_getres, 0, 0), 0);
    CHECK_INT(RAW(&box, SYS_gettimeofday, 0, 0), 0);
    for (size_t i = 0; i < COUNT(bad); i++) {
        raw_put(&box, 0, &bad[i], sizeof(bad[i]));
        CHECK_INT(RAW(&box, SYS_nanosleep, at(0), 0), -EINVAL);
        CHECK_INT(RAW(&box, SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, at(0), 0), -EINVAL);
    }
    CHECK_INT(RAW(&box, SYS_nanosleep, 8, 0), -EFAULT);
    box_close(&box);
}

/* ---- sleep ------------------------------------------------------------------ */

TEST(clocks, sleep_takes_its_time)
{
    struct timespec little = {0, 30000000}, until;
    struct box box;
    uint64_t start, now;

    open_clock(&box, MOTE_CLOCK_REAL);
    raw_put(&box, 64, &little, sizeof(little));
    start = now_ns();
    CHECK_INT(RAW(&box, SYS_nanosleep, at(64), 0), 0);
    CHECK(now_ns() - start >= 30000000);
    now = look(&box, CLOCK_MONOTONIC) + 30000000;
    until = (struct timespec){(time_t)(now / SECOND), (long)(now % SECOND)};
    raw_put(&box, 64, &until, sizeof(until));
    CHECK_INT(RAW(&box, SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, at(64), 0), 0);
    CHECK(look(&box, CLOCK_MONOTONIC) >= now);
    box_close(&box);
}

TEST(clocks, sleep_ends_with_the_deadline)
{
    struct timespec hour = {3600, 0}, most = {INT64_MAX, 999999999};
    struct box box;

    open_clock(&box, MOTE_CLOCK_COARSE);
    raw_put(&box, 64, &hour, sizeof(hour));
    CHECK_CODE(raw_fails(&box, SECOND / 10, SYS_nanosleep, at(64), 0, 0), MOTE_EDEADLINE);
    expect_alive(&box);
    raw_put(&box, 64, &most, sizeof(most));
    CHECK_CODE(raw_fails(&box, SECOND / 10, SYS_nanosleep, at(64), 0, 0), MOTE_EDEADLINE);
    expect_alive(&box);
    CHECK_CODE(raw_fails(&box, SECOND / 10, SYS_poll, 0, 0, UINT64_MAX), MOTE_EDEADLINE);
    expect_alive(&box);
    box_close(&box);
}

/* ---- randomness ------------------------------------------------------------------ */

static void random_bytes(struct box *box, unsigned char *bytes, size_t size)
{
    CHECK_INT(RAW(box, SYS_getrandom, at(0), size, 0), size);
    raw_get(box, 0, bytes, size);
}

static void open_random(struct box *box, mote_random kind, uint64_t seed)
{
    raw_open(box);
    set_option(box, MOTE_OPT_RANDOM, kind);
    set_option(box, MOTE_OPT_RANDOM_SEED, seed);
    raw_start(box);
}

TEST(random, none)
{
    struct box box;

    open_random(&box, MOTE_RANDOM_NONE, 0);
    CHECK_INT(RAW(&box, SYS_getrandom, at(0), 16, 0), -ENOSYS);
    box_close(&box);
}

TEST(random, seeded_is_the_same_after_each_reset)
{
    unsigned char first[64], again[64], other[64];
    struct box box;

    open_random(&box, MOTE_RANDOM_SEEDED, 7);
    random_bytes(&box, first, 61);
    random_bytes(&box, other, 61);
    CHECK(memcmp(first, other, 61) != 0);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    random_bytes(&box, again, 61);
    CHECK_BYTES(again, first, 61);
    box_close(&box);
    open_random(&box, MOTE_RANDOM_SEEDED, 7);
    random_bytes(&box, again, 61);
    CHECK_BYTES(again, first, 61);
    box_close(&box);
    open_random(&box, MOTE_RANDOM_SEEDED, 8);
    random_bytes(&box, other, 61);
    CHECK(memcmp(first, other, 61) != 0);
    box_close(&box);
}

TEST(random, real_is_new)
{
    unsigned char first[32], second[32];
    struct box box;

    open_random(&box, MOTE_RANDOM_REAL, 0);
    random_bytes(&box, first, sizeof(first));
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    random_bytes(&box, second, sizeof(second));
    CHECK(memcmp(first, second, sizeof(first)) != 0);
    CHECK_INT(RAW(&box, SYS_getrandom, 8, 16, 0), -EFAULT);
    CHECK_INT(RAW(&box, SYS_getrandom, at(0), 16, 8), -EINVAL);
    CHECK(RAW(&box, SYS_getrandom, at(0), 0x10000, 0) >= 256);
    box_close(&box);
}
