/* SPDX-License-Identifier: Apache-2.0 */
#include "image/executable.h"

#include <elf.h>
#include <string.h>

#include "arch/x86_64/paging.h"
#include "error.h"
#include "os/os.h"

#define PIE_BASE 0x400000u /* where a static-pie goes: the usual place of the others */

struct file {
    const unsigned char *data;
    uint64_t size;
};

static int refuse(mote_error *error, const char *remedy, const char *why)
{
    return mote__fail(error, MOTE_DOMAIN_IMAGE, MOTE_EIMAGE, 0, remedy, "not a guest image: %s",
                      why);
}

#define HOW_TO_BUILD "build it as a static x86-64 Linux program: cc -static guest.c -lmote_guest"

/* The one bounds check of this file: [offset, offset + size) lies in the file. */
static bool in_file(const struct file *file, uint64_t offset, uint64_t size)
{
    return offset <= file->size && size <= file->size - offset;
}

static int check_identity(const Elf64_Ehdr *e, mote_error *error)
{
    if (memcmp(e->e_ident, ELFMAG, SELFMAG) != 0)
        return refuse(error, HOW_TO_BUILD, "not an ELF file");
    if (e->e_ident[EI_CLASS] != ELFCLASS64)
        return refuse(error, HOW_TO_BUILD, "wrong class: not a 64-bit ELF file");
    if (e->e_ident[EI_DATA] != ELFDATA2LSB || e->e_ident[EI_VERSION] != EV_CURRENT)
        return refuse(error, HOW_TO_BUILD, "wrong byte order or ELF version");
    if (e->e_machine != EM_X86_64)
        return refuse(error, HOW_TO_BUILD, "wrong machine: not x86-64");
    if (e->e_type != ET_EXEC && e->e_type != ET_DYN)
        return refuse(error, "link it: an object file or a core dump cannot run",
                      "not an executable");
    return 0;
}

static int check_headers(const struct file *file, const Elf64_Ehdr *e, mote_error *error)
{
    if (e->e_phnum == 0 || e->e_phentsize != sizeof(Elf64_Phdr))
        return refuse(error, HOW_TO_BUILD, "it has no program headers of the right size");
    if (!in_file(file, e->e_phoff, (uint64_t)e->e_phnum * sizeof(Elf64_Phdr)))
        return refuse(error, NULL, "headers out of range: the program headers end behind the file");
    return 0;
}

/* ---- segments ---- */

/* Whatever is there can be read: x86-64 has no other pages. */
static unsigned access_of(uint32_t flags)
{
    return (flags & (PF_R | PF_W | PF_X) ? MOTE__READ : 0) | (flags & PF_W ? MOTE__WRITE : 0) |
           (flags & PF_X ? MOTE__EXECUTE : 0);
}

static int check_segment(const struct file *file, const Elf64_Phdr *p, uint64_t bias,
                         mote_error *error)
{
    if (!in_file(file, p->p_offset, p->p_filesz))
        return refuse(error, NULL, "truncated: a segment ends behind the file");
    if (p->p_filesz > p->p_memsz)
        return refuse(error, NULL, "a segment is larger in the file than in memory");
    if (p->p_vaddr > MOTE__IMAGE_TOP - bias || p->p_memsz > MOTE__IMAGE_TOP - bias - p->p_vaddr)
        return refuse(error, NULL, "a segment wraps around or lies above 64 TiB");
    if ((p->p_flags & PF_W) && (p->p_flags & PF_X))
        return refuse(error, "link without -N and without executable data",
                      "write+execute: a segment is both writable and executable");
    return 0;
}

static int add_segment(struct mote__elf *elf, const struct file *file, const Elf64_Phdr *p,
                       uint64_t bias, mote_error *error)
{
    if (p->p_memsz == 0)
        return 0;
    if (elf->nsegments == MOTE__MAX_SEGMENTS)
        return refuse(error, NULL, "more than 16 segments");
    int status = check_segment(file, p, bias, error);
    if (status)
        return status;
    struct mote__segment *s = &elf->segments[elf->nsegments++];
    *s = (struct mote__segment){.address = p->p_vaddr + bias,
                                .size = p->p_memsz,
                                .file_offset = p->p_offset,
                                .file_size = p->p_filesz,
                                .access = access_of(p->p_flags)};
    return 0;
}

static int check_overlap(const struct mote__elf *elf, mote_error *error)
{
    for (unsigned i = 0; i < elf->nsegments; i++) {
        for (unsigned j = 0; j < i; j++) {
            const struct mote__segment *a = &elf->segments[i], *b = &elf->segments[j];
            if (mote__align_down(a->address, MOTE__PAGE) < b->address + b->size &&
                mote__align_down(b->address, MOTE__PAGE) < a->address + a->size)
                return refuse(error, "link with page-aligned segments, the linker's default",
                              "overlapping segments, or two of them share a page");
        }
    }
    return 0;
}

