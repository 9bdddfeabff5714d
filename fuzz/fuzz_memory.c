/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory of a guest: scripts of brk, mmap, munmap, mprotect, mremap, madvise, stack growth
 * and writes, before the snapshot and after it, against memory_model.c. After
 * each step tables, regions and model agree; after a reset all is exactly as
 * it was when the sandbox began.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../tests/unit/tiny_elf.h"
#include "fake_hv.h"
#include "memory_model.h"
#include "os/os.h"
#include "sandbox.h"
#include "script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MOST_STEPS 2000
#define LIMIT      (2u << 20)
#define WINDOW     0x40000u
#define MIB2       0x200000u
#define LARGEST    (3ull << 20) /* mapping at a time: above the limit, within the model's means */
#define OURS       4 /* pages of ours with leaves: monitor, its stack, gate, scrub data with info */

static mote_host *host;
static mote_policy *policy;
static mote_image *plain; /* booted without a script */
static mote_image *image; /* of the present input */
static mote_sandbox *sandbox;
static struct script script;
static unsigned boot_steps;
static unsigned steps_left; /* of an input, so that none takes for ever */

/* A step, and how often it is repeated with `stride` between. */
struct step {
    uint8_t kind;
    uint64_t address, size, argument, stride;
    uint64_t to, new_size, flags; /* of a mapping that is moved */
    unsigned times;
};

enum kind {
    MAP,
    MAP_AT,
    UNMAP,
    PROTECT,
    BRK,
    WRITE,
    PUT,
    STACK,
    REMAP,
    DISCARD,
    KINDS,
    FILE_AT = KINDS
};

/* A granted file; page i begins with FILE_WORD + i. */
#define FILE_PAGES 6u
#define FILE_WORD  0x1234567800ull

static struct step step;

/* ---- choices ---- */

static uint64_t choose_page(void)
{
    const struct mote__layout *l = &image->layout;
    uint64_t page = script_u8(&script) * (uint64_t)MOTE__PAGE;
    switch (script_u8(&script) % 9) {
    case 0:
    case 1:
    case 2:
        return l->mmap + page;
    case 3:
        return l->mmap + page * 512;
    case 4:
        return l->heap + page / 4;
    case 5:
        return page % (2 * (uint64_t)WINDOW);
    case 6:
        return TINY_TEXT + page % 0x8000;
    case 7:
        return l->stack_top - page;
    default:
        return l->mmap_end - page;
    }
}

static uint64_t choose_size(void)
{
    uint8_t choice = script_u8(&script);
    uint64_t n = script_u8(&script);
    if (choice < 100)
        return (n % 8 + 1) * MOTE__PAGE;
    if (choice < 200)
        return n * MOTE__PAGE;
    return choice < 230 ? n * 64 * MOTE__PAGE : n * 333;
}

/* Where the arguments are odd on purpose; the answers then only must be errors. */
static uint64_t odd(uint64_t value)
{
    uint8_t choice = script_u8(&script);
    return choice < 250 ? value : choice < 253 ? value + choice : script_u64(&script);
}

static void choose_remap(void)
{
    static const uint64_t flags[] = {0, MREMAP_MAYMOVE, MREMAP_MAYMOVE,
                                     MREMAP_MAYMOVE | MREMAP_FIXED};
    step.flags = odd(flags[script_u8(&script) % 4]);
    step.to = odd(choose_page());
    step.new_size = odd(choose_size());
    if (step.new_size > LARGEST && step.new_size <= MOTE__USER_TOP)
        step.new_size = LARGEST;
}

static void choose_step(void)
{
    static const uint64_t strides[] = {MOTE__PAGE, 2 * MOTE__PAGE, MIB2, MIB2 + MOTE__PAGE};
    uint8_t kind = script_u8(&script);
    step = (struct step){.kind = kind < 224 ? kind % KINDS : FILE_AT};
    step.address = odd(choose_page());
    step.size = odd(choose_size());
    step.argument = script_u8(&script) % 8; /* rights of a mapping */
    uint8_t choice = script_u8(&script);
    step.times = choice < 200 ? 1 : script_u8(&script) * (choice > 253 ? 5u : 1u) + 1;
    step.stride = strides[choice % 4];
    if (step.kind == WRITE || step.kind == PUT)
        step.argument = script_u64(&script);
    if (step.kind == REMAP)
        choose_remap();
    bool maps = step.kind == MAP || step.kind == MAP_AT;
    if (maps && step.size > LARGEST && step.size <= MOTE__USER_TOP)
        step.size = LARGEST;
}

