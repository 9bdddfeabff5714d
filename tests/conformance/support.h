/* SPDX-License-Identifier: Apache-2.0 */
/* What most tests need: a guest in a sandbox, values, and what a failed call should look like. */
#ifndef CONFORMANCE_SUPPORT_H
#define CONFORMANCE_SUPPORT_H

#include "harness.h"

/* A host with one image, one policy and at most one sandbox. */
struct box {
    mote_host *host;
    mote_image *image;
    mote_policy *policy;
    mote_sandbox *sandbox;
};

/* Opens host, guest and an empty policy, which the test may fill. Failures end the test. */
void box_open(struct box *box, const char *guest);
/* Makes the sandbox; the policy is frozen from here on. */
void box_start(struct box *box);
/* Both of these at once. */
void box_run(struct box *box, const char *guest);
/* Releases everything, in order; the host must let go. */
void box_close(struct box *box);

mote_host *open_host(void);
mote_image *open_guest(mote_host *host, const char *name);
mote_sandbox *open_sandbox(mote_image *image, mote_policy *policy);
void guest_path(const char *name, char *path, size_t size);
/* The bytes of a guest's file, to be freed. */
unsigned char *guest_bytes(const char *name, size_t *size);

void set_option(struct box *box, mote_option option, uint64_t value);
void grant(struct box *box, const char *name, const char *signature, mote_host_fn fn, void *user);

mote_value v_i32(int32_t value);
mote_value v_u32(uint32_t value);
mote_value v_i64(int64_t value);
mote_value v_u64(uint64_t value);
mote_value v_f32(float value);
mote_value v_f64(double value);
mote_value v_bool(bool value);
mote_value v_bytes(const void *data, size_t size);
mote_value v_text(const void *data, size_t size);

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
/* Arguments of a call: ARGS(v_i32(1), v_u64(2)). */
#define ARGS(...) \
    (const mote_value[]){__VA_ARGS__}, sizeof((mote_value[]){__VA_ARGS__}) / sizeof(mote_value)
#define NO_ARGS NULL, 0

mote_func find(const mote_image *image, const char *name);
/* Calls an export by name; `result` is NULL for a function without one. */
int call(mote_sandbox *sandbox, mote_image *image, const char *name, const mote_value *args,
         size_t nargs, mote_value *result);
int box_call(struct box *box, const char *name, const mote_value *args, size_t nargs,
             mote_value *result);
/* box_call that must succeed. */
void must_call(struct box *box, const char *name, const mote_value *args, size_t nargs,
               mote_value *result);
int call_deadline(struct box *box, const char *name, uint64_t deadline_ns, const mote_value *args,
                  size_t nargs, mote_value *result);

/* The last call failed with this code and this kind of fault, and the sandbox is poisoned. */
void check_fault(struct box *box, int rc, int code, mote_fault_kind fault);
/* The same for a processor exception. */
void check_exception(struct box *box, int rc, mote_fault_kind fault, uint32_t vector);
/* The same for a page fault. */
void check_page_fault(struct box *box, int rc, mote_access access, uint64_t address);

/* Resets, and has the `faults` guest answer. */
void expect_alive(struct box *box);

/* In a lane whose processor is emulated, and differs from any real one where a test says so. */
bool emulated(void);

uint64_t now_ns(void);
void sleep_ms(unsigned milliseconds);

#define SECOND 1000000000ull
#define KIB    ((size_t)1024)
#define MIB    (1024ull * 1024ull)

#endif
