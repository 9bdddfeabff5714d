/* SPDX-License-Identifier: Apache-2.0 */
/* What the guest offers and asks for. The functions are in src/main.rs, with these C types. */
#include <mote_guest.h>

MOTE_IMPORT(env, price, u32, string)

/* A macro's function is static; Rust needs a symbol. */
int shim_price(uint32_t *result, mote_string item);
int shim_price(uint32_t *result, mote_string item)
{
    return env_price(result, item);
}

uint32_t total(mote_string item, uint32_t count);
mote_string count_words(mote_string text);
uint64_t divide(uint64_t a, uint64_t b);

MOTE_EXPORT(total, u32, string, u32);
MOTE_EXPORT(count_words, string, string);
MOTE_EXPORT(divide, u64, u64, u64);
