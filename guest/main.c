/* SPDX-License-Identifier: Apache-2.0 */
/* main.c: the main of a guest that brings none. */
#include <unistd.h>

#include "mote_guest.h"

__attribute__((weak)) int main(void)
{
    static const char advice[] = "this program is a guest of mote: start it with `mote run`\n";

    mote_serve();
    return write(STDERR_FILENO, advice, sizeof(advice) - 1) < 0 ? 2 : 1;
}
