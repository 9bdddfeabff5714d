/* SPDX-License-Identifier: Apache-2.0 */
/* asking_plain: a program without exports that calls a host function; it prints what it was told.
 * It ends with 0 when every answer was the one that it expects. */
#include <mote_guest.h>
#include <stdio.h>
#include <string.h>

MOTE_IMPORT(env, greet, string, string)

/* The first answer of all is the one that matters: nothing was called before it. */
int main(int argc, char **argv)
{
    const char *const names[] = {"world", "you", ""};

    (void)argc;
    (void)argv;
    for (int i = 0; i < 3; i++) {
        mote_string answer = {NULL, 0};
        size_t size = strlen(names[i]);

        if (env_greet(&answer, (mote_string){names[i], size}) != 0)
            return 10 + i;
        if (answer.size != size + 7 || memcmp(answer.data, "hello, ", 7) != 0 ||
            memcmp(answer.data + 7, names[i], size) != 0)
            return 20 + i;
        printf("%.*s\n", (int)answer.size, answer.data);
    }
    return 0;
}
