/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOTE_SIGNATURE_H
#define MOTE_SIGNATURE_H

#include "mote.h"

bool mote__type_is_bytes(mote_type type);
bool mote__signature_equal(const mote_signature *a, const mote_signature *b);

#endif
