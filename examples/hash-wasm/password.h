/* SPDX-License-Identifier: Apache-2.0 */
/* The password functions: argon2, bcrypt, scrypt, against their published vectors. The module
 * does the expensive part; what surrounds it (BLAKE2b, PBKDF2-HMAC-SHA256) runs in the modules of
 * these names, in micro-VMs of their own, as the npm package has it. */
#ifndef HASH_WASM_PASSWORD_H
#define HASH_WASM_PASSWORD_H

#include "box.h"

/* Number of vectors, and how many of them the module, open as `box`, gets right. */
typedef unsigned (*password_check)(const struct boxes *boxes, struct box *box, unsigned *right);

unsigned check_argon2(const struct boxes *boxes, struct box *box, unsigned *right);

struct password_function {
    const char *name; /* of the module; NULL ends the list */
    password_check check;
};

extern const struct password_function password_functions[];

#endif
