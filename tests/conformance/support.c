/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* ---- objects ------------------------------------------------------------------ */

static void must(const char *what, int rc, const mote_error *error)
{
    if (rc != MOTE_OK) {
        FAIL("%s: %s: %s (%s)", what, mote_error_name(rc), error->text, error->remedy);
    }
}

mote_host *open_host(void)
{
    mote_error error = MOTE_ERROR_INIT;
    mote_host *host = NULL;

    must("mote_host_new", mote_host_new(&host, NULL, &error), &error);
    return host;
}

void guest_path(const char *name, char *path, size_t size)
{
    snprintf(path, size, "%s/%s", test_guests(), name);
}

mote_image *open_guest(mote_host *host, const char *name)
{
    char path[4096];
    mote_error error = MOTE_ERROR_INIT;
    mote_source source = MOTE_SOURCE_PATH(path);
    mote_image *image = NULL;

    guest_path(name, path, sizeof(path));
    must(path, mote_image_open(&image, host, &source, NULL, &error), &error);
    return image;
}

unsigned char *guest_bytes(const char *name, size_t *size)
{
    char path[4096];
    unsigned char *bytes = NULL;
    FILE *file;
    long length;

    guest_path(name, path, sizeof(path));
    file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (length = ftell(file)) <= 0) {
        FAIL("cannot read %s", path);
    }
    rewind(file);
    bytes = malloc((size_t)length);
    CHECK(bytes != NULL && fread(bytes, 1, (size_t)length, file) == (size_t)length);
    fclose(file);
    *size = (size_t)length;
    return bytes;
}

mote_sandbox *open_sandbox(mote_image *image, mote_policy *policy)
{
    mote_error error = MOTE_ERROR_INIT;
    mote_sandbox *sandbox = NULL;

    must("mote_sandbox_new", mote_sandbox_new(&sandbox, image, policy, NULL, &error), &error);
    if (test_resident()) {
        must("mote_resident_start", mote_resident_start(sandbox, NULL, &error), &error);
    }
    return sandbox;
}

void box_open(struct box *box, const char *guest)
{
    mote_error error = MOTE_ERROR_INIT;

    box->host = open_host();
    box->image = open_guest(box->host, guest);
    box->sandbox = NULL;
    must("mote_policy_new", mote_policy_new(&box->policy, box->host, &error), &error);
}

void box_start(struct box *box)
{
    box->sandbox = open_sandbox(box->image, box->policy);
}

void box_run(struct box *box, const char *guest)
{
    box_open(box, guest);
    box_start(box);
}

void box_close(struct box *box)
{
    CHECK_CODE(mote_sandbox_free(box->sandbox), MOTE_OK);
    mote_policy_unref(box->policy);
    mote_image_unref(box->image);
    CHECK_CODE(mote_host_free(box->host), MOTE_OK);
}

void set_option(struct box *box, mote_option option, uint64_t value)
{
    mote_error error = MOTE_ERROR_INIT;

    must("mote_policy_set", mote_policy_set(box->policy, option, value, &error), &error);
}

void grant(struct box *box, const char *name, const char *signature, mote_host_fn fn, void *user)
{
    mote_error error = MOTE_ERROR_INIT;

    must(name, mote_policy_function(box->policy, "env", name, signature, fn, user, NULL, &error),
         &error);
}

/* ---- values ------------------------------------------------------------------ */

mote_value v_i32(int32_t value)
{
    return (mote_value){.type = MOTE_I32, .of.i32 = value};
}

mote_value v_u32(uint32_t value)
{
    return (mote_value){.type = MOTE_U32, .of.u32 = value};
}

mote_value v_i64(int64_t value)
{
    return (mote_value){.type = MOTE_I64, .of.i64 = value};
}

mote_value v_u64(uint64_t value)
{
    return (mote_value){.type = MOTE_U64, .of.u64 = value};
}

mote_value v_f32(float value)
{
    return (mote_value){.type = MOTE_F32, .of.f32 = value};
}

