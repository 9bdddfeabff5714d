/* SPDX-License-Identifier: Apache-2.0 */
/* A guest that can do one thing to the outside: say something, if it is granted. */
#include <mote_guest.h>
#include <stdio.h>

MOTE_IMPORT(env, say, void, string)

static void greet(mote_string name)
{
    char text[100];
    int size = snprintf(text, sizeof(text), "Hello, %.*s!", (int)name.size, name.data);
    mote_string greeting = {text, (size_t)size < sizeof(text) ? (size_t)size : sizeof(text) - 1};

    if (env_say(greeting) != 0) {
        mote_string reason = mote_error_text();
        mote_fail(1, reason.data, reason.size);
    }
}
MOTE_EXPORT(greet, void, string);
