/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a call ended: arbitrary registers, stacks and symbol tables. The walk is bounded, takes
 * addresses of code only, and goes up; a symbol contains the address that was asked for, and its
 * name is printable and within the buffer.
 */
#include <stdlib.h>

#include "../tests/unit/tiny_elf.h"
#include "error.h"
#include "fake_hv.h"
#include "sandbox.h"
#include "script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MOST_SYMBOLS 40u
#define MOST_STRINGS 256u
#define RAM          0x4000u
#define SLOTS        40u /* where frames are */
#define SLOT         (RAM / SLOTS / 16 * 16)
#define STACK        0x7000000000u

/* A tiny guest, its section headers, symbols and strings behind it. */
struct file {
    struct tiny_elf elf;
    Elf64_Shdr sections[3];
    Elf64_Sym symbols[MOST_SYMBOLS];
    char strings[MOST_STRINGS];
};

static mote_host *host;
static struct script script;
static struct file file;
static uint8_t ram[RAM];

/* Mostly in or near the code. */
static uint64_t choose_address(void)
{
    switch (script_u8(&script) % 5) {
    case 0:
        return script_u64(&script);
    case 1:
        return script_u8(&script) & 3 ? STACK + script_u8(&script) % SLOTS * (uint64_t)SLOT
                                      : STACK + script_u16(&script) % (RAM + 32);
    case 2: /* of a position-independent one */
        return 2 * TINY_TEXT + script_u16(&script) % 0x1100;
    default:
        return TINY_TEXT + script_u16(&script) % 0x1100;
    }
}

static void choose_symbol(Elf64_Sym *symbol)
{
    uint8_t kind = script_u8(&script);
    symbol->st_info = kind & 7 ? ELF64_ST_INFO(STB_GLOBAL, STT_FUNC) : kind;
    symbol->st_shndx = kind & 8 ? SHN_UNDEF : 1;
    symbol->st_name = kind & 16 ? script_u32(&script) : script_u8(&script);
    symbol->st_value = choose_address();
    symbol->st_size = kind & 32 ? script_u64(&script) : script_u8(&script);
}

static void choose_sections(void)
{
    const uint64_t base = offsetof(struct file, sections);
    file.sections[1] = (Elf64_Shdr){.sh_type = SHT_SYMTAB,
                                    .sh_offset = offsetof(struct file, symbols),
                                    .sh_size = sizeof file.symbols,
                                    .sh_link = 2};
    file.sections[2] = (Elf64_Shdr){.sh_type = SHT_STRTAB,
                                    .sh_offset = offsetof(struct file, strings),
                                    .sh_size = sizeof file.strings};
    file.elf.e.e_shoff = base;
    file.elf.e.e_shnum = 3;
    uint8_t *bytes = (uint8_t *)file.sections;
    for (uint8_t n = script_u8(&script) % 8; n > 4; n--) /* some are odd */
        bytes[script_u8(&script) % sizeof file.sections] = script_u8(&script);
    if (script_u8(&script) > 250)
        file.elf.e.e_shoff = script_u64(&script);
    if (script_u8(&script) > 250)
        file.elf.e.e_shnum = script_u16(&script);
}

static mote_image *open_image(void)
{
    mote_image *image;
    memset(&file, 0, sizeof file);
    tiny_init(&file.elf);
    if (script_u8(&script) & 1)
        file.elf.e.e_type = ET_DYN;
    tiny_abi(&file.elf, MOTE_ABI_VERSION);
    choose_sections();
    unsigned count = script_u8(&script) % (MOST_SYMBOLS + 1);
    for (unsigned i = 0; i < count; i++)
        choose_symbol(&file.symbols[i]);
    script_take(&script, file.strings, script_u8(&script));
    tiny_finish(&file.elf);
    mote_source source = MOTE_SOURCE_DATA(&file, sizeof file);
    fake_check(mote_image_open(&image, host, &source, NULL, NULL) == 0, "an image");
    return image;
}

/* ---- frames ---- */

static void make_memory(struct mote__memory *memory, struct mote__region *regions)
{
    memset(memory, 0, sizeof *memory);
    memory->ram.host = ram;
    memory->ram.reserved = sizeof ram;
    memory->regions = (struct mote__regions){.list = regions, .count = 2, .room = 2};
    regions[0] = (struct mote__region){.start = STACK, .end = STACK + RAM / 2, .access = 3};
    regions[1] = (struct mote__region){.start = STACK + RAM / 2 + (script_u8(&script) & 1) * 0x1000,
                                       .end = STACK + RAM,
                                       .offset = RAM / 2,
                                       .access = 3};
    memset(ram, 0, sizeof ram);
    for (uint8_t n = script_u8(&script) % 64; n > 0; n--) {
        uint64_t frame[2] = {choose_address(), choose_address()};
        memcpy(ram + script_u8(&script) % SLOTS * (size_t)SLOT, frame, sizeof frame);
    }
}

static void check_frames(const mote_image *image)
{
    struct mote__memory memory;
    struct mote__region regions[2];
    struct mote__cpu_regs regs = {0};
    uint64_t frames[MOTE_FRAMES_MAX];
    make_memory(&memory, regions);
    regs.rip = choose_address();
    regs.rsp = choose_address();
    regs.rbp = choose_address();
    uint32_t count = mote__backtrace(&image->elf, &memory, &regs, frames);
    fake_check(count >= 1 && count <= MOTE_FRAMES_MAX && frames[0] == regs.rip, "bounded");
    for (uint32_t i = 1; i < count; i++)
        fake_check(mote__elf_is_code(&image->elf, frames[i] - 1), "callers are code");
}

/* ---- symbols ---- */

static void check_symbol(const mote_image *image)
{
    static char text[600];
    size_t size = script_u8(&script) & 1 ? sizeof text : script_u8(&script);
    uint64_t address = choose_address();
    memset(text, 'x', sizeof text);
    int length = mote_image_symbol(image, address, text, size);
    fake_check(length == MOTE_ENOTFOUND || length > 3, "a name and an offset");
    fake_check(length < 0 || mote__elf_is_code(&image->elf, address), "symbols are of code");
    if (size == 0)
        return;
    fake_check(strnlen(text, size) < size, "it ends");
    fake_check((length < 0) == (text[0] == '\0') || size < 25, "empty when there is none");
    for (const char *c = text; *c; c++)
        fake_check(*c >= ' ' && *c <= '~', "it is printable");
    if (length > 0 && (size_t)length < size)
        fake_check(strlen(text) == (size_t)length, "the length is that of the text");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!host)
        fake_check(mote_host_new(&host, NULL, NULL) == 0, "a host");
    script = (struct script){data, size};
    mote_image *image = open_image();
    check_frames(image);
    for (unsigned i = 0; i < 8; i++)
        check_symbol(image);
    mote_image_unref(image);
    return 0;
}
