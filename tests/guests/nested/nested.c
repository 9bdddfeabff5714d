/* SPDX-License-Identifier: Apache-2.0 */
/* nested: exports that call host functions which call back, or answer later. */
#include <mote_guest.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

MOTE_IMPORT(env, down, u32, u32)
MOTE_IMPORT(env, around, string, string)
MOTE_IMPORT(env, act, void, u32)
MOTE_IMPORT(env, wait, u32, u32)
MOTE_IMPORT(env, wait_bytes, bytes, bytes, string)
MOTE_IMPORT(env, wait_only, void)

/* Passes the failure of a host function on to whoever called the export. */
static bool failed(int status)
{
    if (status == 0)
        return false;
    mote_string text = mote_error_text();
    mote_fail((uint32_t)-status, text.data, text.size);
    return true;
}

/* ---- nested -------------------------------------------------------------- */

/* How deep it went: the host calls down(n - 1). */
static uint32_t down(uint32_t n)
{
    uint32_t below = 0;
    if (n > 0 && failed(env_down(&below, n - 1)))
        return 0;
    return below + 1;
}
MOTE_EXPORT(down, u32, u32);

static mote_string echo(mote_string text)
{
    return text;
}
MOTE_EXPORT(echo, string, string);

static char joined[0x20000];

static size_t append(size_t at, const char *data, size_t size)
{
    size_t rest = sizeof joined - at, n = size < rest ? size : rest;
    memcpy(joined + at, data, n);
    return at + n;
}

/* The host's answer, and the own argument, which must have outlived all that was nested. */
static mote_string around(mote_string text)
{
    mote_string answer = {"", 0};
    if (failed(env_around(&answer, text)))
        return answer;
    size_t size = append(0, answer.data, answer.size);
    size = append(size, "|", 1);
    size = append(size, text.data, text.size);
    return (mote_string){joined, size};
}
MOTE_EXPORT(around, string, string);

/* Has the host do something, and comes back from it. */
static uint32_t outer(uint32_t what)
{
    return failed(env_act(what)) ? 0 : what + 1;
}
MOTE_EXPORT(outer, u32, u32);

/* The host does something although the call has failed already. */
static void fail_around(uint32_t what)
{
    mote_fail(11, "outer", 5);
    (void)env_act(what);
}
MOTE_EXPORT(fail_around, void, u32);

static uint32_t storm(uint32_t times)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < times; i++)
        sum += env_act(i) == 0;
    return sum;
}
MOTE_EXPORT(storm, u32, u32);

static void fail_here(void)
{
    mote_fail(7, "inner", 5);
}
MOTE_EXPORT(fail_here, void);

static void crash(void)
{
    __asm__ volatile("ud2");
}
MOTE_EXPORT(crash, void);

static void give_up(void)
{
    mote_abort(9, "no more", 7);
}
MOTE_EXPORT(give_up, void);

static void leave(void)
{
    _exit(3);
}
MOTE_EXPORT(leave, void);

static void spin(void)
{
    for (;;)
        __asm__ volatile("");
}
MOTE_EXPORT(spin, void);

/* System calls answer well whatever a nested call said. */
static uint32_t alive(void)
{
    void *memory = malloc(0x100000);
    uint32_t answer = memory == NULL ? 0 : 42;
    free(memory);
    return answer;
}
MOTE_EXPORT(alive, u32);

static void log_line(void)
{
    mote_log(MOTE_LOG_INFO, "line", 4);
}
MOTE_EXPORT(log_line, void);

static void print_line(void)
{
    if (write(1, "line\n", 5) < 0)
        mote_fail(12, "no output", 9);
}
MOTE_EXPORT(print_line, void);

/* ---- answered later ------------------------------------------------------- */

static uint32_t wait_for(uint32_t value)
{
    uint32_t answer = 0;
    return failed(env_wait(&answer, value)) ? 0 : answer;
}
MOTE_EXPORT_AS(wait_for, "wait", u32, u32);

/* The sum of the answers to 1 ... times. */
static uint32_t wait_often(uint32_t times)
{
    uint32_t sum = 0, answer;
    for (uint32_t i = 1; i <= times; i++)
        sum += failed(env_wait(&answer, i)) ? 0 : answer;
    return sum;
}
MOTE_EXPORT(wait_often, u32, u32);

static mote_bytes wait_bytes(mote_bytes data, mote_string text)
{
    mote_bytes answer = {NULL, 0};
    failed(env_wait_bytes(&answer, data, text));
    return answer;
}
MOTE_EXPORT(wait_bytes, bytes, bytes, string);

static void wait_only(void)
{
    failed(env_wait_only());
}
MOTE_EXPORT(wait_only, void);
