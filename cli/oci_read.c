/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "oci.h"

struct reading {
    const char *directory;
    int fd;
};

static int wrong(const struct reading *reading, const char *problem)
{
    say("%s: %s", reading->directory, problem);
    return CLI_CANNOT_RUN;
}

/* No symbolic link on the way, and nothing but a regular file at its end; or a negative errno. */
static int open_file(const struct reading *reading, const char *name, uint64_t *size)
{
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
    struct stat status;
    int fd = (int)syscall(SYS_openat2, reading->fd, name, &how, sizeof(how));
    if (fd < 0)
        return -errno;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        close(fd);
        return -EINVAL;
    }
    *size = (uint64_t)status.st_size;
    return fd;
}

static int cannot_open(const struct reading *reading, const char *name, int error)
{
    const char *why = error == -ELOOP    ? "a symbolic link"
                      : error == -EINVAL ? "not a regular file"
                                         : strerror(-error);
    say("%s/%s: %s", reading->directory, name, why);
    return CLI_CANNOT_RUN;
}

/* Opens a blob whose size and digest are right, at its start; -1 after it has said what is wrong.
 */
static int open_blob(const struct reading *reading, const struct oci_blob *blob)
{
    char name[sizeof("blobs/sha256/") + DIGEST_SIZE];
    char digest[DIGEST_SIZE] = "";
    uint64_t size = 0;
    snprintf(name, sizeof(name), "blobs/sha256/%s", blob->digest);
    int fd = open_file(reading, name, &size);
    if (fd < 0) {
        cannot_open(reading, name, fd);
        return -1;
    }
    int rc = size == blob->size ? digest_copy(fd, -1, &size, digest) : 0;
    if (size != blob->size)
        say("%s/%s: it has not the size that is said of it", reading->directory, name);
    else if (rc != 0)
        say("%s/%s: %s", reading->directory, name, strerror(-rc));
    else if (strcmp(digest, blob->digest) != 0)
        say("%s/%s: it has not the digest that is its name", reading->directory, name);
    else if (lseek(fd, 0, SEEK_SET) == 0)
        return fd;
    close(fd);
    return -1;
}

/* Reads the JSON of an open file, which is closed; the document is to be freed when it is CLI_OK.
 */
static int read_json(const struct reading *reading, int fd, uint64_t size, const char *name,
                     struct json_document *document)
{
    void *data = NULL;
    size_t length = 0;
    int rc = size <= OCI_JSON_MOST ? read_all(fd, &data, &length) : -EFBIG;
    close(fd);
    if (rc != 0)
        return cannot_open(reading, name, rc);
    bool good = json_read(document, data, length);
    free(data);
    if (good)
        return CLI_OK;
    say("%s: %s: byte %zu: %s", reading->directory, name, document->at, document->problem);
    json_free(document);
    return CLI_CANNOT_RUN;
}

static int read_json_file(const struct reading *reading, const char *name,
                          struct json_document *document)
{
    uint64_t size = 0;
    int fd = open_file(reading, name, &size);
    return fd < 0 ? cannot_open(reading, name, fd) : read_json(reading, fd, size, name, document);
}

static int read_json_blob(const struct reading *reading, const struct oci_blob *blob,
                          const char *name, struct json_document *document)
{
    int fd = open_blob(reading, blob);
    return fd < 0 ? CLI_CANNOT_RUN : read_json(reading, fd, blob->size, name, document);
}

static int check_layout(const struct reading *reading)
{
    struct json_document document;
    int status = read_json_file(reading, "oci-layout", &document);
    if (status != CLI_OK)
        return status;
    const char *problem = oci_check_layout(&document);
    json_free(&document);
    return problem != NULL ? wrong(reading, problem) : CLI_OK;
}

static int find_manifest(const struct reading *reading, struct oci_manifest *manifest)
{
    struct json_document document;
    struct oci_blob blob;
    int status = read_json_file(reading, "index.json", &document);
    if (status != CLI_OK)
        return status;
    const char *problem = oci_read_index(&document, &blob);
    json_free(&document);
    if (problem != NULL)
        return wrong(reading, problem);
    status = read_json_blob(reading, &blob, "the manifest", &document);
    if (status != CLI_OK)
        return status;
    problem = oci_read_manifest(&document, manifest);
    json_free(&document);
    return problem != NULL ? wrong(reading, problem) : CLI_OK;
}

static int find_config(const struct reading *reading, const struct oci_manifest *manifest,
                       uint64_t *stack)
{
    struct json_document document;
    int status = read_json_blob(reading, &manifest->config, "the config", &document);
    if (status != CLI_OK)
        return status;
    const char *problem = oci_read_config(&document, stack);
    json_free(&document);
    return problem != NULL ? wrong(reading, problem) : CLI_OK;
}

static int find_layers(const struct reading *reading, const struct oci_manifest *manifest,
                       struct oci_layout *layout)
{
    for (size_t i = 0; i < manifest->nlayers; i++) {
        int fd = open_blob(reading, &manifest->layers[i]);
        if (fd < 0)
            return CLI_CANNOT_RUN;
        close(fd);
        if (asprintf(&layout->paths[i], "%s/blobs/sha256/%s", reading->directory,
                     manifest->layers[i].digest) < 0) {
            layout->paths[i] = NULL;
            return wrong(reading, strerror(ENOMEM));
        }
        layout->count++;
    }
    return CLI_OK;
}

int oci_read(struct oci_layout *layout, const char *directory)
{
    static struct oci_manifest manifest;
    struct reading reading = {directory, open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC)};
    memset(layout, 0, sizeof(*layout));
    if (reading.fd < 0) {
        int error = errno;
        say("%s: %s", directory, strerror(error));
        return error == ENOENT ? CLI_NOT_FOUND : CLI_CANNOT_RUN;
    }
    int status = check_layout(&reading);
    if (status == CLI_OK)
        status = find_manifest(&reading, &manifest);
    if (status == CLI_OK)
        status = find_config(&reading, &manifest, &layout->stack);
    if (status == CLI_OK)
        status = find_layers(&reading, &manifest, layout);
    close(reading.fd);
    return status;
}

void oci_free(struct oci_layout *layout)
{
    for (size_t i = 0; i < layout->count; i++)
        free(layout->paths[i]);
}