static bool is_over(void)
{
    return script_ended(&script) || model_is_full() || steps_left == 0;
}

static bool next_step(void)
{
    if (steps_left)
        steps_left--;
    if (step.times > 1 && !model_is_full() && steps_left) {
        step.times--;
        step.address += step.stride;
        return true;
    }
    if (is_over())
        return false;
    choose_step();
    return true;
}

/* ---- the guest makes a step ---- */

static void set_arguments(struct mote__vm *vm, uint64_t number, uint64_t a, uint64_t b, uint64_t c,
                          uint64_t d)
{
    vm->regs.rax = number;
    vm->regs.rdi = a;
    vm->regs.rsi = b;
    vm->regs.rdx = c;
    vm->regs.r10 = d;
}

/* Returns false when the guest has not stopped for it. */
static bool make_step(struct mote__vm *vm, struct mote__exit *exit)
{
    const uint64_t flags = MAP_PRIVATE | MAP_ANONYMOUS;
    switch (step.kind) {
    case MAP:
        set_arguments(vm, SYS_mmap, 0, step.size, step.argument, flags);
        break;
    case MAP_AT:
        set_arguments(vm, SYS_mmap, step.address, step.size, step.argument, flags | MAP_FIXED);
        break;
    case UNMAP:
        set_arguments(vm, SYS_munmap, step.address, step.size, 0, 0);
        break;
    case PROTECT:
        set_arguments(vm, SYS_mprotect, step.address, step.size, step.argument, 0);
        break;
    case BRK:
        set_arguments(vm, SYS_brk, image->layout.heap + step.size, 0, 0, 0);
        break;
    case REMAP:
        set_arguments(vm, SYS_mremap, step.address, step.size, step.new_size, step.flags);
        vm->regs.r8 = step.to;
        break;
    case DISCARD:
        set_arguments(vm, SYS_madvise, step.address, step.size, MADV_DONTNEED, 0);
        break;
    case STACK:
        vm->regs.rip = TINY_TEXT;
        fake_trap(vm, exit, 14, 6, image->layout.stack_top - step.size - 1);
        return true;
    default:
        return false;
    }
    fake_syscall(vm, exit, TINY_TEXT);
    return true;
}

/* ---- what the model thinks of it ---- */

static unsigned access_of(uint64_t protection)
{
    return (protection & PROT_READ ? MOTE__READ : 0) |
           (protection & PROT_WRITE ? MOTE__READ | MOTE__WRITE : 0) |
           (protection & PROT_EXEC ? MOTE__EXECUTE : 0);
}

static bool failed(uint64_t result)
{
    return result > (uint64_t)-4096;
}

/* A step that failed may have done a part of its range, and nothing outside it. */
static void take_partial(uint64_t start, uint64_t size)
{
    if (size && size <= MOTE__USER_TOP && start <= MOTE__USER_TOP - size)
        model_take(&sandbox->shell->memory, start, start + mote__align_up(size, MOTE__PAGE));
}

static bool has_room_for(uint64_t size)
{
    const struct mote__memory *m = &sandbox->shell->memory;
    return size <= LIMIT - mote__memory_in_use(m) && m->regions.count < 500 &&
           m->tables.used < m->tables.reserved / 2 && m->free.count < 100;
}

static void mapped(uint64_t result)
{
    uint64_t size = mote__align_up(step.size, MOTE__PAGE);
    bool right = step.size && size && !(step.argument & PROT_EXEC);
    if (failed(result) && step.kind == MAP_AT) {
        take_partial(step.address, step.size);
        return;
    }
    if (failed(result)) {
        fake_check(!right || !has_room_for(size), "an mmap fails for a reason");
        return;
    }
    fake_check(right, "only right arguments are mapped");
    fake_check(step.kind == MAP || result == step.address, "MAP_FIXED");
    if (step.kind == MAP)
        for (uint64_t at = result; at < result + size; at += MOTE__PAGE)
            fake_check(!model_is_mapped(at, MOTE__PAGE), "nothing was mapped there");
    model_map(result, size, access_of(step.argument));
}

