/* SPDX-License-Identifier: Apache-2.0 */
/* mote snapshot info: what a file says of itself, and whether it fits a guest. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json.h"
#include "snapshot.h"

enum { MACHINE_X86_64 = 62, PAGE = 4096 };

/* Bytes that are there, at most SNAPSHOT_HEADER, or a negative errno. */
static ssize_t read_start(const char *path, unsigned char *bytes, uint64_t *size)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return -errno;
    ssize_t got = -EINVAL;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) {
        *size = (uint64_t)status.st_size;
        got = pread(fd, bytes, SNAPSHOT_HEADER, 0);
        got = got < 0 ? -errno : got;
    }
    close(fd);
    return got;
}

static void arch_name(const struct snapshot_header *header, char text[32])
{
    if (header->arch == MACHINE_X86_64)
        snprintf(text, 32, "x86_64");
    else
        snprintf(text, 32, "ELF machine %" PRIu32, header->arch);
}

static void print_checksum(const char *name, const unsigned char sum[16])
{
    printf("%-9s ", name);
    for (int i = 0; i < 16; i++)
        printf("%02x", sum[i]);
    putchar('\n');
}

/* `info` is NULL when the file was not held against a guest. */
static bool print_text(const struct snapshot_header *header, const mote_snapshot_info *info)
{
    char arch[32];
    arch_name(header, arch);
    printf("a snapshot of a %s\n",
           header->at_entry ? "program before it ran" : "guest with exports");
    printf("format    %" PRIu32 "\narch      %s\ncpu       v%" PRIu32 "\n", header->version, arch,
           header->cpu);
    printf("size      %" PRIu64 " bytes\n", header->file_size);
    printf("pages     %" PRIu64 " of 4 KiB in the file\n", header->own / PAGE);
    print_checksum("identity", header->identity);
    print_checksum("image", header->image);
    if (header->has_base)
        print_checksum("base", header->base);
    else
        printf("base      none: it is whole\n");
    if (info == NULL)
        printf("checked   no: name the guest (and the base with --snapshot)\n");
    else
        printf("checked   yes: it fits; %" PRIu64 " KiB of memory, %" PRIu64
               " pages of the base, %" PRIu32 " layer%s below\n",
               info->memory / 1024, info->shared / PAGE, info->layers,
               info->layers == 1 ? "" : "s");
    return fflush(stdout) == 0 && !ferror(stdout);
}

static bool print_json(const char *file, const struct snapshot_header *header,
                       const mote_snapshot_info *info)
{
    struct json json = {stdout, false};
    char arch[32];
    arch_name(header, arch);
    json_open(&json, NULL, '{');
    json_bool(&json, "ok", true);
    json_text(&json, "file", file);
    json_uint(&json, "format", header->version);
    json_text(&json, "arch", arch);
    json_uint(&json, "cpu", header->cpu);
    json_bool(&json, "at_entry", header->at_entry);
    json_uint(&json, "size", header->file_size);
    json_uint(&json, "own", header->own);
    json_hex(&json, "identity", header->identity, sizeof(header->identity));
    json_hex(&json, "image", header->image, sizeof(header->image));
    if (header->has_base)
        json_hex(&json, "base", header->base, sizeof(header->base));
    else
        json_literal(&json, "base", "null");
    json_bool(&json, "checked", info != NULL);
    if (info != NULL) {
        json_uint(&json, "memory", info->memory);
        json_uint(&json, "shared", info->shared);
        json_uint(&json, "layers", info->layers);
    }
    json_close(&json, '}');
    return json_end(&json);
}

/* Opens it as a run would; 0, or a MOTE_E* that run->error describes. */
static int hold_against(struct run *run, const char *file, mote_snapshot_info *info)
{
    mote_source source = MOTE_SOURCE_PATH(run->options.guest);
    int rc = run_open(run, &source);
    rc = rc != 0 ? rc : run_open_snapshots(run);
    if (rc != 0)
        return rc;
    mote_snapshot *snapshot = NULL;
    rc = mote_snapshot_open(&snapshot, run->image, run->snapshot, file, &run->error);
    info->size = sizeof(*info);
    rc = rc != 0 ? rc : mote_snapshot_describe(snapshot, info);
    mote_snapshot_unref(snapshot);
    return rc;
}

int snapshot_info(struct run *run, const struct snapshot_options *options)
{
    unsigned char bytes[SNAPSHOT_HEADER] = {0};
    struct snapshot_header header;
    mote_snapshot_info info = {0};
    uint64_t size = 0;
    ssize_t got = read_start(options->file, bytes, &size);
    if (got < 0) {
        say("%s: %s", options->file, strerror((int)-got));
        return got == -ENOENT ? CLI_NOT_FOUND : CLI_CANNOT_RUN;
    }
    const char *problem = snapshot_read_header(&header, bytes, (size_t)got, size);
    if (problem != NULL) {
        say("%s: %s", options->file, problem);
        return CLI_CANNOT_RUN;
    }
    bool check = run->options.guest != NULL;
    int rc = check ? hold_against(run, options->file, &info) : 0;
    if (rc != 0)
        return run_report(run, rc);
    bool written = options->guest.json ? print_json(options->file, &header, check ? &info : NULL)
                                       : print_text(&header, check ? &info : NULL);
    return written ? CLI_OK : CLI_MOTE;
}
