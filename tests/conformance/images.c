/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are no guests are refused by name. Each is a good guest with one thing changed. */
#include "support.h"

#include "mote_abi.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

struct elf {
    unsigned char *bytes;
    size_t size;
    Elf64_Ehdr *header;
    Elf64_Phdr *segments;
};

static struct elf good(void)
{
    struct elf elf;

    elf.bytes = guest_bytes("echo", &elf.size);
    elf.header = (void *)elf.bytes;
    elf.segments = (void *)(elf.bytes + elf.header->e_phoff);
    return elf;
}

/* The n-th segment of a type. */
static Elf64_Phdr *segment(const struct elf *elf, uint32_t type, unsigned n)
{
    for (unsigned i = 0; i < elf->header->e_phnum; i++) {
        if (elf->segments[i].p_type == type && n-- == 0) {
            return &elf->segments[i];
        }
    }
    FAIL("the guest has no segment of type %u", type);
}

static Elf64_Phdr *load_with(const struct elf *elf, uint32_t flag)
{
    for (unsigned i = 0; i < elf->header->e_phnum; i++) {
        if (elf->segments[i].p_type == PT_LOAD && (elf->segments[i].p_flags & flag) != 0) {
            return &elf->segments[i];
        }
    }
    FAIL("the guest has no segment with flag %u", flag);
}

static int open_bytes(const void *bytes, size_t size, mote_error *error)
{
    mote_source source = MOTE_SOURCE_DATA(bytes, size);
    mote_host *host = open_host();
    mote_image *image = NULL;
    int rc = mote_image_open(&image, host, &source, NULL, error);

    mote_image_unref(image);
    CHECK_CODE(mote_host_free(host), MOTE_OK);
    return rc;
}

/* The file is refused, and the text has one of the words in `words` ("a|b"). */
static void refused(const struct elf *elf, const char *words)
{
    mote_error error = MOTE_ERROR_INIT;
    char copy[128];
    char *rest = NULL;

    CHECK_CODE(open_bytes(elf->bytes, elf->size, &error), MOTE_EIMAGE);
    CHECK_CODE(error.code, MOTE_EIMAGE);
    CHECK_INT(error.domain, MOTE_DOMAIN_IMAGE);
    snprintf(copy, sizeof(copy), "%s", words);
    for (char *word = strtok_r(copy, "|", &rest); word; word = strtok_r(NULL, "|", &rest)) {
        if (strcasestr(error.text, word) != NULL) {
            free(elf->bytes);
            return;
        }
    }
    FAIL("\"%s\" names none of %s", error.text, words);
}

TEST(images, path_fd_and_data)
{
    struct elf elf = good();
    mote_error error = MOTE_ERROR_INIT;
    mote_host *host = open_host();
    mote_image *image = open_guest(host, "echo");
    char path[4096];
    int fd;

    mote_image_unref(image);
    CHECK_CODE(open_bytes(elf.bytes, elf.size, &error), MOTE_OK);
    guest_path("echo", path, sizeof(path));
    fd = open(path, O_RDONLY | O_CLOEXEC);
    lseek(fd, 100, SEEK_SET); /* read from its start all the same */
    mote_source source = MOTE_SOURCE_FD(fd);
    CHECK_CODE(mote_image_open(&image, host, &source, NULL, &error), MOTE_OK);
    CHECK(fcntl(fd, F_GETFD) >= 0);
    close(fd);
    CHECK_CODE(mote_image_boot(image, &error), MOTE_OK);
    mote_image_unref(image);
    CHECK_CODE(mote_host_free(host), MOTE_OK);
    free(elf.bytes);
}

TEST(images, source_is_exactly_one)
{
    mote_error error = MOTE_ERROR_INIT;
    mote_host *host = open_host();
    mote_image *image = NULL;
    mote_source none = {sizeof(none), NULL, -1, NULL, 0};
    mote_source two = {sizeof(two), "x", -1, "y", 1};

    CHECK_CODE(mote_image_open(&image, host, &none, NULL, &error), MOTE_EINVAL);
    CHECK_CODE(mote_image_open(&image, host, &two, NULL, &error), MOTE_EINVAL);
    CHECK(image == NULL);
    CHECK_CODE(mote_host_free(host), MOTE_OK);
}

