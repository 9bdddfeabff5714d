/* SPDX-License-Identifier: Apache-2.0 */
/* bad_signature: exports whose C type is not that of their signature. Each CASE
 * but 0 must not compile; check.sh tries them all. */
#include <mote_guest.h>

static int32_t function(int32_t number, mote_string text)
{
    return number + (int32_t)text.size;
}

#if CASE == 0
MOTE_EXPORT(function, i32, i32, string);
#elif CASE == 1 /* another integer */
MOTE_EXPORT(function, i32, i64, string);
#elif CASE == 2 /* another sign */
MOTE_EXPORT(function, i32, u32, string);
#elif CASE == 3 /* bytes for string */
MOTE_EXPORT(function, i32, i32, bytes);
#elif CASE == 4 /* another result */
MOTE_EXPORT(function, u32, i32, string);
#elif CASE == 5 /* no result */
MOTE_EXPORT(function, void, i32, string);
#elif CASE == 6 /* one parameter less */
MOTE_EXPORT(function, i32, i32);
#elif CASE == 7 /* one parameter more */
MOTE_EXPORT(function, i32, i32, string, bool);
#elif CASE == 8 /* another order */
MOTE_EXPORT(function, i32, string, i32);
#endif
