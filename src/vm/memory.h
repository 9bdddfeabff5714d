/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory of one guest: its page tables, its regions and the memory behind
 * them, kept in step. Guest addresses are translated here and nowhere else,
 * through the region table, never by walking what a guest could have written.
 * Not for two threads at once.
 */
#ifndef MOTE_MEMORY_H
#define MOTE_MEMORY_H

#include "arch/x86_64/paging.h"
#include "files/files.h"
#include "vm/arena.h"
#include "vm/region.h"

/* Physical addresses of the arenas: away from each other and from what KVM keeps below 4 GiB. */
#define MOTE__TABLES_PHYSICAL 0x0ull
#define MOTE__RAM_PHYSICAL    0x100000000ull

/* Pages at the start of the tables arena; the page tables follow. */
enum mote__system_page {
    MOTE__PAGE_MONITOR,
    MOTE__PAGE_MONITOR_STACK,
    MOTE__PAGE_GATE,
    MOTE__PAGE_SCRUB, /* with the info in its second half: one page less to touch and to keep */
    MOTE__SYSTEM_PAGES
};

/* Distance of memories in one VM; a power of two. */
#define MOTE__SEAT_BITS  36u
#define MOTE__SEAT_SLOTS (2 * MOTE__ARENA_SLOTS)

struct mote__memory {
    struct mote__arena tables; /* the system pages and the page tables */
    struct mote__arena ram;    /* the image's read-only part, then writable memory */
    size_t limit;              /* bytes that the guest may have */
    size_t read_only;          /* bytes of ram that are the image's */
    size_t files, files_used;  /* where in ram the granted files are, and their bytes */
    size_t private_files;      /* bytes of them that the guest may write, each page its own */
    size_t root;               /* of the page tables, in the tables arena */
    struct mote__regions regions;
    struct mote__extents free; /* parts of ram that were handed out and came back */
    bool changed;              /* mappings differ from the snapshot's */
    bool damaged;              /* the host failed half-way: nothing of it can be believed */
};

/* `limit` bytes for the guest, and `files` for the files that will be placed. */
int mote__memory_reserve(struct mote__memory *memory, const mote_allocator *allocator, size_t limit,
                         size_t files, mote_error *error);
/* Moves memory that no VM has yet to another place among the VM's physical addresses and slots:
 * several memories stand in one VM side by side. */
void mote__memory_stand(struct mote__memory *memory, unsigned seat);
/* Whether a memory of this size leaves room for others beside it. */
bool mote__memory_is_narrow(size_t limit, size_t files);
void mote__memory_release(struct mote__memory *memory);
/* Whether memory that was reserved with other numbers will do for these; and then becomes so. */
bool mote__memory_fits(const struct mote__memory *memory, size_t limit, size_t files);
void mote__memory_set_limit(struct mote__memory *memory, size_t limit);
int mote__memory_attach(struct mote__memory *memory, struct mote__vm *vm, mote_error *error);

uint8_t *mote__system_page(const struct mote__memory *memory, enum mote__system_page page);
/* Enters the pages of a region in the page tables, as its access says; none without memory
 * or access. */
int mote__memory_map_pages(struct mote__memory *memory, const struct mote__region *region,
                           mote_error *error);
/* Zeroes memory and makes the guest lose what it could reach through changed entries. */
int mote__memory_give_back(struct mote__memory *memory, size_t offset, size_t size,
                           mote_error *error);
/* In a forked child: the ranges are not there, and may be somebody else's by now. */
void mote__memory_abandon(struct mote__memory *memory);
/* Bytes handed out to the guest: of files those that it may write. */
size_t mote__memory_in_use(const struct mote__memory *memory);
/* Bytes that may still be handed out; and the error when they are less than what is needed. */
size_t mote__memory_room(const struct mote__memory *memory);
int mote__memory_fail_limit(const struct mote__memory *memory, mote_error *error);

/* ---- mappings: page-aligned ranges ---- */

/* Maps zeroed memory where nothing is mapped; without access it takes none. All or nothing. */
int mote__memory_map(struct mote__memory *memory, uint64_t start, uint64_t size, unsigned access,
                     enum mote__region_kind kind, mote_error *error);
/* Maps `size` bytes of ram that are there already (an image's segments). */
int mote__memory_map_at(struct mote__memory *memory, uint64_t start, size_t offset, uint64_t size,
                        unsigned access, enum mote__region_kind kind, mote_error *error);
/* Takes mappings away, really: the guest cannot reach them at its next instruction. */
int mote__memory_unmap(struct mote__memory *memory, uint64_t start, uint64_t size,
                       mote_error *error);
