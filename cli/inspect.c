/* SPDX-License-Identifier: Apache-2.0 */
/* mote inspect: what is in an image. */
#include "inspect.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char help_inspect[] =
    "Usage: mote inspect [OPTIONS] FILE\n"
    "\n"
    "Shows what is in a guest: its kind and the ABI it was built for, the functions that\n"
    "it exports and those it must be granted, its segments, and what it needs to start;\n"
    "or the functions of a WebAssembly module. Nothing of it is run, unless --boot says so.\n"
    "\n"
    "Options:\n"
    "  --boot      run the guest until it is ready, and show the memory that it needs then\n"
    "  --json      one JSON object on standard output\n"
    "  -h, --help  show this\n"
    "\n"
    "Exit status: 0, 2 wrong usage, 125 mote failed, 126 the file is neither a guest nor a\n"
    "module, 127 there is no such file.\n";

/* ---- for both kinds of files ------------------------------------------------- */

void inspect_line(const char *format, ...)
{
    struct line line = {0};
    char text[sizeof(line.text)];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    line_add(&line, "%s", text);
    puts(line.text);
}

int inspect_failed(const struct inspect_options *options, int status,
                   const struct inspect_failure *failure)
{
    bool advised = failure->remedy[0] != '\0';
    if (!options->json) {
        say("%s%s%s", failure->text, advised ? ": " : "", failure->remedy);
        return status;
    }
    struct json json = {stdout, false};
    json_open(&json, NULL, '{');
    json_bool(&json, "ok", false);
    json_int(&json, "exit", status);
    json_open(&json, "error", '{');
    json_text(&json, "code", failure->code);
    json_text(&json, "text", failure->text);
    json_text(&json, "remedy", failure->remedy);
    json_close(&json, '}');
    json_close(&json, '}');
    json_end(&json);
    return status;
}

/* ---- guests ------------------------------------------------------------------- */

struct inspect {
    struct inspect_options options;
    mote_error error;
    mote_host *host;
    mote_image *image;
    mote_image_info info;
};

/* "r-x" */
static const char *access_text(const mote_segment *segment, char text[4])
{
    text[0] = segment->access & MOTE_SEGMENT_READ ? 'r' : '-';
    text[1] = segment->access & MOTE_SEGMENT_WRITE ? 'w' : '-';
    text[2] = segment->access & MOTE_SEGMENT_EXECUTE ? 'x' : '-';
    text[3] = '\0';
    return text;
}

static void version_text(uint32_t version, char *text, size_t size)
{
    snprintf(text, size, "%u.%u", version >> 16, version & 0xffff);
}

static const char *size_text(uint64_t bytes, char text[32])
{
    if (bytes == 0)
        snprintf(text, 32, "none");
    else if (bytes % (1 << 20) == 0)
        snprintf(text, 32, "%" PRIu64 " MiB", bytes >> 20);
    else if (bytes % (1 << 10) == 0)
        snprintf(text, 32, "%" PRIu64 " KiB", bytes >> 10);
    else
        snprintf(text, 32, "%" PRIu64 " bytes", bytes);
    return text;
}

static void print_facts(const struct inspect *inspect)
{
    const mote_image_info *info = &inspect->info;
    char version[16], size[32];
    version_text(info->abi_version, version, sizeof(version));
    printf("kind      %s%s\n", info->program ? "a program" : "a guest with exports",
           info->relocatable ? ", position-independent" : "");
    printf("abi       %s\n",
           info->abi_version != 0 ? version : "none: it does not use mote_guest.h");
    printf("entry     0x%" PRIx64 "\n", info->entry);
    printf("memory    %s%s\n", size_text(info->memory, size),
           inspect->options.boot ? "" : " at least");
    printf("stack     %s\n", size_text(info->stack, size));
    printf("window    %s\n", size_text(info->window, size));
    printf("symbols   %s\n", info->symbols ? "yes" : "no");
    printf("lines     %s\n", info->lines ? "yes" : "no");
}

static void print_segments(const struct inspect *inspect)
{
    char access[4];
    puts("segments");
    for (uint32_t i = 0; i < inspect->info.segments; i++) {
        mote_segment segment = {.size = sizeof(segment)};
        mote_image_segment(inspect->image, i, &segment);
        printf("  %s  0x%-12" PRIx64 "  %10" PRIu64 " bytes, %" PRIu64 " in the file\n",
               access_text(&segment, access), segment.address, segment.memory_size,
               segment.file_size);
    }
}

static void print_functions(const struct inspect *inspect)
{
    mote_function_info function;
    if (mote_image_exports(inspect->image) > 0)
        puts("exports");
    for (size_t i = 0; mote_image_export(inspect->image, i, &function) == 0; i++)
        inspect_line("  %s%s", function.name, function.signature_text);
    if (mote_image_imports(inspect->image) > 0)
        puts("imports");
    for (size_t i = 0; mote_image_import(inspect->image, i, &function) == 0; i++)
        inspect_line("  %s.%s%s%s", function.module, function.name, function.signature_text,
                     function.weak ? "  (weak)" : "");
}

