/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures in text: what parses, formats to a text that parses to the same. */
#include <stdlib.h>
#include <string.h>

#include "fake_hv.h"
#include "signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trip(const mote_signature *signature)
{
    mote_signature again;
    char text[512];
    size_t needed = mote_signature_format(signature, text, sizeof text);
    fake_check(needed == strlen(text), "the length is the text's");
    fake_check(mote_signature_parse(&again, text, NULL) == 0, "what was formatted parses");
    fake_check(mote__signature_equal(signature, &again), "to the same");
    for (size_t room = 0; room < 8; room++) {
        char small[8];
        memset(small, '#', sizeof small);
        fake_check(mote_signature_format(signature, small, room) == needed, "the same length");
        fake_check(room == 0 || strlen(small) == (needed < room ? needed : room - 1),
                   "cut and terminated");
    }
}

static void check_signature(const mote_signature *s)
{
    fake_check(s->nparams <= MOTE_PARAMS_MAX && s->nresults <= 1, "counts");
    fake_check((s->nresults == 0) == (s->result == MOTE_VOID), "the result");
    for (uint32_t i = 0; i < s->nparams; i++)
        fake_check(s->params[i] > MOTE_VOID && s->params[i] <= MOTE_BYTES, "parameters");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mote_error error = MOTE_ERROR_INIT;
    mote_signature signature;
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    if (mote_signature_parse(&signature, text, &error) == 0) {
        check_signature(&signature);
        check_round_trip(&signature);
    } else {
        fake_check(error.code == MOTE_EINVAL && error.detail >= 0 &&
                       (size_t)error.detail <= strlen(text),
                   "the error says where");
    }
    free(text);
    return 0;
}
