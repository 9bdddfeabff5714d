/* SPDX-License-Identifier: Apache-2.0 */
/* The grants of directories and files. */
#include "error.h"
#include "policy.h"

#define BOTH (MOTE_GRANT_READ | MOTE_GRANT_WRITE)

int mote_policy_dir(mote_policy *policy, const char *host_path, const char *guest_path,
                    unsigned access, mote_error *error)
{
    int status = mote__policy_open(policy, error);
    if (status)
        return status;
    if (!host_path || !guest_path || (access != MOTE_GRANT_READ && access != BOTH))
        status = mote__fail_argument(
            error, "mote_policy_dir: a path is NULL, or access is neither MOTE_GRANT_READ nor "
                   "MOTE_GRANT_READ | MOTE_GRANT_WRITE");
    else
        status = mote__mounts_add_directory(&policy->mounts, host_path, guest_path,
                                            access & MOTE_GRANT_WRITE, error);
    return mote__policy_close(policy, status);
}

int mote_policy_file(mote_policy *policy, const char *host_path, const char *guest_path,
                     mote_error *error)
{
    int status = mote__policy_open(policy, error);
    if (status)
        return status;
    if (!host_path || !guest_path)
        status = mote__fail_argument(error, "mote_policy_file: a path is NULL");
    else
        status = mote__mounts_add_file(&policy->mounts, host_path, guest_path, error);
    return mote__policy_close(policy, status);
}
