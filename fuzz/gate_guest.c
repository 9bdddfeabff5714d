/* SPDX-License-Identifier: Apache-2.0 */
#include "gate_guest.h"

#include <stddef.h>

#include "gate_offsets.h"
#include "script.h"

_Static_assert(offsetof(struct gate_page, at_boot) == PAGE_AT_BOOT, "gate_offsets.h");
_Static_assert(offsetof(struct gate_page, program) == PAGE_PROGRAM, "gate_offsets.h");
_Static_assert(offsetof(struct gate_page, mailbox) == PAGE_MAILBOX, "gate_offsets.h");
_Static_assert(offsetof(struct gate_page, doorbell) == PAGE_DOORBELL, "gate_offsets.h");
_Static_assert(offsetof(struct gate_page, nwords) == PAGE_NWORDS, "gate_offsets.h");
_Static_assert(offsetof(struct gate_page, words) == PAGE_WORDS, "gate_offsets.h");
_Static_assert(TINY_TEXT + GATE_PAGE_AT == GATE_PAGE_ADDRESS, "gate_offsets.h");

/* gate_code.S */
extern const uint8_t gate_start[], gate_start_end[];
extern const uint8_t gate_answer[], gate_answer_end[];
extern const uint8_t gate_honest[], gate_honest_end[];

static uint64_t base_address(const struct mote__layout *l, unsigned base)
{
    const uint64_t bases[GATE_BASES] = {
        [GATE_MAILBOX] = l->mailbox, [GATE_DOORBELL] = l->gate,
        [GATE_INFO] = l->info,       [GATE_SCRUB] = l->scrub,
        [GATE_MONITOR] = l->monitor, [GATE_STACK] = l->stack_top - 0x1000,
        [GATE_CODE] = TINY_TEXT,     [GATE_DATA] = TINY_DATA,
        [GATE_HEAP] = l->heap,       [GATE_INIT] = l->init,
        [GATE_MMAP] = l->mmap,
    };
    return bases[base];
}

static uint64_t address(struct script *script, const struct mote__layout *layout)
{
    unsigned base = script_u8(script) % GATE_BASES;
    uint64_t number = script_u32(script);
    if (base == GATE_NEGATIVE)
        return number | ~(uint64_t)UINT32_MAX;
    if (base == GATE_HIGH)
        return number << 32;
    return base_address(layout, base) + (uint64_t)(int64_t)(int32_t)number;
}

/* Both are labels of one section. */
static size_t size_of(const uint8_t *code, const uint8_t *end)
{
    return (size_t)((uintptr_t)end - (uintptr_t)code);
}

static uint8_t *append(uint8_t *at, const uint8_t *code, const uint8_t *end)
{
    memcpy(at, code, size_of(code, end));
    return at + size_of(code, end);
}

void gate_template(struct tiny_elf *elf, bool program, bool honest)
{
    struct gate_page *page = (struct gate_page *)(void *)(elf->bytes + GATE_PAGE_AT);
    tiny_init(elf);
    tiny_abi(elf, MOTE_ABI_VERSION);
    if (honest)
        tiny_function(elf, MOTE_NOTE_EXPORT, 0, "", "echo", "(u64)->u64");
    else if (!program)
        tiny_function(elf, MOTE_NOTE_EXPORT, 0, "", "run", "(u64,bytes)->bytes");
    tiny_function(elf, MOTE_NOTE_IMPORT, 0, "env", "ask", "(i32,bytes)->bytes");
    tiny_function(elf, MOTE_NOTE_IMPORT, 0, "env", "tell", "(string)->void");
    tiny_function(elf, MOTE_NOTE_IMPORT, MOTE_NOTE_WEAK, "env", "none", "()->i32");
    tiny_finish(elf);
    uint8_t *code = append(elf->bytes + GATE_CODE_AT, gate_start, gate_start_end);
    append(code, honest ? gate_honest : gate_answer, honest ? gate_honest_end : gate_answer_end);
    page->program = program;
}

static void fill_page(struct gate_page *page, const struct mote__layout *l, struct script *script)
{
    page->mailbox = l->mailbox;
    page->doorbell = l->gate;
    page->nwords = script_u8(script) % (GATE_WORDS + 1);
    for (size_t i = 0; i < page->nwords; i++)
        page->words[i] = address(script, l);
    page->registers[1] = l->mailbox; /* rbx */
    page->registers[14] = l->gate;   /* r15 */
    page->registers[15] = 2;         /* flags */
    page->registers[16] = l->stack_top - 0x1000;
    for (unsigned n = script_u8(script) % 32; n; n--) {
        unsigned number = script_u8(script) % GATE_REGISTERS;
        page->registers[number] = address(script, l);
    }
}

struct gate_choice gate_fill(uint8_t *pages, const struct mote__layout *layout, bool program,
                             const uint8_t *data, size_t size)
{
    struct script script = {data, size};
    struct gate_page *page = (struct gate_page *)(void *)(pages + GATE_PAGE_AT);
    struct gate_choice choice;
    choice.flags = script_u8(&script);
    choice.answers = script_u8(&script);
    memset(page, 0, sizeof *page);
    fill_page(page, layout, &script);
    page->program = program;

    uint8_t *code = append(pages + GATE_CODE_AT, gate_start, gate_start_end);
    size_t room = (size_t)(pages + GATE_CODE_AT + GATE_CODE_SIZE - code) -
                  size_of(gate_answer, gate_answer_end);
    size_t length = script.left < room ? script.left : room;
    if (length)
        memcpy(code, script.at, length);
    code = append(code + length, gate_answer, gate_answer_end);
    memset(code, 0xcc, (size_t)(pages + GATE_CODE_AT + GATE_CODE_SIZE - code));
    return choice;
}