static void find_extent(struct mote__elf *elf)
{
    elf->low = UINT64_MAX;
    for (unsigned i = 0; i < elf->nsegments; i++) {
        const struct mote__segment *s = &elf->segments[i];
        uint64_t low = mote__align_down(s->address, MOTE__PAGE);
        uint64_t high = mote__align_up(s->address + s->size, MOTE__PAGE);
        elf->low = low < elf->low ? low : elf->low;
        elf->high = high > elf->high ? high : elf->high;
    }
}

/* The segment that holds a byte of the guest's address space. */
static const struct mote__segment *segment_of(const struct mote__elf *elf, uint64_t address)
{
    for (unsigned i = 0; i < elf->nsegments; i++)
        if (address - elf->segments[i].address < elf->segments[i].size)
            return &elf->segments[i];
    return NULL;
}

bool mote__elf_is_code(const struct mote__elf *elf, uint64_t address)
{
    const struct mote__segment *s = segment_of(elf, address);
    return s && s->access & MOTE__EXECUTE;
}

static int check_layout(struct mote__elf *elf, mote_error *error)
{
    if (elf->nsegments == 0)
        return refuse(error, HOW_TO_BUILD, "it has nothing to load");
    int status = check_overlap(elf, error);
    if (status)
        return status;
    find_extent(elf);
    if (elf->low < MOTE__PAGE)
        return refuse(error, NULL, "a segment covers address 0");
    if (!mote__elf_is_code(elf, elf->entry))
        return refuse(error, NULL, "entry outside code");
    return 0;
}

/* ---- the program headers ---- */

static int add_note_run(struct mote__elf *elf, const struct file *file, const Elf64_Phdr *p,
                        mote_error *error)
{
    if (!in_file(file, p->p_offset, p->p_filesz))
        return refuse(error, NULL, "truncated: a note ends behind the file");
    if (elf->nnotes == MOTE__MAX_SEGMENTS)
        return refuse(error, NULL, "more than 16 note segments");
    elf->notes[elf->nnotes++] = (struct mote__note_run){p->p_offset, p->p_filesz};
    return 0;
}

static int read_header(struct mote__elf *elf, const struct file *file, const Elf64_Phdr *p,
                       uint64_t bias, mote_error *error)
{
    switch (p->p_type) {
    case PT_LOAD:
        return add_segment(elf, file, p, bias, error);
    case PT_NOTE:
        return add_note_run(elf, file, p, error);
    case PT_INTERP:
        return refuse(error, "link it statically: cc -static",
                      "dynamic: it wants an interpreter and shared libraries");
    default:
        return 0;
    }
}

static int read_headers(struct mote__elf *elf, const struct file *file, const Elf64_Ehdr *e,
                        mote_error *error)
{
    uint64_t bias = e->e_type == ET_DYN ? PIE_BASE : 0;
    for (unsigned i = 0; i < e->e_phnum; i++) {
        Elf64_Phdr p;
        memcpy(&p, file->data + e->e_phoff + i * sizeof p, sizeof p);
        int status = read_header(elf, file, &p, bias, error);
        if (status)
            return status;
    }
    elf->entry = e->e_entry + bias;
    return check_layout(elf, error);
}

/* Where the guest sees its own program headers: they lie in some segment's file part. */
static void find_phdr(struct mote__elf *elf, const Elf64_Ehdr *e)
{
    elf->phnum = e->e_phnum;
    uint64_t size = (uint64_t)e->e_phnum * sizeof(Elf64_Phdr);
    for (unsigned i = 0; i < elf->nsegments; i++) {
        const struct mote__segment *s = &elf->segments[i];
        uint64_t at = e->e_phoff - s->file_offset;
        if (e->e_phoff >= s->file_offset && at <= s->file_size && size <= s->file_size - at)
            elf->phdr = s->address + at;
    }
}

int mote__elf_parse(struct mote__elf *elf, const void *data, size_t size, mote_error *error)
{
    struct file file = {data, size};
    Elf64_Ehdr e;
    memset(elf, 0, sizeof *elf);
    if (size < SELFMAG || memcmp(data, ELFMAG, SELFMAG) != 0)
        return refuse(error, HOW_TO_BUILD, "not an ELF file");
    if (!in_file(&file, 0, sizeof e))
        return refuse(error, NULL, "truncated: the file ends within the ELF header");
    memcpy(&e, data, sizeof e);
    int status = check_identity(&e, error);
    if (!status)
        status = check_headers(&file, &e, error);
    if (!status)
        status = read_headers(elf, &file, &e, error);
    if (!status)
        find_phdr(elf, &e);
    return status;
}
