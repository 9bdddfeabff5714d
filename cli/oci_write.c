/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json.h"
#include "oci.h"

static const char blobs[] = "blobs/sha256";

struct writing {
    int fd; /* the directory */
    struct oci_blob layers[OCI_LAYERS];
    size_t nlayers;
    struct oci_blob config;
};

/* ---- files ------------------------------------------------------------------------- */

/* A file that is under its name only when it is whole. */
static int put_file(const struct writing *writing, const char *name, const void *data, size_t size)
{
    int fd = openat(writing->fd, "new", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return -errno;
    ssize_t written = write(fd, data, size);
    int rc = written == (ssize_t)size ? 0 : written < 0 ? -errno : -ENOSPC;
    if (close(fd) != 0 && rc == 0)
        rc = -errno;
    if (rc == 0 && renameat(writing->fd, "new", writing->fd, name) != 0)
        rc = -errno;
    if (rc != 0)
        unlinkat(writing->fd, "new", 0);
    return rc;
}

static void name_blob(char name[96], const struct oci_blob *blob)
{
    snprintf(name, 96, "%s/%s", blobs, blob->digest);
}

static int put_blob(const struct writing *writing, const void *data, size_t size,
                    struct oci_blob *blob)
{
    char name[96];
    blob->size = size;
    if (!digest_bytes(data, size, blob->digest))
        return -ENOMEM;
    name_blob(name, blob);
    return put_file(writing, name, data, size);
}

/* Copies a file to the blob of its digest. A snapshot has a guest's secrets in it: for its owner.
 */
static int put_layer(struct writing *writing, const char *path)
{
    struct oci_blob *blob = &writing->layers[writing->nlayers++];
    char name[96];
    mode_t mode = writing->nlayers > 1 ? 0600 : 0666;
    int in = open(path, O_RDONLY | O_CLOEXEC);
    int out = openat(writing->fd, "new", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    int rc = in < 0 || out < 0 ? -errno : digest_copy(in, out, &blob->size, blob->digest);
    if (in >= 0)
        close(in);
    if (out >= 0 && close(out) != 0 && rc == 0)
        rc = -errno;
    name_blob(name, blob);
    if (rc == 0 && renameat(writing->fd, "new", writing->fd, name) != 0)
        rc = -errno;
    if (rc != 0 && out >= 0)
        unlinkat(writing->fd, "new", 0);
    return rc;
}

/* ---- JSON ----------------------------------------------------------------------------- */

struct text {
    struct json json;
    char *data;
    size_t size;
};

static int begin_text(struct text *text)
{
    memset(text, 0, sizeof(*text));
    text->json.out = open_memstream(&text->data, &text->size);
    if (text->json.out == NULL)
        return -ENOMEM;
    json_open(&text->json, NULL, '{');
    return 0;
}

/* The object is complete; frees the text when it is none. */
static int end_text(struct text *text)
{
    json_close(&text->json, '}');
    bool good = json_end(&text->json);
    good = fclose(text->json.out) == 0 && good;
    if (!good)
        free(text->data);
    return good ? 0 : -ENOMEM;
}

static void write_blob(struct json *json, const char *key, const char *type,
                       const struct oci_blob *blob)
{
    char digest[sizeof("sha256:") + DIGEST_SIZE];
    snprintf(digest, sizeof(digest), "sha256:%s", blob->digest);
    json_open(json, key, '{');
    json_text(json, "mediaType", type);
    json_text(json, "digest", digest);
    json_uint(json, "size", blob->size);
    json_close(json, '}');
}

static int put_config(struct writing *writing, uint64_t stack)
{
    struct text text;
    int rc = begin_text(&text);
    if (rc != 0)
        return rc;
    json_text(&text.json, "architecture", "amd64");
    json_text(&text.json, "os", "linux");
    json_text(&text.json, "mote", mote_version());
    json_uint(&text.json, "stack", stack);
    rc = end_text(&text);
    if (rc != 0)
        return rc;
    rc = put_blob(writing, text.data, text.size, &writing->config);
    free(text.data);
    return rc;
}

static int put_manifest(const struct writing *writing, struct oci_blob *manifest)
{
    struct text text;
    int rc = begin_text(&text);
    if (rc != 0)
        return rc;
    json_uint(&text.json, "schemaVersion", 2);
    json_text(&text.json, "mediaType", OCI_MANIFEST);
    json_text(&text.json, "artifactType", OCI_GUEST);
    write_blob(&text.json, "config", OCI_CONFIG, &writing->config);
    json_open(&text.json, "layers", '[');
    for (size_t i = 0; i < writing->nlayers; i++)
        write_blob(&text.json, NULL, i == 0 ? OCI_GUEST : OCI_SNAPSHOT, &writing->layers[i]);
    json_close(&text.json, ']');
    rc = end_text(&text);
    if (rc != 0)
        return rc;
    rc = put_blob(writing, text.data, text.size, manifest);
    free(text.data);
    return rc;
}

static int put_index(const struct writing *writing, const struct oci_blob *manifest)
{
    struct text text;
    int rc = begin_text(&text);
    if (rc != 0)
        return rc;
    json_uint(&text.json, "schemaVersion", 2);
    json_text(&text.json, "mediaType", OCI_INDEX);
    json_open(&text.json, "manifests", '[');
    write_blob(&text.json, NULL, OCI_MANIFEST, manifest);
    json_close(&text.json, ']');
    rc = end_text(&text);
    if (rc != 0)
        return rc;
    rc = put_file(writing, "index.json", text.data, text.size);
    free(text.data);
    return rc;
}

/* ---- the layout -------------------------------------------------------------------------- */

static int fill(struct writing *writing, const char *const *files, size_t count, uint64_t stack)
{
    static const char layout[] = "{\"imageLayoutVersion\":\"1.0.0\"}\n";
    struct oci_blob manifest;
    int rc = mkdirat(writing->fd, "blobs", 0777) != 0 || mkdirat(writing->fd, blobs, 0777) != 0
                 ? -errno
                 : 0;
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = put_layer(writing, files[i]);
    rc = rc != 0 ? rc : put_config(writing, stack);
    rc = rc != 0 ? rc : put_manifest(writing, &manifest);
    rc = rc != 0 ? rc : put_file(writing, "oci-layout", layout, sizeof(layout) - 1);
    return rc != 0 ? rc : put_index(writing, &manifest);
}

int oci_write(const char *directory, const char *const *files, size_t count, uint64_t stack)
{
    static struct writing writing;
    if (mkdir(directory, 0777) != 0)
        return -errno;
    writing.nlayers = 0;
    writing.fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (writing.fd < 0)
        return -errno;
    int rc = fill(&writing, files, count, stack);
    close(writing.fd);
    return rc;
}
