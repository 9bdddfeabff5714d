/* SPDX-License-Identifier: Apache-2.0 */
/* cmocka.h wants these before it. */
#ifndef MOTE_CMOCKA_FIRST_H
#define MOTE_CMOCKA_FIRST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