TEST(images, missing_file)
{
    mote_error error = MOTE_ERROR_INIT;
    mote_host *host = open_host();
    mote_image *image = NULL;
    mote_source source = MOTE_SOURCE_PATH("/nonexistent/guest");

    CHECK_CODE(mote_image_open(&image, host, &source, NULL, &error), MOTE_ESYSTEM);
    CHECK_INT(error.domain, MOTE_DOMAIN_SYSTEM);
    CHECK_INT(error.detail, ENOENT);
    CHECK_HAS(error.text, "/nonexistent/guest");
    CHECK_CODE(mote_host_free(host), MOTE_OK);
}

/* ---- what is no ELF file for this machine ------------------------------------- */

static int open_path(mote_host *host, const char *path, mote_error *error)
{
    mote_source source = MOTE_SOURCE_PATH(path);
    mote_image *image = NULL;
    int rc = mote_image_open(&image, host, &source, NULL, error);

    CHECK(rc == MOTE_OK || image == NULL);
    mote_image_unref(image);
    return rc;
}

/* A directory says so, and nobody waits for the other end of a FIFO. */
TEST(images, no_regular_file)
{
    const char *tmp = getenv("TMPDIR");
    mote_error error = MOTE_ERROR_INIT;
    mote_host *host = open_host();
    uint64_t start = now_ns();
    char directory[512];
    char fifo[640];
    int rc;

    snprintf(directory, sizeof(directory), "%s/conformance-XXXXXX", tmp == NULL ? "/tmp" : tmp);
    CHECK(mkdtemp(directory) != NULL);
    snprintf(fifo, sizeof(fifo), "%s/fifo", directory);
    CHECK(mkfifo(fifo, 0600) == 0);
    alarm(20); /* a wait would be for ever, and leave the folder */
    rc = open_path(host, fifo, &error);
    unlink(fifo);
    rmdir(directory);
    CHECK_CODE(rc, MOTE_ESYSTEM);
    CHECK_HAS(error.text, "fifo");
    CHECK_CODE(open_path(host, "/", &error), MOTE_ESYSTEM);
    CHECK_INT(error.detail, EISDIR);
    CHECK(now_ns() - start < 5 * SECOND);
    CHECK_CODE(mote_host_free(host), MOTE_OK);
}

/* A process that may write no large files: an error, and no SIGXFSZ. */
TEST(images, limit_of_file_sizes)
{
    mote_error error = MOTE_ERROR_INIT;
    mote_host *host = open_host();
    struct rlimit limit;
    char path[4096];
    int rc;

    CHECK(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    guest_path("echo", path, sizeof(path));
    CHECK(setrlimit(RLIMIT_FSIZE, &(struct rlimit){4096, limit.rlim_max}) == 0);
    rc = open_path(host, path, &error);
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0); /* before anything is printed */
    CHECK_CODE(rc, MOTE_ESYSTEM);
    CHECK_INT(error.domain, MOTE_DOMAIN_SYSTEM);
    CHECK_INT(error.detail, EFBIG);
    CHECK(error.text[0] != '\0');
    CHECK_CODE(open_path(host, path, &error), MOTE_OK);
    CHECK_CODE(mote_host_free(host), MOTE_OK);
}

TEST(images, not_elf)
{
    mote_error error = MOTE_ERROR_INIT;
    struct elf elf = good();

    CHECK_CODE(open_bytes("#!/bin/sh\n", 10, &error), MOTE_EIMAGE);
    CHECK_HAS(error.text, "ELF");
    CHECK_CODE(open_bytes("", 0, &error), MOTE_EIMAGE);
    CHECK_CODE(open_bytes("\x7f", 1, &error), MOTE_EIMAGE);
    elf.bytes[EI_MAG1] = 'e';
    refused(&elf, "ELF");
}

TEST(images, wrong_class)
{
    struct elf elf = good();

    elf.bytes[EI_CLASS] = ELFCLASS32;
    refused(&elf, "class|64-bit|32-bit");
}

TEST(images, wrong_byte_order)
{
    struct elf elf = good();

    elf.bytes[EI_DATA] = ELFDATA2MSB;
    refused(&elf, "endian|byte order");
}

