/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin that uses what the host grants: it asks for a setting, and says what it found. */
#include <ctype.h>
#include <mote_guest.h>
#include <stdio.h>
#include <string.h>

MOTE_IMPORT(plugin, setting, string, string) /* int plugin_setting(mote_string *, mote_string) */
MOTE_IMPORT(plugin, say, void, string)       /* int plugin_say(mote_string) */

static const mote_string unit_name = {"unit", 4};

static int count_words(mote_string text)
{
    int words = 0;
    for (size_t i = 0; i < text.size; i++)
        words += !isspace((unsigned char)text.data[i]) &&
                 (i == 0 || isspace((unsigned char)text.data[i - 1]));
    return words;
}

static mote_string filter(mote_string text)
{
    char line[100];
    mote_string unit;
    if (plugin_setting(&unit, unit_name) == 0) {
        int size =
            snprintf(line, sizeof(line), "%d %.*s", count_words(text), (int)unit.size, unit.data);
        (void)plugin_say((mote_string){line, (size_t)size});
    }
    return text;
}
MOTE_EXPORT(filter, string, string);
