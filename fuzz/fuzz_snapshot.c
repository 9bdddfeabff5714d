/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshot files that somebody made by hand: a right file with changes in its tables, whose
 * checksums are made right again, or arbitrary bytes. What opens is checked like a guest's memory,
 * and a sandbox starts from it on a hypervisor that is not there.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../tests/unit/tiny_elf.h"
#include "error.h"
#include "fake_hv.h"
#include "sandbox.h"
#include "script.h"
#include "snapshot_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LIMIT (1u << 20) /* bytes of guest memory */

static mote_host *host;
static mote_image *image;
static mote_policy *policy;
static mote_snapshot *base; /* of which the right file is */
static uint8_t *right;
static size_t right_size;

/* ---- a right file ---- */

static void guest(struct mote__vm *vm, struct mote__exit *exit)
{
    uint32_t ready = MOTE_REQUEST_READY;
    fake_check(fake_write(vm, image->layout.mailbox, &ready, sizeof ready), "a mailbox");
    fake_doorbell(vm, exit);
}

static void open_image(void)
{
    static struct tiny_elf elf;
    tiny_init(&elf);
    tiny_abi(&elf, MOTE_ABI_VERSION);
    tiny_function(&elf, MOTE_NOTE_EXPORT, 0, "", "e", "()->void");
    tiny_finish(&elf);
    mote_source source = MOTE_SOURCE_DATA(elf.bytes, sizeof elf.bytes);
    mote_image_options options = {.size = sizeof options, .boot_memory = LIMIT};
    fake_check(mote_image_open(&image, host, &source, &options, NULL) == 0, "an image");
    fake_check(mote_policy_new(&policy, host, NULL) == 0, "a policy");
    fake_check(mote_policy_set(policy, MOTE_OPT_MEMORY, LIMIT, NULL) == 0, "with little memory");
}

static void read_file(const char *path)
{
    mote_snapshot *again;
    fake_check(mote_snapshot_open(&again, image, NULL, path, NULL) == 0, "the right one opens");
    right_size =
        (size_t)(again->state->own_size +
                 mote__snapshot_tables_size(again->state->regions.count, again->state->nruns));
    mote_snapshot_unref(again);
    right = malloc(right_size);
    int fd = mote__open_read(path);
    fake_check(right && fd >= 0 && mote__read_at(fd, right, right_size, 0) == 0, "it is read");
    mote__close(fd);
}

static void make_right_file(void)
{
    char path[] = "/tmp/mote-fuzz-XXXXXX";
    mote_sandbox *sandbox;
    fake_guest = guest;
    fake_check(mote_host_new(&host, NULL, NULL) == 0, "a host");
    open_image();
    fake_check(mote_sandbox_new(&sandbox, image, policy, NULL, NULL) == 0, "a sandbox");
    fake_check(mote_snapshot_take(&base, sandbox, NULL) == 0, "a snapshot");
    fake_check(mote_sandbox_free(sandbox) == 0, "it goes");
    int fd = mkstemp(path);
    fake_check(fd >= 0 && mote_snapshot_save(base, path, NULL) == 0, "a file");
    close(fd);
    read_file(path);
    unlink(path);
}

/* ---- changes ---- */

/* Each is a place in the tables, a width and a number that is put there, or added. */
static void change(struct script *script, uint8_t *file, size_t tables)
{
    while (!script_ended(script)) {
        uint8_t how = script_u8(script);
        size_t width = 1u << (how & 3), at = script_u16(script) % (tables - width);
        uint64_t value = how & 4 ? script_u64(script) : script_u8(script), old = 0;
        memcpy(&old, file + at, width);
        value = how & 8 ? old + value : how & 16 ? old - value : value;
        memcpy(file + at, &value, width);
    }
}

