/* SPDX-License-Identifier: Apache-2.0 */
/* A guest that asks its host for one thing after another, and waits for each answer. */
#include <mote_guest.h>

MOTE_IMPORT(env, ask, u32, u32)

/* The sum of the answers; each question is the answer before, plus one. */
static uint32_t visit(uint32_t questions)
{
    uint32_t sum = 0, answer = 0;
    for (uint32_t i = 0; i < questions; i++) {
        if (env_ask(&answer, answer + 1) != 0) {
            mote_fail(1, "no answer", 9);
            return 0;
        }
        sum += answer;
    }
    return sum;
}
MOTE_EXPORT(visit, u32, u32);
