/* SPDX-License-Identifier: Apache-2.0 */
#include "image/symbol.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "image/image.h"
#include "os/os.h"

/* Functions that are looked at, those at the start of the table: 16 MiB of memory at most. */
#define MOST_FUNCTIONS ((size_t)1 << 20)
/* Functions that begin at or before an address and may still reach it. */
#define MOST_NESTED 16u

struct function {
    uint64_t start;  /* as in the file */
    uint32_t number; /* in the table */
};

struct mote__symbols {
    pthread_mutex_t lock; /* until it is sorted; taken alone, or inside an image's boot_lock */
    bool sorted;
    struct function *list;
    size_t count;
};

/* ---- the file's table ---- */

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

bool mote__image_section(const mote_image *image, const Elf64_Ehdr *e, uint32_t index,
                         Elf64_Shdr *section)
{
    uint64_t at = (uint64_t)index * sizeof *section;
    if (index >= e->e_shnum || e->e_shoff > UINT64_MAX - at ||
        !in_file(image, e->e_shoff + at, sizeof *section))
        return false;
    memcpy(section, image->file + e->e_shoff + at, sizeof *section);
    return section->sh_type == SHT_NOBITS || in_file(image, section->sh_offset, section->sh_size);
}

/* Empty where there is none. */
static struct table find_table(const mote_image *image)
{
    struct table none = {NULL, 0, NULL, 0};
    Elf64_Ehdr e;
    memcpy(&e, image->file, sizeof e);
    for (uint32_t i = 0; i < e.e_shnum; i++) {
        Elf64_Shdr symbols, strings;
        if (!mote__image_section(image, &e, i, &symbols) || symbols.sh_type != SHT_SYMTAB)
            continue;
        if (!mote__image_section(image, &e, symbols.sh_link, &strings) ||
            strings.sh_type != SHT_STRTAB)
            return none;
        return (struct table){
            image->file + symbols.sh_offset, (size_t)(symbols.sh_size / sizeof(Elf64_Sym)),
            (const char *)image->file + strings.sh_offset, (size_t)strings.sh_size};
    }
    return none;
}

bool mote__image_has_symbols(const mote_image *image)
{
    return find_table(image).count > 0;
}

static Elf64_Sym symbol_at(const struct table *table, size_t number)
{
    Elf64_Sym symbol;
    memcpy(&symbol, table->symbols + number * sizeof symbol, sizeof symbol);
    return symbol;
}

static bool is_function(const Elf64_Sym *symbol)
{
    return ELF64_ST_TYPE(symbol->st_info) == STT_FUNC && symbol->st_shndx != SHN_UNDEF;
}

/* A name that ends inside the string table, or NULL. */
static const char *name_of(const struct table *table, const Elf64_Sym *symbol, size_t *length)
{
    if (symbol->st_name >= table->strings_size)
        return NULL;
    const char *name = table->strings + symbol->st_name;
    const char *end = memchr(name, 0, table->strings_size - symbol->st_name);
    *length = end ? (size_t)(end - name) : 0;
    return *length ? name : NULL;
}

/* ---- sorting: in place, as fast for a table that was made to be slow ---- */

static bool before(const struct function *a, const struct function *b)
{
    return a->start != b->start ? a->start < b->start : a->number < b->number;
}

static void swap(struct function *a, struct function *b)
{
    struct function c = *a;
    *a = *b;
    *b = c;
}

static void sift(struct function *heap, size_t at, size_t count)
{
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && before(&heap[child], &heap[child + 1]))
            child++;
        if (!before(&heap[at], &heap[child]))
            return;
        swap(&heap[at], &heap[child]);
    }
}

static void heap_sort(struct function *list, size_t count)
{
    for (size_t i = count / 2; i-- > 0;)
        sift(list, i, count);
    for (size_t i = count; i-- > 1;) {
        swap(&list[0], &list[i]);
        sift(list, 0, i);
    }
}