mote_value v_f64(double value)
{
    return (mote_value){.type = MOTE_F64, .of.f64 = value};
}

mote_value v_bool(bool value)
{
    return (mote_value){.type = MOTE_BOOL, .of.boolean = value};
}

mote_value v_bytes(const void *data, size_t size)
{
    return (mote_value){.type = MOTE_BYTES, .of.bytes = {data, size}};
}

mote_value v_text(const void *data, size_t size)
{
    return (mote_value){.type = MOTE_STRING, .of.bytes = {data, size}};
}

/* ---- calls ------------------------------------------------------------------ */

mote_func find(const mote_image *image, const char *name)
{
    mote_error error = MOTE_ERROR_INIT;
    mote_func func = {NULL, 0};

    must("mote_find", mote_find(image, name, NULL, &func, &error), &error);
    return func;
}

int call(mote_sandbox *sandbox, mote_image *image, const char *name, const mote_value *args,
         size_t nargs, mote_value *result)
{
    return mote_call(sandbox, find(image, name), NULL, args, nargs, result, result != NULL);
}

int box_call(struct box *box, const char *name, const mote_value *args, size_t nargs,
             mote_value *result)
{
    return call(box->sandbox, box->image, name, args, nargs, result);
}

void must_call(struct box *box, const char *name, const mote_value *args, size_t nargs,
               mote_value *result)
{
    must(name, box_call(box, name, args, nargs, result), mote_sandbox_error(box->sandbox));
}

int call_deadline(struct box *box, const char *name, uint64_t deadline_ns, const mote_value *args,
                  size_t nargs, mote_value *result)
{
    mote_call_options options = {sizeof(options), deadline_ns};

    return mote_call(box->sandbox, find(box->image, name), &options, args, nargs, result,
                     result != NULL);
}

/* ---- faults ------------------------------------------------------------------ */

void check_fault(struct box *box, int rc, int code, mote_fault_kind fault)
{
    const mote_report *report = mote_sandbox_report(box->sandbox);
    const mote_error *error = mote_sandbox_error(box->sandbox);

    if (rc != code || report->fault != fault) {
        FAIL("%s, %s (vector %u, code 0x%x, address 0x%llx, rip 0x%llx %s: %s); expected %s, %s",
             mote_error_name(rc), mote_fault_name(report->fault), report->vector,
             report->error_code, (unsigned long long)report->address,
             (unsigned long long)report->registers.rip, report->symbol, error->text,
             mote_error_name(code), mote_fault_name(fault));
    }
    CHECK_CODE(error->code, code);
    CHECK(error->text[0] != '\0');
    CHECK_INT(mote_sandbox_state(box->sandbox), MOTE_STATE_POISONED);
}

void check_exception(struct box *box, int rc, mote_fault_kind fault, uint32_t vector)
{
    check_fault(box, rc, MOTE_EFAULT, fault);
    CHECK_INT(mote_sandbox_report(box->sandbox)->vector, vector);
}

void check_page_fault(struct box *box, int rc, mote_access access, uint64_t address)
{
    check_exception(box, rc, MOTE_FAULT_PAGE, 14);
    CHECK_INT(mote_sandbox_report(box->sandbox)->access, access);
    CHECK_HEX(mote_sandbox_report(box->sandbox)->address, address);
}

void expect_alive(struct box *box)
{
    mote_value result;

    must("mote_reset", mote_reset(box->sandbox), mote_sandbox_error(box->sandbox));
    CHECK_INT(mote_sandbox_state(box->sandbox), MOTE_STATE_READY);
    must_call(box, "alive", NO_ARGS, &result);
    CHECK_INT(result.of.u32, 42);
}

/* ---- time ------------------------------------------------------------------ */

bool emulated(void)
{
    return getenv("MOTE_LANE") != NULL;
}

uint64_t now_ns(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

void sleep_ms(unsigned milliseconds)
{
    struct timespec time = {milliseconds / 1000, (long)(milliseconds % 1000) * 1000000L};

    while (nanosleep(&time, &time) != 0) {
    }
}