static void remapped(uint64_t result)
{
    uint64_t size = mote__align_up(step.size, MOTE__PAGE);
    uint64_t new_size = mote__align_up(step.new_size, MOTE__PAGE);
    bool fixed = step.flags & MREMAP_FIXED;
    if (failed(result)) { /* what was at the place that was named may be gone */
        if (fixed)
            take_partial(step.to, step.new_size);
        return;
    }
    fake_check(step.flags & MREMAP_MAYMOVE || result == step.address, "it stays where it is");
    fake_check(!fixed || result == step.to, "MREMAP_FIXED");
    if (result != step.address) {
        if (fixed)
            model_unmap(result, new_size);
        for (uint64_t at = result; at < result + new_size; at += MOTE__PAGE)
            fake_check(!model_is_mapped(at, MOTE__PAGE), "nothing was mapped there");
    }
    model_move(step.address, size, result, new_size);
}

/* What the first word of an empty page is. */
static uint64_t empty_word(uint64_t address)
{
    const struct mote__memory *m = &sandbox->shell->memory;
    const struct mote__region *r = &m->regions.list[mote__regions_find(&m->regions, address)];
    size_t offset = r->offset + (size_t)(address - r->start) - m->files;
    return mote__region_is_file(r) ? FILE_WORD + offset / MOTE__PAGE : 0;
}

static void emptied(void)
{
    uint64_t end = step.address + mote__align_up(step.size, MOTE__PAGE);
    for (uint64_t at = step.address; at < end; at += MOTE__PAGE)
        model_write(at, empty_word(at));
}

static void moved_brk(uint64_t result)
{
    static const uint64_t most = LIMIT;
    const struct mote__layout *l = &image->layout;
    uint64_t wanted = l->heap + step.size;
    model_take(&sandbox->shell->memory, l->heap, l->heap_end); /* contents: below */
    fake_check(result == sandbox->personality.brk, "brk returns the break");
    fake_check(result <= l->heap + most, "the heap is within the limit");
    fake_check(result == wanted || wanted > l->heap_end || wanted < l->heap ||
                   wanted > mote__align_up(result, MOTE__PAGE),
               "brk can always shrink");
}

static void grew_stack(void)
{
    const struct mote__layout *l = &image->layout;
    model_take(&sandbox->shell->memory, l->stack_low, l->stack_top);
    uint64_t at = l->stack_top - step.size - 1;
    fake_check(model_access(at) != 0, "the stack is there after it grew");
}

static void judge(const struct mote__vm *vm)
{
    uint64_t result = vm->regs.rax;
    switch (step.kind) {
    case MAP:
    case MAP_AT:
        mapped(result);
        break;
    case UNMAP:
        if (failed(result))
            take_partial(step.address, step.size);
        else
            model_unmap(step.address, mote__align_up(step.size, MOTE__PAGE));
        break;
    case PROTECT:
        if (failed(result))
            take_partial(step.address, step.size);
        else
            model_protect(step.address, mote__align_up(step.size, MOTE__PAGE),
                          access_of(step.argument));
        break;
    case REMAP:
        remapped(result);
        break;
    case DISCARD:
        if (failed(result))
            take_partial(step.address, step.size);
        else
            emptied();
        break;
    case BRK:
        moved_brk(result);
        break;
    case STACK:
        grew_stack();
        break;
    default:
        break;
    }
}

static void model_file(uint64_t start, uint64_t pages, uint64_t first, unsigned access)
{
    for (uint64_t i = 0; i < pages; i++) {
        bool inside = first + i < FILE_PAGES;
        model_map(start + i * MOTE__PAGE, MOTE__PAGE, inside ? access : 0);
        if (inside)
            model_write(start + i * MOTE__PAGE, FILE_WORD + first + i);
    }
}