/* ---- the index ---- */

struct mote__symbols *mote__symbols_new(const mote_allocator *allocator)
{
    struct mote__symbols *symbols = mote__alloc(allocator, sizeof *symbols);
    if (symbols)
        pthread_mutex_init(&symbols->lock, NULL);
    return symbols;
}

void mote__symbols_free(struct mote__symbols *symbols)
{
    if (!symbols)
        return;
    pthread_mutex_destroy(&symbols->lock);
    mote__free(symbols->list);
    mote__free(symbols);
}

static size_t count_functions(const struct table *table)
{
    size_t count = 0;
    for (size_t i = 0; i < table->count && count < MOST_FUNCTIONS; i++) {
        Elf64_Sym symbol = symbol_at(table, i);
        count += is_function(&symbol);
    }
    return count;
}

/* False without memory: the next question tries again. */
static bool sort(const mote_image *image, const struct table *table)
{
    struct mote__symbols *symbols = image->symbols;
    size_t count = count_functions(table);
    symbols->list =
        count ? mote__alloc_array(&image->host->allocator, count, sizeof *symbols->list) : NULL;
    if (count && !symbols->list)
        return false;
    for (size_t i = 0; symbols->count < count; i++) {
        Elf64_Sym symbol = symbol_at(table, i);
        if (is_function(&symbol))
            symbols->list[symbols->count++] = (struct function){symbol.st_value, (uint32_t)i};
    }
    heap_sort(symbols->list, count);
    return true;
}

static bool make_sorted(const mote_image *image, const struct table *table)
{
    struct mote__symbols *symbols = image->symbols;
    pthread_mutex_lock(&symbols->lock);
    if (!symbols->sorted)
        symbols->sorted = sort(image, table);
    bool sorted = symbols->sorted;
    pthread_mutex_unlock(&symbols->lock);
    return sorted;
}

/* How many functions begin at or before the address. */
static size_t count_up_to(const struct mote__symbols *symbols, uint64_t address)
{
    size_t low = 0, high = symbols->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (symbols->list[middle].start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The innermost function around the address. One without size (assembly) reaches to the next. */
static bool find(const struct mote__symbols *symbols, const struct table *table, uint64_t address,
                 Elf64_Sym *found)
{
    size_t end = count_up_to(symbols, address);
    size_t last = end > MOST_NESTED ? end - MOST_NESTED : 0;
    for (size_t i = end; i-- > last;) {
        *found = symbol_at(table, symbols->list[i].number);
        bool nearest = symbols->list[i].start == symbols->list[end - 1].start;
        if (found->st_size ? address - found->st_value < found->st_size : nearest)
            return true;
    }
    return false;
}

/* ---- naming ---- */

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

static int print(char *text, size_t size, const char *name, size_t length, uint64_t offset)
{
    char end[24];
    size_t digits = (size_t)snprintf(end, sizeof end, "+0x%llx", (unsigned long long)offset);
    size_t room = size > digits ? size - 1 - digits : 0;
    size_t part = length < room ? length : room;
    if (size) {
        memcpy(text, name, part);
        snprintf(text + part, size - part, "%s", end);
        make_printable(text);
    }
    return (int)(length + digits); /* a file is at most 1 GiB */
}

int mote__image_symbol(const mote_image *image, uint64_t address, char *text, size_t size)
{
    struct table table = find_table(image);
    Elf64_Sym symbol;
    size_t length;
    if (size)
        text[0] = '\0';
    if (!table.symbols || !mote__elf_is_code(&image->elf, address) || !make_sorted(image, &table))
        return MOTE_ENOTFOUND;
    address -= bias_of(image);
    const char *name =
        find(image->symbols, &table, address, &symbol) ? name_of(&table, &symbol, &length) : NULL;
    return name ? print(text, size, name, length, address - symbol.st_value) : MOTE_ENOTFOUND;
}