static void json_segments(struct json *json, const struct inspect *inspect)
{
    char access[4];
    json_open(json, "segments", '[');
    for (uint32_t i = 0; i < inspect->info.segments; i++) {
        mote_segment segment = {.size = sizeof(segment)};
        mote_image_segment(inspect->image, i, &segment);
        json_open(json, NULL, '{');
        json_address(json, "address", segment.address);
        json_uint(json, "memory_size", segment.memory_size);
        json_uint(json, "file_size", segment.file_size);
        json_text(json, "access", access_text(&segment, access));
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void json_function(struct json *json, const mote_function_info *function, bool import)
{
    json_open(json, NULL, '{');
    if (import)
        json_text(json, "module", function->module);
    json_text(json, "name", function->name);
    json_text(json, "signature", function->signature_text);
    if (import)
        json_bool(json, "weak", function->weak);
    json_close(json, '}');
}

static void json_functions(struct json *json, const struct inspect *inspect)
{
    mote_function_info function;
    json_open(json, "exports", '[');
    for (size_t i = 0; mote_image_export(inspect->image, i, &function) == 0; i++)
        json_function(json, &function, false);
    json_close(json, ']');
    json_open(json, "imports", '[');
    for (size_t i = 0; mote_image_import(inspect->image, i, &function) == 0; i++)
        json_function(json, &function, true);
    json_close(json, ']');
}

static int print_json(const struct inspect *inspect)
{
    const mote_image_info *info = &inspect->info;
    struct json json = {stdout, false};
    char version[16] = "";
    if (info->abi_version != 0)
        version_text(info->abi_version, version, sizeof(version));
    json_open(&json, NULL, '{');
    json_bool(&json, "ok", true);
    json_int(&json, "exit", CLI_OK);
    json_text(&json, "kind", info->program ? "program" : "guest");
    json_text(&json, "abi", version);
    json_bool(&json, "relocatable", info->relocatable);
    json_address(&json, "entry", info->entry);
    json_uint(&json, "memory", info->memory);
    json_bool(&json, "booted", inspect->options.boot);
    json_uint(&json, "stack", info->stack);
    json_uint(&json, "window", info->window);
    json_bool(&json, "symbols", info->symbols);
    json_bool(&json, "lines", info->lines);
    json_segments(&json, inspect);
    json_functions(&json, inspect);
    json_close(&json, '}');
    return json_end(&json) ? CLI_OK : CLI_MOTE;
}

static int print_text(const struct inspect *inspect)
{
    print_facts(inspect);
    print_segments(inspect);
    print_functions(inspect);
    return fflush(stdout) == 0 ? CLI_OK : CLI_MOTE;
}

static int open_image(struct inspect *inspect, const void *data, size_t size)
{
    mote_source source = MOTE_SOURCE_DATA(data, size);
    mote_image_options options = {.size = sizeof(options), .name = inspect->options.file};
    int rc = mote_host_new(&inspect->host, NULL, &inspect->error);
    if (rc == 0)
        rc = mote_image_open(&inspect->image, inspect->host, &source, &options, &inspect->error);
    if (rc == 0 && inspect->options.boot)
        rc = mote_image_boot(inspect->image, &inspect->error);
    inspect->info.size = sizeof(inspect->info);
    return rc != 0 ? rc : mote_image_describe(inspect->image, &inspect->info);
}

static int inspect_guest(struct inspect *inspect, const void *data, size_t size)
{
    int rc = open_image(inspect, data, size);
    if (rc != 0) {
        bool refused = rc == MOTE_EIMAGE || rc == MOTE_EBOOT || rc == MOTE_ELIMIT;
        const struct inspect_failure failure = {mote_error_name(rc), inspect->error.text,
                                                inspect->error.remedy};
        return inspect_failed(&inspect->options, refused ? CLI_CANNOT_RUN : CLI_MOTE, &failure);
    }
    return inspect->options.json ? print_json(inspect) : print_text(inspect);
}

/* ---- the command ------------------------------------------------------------------ */

/* The whole file, to be freed; 0 or a negative errno. */
static int read_file(const char *path, void **data, size_t *size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int rc = read_all(fd, data, size);
    close(fd);
    return rc;
}

static int inspect_file(struct inspect *inspect)
{
    void *data = NULL;
    size_t size = 0;
    int rc = read_file(inspect->options.file, &data, &size);
    if (rc != 0) {
        char text[1024];
        snprintf(text, sizeof(text), "%s: %s", inspect->options.file, strerror(-rc));
        const struct inspect_failure failure = {"MOTE_ESYSTEM", text, ""};
        return inspect_failed(&inspect->options, rc == -ENOENT ? CLI_NOT_FOUND : CLI_CANNOT_RUN,
                              &failure);
    }
    bool is_module = size >= 4 && memcmp(data, "\0asm", 4) == 0;
    int status = is_module ? inspect_wasm(&inspect->options, data, size)
                           : inspect_guest(inspect, data, size);
    free(data);
    return status;
}

int cmd_inspect(int argc, char **argv)
{
    struct inspect inspect = {.error = MOTE_ERROR_INIT};
    struct line problem = {0};
    (void)argc;
    int status = cli_finish(inspect_parse(&inspect.options, argv, &problem), "inspect",
                            help_inspect, &problem);
    if (status >= 0)
        return status;
    status = inspect_file(&inspect);
    mote_image_unref(inspect.image);
    mote_host_free(inspect.host);
    return status;
}
