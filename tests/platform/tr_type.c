/* SPDX-License-Identifier: Apache-2.0 */
/*
 * QEMU's emulation of AMD consults the I/O bitmap only while TR's type is 9
 * (available); Intel's VM entry demands 11 (busy). So it is found by trial.
 */
#include "harness.h"

#include <string.h>

GUEST(ring_once, "mov $5,%eax\n" FINISH);

static bool bitmap_obeyed(uint8_t type)
{
    struct vm vm;
    memset(&vm, 0, sizeof vm);
    vm.tr_type = type;
    vm_open(&vm);
    BOOT(&vm, ring_once);
    struct outcome o = vm_run(&vm);
    vm_close(&vm);
    return o.event == EV_DOORBELL;
}

uint8_t vm_working_tr_type(void)
{
    if (bitmap_obeyed(11))
        return 11;
    return bitmap_obeyed(9) ? 9 : 0;
}