/* The same for a range that ends where a region does: it leaves no more regions than there were, so
 * that their limit cannot forbid it. */
int mote__memory_cut_off(struct mote__memory *memory, uint64_t start, uint64_t size,
                         mote_error *error);
/* Takes back the mappings of a range after a failure: those that were joined with neighbours, too,
 * at the limit of regions. Damaged where even that fails. */
void mote__memory_undo(struct mote__memory *memory, uint64_t start, uint64_t size);
/* Changes access; MOTE_ERANGE where a part is not mapped, MOTE_EINVAL where the
 * image's own pages would become writable. */
int mote__memory_protect(struct mote__memory *memory, uint64_t start, uint64_t size,
                         unsigned access, mote_error *error);
bool mote__memory_is_free(const struct mote__memory *memory, uint64_t start, uint64_t size);
/* Moves what is mapped in a range, which must be whole (MOTE_ERANGE), to where nothing is: the
 * memory goes along, and what has none. Its kind becomes `kind`, save that of files. All or
 * nothing. memory_move.c */
int mote__memory_move(struct mote__memory *memory, uint64_t from, uint64_t size, uint64_t to,
                      enum mote__region_kind kind, mote_error *error);
/* Makes a range zero again, and pages of a file what they are in the file; the memory goes back
 * to the host. MOTE_ERANGE where a part is not mapped, MOTE_EINVAL where it is not the guest's to
 * empty. memory_move.c */
int mote__memory_discard(struct mote__memory *memory, uint64_t start, uint64_t size,
                         mote_error *error);
/* Splits regions so that [start, end) begins and ends at boundaries. */
int mote__memory_cut_out(struct mote__memory *memory, uint64_t start, uint64_t end,
                         mote_error *error);
/* Forgets the guest's present use of a region's entries; the contents stay. */
int mote__memory_zap(struct mote__memory *memory, const struct mote__region *region,
                     mote_error *error);

/* ---- granted files (vm/memory_file.c) ---- */

/* Places the files of a policy behind all other memory of a new shell. Each is a private mapping
 * of its sealed copy: the pages are shared by all sandboxes until the guest writes to one, and
 * memory that is released has the file's contents again. */
int mote__memory_place_files(struct mote__memory *memory, const struct mote__mounts *mounts,
                             mote_error *error);
/* Takes all files away: what they were placed in is zero, at the end of what is in use. Mappings
 * of them must have gone before the guest runs again. */
int mote__memory_displace_files(struct mote__memory *memory, mote_error *error);
/*
 * Maps [offset, offset + size) of a granted file where nothing is mapped; all numbers are multiples
 * of the page. What lies behind the file's last page has no access. The mapping is private: the
 * first one that may be written, and all others as long as there is none, use the file's pages
 * as they are and cost an entry in the page tables; one that overlaps a writable one, or is
 * writable over others, is a copy in ordinary memory, as of the grant. Bytes that may be written
 * count into the limit from the start, others (but copies) do not. Never executable:
 * MOTE_EINVAL. A later mote__memory_protect that adds write access is MOTE_EINVAL where
 * another mapping shares the pages. `kind` is that of copies and of what has no access.
 * MOTE_ELIMIT, MOTE_ENOMEM, MOTE_ESYSTEM. All or nothing.
 */
int mote__memory_map_file(struct mote__memory *memory, uint64_t start, uint64_t size,
                          const struct mote__mount *file, uint64_t offset, unsigned access,
                          enum mote__region_kind kind, mote_error *error);
/* Whether a region shows a file's own pages, and whether it may write to them, now or before. */
static inline bool mote__region_is_file(const struct mote__region *region)
{
    return region->kind == MOTE__REGION_FILE || region->kind == MOTE__REGION_FILE_PRIVATE;
}
/* Makes a region of a file's pages writable: counts it, or refuses it. */
int mote__memory_own_file(struct mote__memory *memory, struct mote__region *region,
                          mote_error *error);

/* ---- access by the host, checked whole before a byte moves ---- */

/* The memory of [address, address + *size) up to the end of its region: returns
 * its host address and cuts *size, or NULL where the guest itself has no such access. */
void *mote__memory_at(const struct mote__memory *memory, uint64_t address, size_t *size,
                      unsigned access);
bool mote__memory_check(const struct mote__memory *memory, uint64_t address, uint64_t size,
                        unsigned access);
/* MOTE_ERANGE where a byte of the range is not the guest's. */
int mote__memory_get(const struct mote__memory *memory, uint64_t address, void *to, size_t size);
int mote__memory_put(struct mote__memory *memory, uint64_t address, const void *from, size_t size);

#endif
