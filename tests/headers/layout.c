/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers that are promised and that no other test would see move: the structures which guest
 * and host share, and the codes of errors, as C11 and as C++17. Compiled, never run. */
#include <mote_abi.h>
#ifdef GUEST
#include <mote_guest.h>
#else
#include <mote.h>
#endif
#include <stddef.h>

#ifdef __cplusplus
#define HOLDS(condition) static_assert(condition, #condition)
#else
#define HOLDS(condition) _Static_assert(condition, #condition)
#endif

#define AT(type, member, offset) HOLDS(offsetof(struct type, member) == (offset))
#define SIZE(type, size)         HOLDS(sizeof(struct type) == (size))

/* ---- both sides: docs/abi.md, sections 5 to 9 ---- */

SIZE(mote_slot, 16);
AT(mote_slot, hi, 8);

AT(mote_info, abi_version, 0);
AT(mote_info, size, 4);
AT(mote_info, doorbell, 8);
AT(mote_info, mailbox, 16);
AT(mote_info, mailbox_size, 24);
AT(mote_info, generation, 32);
AT(mote_info, init_data, 40);
AT(mote_info, init_data_size, 48);
AT(mote_info, memory_limit, 56);
AT(mote_info, ring, 64);
AT(mote_info, ring_size, 72);
HOLDS(sizeof(struct mote_info) >= 80); /* it may grow */

SIZE(mote_mailbox, 64);
AT(mote_mailbox, status, 4);
AT(mote_mailbox, message, 8);
AT(mote_mailbox, call, 16);
AT(mote_mailbox, result, 24);
AT(mote_mailbox, code, 40);
AT(mote_mailbox, reserved, 48);

SIZE(mote_call_frame, 16);
AT(mote_call_frame, nargs, 4);
AT(mote_call_frame, nresults, 8);

SIZE(mote_host_call, 48);
AT(mote_host_call, nargs, 4);
AT(mote_host_call, types, 8);
AT(mote_host_call, result_type, 40);

SIZE(mote_text, 24);
AT(mote_text, code, 4);
AT(mote_text, text, 8);
AT(mote_text, size, 16);

HOLDS(MOTE_ABI_MAJOR == 1);
HOLDS(MOTE_AT_INFO == 0x6d6f7465);
HOLDS(MOTE_MAX_PARAMS == 32);
HOLDS(MOTE_REQUEST_READY == 1 && MOTE_REQUEST_RETURN == 2 && MOTE_REQUEST_CALL == 3);
HOLDS(MOTE_REQUEST_ABORT == 4 && MOTE_REQUEST_LOG == 5 && MOTE_REQUEST_FAIL == 6);
HOLDS(MOTE_NOTE_ABI == 1 && MOTE_NOTE_EXPORT == 2 && MOTE_NOTE_IMPORT == 3);
HOLDS(MOTE_NOTE_WINDOW == 4 && MOTE_NOTE_WEAK == 1);
HOLDS(MOTE_GUEST_EFAILED == -1 && MOTE_GUEST_EMISSING == -2);
HOLDS(MOTE_GUEST_EINVAL == -3 && MOTE_GUEST_ENOMEM == -4);
HOLDS(MOTE_TYPE_I32 == 1 && MOTE_TYPE_U32 == 2 && MOTE_TYPE_I64 == 3 && MOTE_TYPE_U64 == 4);
HOLDS(MOTE_TYPE_F32 == 5 && MOTE_TYPE_F64 == 6 && MOTE_TYPE_BOOL == 7);
HOLDS(MOTE_TYPE_STRING == 8 && MOTE_TYPE_BYTES == 9);

/* ---- the host's: what abi/libmote.abi does not hold ---- */

#ifndef GUEST
HOLDS(MOTE_EINVAL == -1 && MOTE_ENOMEM == -2 && MOTE_ESYSTEM == -3 && MOTE_EBACKEND == -4);
HOLDS(MOTE_EIMAGE == -5 && MOTE_EBOOT == -6 && MOTE_ENOTFOUND == -7 && MOTE_ETYPE == -8);
HOLDS(MOTE_EMISSING == -9 && MOTE_ELIMIT == -10 && MOTE_EFAULT == -11 && MOTE_EABORTED == -12);
HOLDS(MOTE_EDEADLINE == -13 && MOTE_EINTERRUPTED == -14 && MOTE_EPOISONED == -15);
HOLDS(MOTE_EFORKED == -16 && MOTE_EBUSY == -17 && MOTE_EFROZEN == -18 && MOTE_EGUEST == -19);
HOLDS(MOTE_EHOSTFN == -20 && MOTE_EEXITED == -21 && MOTE_ERANGE == -22);
HOLDS(MOTE_ESTRANGE == -23 && MOTE_EPROTOCOL == -24);
HOLDS(MOTE_DOMAIN_API == 1 && MOTE_DOMAIN_SYSTEM == 2 && MOTE_DOMAIN_BACKEND == 3);
HOLDS(MOTE_DOMAIN_IMAGE == 4 && MOTE_DOMAIN_GUEST == 5 && MOTE_DOMAIN_HOSTFN == 6);
HOLDS((int)MOTE_I32 == MOTE_TYPE_I32 && (int)MOTE_BYTES == MOTE_TYPE_BYTES);
#endif
