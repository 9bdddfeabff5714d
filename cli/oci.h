/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest with its snapshots as an OCI image layout: a directory that registries' tools copy. Its
 * layers are the guest's ELF file and then the snapshots, each the base of the next.
 */
#ifndef MOTE_CLI_OCI_H
#define MOTE_CLI_OCI_H

#include "command_line.h"
#include "digest.h"
#include "json_read.h"

#define OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define OCI_INDEX    "application/vnd.oci.image.index.v1+json"
#define OCI_CONFIG   "application/vnd.mote.config.v1+json"
#define OCI_GUEST    "application/vnd.mote.guest.v1"
#define OCI_SNAPSHOT "application/vnd.mote.snapshot.v1"

enum { OCI_LAYERS = CLI_LIST_MAX + 1, OCI_JSON_MOST = 1 << 20 };

/* A blob, as a descriptor says. */
struct oci_blob {
    char digest[DIGEST_SIZE];
    uint64_t size;
};

struct oci_manifest {
    struct oci_blob config;
    struct oci_blob layers[OCI_LAYERS]; /* the guest, then its snapshots */
    size_t nlayers;
};

/* ---- oci_manifest.c: what the JSON says; each returns NULL, or what is wrong ---- */

const char *oci_check_layout(const struct json_document *document);
const char *oci_read_index(const struct json_document *document, struct oci_blob *manifest);
const char *oci_read_manifest(const struct json_document *document, struct oci_manifest *manifest);
/* The stack that the guest is opened with; 0: the default. */
const char *oci_read_config(const struct json_document *document, uint64_t *stack);

/* ---- oci_read.c, oci_write.c ---- */

struct oci_layout {
    char *paths[OCI_LAYERS]; /* of the layers */
    size_t count;
    uint64_t stack;
};

/* Reads a layout, and all of its blobs, whose sizes and digests must be right. CLI_OK, or the exit
 * status after it has said what is wrong. Free it in both cases. */
int oci_read(struct oci_layout *layout, const char *directory);
void oci_free(struct oci_layout *layout);

/* Copies files, the guest and then its snapshots, to a layout in `directory`, which is made, too. 0
 * or a negative errno; then there may be a directory, but no index.json in it, and so no layout. */
int oci_write(const char *directory, const char *const *files, size_t count, uint64_t stack);

#endif
