/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON of an OCI image layout: index, manifest and config that somebody else wrote. */
#include <string.h>

#include "../cli/oci.h"
#include "fake_hv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* It can only be the name of a file. */
static void check_blob(const struct oci_blob *blob)
{
    fake_check(strlen(blob->digest) == DIGEST_SIZE - 1 &&
                   strspn(blob->digest, "0123456789abcdef") == DIGEST_SIZE - 1,
               "a digest is 64 digits");
    fake_check(blob->size <= UINT64_C(1) << 52, "a size is bounded");
}

static void check_all(const struct json_document *document)
{
    static struct oci_manifest manifest;
    struct oci_blob blob;
    uint64_t stack = 0;
    oci_check_layout(document);
    if (oci_read_index(document, &blob) == NULL)
        check_blob(&blob);
    if (oci_read_config(document, &stack) == NULL)
        fake_check(stack <= UINT64_C(1) << 40, "a stack is bounded");
    if (oci_read_manifest(document, &manifest) != NULL)
        return;
    fake_check(manifest.nlayers >= 1 && manifest.nlayers <= OCI_LAYERS, "some layers");
    check_blob(&manifest.config);
    for (size_t i = 0; i < manifest.nlayers; i++)
        check_blob(&manifest.layers[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_document document;
    if (json_read(&document, data, size))
        check_all(&document);
    json_free(&document);
    return 0;
}
