/* SPDX-License-Identifier: Apache-2.0 */
/* What the image's file tells about an address: functions, inlined ones first, and lines. */
#include <dwarf.h>
#include <stdlib.h>

#include "internal.h"

/* What is filled in for the frames of one address. */
struct place {
    mote_debug_frame frame; /* the next, as far as it is known */
    mote_debug_frame *frames;
    size_t count, size;
};

static void add(struct place *place, const char *function, bool inlined)
{
    if (place->count == place->size)
        return;
    mote_debug_frame *f = &place->frames[place->count++];
    *f = place->frame;
    f->inlined = inlined;
    if (inlined)
        f->offset = 0;
    if (function != NULL)
        f->function = function;
}

static uint32_t number_of(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    Dwarf_Word value;
    if (dwarf_formudata(dwarf_attr(die, name, &attribute), &value) != 0)
        return 0;
    return value <= UINT32_MAX ? (uint32_t)value : 0;
}

/* The caller of an inlined function stands where the call is. */
static void go_to_call(struct place *place, Dwarf_Die *unit, Dwarf_Die *inlined)
{
    Dwarf_Files *files;
    size_t count;
    uint32_t file = number_of(inlined, DW_AT_call_file);
    place->frame.file = NULL;
    if (dwarf_getsrcfiles(unit, &files, &count) == 0 && file < count)
        place->frame.file = dwarf_filesrc(files, file, NULL, NULL);
    place->frame.line = number_of(inlined, DW_AT_call_line);
    place->frame.column = number_of(inlined, DW_AT_call_column);
}

/* True when the outermost function was reached. */
static bool add_scope(struct place *place, Dwarf_Die *unit, Dwarf_Die *scope)
{
    int tag = dwarf_tag(scope);
    if (tag == DW_TAG_subprogram) {
        add(place, dwarf_diename(scope), false);
        return true;
    }
    if (tag == DW_TAG_inlined_subroutine) {
        add(place, dwarf_diename(scope), true);
        go_to_call(place, unit, scope);
    }
    return false;
}

static bool add_scopes(struct place *place, Dwarf_Die *unit, Dwarf_Addr address)
{
    Dwarf_Die *inner = NULL, *scopes = NULL;
    bool reached = false;
    if (dwarf_getscopes(unit, address, &inner) > 0) {
        /* Those around it in the code; the first list goes on with those in the source. */
        int count = dwarf_getscopes_die(&inner[0], &scopes);
        for (int i = 0; i < count && !reached; i++)
            reached = add_scope(place, unit, &scopes[i]);
    }
    free(inner);
    free(scopes);
    return reached;
}

static void find_line(struct place *place, Dwfl_Module *module, Dwarf_Addr address)
{
    Dwfl_Line *line = dwfl_module_getsrc(module, address);
    int number = 0, column = 0;
    if (line == NULL)
        return;
    place->frame.file = dwfl_lineinfo(line, NULL, &number, &column, NULL, NULL);
    place->frame.line = number > 0 ? (uint32_t)number : 0;
    place->frame.column = column > 0 ? (uint32_t)column : 0;
}

static void find_symbol(struct place *place, Dwfl_Module *module, Dwarf_Addr address)
{
    GElf_Off offset = 0;
    GElf_Sym symbol;
    place->frame.function =
        dwfl_module_addrinfo(module, address, &offset, &symbol, NULL, NULL, NULL);
    if (place->frame.function != NULL)
        place->frame.offset = offset + (place->frame.address - address);
}

int mote_debug_describe(mote_debug *debug, uint64_t address, bool is_return,
                        mote_debug_frame *frames, size_t size)
{
    struct place place = {.frame = {.address = address}, .frames = frames, .size = size};
    if (debug == NULL || frames == NULL)
        return MOTE_EINVAL;
    address -= is_return; /* the call */
    Dwfl_Module *module = dwfl_addrmodule(debug->dwfl, address);
    if (module != NULL) {
        Dwarf_Addr bias;
        find_symbol(&place, module, address);
        find_line(&place, module, address);
        Dwarf_Die *unit = dwfl_module_addrdie(module, address, &bias);
        if (unit != NULL && add_scopes(&place, unit, address - bias))
            return (int)place.count;
    }
    add(&place, NULL, false);
    return (int)place.count;
}