/* As the personality does for an mmap: where nothing is mapped, page by page. */
static void map_file(void)
{
    struct mote__memory *m = &sandbox->shell->memory;
    const struct mote__layout *l = &image->layout;
    uint64_t start = mote__align_down(step.address, MOTE__PAGE);
    uint64_t pages = step.size % (2 * FILE_PAGES) + 1, first = step.size / 64 % (FILE_PAGES + 2);
    uint64_t size = pages * MOTE__PAGE;
    unsigned access = access_of(step.argument);
    if (start < l->mmap || start > l->mmap_end - size || !mote__memory_is_free(m, start, size))
        return;
    bool room = has_room_for(size);
    int status = mote__memory_map_file(m, start, size, &policy->mounts.list[0], first * MOTE__PAGE,
                                       access, MOTE__REGION_MMAP, NULL);
    fake_check(status == 0 || !room || access & MOTE__EXECUTE, "a file is mapped where it can be");
    fake_check(status || !(access & MOTE__EXECUTE), "a file is never executable");
    fake_check(!status || mote__memory_is_free(m, start, size), "all or nothing");
    if (!status)
        model_file(start, pages, first, access);
}

/* Writes go through without a stop, or fault as the model says. */
static void write_page(struct mote__vm *vm)
{
    uint64_t at = mote__align_down(step.address, MOTE__PAGE), word = step.argument;
    if (at >= MOTE__USER_TOP || at == image->layout.mailbox ||
        (at >= image->layout.gate && at < image->layout.mailbox))
        return;
    bool may = model_access(at) & MOTE__WRITE;
    bool did = step.kind == WRITE
                   ? fake_write(vm, at, &word, sizeof word)
                   : mote__memory_put(&sandbox->shell->memory, at, &word, sizeof word) == 0;
    fake_check(did == may, "a write succeeds where the model says so");
    if (did)
        model_write(at, word);
}

/* ---- runs of the guest ---- */

static void ring(struct mote__vm *vm, struct mote__exit *exit, uint32_t request)
{
    fake_check(fake_write(vm, image->layout.mailbox, &request, sizeof request), "a mailbox");
    fake_doorbell(vm, exit);
}

static void boot(struct mote__vm *vm, struct mote__exit *exit)
{
    while (boot_steps && next_step()) {
        boot_steps--;
        if (step.kind == WRITE)
            fake_write(vm, mote__align_down(step.address, MOTE__PAGE), &step.argument, 8);
        else if (step.kind != STACK && make_step(vm, exit))
            return;
    }
    ring(vm, exit, MOTE_REQUEST_READY);
}

static bool entered; /* the call has begun: the host has written its frame */
static bool stopped; /* the last step stopped the guest: judge it */

static void guest(struct mote__vm *vm, struct mote__exit *exit)
{
    if (!sandbox) {
        boot(vm, exit);
        return;
    }
    const struct mote__memory *memory = &sandbox->shell->memory;
    if (!entered)
        model_take(memory, 0, UINT64_MAX);
    entered = true;
    if (stopped)
        judge(vm);
    model_check_table(memory);
    if (step.times <= 1)
        model_check_pages(memory, vm);
    while (next_step()) {
        stopped = make_step(vm, exit);
        if (stopped)
            return;
        if (step.kind == FILE_AT)
            map_file();
        else
            write_page(vm);
    }
    model_check_pages(memory, vm);
    model_check_leaves(memory, OURS);
    stopped = false;
    ring(vm, exit, MOTE_REQUEST_RETURN);
}

/* ---- what a reset must bring back ---- */

static struct {
    struct mote__regions regions;
    struct mote__extents free;
    uint8_t ram[LIMIT + FILE_PAGES * MOTE__PAGE];
    size_t used;
    uint64_t brk;
} begin;

static void remember(void)
{
    const struct mote__memory *m = &sandbox->shell->memory;
    fake_check(mote__regions_copy(&begin.regions, &m->regions) == 0, "memory");
    fake_check(mote__extents_copy(&begin.free, &m->free) == 0, "memory");
    memcpy(begin.ram, m->ram.host, m->ram.used);
    begin.used = m->ram.used;
    begin.brk = sandbox->personality.brk;
}

static void check_region(const struct mote__region *a, const struct mote__region *b)
{
    fake_check(a->start == b->start && a->end == b->end && a->offset == b->offset &&
                   a->access == b->access && a->kind == b->kind,
               "a reset brings the regions back");
}

