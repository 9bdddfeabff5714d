/* SPDX-License-Identifier: Apache-2.0 */
/* hello_plain: an ordinary program, without exports and without the SDK.
 * hello_plain [STATUS [WORDS...]] prints its arguments and exits with STATUS. */
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    const char *variable = getenv("MOTE_TEST");

    printf("hello from a plain program\n");
    for (int i = 1; i < argc; i++)
        printf("argument %d: %s\n", i, argv[i]);
    if (variable != NULL)
        printf("MOTE_TEST=%s\n", variable);
    fprintf(stderr, "done\n");
    return argc > 1 ? atoi(argv[1]) : 0;
}
