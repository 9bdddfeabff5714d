/* SPDX-License-Identifier: Apache-2.0 */
/* The processor's state: all of it is tainted by a raw guest, and clean for what comes after. */
#include "taint_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VECTORS_SIZE ((size_t)32 * 64)

static uint64_t word(const unsigned char *seen, size_t offset)
{
    uint64_t value;

    memcpy(&value, seen + offset, sizeof(value));
    return value;
}

static uint32_t clean_ss(struct box *box)
{
    unsigned char *seen = taint_look(box->sandbox, box->image, 0);
    uint32_t ss = (uint32_t)word(seen, LOOK_DS + 0x20);

    free(seen);
    CHECK_CODE(mote_reset(box->sandbox), MOTE_OK);
    return ss;
}

/* After each ending, `size` bytes from `offset` are what an untainted sandbox sees. */
static void clean_after_every_ending(size_t offset, size_t size, uint32_t more)
{
    struct box box;
    unsigned char *reference;
    uint32_t flags;
    uint32_t ss;

    box_run(&box, "taint");
    flags = taint_capabilities(&box);
    ss = clean_ss(&box);
    reference = taint_look(box.sandbox, box.image, flags);
    for (size_t i = 0; i < TAINT_ENDINGS; i++) {
        unsigned char *seen;

        taint_fill(&box, flags | taint_endings[i] | more, ss);
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
        seen = taint_look(box.sandbox, box.image, flags);
        if (memcmp(seen + offset, reference + offset, size) != 0) {
            printf("  after ending 0x%x:\n", taint_endings[i]);
        }
        CHECK_BYTES(seen + offset, reference + offset, size);
        free(seen);
    }
    free(reference);
    box_close(&box);
}

TEST(taint, registers)
{
    clean_after_every_ending(LOOK_GPR, 0x80, 0);
}

TEST(taint, flags)
{
    clean_after_every_ending(LOOK_FLAGS, 8, 0);
}

TEST(taint, selectors)
{
    clean_after_every_ending(LOOK_DS, 0x30, TAINT_SELECTORS);
}

TEST(taint, null_selectors)
{
    clean_after_every_ending(LOOK_DS, 0x30, 0);
}

TEST(taint, stack_selector)
{
    clean_after_every_ending(LOOK_DS, 0x30, TAINT_SELECTORS | TAINT_SS);
}

TEST(taint, bases)
{
    clean_after_every_ending(LOOK_FS_BASE, 0x18, 0);
}

TEST(taint, x87)
{
    clean_after_every_ending(LOOK_FXSAVE, 24, 0);
    clean_after_every_ending(LOOK_FXSAVE + 32, 128, 0);
}

TEST(taint, mxcsr)
{
    clean_after_every_ending(LOOK_FXSAVE + 24, 8, 0);
}

TEST(taint, vectors)
{
    clean_after_every_ending(LOOK_FXSAVE + 160, 256, 0);
    clean_after_every_ending(LOOK_VECTORS, VECTORS_SIZE, 0);
}

TEST(taint, masks)
{
    clean_after_every_ending(LOOK_MASKS, 64, 0);
}

/* The whole XSAVE area: whatever components the processor has, known to this test or not. */
TEST(taint, every_xsave_component)
{
    clean_after_every_ending(LOOK_XSAVE, LOOK_XSAVE_SIZE, 0);
}

/* The pattern really is there without a reset: the tests above could fail. */
TEST(taint, is_seen_without_reset)
{
    unsigned char pattern[16];
    struct box box;
    unsigned char *seen;

    memset(pattern, TAINT_BYTE, sizeof(pattern));
    box_run(&box, "taint");
    taint_fill(&box, 0, 0);
    seen = taint_look(box.sandbox, box.image, 0);
    CHECK_BYTES(seen + LOOK_FXSAVE + 160, pattern, sizeof(pattern));
    CHECK_HEX(word(seen, LOOK_FXSAVE + 24) & 0xffff, TAINT_MXCSR);
    free(seen);
    box_close(&box);
}