TEST(images, wrong_machine)
{
    struct elf elf = good();

    elf.header->e_machine = EM_AARCH64;
    refused(&elf, "machine");
}

TEST(images, wrong_file_type)
{
    struct elf elf = good();

    elf.header->e_type = ET_REL;
    refused(&elf, "type|executable");
}

TEST(images, dynamic)
{
    struct elf elf = good();

    segment(&elf, PT_GNU_STACK, 0)->p_type = PT_INTERP;
    refused(&elf, "dynamic");
}

/* ---- truncated ------------------------------------------------------------------ */

static void refused_when_cut(size_t size)
{
    struct elf elf = good();

    elf.size = size;
    refused(&elf, "truncated|too short|behind the file|end of the file");
}

TEST(images, truncated)
{
    size_t size = 0;

    free(guest_bytes("echo", &size));
    refused_when_cut(sizeof(Elf64_Ehdr) - 1);
    refused_when_cut(sizeof(Elf64_Ehdr));
    refused_when_cut(sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr) + 1);
}

TEST(images, truncated_segment)
{
    struct elf elf = good();
    Elf64_Phdr *data = load_with(&elf, PF_W);

    refused_when_cut(data->p_offset + data->p_filesz - 1);
    free(elf.bytes);
}

TEST(images, segment_past_the_end)
{
    struct elf elf = good();

    load_with(&elf, PF_X)->p_offset = elf.size;
    refused(&elf, "truncated|end of the file|outside|beyond|past");
}

/* Every length of the file but the full one is refused, or at least harmless. */
TEST(images, every_truncation_is_harmless)
{
    struct elf elf = good();
    size_t step = elf.size / test_repeat(200) + 1;
    mote_host *host = open_host();

    for (size_t size = 0; size < elf.size; size += step) {
        mote_source source = MOTE_SOURCE_DATA(elf.bytes, size);
        mote_image *image = NULL;

        if (mote_image_open(&image, host, &source, NULL, NULL) == MOTE_OK) {
            mote_image_unref(image);
        }
    }
    CHECK_CODE(mote_host_free(host), MOTE_OK);
    free(elf.bytes);
}

/* ---- segments ------------------------------------------------------------------ */

TEST(images, overlapping_segments)
{
    struct elf elf = good();

    segment(&elf, PT_LOAD, 1)->p_vaddr = segment(&elf, PT_LOAD, 0)->p_vaddr;
    refused(&elf, "overlap");
}

TEST(images, segments_that_share_a_page)
{
    struct elf elf = good();
    Elf64_Phdr *text = load_with(&elf, PF_X);
    Elf64_Phdr *data = load_with(&elf, PF_W);

    data->p_vaddr = ((text->p_vaddr + text->p_memsz) & ~0xfffull) | (data->p_vaddr & 0xfff);
    refused(&elf, "overlap|page");
}

TEST(images, wrapping_address)
{
    struct elf elf = good();
    Elf64_Phdr *data = load_with(&elf, PF_W);

    data->p_vaddr = ~0xfffull | (data->p_offset & 0xfff);
    data->p_memsz = 0x10000;
    refused(&elf, "wrap|range|outside");
}

TEST(images, wrapping_size)
{
    struct elf elf = good();

    load_with(&elf, PF_W)->p_memsz = UINT64_MAX - 0x1000;
    refused(&elf, "wrap|range|outside|large");
}

TEST(images, wrapping_offset)
{
    struct elf elf = good();
    Elf64_Phdr *data = load_with(&elf, PF_W);

    data->p_offset = UINT64_MAX - 0xfff + (data->p_vaddr & 0xfff);
    refused(&elf, "wrap|truncated|end of the file|outside|beyond|past");
}

TEST(images, more_in_file_than_in_memory)
{
    struct elf elf = good();
    Elf64_Phdr *data = load_with(&elf, PF_W);

    data->p_memsz = data->p_filesz - 1;
    refused(&elf, "size|larger|memory|smaller");
}

TEST(images, not_canonical)
{
    struct elf elf = good();
    Elf64_Phdr *data = load_with(&elf, PF_W);

    data->p_vaddr = 0x800000000000ull | (data->p_offset & 0xfff);
    refused(&elf, "address|range|outside|canonical|above");
}

