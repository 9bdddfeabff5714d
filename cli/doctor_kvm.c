/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel offers. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "doctor.h"

void check_kernel(struct check *check, const char *device)
{
    struct utsname name;
    (void)device;
    if (uname(&name) != 0) {
        check_set(check, CHECK_NOTE, "unknown (%s)", strerror(errno));
        return;
    }
    check_set(check, CHECK_GOOD, "%s %s, %s", name.sysname, name.release, name.machine);
    if (strcmp(name.machine, "x86_64") != 0) {
        check_set(check, CHECK_BAD, "%s %s, %s", name.sysname, name.release, name.machine);
        check_remedy(check, "guests are x86-64 programs: use a 64-bit x86 machine");
    }
}

/* Whether the processor's flags in /proc/cpuinfo have the word. */
static bool cpu_has(const char *flag)
{
    char text[16384];
    char word[32];
    FILE *file = fopen("/proc/cpuinfo", "re");
    if (file == NULL)
        return false;
    size_t size = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[size] = '\0';
    const char *flags = strstr(text, "\nflags");
    const char *end = flags != NULL ? strchr(flags + 1, '\n') : NULL;
    snprintf(word, sizeof(word), " %s ", flag);
    const char *found = flags != NULL ? strstr(flags, word) : NULL;
    return found != NULL && (end == NULL || found < end);
}

/* ---- the device ------------------------------------------------------------ */

static void advise_missing(struct check *check)
{
    if (cpu_has("vmx") || cpu_has("svm")) {
        check_remedy(check, "sudo modprobe %s; in a container, start it with --device /dev/kvm",
                     cpu_has("vmx") ? "kvm_intel" : "kvm_amd");
    } else if (cpu_has("hypervisor")) {
        check_remedy(check, "this is a virtual machine without nested virtualization: turn it on "
                            "(cloud: choose an instance type that has it), or use a kernel with "
                            "kvm-pvm; in a container, start it with --device /dev/kvm");
    } else {
        check_remedy(check, "turn on virtualization (VT-x, AMD-V, SVM) in the firmware's setup; "
                            "in a container, start it with --device /dev/kvm");
    }
}

static void advise_forbidden(struct check *check, const char *device)
{
    struct stat st;
    const struct group *group = stat(device, &st) == 0 ? getgrgid(st.st_gid) : NULL;
    if (group == NULL || strcmp(group->gr_name, "root") == 0 || (st.st_mode & 0060) != 0060)
        check_remedy(check, "sudo chown $USER %s, or run as root", device);
    else
        check_remedy(check, "sudo usermod -aG %s $USER, then log in again", group->gr_name);
}

static void device_failed(struct check *check, const char *device, int error)
{
    check_set(check, CHECK_BAD, "%s: %s", device, strerror(error));
    if (error == EACCES || error == EPERM)
        advise_forbidden(check, device);
    else
        advise_missing(check);
}

/* The opened device, or -1 with errno; -1 and ENOTTY when it is not KVM. */
static int open_kvm(const char *device)
{
    int fd = open(device, O_RDWR | O_CLOEXEC);
    if (fd >= 0 && ioctl(fd, KVM_GET_API_VERSION, 0) != KVM_API_VERSION) {
        close(fd);
        errno = ENOTTY;
        return -1;
    }
    return fd;
}

void check_device(struct check *check, const char *device)
{
    int fd = open_kvm(device);
    if (fd >= 0) {
        close(fd);
        check_set(check, CHECK_GOOD, "%s, API version %d", device, KVM_API_VERSION);
    } else if (errno == ENOTTY) {
        check_set(check, CHECK_BAD, "%s does not speak version %d of KVM's API", device,
                  KVM_API_VERSION);
        check_remedy(check, "use /dev/kvm of Linux 5.10 or later");
    } else {
        device_failed(check, device, errno);
    }
}

/* ---- the kind of KVM -------------------------------------------------------- */

static bool has_module(const char *name)
{
    char path[64];
    snprintf(path, sizeof(path), "/sys/module/%s", name);
    return access(path, F_OK) == 0;
}

void check_kind(struct check *check, const char *device)
{
    const char *where = cpu_has("hypervisor") ? ", inside a virtual machine" : "";
    (void)device;
    /* A vendor's module that is built in shows up even without its hardware. */
    if (has_module("kvm_intel") && cpu_has("vmx")) {
        check_set(check, CHECK_GOOD, "hardware KVM (kvm_intel)%s", where);
    } else if (has_module("kvm_amd") && cpu_has("svm")) {
        check_set(check, CHECK_GOOD, "hardware KVM (kvm_amd)%s", where);
    } else if (has_module("kvm_pvm")) {
        check_set(check, CHECK_GOOD,
                  "software KVM (kvm_pvm)%s; AVX cannot be withheld from guests there", where);
    } else {
        check_set(check, CHECK_NOTE, "of a kind that mote does not know%s", where);
    }
}

/* ---- capabilities -------------------------------------------------------------- */

/* What src/hv/kvm asks for. */
static const struct {
    int number;
    int least;
    const char *name;
} needed[] = {
    {KVM_CAP_USER_MEMORY, 1, "USER_MEMORY"},
    {KVM_CAP_NR_MEMSLOTS, 32, "NR_MEMSLOTS"},
    {KVM_CAP_SYNC_REGS, KVM_SYNC_X86_REGS, "SYNC_REGS"},
    {KVM_CAP_IMMEDIATE_EXIT, 1, "IMMEDIATE_EXIT"},
    {KVM_CAP_EXT_CPUID, 1, "EXT_CPUID"},
    {KVM_CAP_XCRS, 1, "XCRS"},
    {KVM_CAP_XSAVE, 1, "XSAVE"},
    {KVM_CAP_VCPU_EVENTS, 1, "VCPU_EVENTS"},
};
enum { NNEEDED = sizeof(needed) / sizeof(needed[0]) };

void check_capabilities(struct check *check, const char *device)
{
    char missing[160] = "";
    int fd = open_kvm(device);
    if (fd < 0) {
        check_set(check, CHECK_BAD, "not looked at: no KVM");
        return;
    }
    for (size_t i = 0; i < NNEEDED; i++) {
        if (ioctl(fd, KVM_CHECK_EXTENSION, needed[i].number) < needed[i].least) {
            size_t used = strlen(missing);
            snprintf(missing + used, sizeof(missing) - used, " %s", needed[i].name);
        }
    }
    close(fd);
    check_set(check, CHECK_GOOD, "KVM has all %d that mote needs", (int)NNEEDED);
    if (missing[0] != '\0') {
        check_set(check, CHECK_BAD, "this KVM lacks:%s", missing);
        check_remedy(check, "use a newer kernel: Linux 5.10 or later");
    }
}
