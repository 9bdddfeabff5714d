/* SPDX-License-Identifier: Apache-2.0 */
#include "native.h"

#include <fcntl.h>
#include <spawn.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

/* Starts `command` with the file as its input; returns a stream of its output. */
static FILE *start(const char *const *command, const char *path, pid_t *pid)
{
    int ends[2];
    posix_spawn_file_actions_t actions;
    char *const *argv;
    memcpy(&argv, &command, sizeof argv); /* posix_spawnp does not write to it */
    if (pipe2(ends, O_CLOEXEC) != 0)
        return NULL;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, path, O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    const int status = posix_spawnp(pid, command[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (status == 0)
        return fdopen(ends[0], "r");
    close(ends[0]);
    return NULL;
}

static bool finish(FILE *output, pid_t pid)
{
    int status = -1;
    fclose(output);
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool is_hex(const char *word, size_t digits)
{
    return strlen(word) == digits && strspn(word, "0123456789abcdef") == digits;
}

static bool run(const char *const *command, const char *path, unsigned size, char *hex)
{
    char line[1024] = "";
    pid_t pid = -1;
    FILE *output = start(command, path, &pid);
    if (output == NULL)
        return false;
    const bool got = fgets(line, sizeof line, output) != NULL;
    if (!finish(output, pid) || !got)
        return false;
    char *rest = NULL;
    for (char *word = strtok_r(line, " \t\n", &rest); word != NULL;
         word = strtok_r(NULL, " \t\n", &rest))
        if (is_hex(word, 2 * (size_t)size)) {
            memcpy(hex, word, 2 * (size_t)size + 1);
            return true;
        }
    return false;
}

static bool zlib_digest(uLong (*sum)(uLong, const Bytef *, uInt), const char *path, char *hex)
{
    static Bytef block[65536];
    FILE *file = fopen(path, "rbe");
    if (file == NULL)
        return false;
    uLong value = sum(0, Z_NULL, 0);
    for (size_t got; (got = fread(block, 1, sizeof block, file)) > 0;)
        value = sum(value, block, (uInt)got);
    fclose(file);
    snprintf(hex, 9, "%08lx", value);
    return true;
}

/* Keeps the end of a stream: at least `size` / 2 bytes of a longer one. Returns how many. */
static size_t read_tail(FILE *stream, uint8_t *tail, size_t size)
{
    size_t have = 0;
    for (size_t got; (got = fread(tail + have, 1, size - have, stream)) > 0;) {
        have += got;
        if (have == size) {
            memcpy(tail, tail + size / 2, size / 2);
            have = size / 2;
        }
    }
    return have;
}

/* A .xz stream of one block ends with: check of the block (8 bytes), index, footer (12 bytes);
 * the footer has the size of the index, divided by 4, minus 1, at its byte 4. */
static bool xz_digest(const char *path, char *hex)
{
    static const char *const command[] = {"xz", "-0", "-T1", "--check=crc64", "-c", NULL};
    static uint8_t tail[8192];
    uint32_t words = 0;
    pid_t pid = -1;
    FILE *output = start(command, path, &pid);
    if (output == NULL)
        return false;
    const size_t size = read_tail(output, tail, sizeof tail);
    if (!finish(output, pid) || size < 32)
        return false;
    memcpy(&words, tail + size - 8, sizeof words);
    if (words > 64 || size < 12 + 4 * ((size_t)words + 1) + 8)
        return false;
    const uint8_t *index = tail + size - 12 - 4 * ((size_t)words + 1);
    const bool is_empty = index[1] == 0; /* no block, no check: the CRC of nothing is 0 */
    for (int i = 0; i < 8; i++)
        snprintf(hex + (ptrdiff_t)2 * i, 3, "%02x", is_empty ? 0u : index[-1 - i]);
    return true;
}

bool native_digest(const char *const *command, const char *path, unsigned size, char *hex)
{
    if (strcmp(command[0], "adler32") == 0)
        return zlib_digest(adler32, path, hex);
    if (strcmp(command[0], "crc32") == 0)
        return zlib_digest(crc32, path, hex);
    if (strcmp(command[0], "xz crc64") == 0)
        return xz_digest(path, hex);
    return run(command, path, size, hex);
}