TEST(images, in_the_null_page)
{
    struct elf elf = good();
    Elf64_Phdr *data = load_with(&elf, PF_W);

    data->p_vaddr = data->p_offset & 0xfff;
    refused(&elf, "address|range|outside|below|NULL|low");
}

TEST(images, write_and_execute)
{
    struct elf elf = good();

    load_with(&elf, PF_X)->p_flags |= PF_W;
    refused(&elf, "writ");
}

TEST(images, no_segment)
{
    struct elf elf = good();

    for (unsigned i = 0; i < elf.header->e_phnum; i++) {
        elf.segments[i].p_type = PT_NULL;
    }
    refused(&elf, "segment|load|entry");
}

TEST(images, entry_outside_code)
{
    struct elf elf = good();

    elf.header->e_entry = load_with(&elf, PF_W)->p_vaddr;
    refused(&elf, "entry");
    elf = good();
    elf.header->e_entry = 0;
    refused(&elf, "entry");
    elf = good();
    elf.header->e_entry = UINT64_MAX;
    refused(&elf, "entry");
}

/* ---- headers ------------------------------------------------------------------ */

TEST(images, headers_out_of_range)
{
    struct elf elf = good();

    elf.header->e_phoff = UINT64_MAX - 8;
    refused(&elf, "header");
    elf = good();
    elf.header->e_phoff = elf.size - 1;
    refused(&elf, "header");
    elf = good();
    elf.header->e_phnum = 0xffff;
    refused(&elf, "header");
    elf = good();
    elf.header->e_phentsize = 8;
    refused(&elf, "header");
}

/* ---- notes ------------------------------------------------------------------ */

/* The description of the first note of a type: 12 bytes of header, "mote" in 8. */
static unsigned char *note(const struct elf *elf, uint32_t type)
{
    const unsigned char name[8] = "mote";
    uint32_t head[3];

    for (size_t i = 12; i + 12 < elf->size; i += 4) {
        memcpy(head, elf->bytes + i - 12, sizeof(head));
        if (memcmp(elf->bytes + i, name, 8) == 0 && head[0] == 5 && head[2] == type) {
            return elf->bytes + i + 8;
        }
    }
    FAIL("the guest has no note of type %u", type);
}

static void refused_version(uint32_t version)
{
    struct elf elf = good();

    memcpy(note(&elf, MOTE_NOTE_ABI), &version, sizeof(version));
    refused(&elf, "ABI");
}

TEST(images, unknown_abi_version)
{
    refused_version((MOTE_ABI_MAJOR + 1) << 16);
    refused_version((MOTE_ABI_MAJOR - 1) << 16);
    refused_version(MOTE_ABI_VERSION + 1);
    refused_version(UINT32_MAX);
}

TEST(images, note_out_of_range)
{
    struct elf elf = good();
    uint32_t size = UINT32_MAX;

    memcpy(note(&elf, MOTE_NOTE_EXPORT) - 16, &size, sizeof(size)); /* descsz */
    refused(&elf, "note");
}

TEST(images, bad_signature)
{
    struct elf elf = good();
    unsigned char *desc = note(&elf, MOTE_NOTE_EXPORT);
    unsigned char *signature = memchr(desc + 5, '(', 64);

    CHECK(signature != NULL);
    *signature = '[';
    refused(&elf, "signature");
}

/* ---- anything ------------------------------------------------------------------ */

static uint64_t random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Bytes of the headers and notes changed at random: opened or refused, never worse. What opens is
 * booted as well, and there, too, may fail as it likes. */
TEST(images, random_headers_are_harmless)
{
    struct elf elf = good();
    unsigned char saved[1024];
    uint64_t state = 88172645463325252ull;
    mote_host *host = open_host();

    memcpy(saved, elf.bytes, sizeof(saved));
    for (unsigned i = 0; i < test_repeat(2000); i++) {
        mote_source source = MOTE_SOURCE_DATA(elf.bytes, elf.size);
        mote_image_options options = {.size = sizeof(options), .boot_deadline_ns = SECOND / 50};
        mote_image *image = NULL;

        for (unsigned n = 0; n <= i % 3; n++) {
            elf.bytes[random_next(&state) % 700] = (unsigned char)random_next(&state);
        }
        if (mote_image_open(&image, host, &source, &options, NULL) == MOTE_OK) {
            if (i % 8 == 0) {
                mote_image_boot(image, NULL);
            }
            mote_image_unref(image);
        }
        memcpy(elf.bytes, saved, sizeof(saved));
    }
    CHECK_CODE(mote_host_free(host), MOTE_OK);
    free(elf.bytes);
}