/* Not only the same as before, but what the System V ABI promises a new program. */
TEST(taint, clean_is_clean)
{
    struct box box;
    unsigned char *seen;
    uint32_t flags;

    box_run(&box, "taint");
    flags = taint_capabilities(&box);
    taint_fill(&box, flags, 0);
    CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    seen = taint_look(box.sandbox, box.image, flags);
    CHECK_HEX(word(seen, LOOK_FLAGS) & 0x244d00, 0); /* TF DF NT AC ID clear, IF apart */
    CHECK_HEX(word(seen, LOOK_FXSAVE) & 0xffff, 0x37f);
    CHECK_HEX(word(seen, LOOK_FXSAVE + 24) & 0xffffffff, 0x1f80);
    CHECK_HEX(word(seen, LOOK_FS_WORD), LOOK_MARK);
    CHECK_HEX(word(seen, LOOK_GS_BASE), 0);
    for (size_t i = 0; i < VECTORS_SIZE; i++) {
        CHECK_HEX(seen[LOOK_VECTORS + i], 0);
    }
    free(seen);
    box_close(&box);
}

/* ---- two sandboxes ------------------------------------------------------------------ */

static void clean_in_other(struct box *box, mote_sandbox *other, const unsigned char *reference,
                           uint32_t flags)
{
    unsigned char *seen = taint_look(other, box->image, flags);

    CHECK_BYTES(seen, reference, LOOK_SIZE);
    free(seen);
    CHECK_CODE(mote_reset(other), MOTE_OK);
}

TEST(taint, does_not_reach_another_sandbox)
{
    struct box box;
    mote_sandbox *old;
    unsigned char *reference;
    uint32_t flags;

    box_run(&box, "taint");
    flags = taint_capabilities(&box);
    old = open_sandbox(box.image, box.policy);
    reference = taint_look(box.sandbox, box.image, flags);
    for (size_t i = 0; i < TAINT_ENDINGS; i++) {
        mote_sandbox *fresh;

        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
        taint_fill(&box, flags | taint_endings[i], 0);
        clean_in_other(&box, old, reference, flags);
        fresh = open_sandbox(box.image, box.policy);
        clean_in_other(&box, fresh, reference, flags);
        CHECK_CODE(mote_sandbox_free(fresh), MOTE_OK);
    }
    CHECK_CODE(mote_sandbox_free(old), MOTE_OK);
    free(reference);
    box_close(&box);
}

/* The shell of a sandbox that is gone may serve the next one. */
TEST(taint, does_not_outlive_the_sandbox)
{
    struct box box;
    unsigned char *reference;
    uint32_t flags;

    box_run(&box, "taint");
    flags = taint_capabilities(&box);
    reference = taint_look(box.sandbox, box.image, flags);
    for (size_t i = 0; i < TAINT_ENDINGS; i++) {
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
        taint_fill(&box, flags | taint_endings[i], 0);
        CHECK_CODE(mote_sandbox_free(box.sandbox), MOTE_OK);
        box_start(&box);
        clean_in_other(&box, box.sandbox, reference, flags);
    }
    free(reference);
    box_close(&box);
}

/* ---- the host's own state ------------------------------------------------------------------ */

struct own_state {
    uint32_t mxcsr;
    uint16_t fcw;
    uint64_t flags;
};

static struct own_state own_state(void)
{
    struct own_state state;

    memset(&state, 0, sizeof(state));
    __asm__ volatile("stmxcsr %0; fnstcw %1" : "=m"(state.mxcsr), "=m"(state.fcw));
    __asm__ volatile("pushfq; popq %0" : "=r"(state.flags));
    state.flags &= 0x244500; /* TF DF NT AC ID */
    state.mxcsr &= 0xffc0;   /* the control bits */
    return state;
}

TEST(taint, does_not_reach_the_host)
{
    struct box box;
    struct own_state before;
    uint32_t flags;

    box_run(&box, "taint");
    flags = taint_capabilities(&box);
    before = own_state();
    for (size_t i = 0; i < TAINT_ENDINGS; i++) {
        struct own_state after;

        taint_fill(&box, flags | taint_endings[i], 0);
        after = own_state();
        CHECK_BYTES(&after, &before, sizeof(after));
        CHECK_CODE(mote_reset(box.sandbox), MOTE_OK);
    }
    box_close(&box);
}
