/* SPDX-License-Identifier: Apache-2.0 */
/* Names for addresses, from the symbol table of the image's file: hostile, so bounded. */
#include <elf.h>
#include <stdio.h>
#include <string.h>

#include "image.h"

struct table {
    const uint8_t *symbols;
    size_t count;
    const char *strings;
    size_t strings_size;
};

static bool in_file(const mote_image *image, uint64_t offset, uint64_t size)
{
    return offset <= image->file_size && size <= image->file_size - offset;
}

static bool read_section(const mote_image *image, const Elf64_Ehdr *e, uint32_t index,
                         Elf64_Shdr *section)
{
    uint64_t at = (uint64_t)index * sizeof *section;
    if (index >= e->e_shnum || e->e_shoff > UINT64_MAX - at ||
        !in_file(image, e->e_shoff + at, sizeof *section))
        return false;
    memcpy(section, image->file + e->e_shoff + at, sizeof *section);
    return section->sh_type == SHT_NOBITS || in_file(image, section->sh_offset, section->sh_size);
}

static bool find_table(const mote_image *image, struct table *table)
{
    Elf64_Ehdr e;
    memcpy(&e, image->file, sizeof e);
    for (uint32_t i = 0; i < e.e_shnum; i++) {
        Elf64_Shdr symbols, strings;
        if (!read_section(image, &e, i, &symbols) || symbols.sh_type != SHT_SYMTAB)
            continue;
        if (!read_section(image, &e, symbols.sh_link, &strings) || strings.sh_type != SHT_STRTAB)
            return false;
        *table = (struct table){
            image->file + symbols.sh_offset, (size_t)(symbols.sh_size / sizeof(Elf64_Sym)),
            (const char *)image->file + strings.sh_offset, (size_t)strings.sh_size};
        return true;
    }
    return false;
}

/* A name that ends inside the string table, or NULL. */
static const char *name_of(const struct table *table, const Elf64_Sym *symbol)
{
    if (symbol->st_name >= table->strings_size)
        return NULL;
    const char *name = table->strings + symbol->st_name;
    return memchr(name, 0, table->strings_size - symbol->st_name) ? name : NULL;
}

static uint64_t bias_of(const mote_image *image)
{
    Elf64_Ehdr e;
    memcpy(&e, image->file, sizeof e);
    return image->elf.entry - e.e_entry;
}

/* The file's names may hold anything; what we print is printable. */
static void make_printable(char *text)
{
    for (; *text; text++)
        if (*text < ' ' || *text > '~')
            *text = '?';
}

void mote__image_symbol(const mote_image *image, uint64_t address, char *text, size_t size)
{
    struct table table;
    text[0] = '\0';
    if (!find_table(image, &table))
        return;
    address -= bias_of(image);
    for (size_t i = 0; i < table.count; i++) {
        Elf64_Sym symbol;
        memcpy(&symbol, table.symbols + i * sizeof symbol, sizeof symbol);
        uint64_t extent = symbol.st_size ? symbol.st_size : 1;
        if (ELF64_ST_TYPE(symbol.st_info) != STT_FUNC || address - symbol.st_value >= extent)
            continue;
        const char *name = name_of(&table, &symbol);
        if (name)
            snprintf(text, size, "%.100s+%#llx", name,
                     (unsigned long long)(address - symbol.st_value));
        make_printable(text);
        return;
    }
}