/* ---- what an image says about itself -------------------------------------------- */

TEST(images, description)
{
    mote_image_info info = {.size = sizeof(info)};
    mote_segment segment = {.size = sizeof(segment)};
    uint64_t before;
    struct box box;

    box_open(&box, "echo");
    CHECK_INT(mote_image_describe(box.image, &info), 0);
    CHECK(!info.program && !info.relocatable && info.symbols);
    CHECK(info.abi_version >= 0x10000);
    CHECK_INT(info.window, 0);
    CHECK_INT(info.stack, 8 * MIB);
    CHECK(info.segments >= 2);
    unsigned all = 0;
    for (uint32_t i = 0; i < info.segments; i++) {
        CHECK_INT(mote_image_segment(box.image, i, &segment), 0);
        CHECK(segment.file_size <= segment.memory_size && segment.access != 0);
        CHECK(!(segment.access & MOTE_SEGMENT_WRITE) || !(segment.access & MOTE_SEGMENT_EXECUTE));
        all |= segment.access;
        if (info.entry - segment.address < segment.memory_size)
            CHECK(segment.access & MOTE_SEGMENT_EXECUTE);
    }
    CHECK_INT(all, MOTE_SEGMENT_READ | MOTE_SEGMENT_WRITE | MOTE_SEGMENT_EXECUTE);
    before = info.memory;
    CHECK_INT(mote_image_boot(box.image, NULL), 0);
    CHECK_INT(mote_image_describe(box.image, &info), 0);
    CHECK(info.memory >= before);
    /* So much is enough. */
    set_option(&box, MOTE_OPT_MEMORY, (info.memory + 0xffff) & ~0xffffull);
    box_start(&box);
    box_close(&box);
}

TEST(images, description_of_others)
{
    mote_image_info info = {.size = sizeof(info)};
    struct box box;

    box_open(&box, "hello_plain");
    CHECK_INT(mote_image_describe(box.image, &info), 0);
    CHECK(info.program && info.abi_version == 0);
    box_close(&box);
    box_open(&box, "echo_pie");
    CHECK_INT(mote_image_describe(box.image, &info), 0);
    CHECK(!info.program && info.relocatable);
    box_close(&box);
    box_open(&box, "abi_1_0");
    CHECK_INT(mote_image_describe(box.image, &info), 0);
    CHECK(!info.symbols && !info.lines);
    CHECK_HEX(info.abi_version, 0x10000);
    box_close(&box);
}

TEST(images, description_sizes)
{
    struct {
        mote_image_info info;
        uint64_t more;
    } newer = {.info.size = sizeof(newer), .more = 0x5a5a};
    mote_image_info info = {.size = sizeof(size_t)};
    mote_segment segment = {.size = sizeof(segment)};
    struct box box;

    box_open(&box, "echo");
    CHECK_CODE(mote_image_describe(box.image, &info), MOTE_EINVAL);
    CHECK_CODE(mote_image_describe(NULL, &info), MOTE_EINVAL);
    CHECK_CODE(mote_image_describe(box.image, NULL), MOTE_EINVAL);
    CHECK_INT(mote_image_describe(box.image, &newer.info), 0);
    CHECK_HEX(newer.more, 0x5a5a);
    CHECK_INT(newer.info.size, sizeof(newer));
    CHECK_CODE(mote_image_segment(box.image, newer.info.segments, &segment), MOTE_EINVAL);
    CHECK_CODE(mote_image_segment(NULL, 0, &segment), MOTE_EINVAL);
    CHECK_CODE(mote_image_segment(box.image, 0, NULL), MOTE_EINVAL);
    segment.size = 8;
    CHECK_CODE(mote_image_segment(box.image, 0, &segment), MOTE_EINVAL);
    box_close(&box);
}
