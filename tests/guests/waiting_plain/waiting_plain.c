/* SPDX-License-Identifier: Apache-2.0 */
/* waiting_plain: a program without exports; its exit status is what the host answers. */
#include <mote_guest.h>

MOTE_IMPORT(env, wait, u32, u32)

int main(void)
{
    uint32_t first = 0, second = 0;
    if (env_wait(&first, 20) != 0 || env_wait(&second, first) != 0)
        return 99;
    return (int)(first + second);
}
