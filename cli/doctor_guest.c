/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a guest really runs. */
#include <stdio.h>
#include <string.h>

#include "doctor.h"

struct trial {
    mote_host *host;
    mote_image *image;
    mote_sandbox *sandbox;
    mote_error error;
};

static void trial_error(struct check *check, int code, const mote_error *error)
{
    check_set(check, CHECK_BAD, "%s",
              error->text[0] != '\0' ? error->text : mote_error_string(code));
    check_remedy(check, "%s", error->remedy);
}

static int trial_host(struct trial *trial, const char *device)
{
    mote_host_options options = {.size = sizeof(options), .device = device};
    memset(trial, 0, sizeof(*trial));
    trial->error.size = sizeof(trial->error);
    return mote_host_new(&trial->host, &options, &trial->error);
}

static void trial_end(struct trial *trial)
{
    mote_sandbox_free(trial->sandbox);
    mote_image_unref(trial->image);
    mote_host_free(trial->host);
}

void check_library(struct check *check, const char *device)
{
    struct trial trial;
    int rc = trial_host(&trial, device);
    if (rc == 0)
        check_set(check, CHECK_GOOD, "mote %s opens it", mote_version());
    else
        trial_error(check, rc, &trial.error);
    trial_end(&trial);
}

static int trial_sandbox(struct trial *trial)
{
    mote_source source = MOTE_SOURCE_DATA(cli_doctor_guest, cli_doctor_guest_size);
    mote_image_options options = {0};
    options.size = sizeof(options);
    options.name = "the guest inside mote doctor";
    int rc = mote_image_open(&trial->image, trial->host, &source, &options, &trial->error);
    return rc != 0 ? rc
                   : mote_sandbox_new(&trial->sandbox, trial->image, NULL, NULL, &trial->error);
}

/* 20 + 22 some times over; `best` is the shortest call in nanoseconds. */
static int trial_calls(struct trial *trial, uint64_t *best)
{
    mote_func add;
    mote_value args[2] = {{MOTE_U32, {.u32 = 20}}, {MOTE_U32, {.u32 = 22}}};
    mote_value sum;
    int rc = mote_find(trial->image, "add", "(u32,u32)->u32", &add, &trial->error);
    *best = UINT64_MAX;
    for (int i = 0; i < 200 && rc == 0; i++) {
        uint64_t start = now_ns();
        rc = mote_call(trial->sandbox, add, NULL, args, 2, &sum, 1);
        uint64_t took = now_ns() - start;
        *best = took < *best ? took : *best;
        if (rc != 0) {
            trial->error = *mote_sandbox_error(trial->sandbox);
        } else if (sum.of.u32 != 42) {
            snprintf(trial->error.text, sizeof(trial->error.text),
                     "20 + 22 was %u inside the guest", sum.of.u32);
            rc = MOTE_ESTRANGE;
        }
    }
    return rc;
}

void check_guest(struct check *check, const char *device)
{
    struct trial trial;
    uint64_t best = 0;
    if (trial_host(&trial, device) != 0) {
        check_set(check, CHECK_BAD, "not run: no usable hypervisor");
        trial_end(&trial);
        return;
    }
    uint64_t start = now_ns();
    int rc = trial_sandbox(&trial);
    uint64_t ready = now_ns() - start;
    rc = rc != 0 ? rc : trial_calls(&trial, &best);
    if (rc == 0) {
        check_set(check, CHECK_GOOD, "a guest ran: ready in %.1f ms, a call takes %.1f us",
                  (double)ready / 1e6, (double)best / 1e3);
    } else {
        trial_error(check, rc, &trial.error);
    }
    trial_end(&trial);
}
