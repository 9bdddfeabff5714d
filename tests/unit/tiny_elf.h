/* SPDX-License-Identifier: Apache-2.0 */
/* Builds small ELF executables in memory, right ones to be made wrong by a test. */
#ifndef MOTE_TINY_ELF_H
#define MOTE_TINY_ELF_H

#include <elf.h>
#include <stdint.h>
#include <string.h>

#include "mote_abi.h"

#define TINY_TEXT 0x400000u
#define TINY_DATA 0x402000u
#define TINY_SIZE 0x4000u

enum tiny_header { TINY_CODE, TINY_RODATA, TINY_BSS, TINY_NOTE, TINY_HEADERS };

/* One page of code, one of constants, a page of data with a page of bss, and the notes. */
struct tiny_elf {
    uint8_t bytes[TINY_SIZE];
    Elf64_Ehdr e;
    Elf64_Phdr p[TINY_HEADERS];
};

static inline void tiny_init(struct tiny_elf *t)
{
    memset(t, 0, sizeof *t);
    memcpy(t->e.e_ident, ELFMAG, SELFMAG);
    t->e.e_ident[EI_CLASS] = ELFCLASS64;
    t->e.e_ident[EI_DATA] = ELFDATA2LSB;
    t->e.e_ident[EI_VERSION] = EV_CURRENT;
    t->e.e_type = ET_EXEC;
    t->e.e_machine = EM_X86_64;
    t->e.e_version = EV_CURRENT;
    t->e.e_entry = TINY_TEXT + 0x800;
    t->e.e_phoff = sizeof t->e;
    t->e.e_ehsize = sizeof t->e;
    t->e.e_phentsize = sizeof t->p[0];
    t->e.e_phnum = TINY_HEADERS;
    t->p[TINY_CODE] = (Elf64_Phdr){PT_LOAD, PF_R | PF_X, 0, TINY_TEXT, 0, 0x1000, 0x1000, 0x1000};
    t->p[TINY_RODATA] =
        (Elf64_Phdr){PT_LOAD, PF_R, 0x1000, TINY_TEXT + 0x1000, 0, 0x1000, 0x1000, 0x1000};
    t->p[TINY_BSS] =
        (Elf64_Phdr){PT_LOAD, PF_R | PF_W, 0x2000, TINY_DATA, 0, 0x1000, 0x2000, 0x1000};
    t->p[TINY_NOTE] = (Elf64_Phdr){PT_NOTE, PF_R, 0x3000, 0, 0, 0, 0, 4};
}

/* Appends a note of `size` bytes under a name. */
static inline void tiny_note_as(struct tiny_elf *t, const char *name, uint32_t type,
                                const void *desc, uint32_t size)
{
    Elf64_Phdr *p = &t->p[TINY_NOTE];
    uint8_t *at = t->bytes + p->p_offset + p->p_filesz;
    uint32_t name_size = (uint32_t)strlen(name) + 1;
    const uint32_t head[3] = {name_size, size, type};
    memcpy(at, head, sizeof head);
    memcpy(at + sizeof head, name, name_size);
    uint32_t padded = (name_size + 3) & ~3u;
    if (size)
        memcpy(at + sizeof head + padded, desc, size);
    p->p_filesz += sizeof head + padded + ((size + 3) & ~3u);
}

static inline void tiny_note(struct tiny_elf *t, uint32_t type, const void *desc, uint32_t size)
{
    tiny_note_as(t, MOTE_NOTE_NAME, type, desc, size);
}

static inline void tiny_abi(struct tiny_elf *t, uint32_t version)
{
    tiny_note(t, MOTE_NOTE_ABI, &version, sizeof version);
}

static inline void tiny_window(struct tiny_elf *t, uint64_t size)
{
    tiny_note(t, MOTE_NOTE_WINDOW, &size, sizeof size);
}

static inline void tiny_function(struct tiny_elf *t, uint32_t type, uint32_t flags,
                                 const char *module, const char *name, const char *signature)
{
    char desc[1024];
    size_t at = sizeof flags;
    const char *const texts[] = {module, name, signature};
    memcpy(desc, &flags, sizeof flags);
    for (size_t i = 0; i < 3; i++) {
        size_t size = strlen(texts[i]) + 1;
        memcpy(desc + at, texts[i], size);
        at += size;
    }
    tiny_note(t, type, desc, (uint32_t)at);
}

/* Writes the headers; the file is t->bytes, TINY_SIZE bytes. */
static inline void tiny_finish(struct tiny_elf *t)
{
    memcpy(t->bytes, &t->e, sizeof t->e);
    memcpy(t->bytes + sizeof t->e, t->p, sizeof t->p);
}

#endif
