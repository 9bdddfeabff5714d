/* SPDX-License-Identifier: Apache-2.0 */
/* cli_cat: an ordinary program that copies its input to its output. */
#include <stdio.h>

int main(void)
{
    int c;
    while ((c = getchar()) != EOF)
        putchar(c);
    return ferror(stdin) || fflush(stdout) != 0;
}
