/* SPDX-License-Identifier: Apache-2.0 */
#include "pool_support.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define MOST_VMS 4096

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct pool_log seen;
static char tenants[MOST_VMS][32]; /* by number of VM: who has it, or had it last */

static void note(unsigned vm, bool used, const char *tenant)
{
    CHECK(vm < MOST_VMS && strlen(tenant) < sizeof(tenants[0]));
    seen.made = vm >= seen.made ? vm + 1 : seen.made;
    seen.reused += used;
    seen.fresh += !used;
    if (used && (strcmp(tenants[vm], tenant) != 0 || tenant[0] == '(')) {
        seen.mixed++;
    }
    strcpy(tenants[vm], tenant);
}

static void hear(void *user, unsigned level, const char *text)
{
    unsigned vm;
    char use[16];
    char whose[64] = "";

    (void)user;
    (void)level;
    pthread_mutex_lock(&lock);
    if (sscanf(text, "VM %u, %15[^:]: for a sandbox of tenant %63s", &vm, use, whose) >= 2) {
        if (strstr(text, "of its own") != NULL) {
            strcpy(whose, "(nobody else)");
        }
        note(vm, strcmp(use, "used before") == 0, whose);
    } else if (strstr(text, "made ahead") != NULL) {
        seen.ahead++;
    }
    pthread_mutex_unlock(&lock);
}

struct pool_log pool_log(void)
{
    struct pool_log log;

    pthread_mutex_lock(&lock);
    log = seen;
    pthread_mutex_unlock(&lock);
    return log;
}

/* ---- boxes with a pool -------------------------------------------------------------- */

void pool_open(struct box *box, const char *guest, mote_host_options options)
{
    mote_error error = MOTE_ERROR_INIT;

    options.size = sizeof(options);
    options.log = hear;
    CHECK_CODE(mote_host_new(&box->host, &options, &error), MOTE_OK);
    box->image = open_guest(box->host, guest);
    box->sandbox = NULL;
    CHECK_CODE(mote_policy_new(&box->policy, box->host, &error), MOTE_OK);
}

int pool_start_for(struct box *box, const char *tenant, mote_error *error)
{
    mote_sandbox_options options = {.size = sizeof(options), .tenant = tenant};

    return mote_sandbox_new(&box->sandbox, box->image, box->policy, &options, error);
}

void pool_start(struct box *box, const char *tenant)
{
    mote_error error = MOTE_ERROR_INIT;

    if (pool_start_for(box, tenant, &error) != MOTE_OK) {
        FAIL("mote_sandbox_new: %s (%s)", error.text, error.remedy);
    }
}

void pool_leave(struct box *box)
{
    CHECK_CODE(mote_sandbox_free(box->sandbox), MOTE_OK);
    box->sandbox = NULL;
}