static void check_as_remembered(void)
{
    const struct mote__memory *m = &sandbox->shell->memory;
    fake_check(m->regions.count == begin.regions.count && m->free.count == begin.free.count,
               "a reset brings the tables back");
    for (size_t i = 0; i < m->regions.count; i++)
        check_region(&m->regions.list[i], &begin.regions.list[i]);
    fake_check(m->free.count == 0 ||
                   memcmp(m->free.list, begin.free.list, m->free.count * sizeof *m->free.list) == 0,
               "a reset brings the free extents back");
    fake_check(m->ram.used == begin.used, "a reset gives memory back");
    fake_check(memcmp(m->ram.host, begin.ram, begin.used) == 0, "a reset brings contents back");
    fake_check(sandbox->personality.brk == begin.brk, "a reset brings the break back");
}

/* ---- one input ---- */

static void make_image(mote_image **out)
{
    static struct tiny_elf elf;
    tiny_init(&elf);
    tiny_abi(&elf, MOTE_ABI_VERSION);
    tiny_window(&elf, WINDOW);
    tiny_function(&elf, MOTE_NOTE_EXPORT, 0, "", "run", "()->void");
    tiny_finish(&elf);
    memset(elf.bytes + 0x2000, 0x5a, 0x1000);
    mote_source source = MOTE_SOURCE_DATA(elf.bytes, sizeof elf.bytes);
    mote_image_options options = {.size = sizeof options, .boot_memory = LIMIT / 2};
    fake_check(mote_image_open(out, host, &source, &options, NULL) == 0, "an image");
}

static void grant_file(void)
{
    char path[40];
    int fd = memfd_create("granted", 0);
    for (uint64_t i = 0; i < FILE_PAGES; i++) {
        uint64_t word = FILE_WORD + i;
        fake_check(pwrite(fd, &word, sizeof word, (off_t)(i * MOTE__PAGE)) == sizeof word,
                   "a file");
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    fake_check(mote_policy_file(policy, path, "/granted", NULL) == 0, "a grant");
    close(fd);
}

static void make_host(void)
{
    fake_guest = guest;
    fake_check(mote_host_new(&host, NULL, NULL) == 0, "a host");
    fake_check(mote_policy_new(&policy, host, NULL) == 0, "a policy");
    fake_check(mote_policy_set(policy, MOTE_OPT_MEMORY, LIMIT, NULL) == 0, "a limit");
    grant_file();
    make_image(&plain);
    image = plain;
    fake_check(mote_image_boot(plain, NULL) == 0, "it boots");
}

/* One call with a script, and a reset; false when the sandbox ended in a fault. */
static void call_and_reset(void)
{
    mote_func run = {image, 0};
    entered = stopped = false;
    step.times = 0;
    model_clear();
    int status = mote_call(sandbox, run, NULL, NULL, 0, NULL, 0);
    fake_check(status == 0 || status == MOTE_EFAULT || status == MOTE_ELIMIT, "how calls end");
    model_check_table(&sandbox->shell->memory);
    fake_check(mote_reset(sandbox) == 0, "a reset");
    model_check_table(&sandbox->shell->memory);
    model_check_leaves(&sandbox->shell->memory, OURS);
    check_as_remembered();
}

static void run_sandbox(void)
{
    static const uint8_t init[5000] = {1, 2, 3};
    mote_sandbox_options options = {.size = sizeof options};
    mote_sandbox *made;
    if (script_u8(&script) & 1) {
        options.init_data = init;
        options.init_data_size = 1 + script_u16(&script) % sizeof init;
    }
    if (mote_sandbox_new(&made, image, policy, &options, NULL))
        return; /* the script faulted at its boot, or took too much */
    sandbox = made;
    remember();
    do
        call_and_reset();
    while (!is_over());
    sandbox = NULL;
    fake_check(mote_sandbox_free(made) == 0, "it goes");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!host)
        make_host();
    script = (struct script){data, size};
    step.times = 0;
    steps_left = MOST_STEPS;
    boot_steps = script_u8(&script) % 16;
    image = plain;
    if (boot_steps)
        make_image(&image);
    run_sandbox();
    if (image != plain)
        mote_image_unref(image);
    return 0;
}