/* Magic, version, length and checksums are as they should be, for the rest to be looked at. */
static void repair(uint8_t *file, size_t size)
{
    struct mote__snapshot_header h, good;
    memcpy(&h, file, sizeof h);
    memcpy(&good, right, sizeof good);
    memcpy(h.magic, good.magic, sizeof h.magic);
    h.version = good.version;
    h.arch = good.arch;
    h.file_size = size;
    h.image = good.image;
    h.layout = good.layout;
    h.nregions %= 16; /* so that the tables end in the file */
    h.nruns %= 16;
    if (!mote__checksum_is_none(h.base))
        h.base = mote__snapshot_identity(base->state);
    size_t tables = (size_t)mote__snapshot_tables_size(h.nregions, h.nruns);
    h.pages = mote__checksum_of(file + tables, size - tables);
    h.tables = (struct mote__checksum){0, 0};
    memcpy(file, &h, sizeof h);
    h.tables = mote__checksum_of(file, tables);
    memcpy(file, &h, sizeof h);
}

/* ---- what opened ---- */

static void check_region(const struct mote__snapshot *s, const struct mote__region *r)
{
    const struct mote__layout *l = &s->layout;
    size_t size = (size_t)(r->end - r->start);
    fake_check(r->start < r->end && r->end <= MOTE__USER_TOP, "a region is a range");
    fake_check(!(r->access & MOTE__WRITE && r->access & MOTE__EXECUTE), "W^X");
    fake_check(r->end <= l->gate || r->start >= l->mailbox, "gate and monitor are ours");
    if (r->offset == MOTE__UNBACKED)
        return;
    fake_check(r->offset <= mote__snapshot_needs(s) && size <= mote__snapshot_needs(s) - r->offset,
               "its memory is the guest's");
    fake_check(!(r->access & MOTE__WRITE) || r->offset >= s->read_only, "shared pages stay");
    fake_check(!(r->access & MOTE__EXECUTE) || r->offset + size <= s->read_only, "code is shared");
}

static void check_snapshot(const struct mote__snapshot *s)
{
    for (size_t i = 0; i < s->regions.count; i++) {
        check_region(s, &s->regions.list[i]);
        fake_check(i == 0 || s->regions.list[i - 1].end <= s->regions.list[i].start, "sorted");
    }
    fake_check(s->regs.rip == s->layout.gate + MOTE__GATE_SCRUB, "it starts in the scrub stub");
    fake_check(s->resume == s->layout.gate + MOTE__GATE_DOORBELL_RETURN, "and goes on at the gate");
}

static void start(mote_snapshot *snapshot)
{
    mote_sandbox_options options = {.size = sizeof options, .snapshot = snapshot};
    mote_sandbox *sandbox;
    mote_error error = MOTE_ERROR_INIT;
    int status = mote_sandbox_new(&sandbox, image, policy, &options, &error);
    if (status) {
        fake_check(status == MOTE_ELIMIT && error.text[0], "it may be too large");
        return;
    }
    mote_call(sandbox, (mote_func){image, 0}, NULL, NULL, 0, NULL, 0);
    fake_check(mote_reset(sandbox) == 0, "it is reset");
    fake_check(mote_sandbox_free(sandbox) == 0, "and goes");
}

static void open_file(int fd)
{
    mote_error error = MOTE_ERROR_INIT;
    mote_snapshot *snapshot;
    int status = mote__snapshot_open_fd(&snapshot, image, NULL, fd, "file", &error);
    if (status && error.code == MOTE_ESNAPSHOT && strstr(error.text, "open that first"))
        status = mote__snapshot_open_fd(&snapshot, image, base, fd, "file", &error);
    if (status) {
        fake_check((status == MOTE_ESNAPSHOT || status == MOTE_EBACKEND) && error.text[0],
                   "a refusal says why");
        return;
    }
    check_snapshot(snapshot->state);
    start(snapshot);
    mote_snapshot_unref(snapshot);
}

static void write_and_open(const uint8_t *file, size_t size)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    fake_check(fd >= 0 && write(fd, file, size) == (ssize_t)size, "a file");
    open_file(fd);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!right)
        make_right_file();
    if (size && data[0] == '!') { /* a whole file */
        write_and_open(data + 1, size - 1);
        return 0;
    }
    struct script script = {data, size};
    uint8_t *file = malloc(right_size);
    if (!file)
        return 0;
    memcpy(file, right, right_size);
    change(&script, file, MOTE__PAGE);
    repair(file, right_size);
    write_and_open(file, right_size);
    free(file);
    return 0;
}
