/* SPDX-License-Identifier: Apache-2.0 */
#include "oci.h"

#include <string.h>

static bool has_text(const struct json_document *document, const struct json_value *object,
                     const char *name, const char *wanted)
{
    const char *text = json_member_text(document, object, name);
    return text != NULL && strcmp(text, wanted) == 0;
}

/* "sha256:" and 64 small hex digits: nothing that could lead out of the directory. */
static bool read_blob(const struct json_document *document, const struct json_value *object,
                      const char *type, struct oci_blob *blob)
{
    static const char prefix[] = "sha256:";
    const char *digest = json_member_text(document, object, "digest");
    double size = json_member_number(document, object, "size", -1);
    if (!has_text(document, object, "mediaType", type) || digest == NULL || !(size >= 0) ||
        size > 0x1p52 || size != (double)(uint64_t)size ||
        strncmp(digest, prefix, sizeof(prefix) - 1) != 0)
        return false;
    digest += sizeof(prefix) - 1;
    if (strlen(digest) != DIGEST_SIZE - 1 || strspn(digest, "0123456789abcdef") != DIGEST_SIZE - 1)
        return false;
    memcpy(blob->digest, digest, DIGEST_SIZE);
    blob->size = (uint64_t)size;
    return true;
}

const char *oci_check_layout(const struct json_document *document)
{
    return has_text(document, document->values, "imageLayoutVersion", "1.0.0")
               ? NULL
               : "oci-layout is not of version 1.0.0";
}

const char *oci_read_index(const struct json_document *document, struct oci_blob *manifest)
{
    const struct json_value *root = document->values;
    const struct json_value *list = json_member(document, root, "manifests");
    const struct json_value *first = json_element(document, list, NULL);
    if (json_member_number(document, root, "schemaVersion", 0) != 2 || first == NULL)
        return "index.json is no index with a manifest";
    if (json_element(document, list, first) != NULL)
        return "index.json has more than one manifest";
    return read_blob(document, first, OCI_MANIFEST, manifest) && manifest->size <= OCI_JSON_MOST
               ? NULL
               : "index.json does not describe a manifest by its sha256 digest";
}

const char *oci_read_manifest(const struct json_document *document, struct oci_manifest *manifest)
{
    const struct json_value *root = document->values;
    const struct json_value *layers = json_member(document, root, "layers");
    const struct json_value *config = json_member(document, root, "config");
    manifest->nlayers = 0;
    if (json_member_number(document, root, "schemaVersion", 0) != 2)
        return "the manifest is not of schema version 2";
    if (!read_blob(document, config, OCI_CONFIG, &manifest->config) ||
        manifest->config.size > OCI_JSON_MOST)
        return "the manifest is not that of a guest of mote";
    for (const struct json_value *layer = json_element(document, layers, NULL); layer != NULL;
         layer = json_element(document, layers, layer)) {
        if (manifest->nlayers == OCI_LAYERS)
            return "the manifest has more than 257 layers";
        const char *type = manifest->nlayers == 0 ? OCI_GUEST : OCI_SNAPSHOT;
        if (!read_blob(document, layer, type, &manifest->layers[manifest->nlayers++]))
            return "the layers are not a guest and then its snapshots";
    }
    return manifest->nlayers > 0 ? NULL : "the manifest has no layers";
}

const char *oci_read_config(const struct json_document *document, uint64_t *stack)
{
    double value = json_member_number(document, document->values, "stack", -1);
    if (!(value >= 0) || value > 0x1p40)
        return "the config does not tell the size of the stack";
    *stack = (uint64_t)value;
    return NULL;
}
