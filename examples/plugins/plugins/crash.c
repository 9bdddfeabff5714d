/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin with a defect. */
#include <mote_guest.h>

static mote_string filter(mote_string text)
{
    const char *volatile nothing = NULL;
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): the defect */
    return (mote_string){nothing, text.size + (size_t)*nothing};
}
MOTE_EXPORT(filter, string, string);
