/* SPDX-License-Identifier: Apache-2.0 */
/* The limits of the process: each is met with its own error, and what comes after works. */
#include "support.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static void set_limit(int resource, rlim_t soft)
{
    struct rlimit limit;

    CHECK_INT(getrlimit((__rlimit_resource_t)resource, &limit), 0);
    limit.rlim_cur = soft < limit.rlim_max ? soft : limit.rlim_max;
    CHECK_INT(setrlimit((__rlimit_resource_t)resource, &limit), 0);
}

/* From here on limits bind this process: its real user is none that the kernel spares, and it has
 * no capability to exceed them. What is open, and what root may open, stays. */
static void be_limited(void)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];

    if (getuid() != 0) {
        return;
    }
    CHECK_INT(setresuid(65534, 0, 0), 0);
    CHECK_INT(syscall(SYS_capget, &header, data), 0);
    data[0].effective &= ~(1u << CAP_SYS_RESOURCE | 1u << CAP_SYS_ADMIN | 1u << CAP_IPC_LOCK);
    CHECK_INT(syscall(SYS_capset, &header, data), 0);
}

TEST(limits, open_files)
{
    mote_error error = MOTE_ERROR_INIT;
    struct rlimit before;
    struct box box;

    box_run(&box, "echo");
    CHECK_INT(getrlimit(RLIMIT_NOFILE, &before), 0);
    int next = dup(0);
    close(next);
    for (rlim_t most = (rlim_t)next; most < (rlim_t)next + 2; most++) {
        mote_sandbox *more = NULL;

        set_limit(RLIMIT_NOFILE, most);
        CHECK_CODE(mote_sandbox_new(&more, box.image, NULL, NULL, &error), MOTE_EFILES);
        CHECK_INT(error.detail, EMFILE);
        CHECK_HAS(error.remedy, "RLIMIT_NOFILE");
        CHECK(more == NULL);
    }
    must_call(&box, "count", NO_ARGS, &(mote_value){0});
    set_limit(RLIMIT_NOFILE, before.rlim_cur);
    mote_sandbox *more = open_sandbox(box.image, NULL);
    CHECK_CODE(mote_sandbox_free(more), MOTE_OK);
    box_close(&box);
}

/* The hypervisor's device is not to blame. */
TEST(limits, open_files_of_a_host)
{
    mote_error error = MOTE_ERROR_INIT;
    struct rlimit before;
    mote_host *host = NULL;

    CHECK_INT(getrlimit(RLIMIT_NOFILE, &before), 0);
    int next = dup(0);
    close(next);
    for (rlim_t most = (rlim_t)next; most < (rlim_t)next + 3; most++) {
        set_limit(RLIMIT_NOFILE, most);
        CHECK_CODE(mote_host_new(&host, NULL, &error), MOTE_EFILES);
        CHECK_INT(error.detail, EMFILE);
        CHECK_HAS(error.remedy, "RLIMIT_NOFILE");
        CHECK(host == NULL);
    }
    set_limit(RLIMIT_NOFILE, before.rlim_cur);
    CHECK_CODE(mote_host_free(open_host()), MOTE_OK);
}

/* The thread of a VM is made with the VM, or when it first runs. */
TEST(limits, processes)
{
    mote_error error = MOTE_ERROR_INIT;
    mote_host *host = NULL;

    be_limited();
    set_limit(RLIMIT_NPROC, 0);
    CHECK_CODE(mote_host_new(&host, NULL, &error), MOTE_EPROCESSES);
    CHECK_INT(error.detail, EAGAIN);
    CHECK_HAS(error.remedy, "RLIMIT_NPROC");
    set_limit(RLIMIT_NPROC, RLIM_INFINITY);
    CHECK_CODE(mote_host_new(&host, NULL, &error), MOTE_OK);
    CHECK_CODE(mote_host_free(host), MOTE_OK);
}

TEST(limits, processes_of_a_vm)
{
    mote_error error = MOTE_ERROR_INIT;
    struct box box;
    mote_value result;

    be_limited();
    box_run(&box, "echo");
    must_call(&box, "count", NO_ARGS, &result);
    mote_sandbox *first = box.sandbox;
    set_limit(RLIMIT_NPROC, 0);
    box.sandbox = NULL;
    int rc = mote_sandbox_new(&box.sandbox, box.image, box.policy, NULL, &error);
    if (rc == MOTE_OK) {
        rc = box_call(&box, "count", NO_ARGS, &result);
        if (rc != MOTE_OK) {
            error = *mote_sandbox_error(box.sandbox);
            CHECK_INT(mote_sandbox_state(box.sandbox), MOTE_STATE_POISONED);
        }
    }
    if (rc != MOTE_OK) { /* a KVM without such threads has nothing to deny */
        CHECK_CODE(rc, MOTE_EPROCESSES);
        CHECK_HAS(error.remedy, "RLIMIT_NPROC");
    }
    set_limit(RLIMIT_NPROC, RLIM_INFINITY);
    if (box.sandbox == NULL) {
        box_start(&box);
    }
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    must_call(&box, "count", NO_ARGS, &result);
    CHECK_INT(result.of.u32, 1);
    CHECK_CODE(mote_sandbox_free(first), MOTE_OK);
    box_close(&box);
}

TEST(limits, locked_memory)
{
    mote_error error = MOTE_ERROR_INIT;
    struct box box;

    be_limited();
    box_run(&box, "echo");
    set_limit(RLIMIT_MEMLOCK, 8 * MIB);
    CHECK_INT(syscall(SYS_mlockall, MCL_FUTURE), 0); /* sanitizers make mlockall do nothing */
    mote_sandbox *more = NULL;
    CHECK_CODE(mote_sandbox_new(&more, box.image, box.policy, NULL, &error), MOTE_ELOCKED);
    CHECK_HAS(error.remedy, "RLIMIT_MEMLOCK");
    CHECK_INT(syscall(SYS_munlockall), 0);
    must_call(&box, "count", NO_ARGS, &(mote_value){0});
    more = open_sandbox(box.image, box.policy);
    CHECK_CODE(mote_sandbox_free(more), MOTE_OK);
    box_close(&box);
}
