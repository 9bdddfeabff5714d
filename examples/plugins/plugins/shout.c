/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin: upper case. */
#include <ctype.h>
#include <mote_guest.h>

static mote_string filter(mote_string text)
{
    static char answer[4096];
    size_t size = text.size < sizeof(answer) ? text.size : sizeof(answer);
    for (size_t i = 0; i < size; i++)
        answer[i] = (char)toupper((unsigned char)text.data[i]);
    return (mote_string){answer, size};
}
MOTE_EXPORT(filter, string, string);
