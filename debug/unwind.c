/* SPDX-License-Identifier: Apache-2.0 */
/* From registers and a stack to return addresses, by libdw: call frame information where the
 * image has it, else frame pointers. */
#include "internal.h"

enum { ONLY_THREAD = 1 };

static pid_t next_thread(Dwfl *dwfl, void *user, void **thread)
{
    (void)dwfl;
    bool first = *thread == NULL;
    *thread = user;
    return first ? ONLY_THREAD : 0;
}

static bool get_thread(Dwfl *dwfl, pid_t id, void *user, void **thread)
{
    (void)dwfl;
    *thread = user;
    return id == ONLY_THREAD;
}

static bool read_word(Dwfl *dwfl, Dwarf_Addr address, Dwarf_Word *word, void *user)
{
    const mote_debug *debug = user;
    (void)dwfl;
    return debug->read(debug->user, address, word, sizeof *word) == 0;
}

/* In the numbers of DWARF: x86-64 psABI, section 3.6.2. */
static bool set_registers(Dwfl_Thread *thread, void *user)
{
    const mote_registers *r = &((const mote_debug *)user)->registers;
    const Dwarf_Word words[] = {r->rax, r->rdx, r->rcx, r->rbx, r->rsi, r->rdi,
                                r->rbp, r->rsp, r->r8,  r->r9,  r->r10, r->r11,
                                r->r12, r->r13, r->r14, r->r15, r->rip};
    return dwfl_thread_state_registers(thread, 0, sizeof words / sizeof words[0], words);
}

static const Dwfl_Thread_Callbacks threads = {.next_thread = next_thread,
                                              .get_thread = get_thread,
                                              .memory_read = read_word,
                                              .set_initial_registers = set_registers};

static bool is_code(const mote_debug *debug, uint64_t address)
{
    return dwfl_addrmodule(debug->dwfl, address) != NULL;
}

/* A caller outside the image is a mistake of the unwinding. */
static int add_frame(Dwfl_Frame *frame, void *user)
{
    mote_debug *debug = user;
    Dwarf_Addr address;
    bool exact;
    if (debug->count == debug->room || !dwfl_frame_pc(frame, &address, &exact) ||
        (debug->count > 0 && !is_code(debug, address - 1)))
        return DWARF_CB_ABORT;
    debug->addresses[debug->count++] = address;
    return DWARF_CB_OK;
}

/* After a call to nowhere the return address is on top of the stack. */
static void return_from_nowhere(mote_debug *debug)
{
    mote_registers *r = &debug->registers;
    uint64_t back;
    if (is_code(debug, r->rip) || debug->read(debug->user, r->rsp, &back, sizeof back) != 0 ||
        !is_code(debug, back - 1))
        return;
    debug->addresses[debug->count++] = r->rip;
    r->rip = back;
    r->rsp += sizeof back;
}

size_t mote__debug_unwind(mote_debug *debug, const mote_registers *registers,
                          mote_debug_read_fn read, void *user, uint64_t *addresses, size_t room)
{
    debug->registers = *registers;
    debug->read = read;
    debug->user = user;
    debug->addresses = addresses;
    debug->room = room;
    debug->count = 0;
    return_from_nowhere(debug);
    size_t before = debug->count;
    /* Fails with "already attached" after the first time, as it shall. */
    dwfl_attach_state(debug->dwfl, NULL, ONLY_THREAD, &threads, debug);
    dwfl_getthread_frames(debug->dwfl, ONLY_THREAD, add_frame, debug);
    if (debug->count == before)
        debug->addresses[debug->count++] = debug->registers.rip;
    return debug->count;
}
