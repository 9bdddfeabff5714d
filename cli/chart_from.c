/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of `make bench`, out of a file that may be anything. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "chart.h"
#include "json_read.h"

enum { ROWS_MOST = 256, SIZE_MOST = 1 << 20 };

static void copy_text(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from != NULL ? from : "");
}

/* What is no number of a benchmark is none: the axes are of positive ones. */
static double positive(const struct json_document *document, const struct json_value *object,
                       const char *name)
{
    double number = json_member_number(document, object, name, NAN);
    return number >= 1e-6 && number <= 1e12 ? number : NAN;
}

static bool read_row(const struct json_document *document, const struct json_value *object,
                     struct chart_row *row)
{
    const struct json_value *at_least = json_member(document, object, "at_least");
    const char *name = json_member_text(document, object, "name");
    copy_text(row->name, sizeof(row->name), name);
    copy_text(row->unit, sizeof(row->unit), json_member_text(document, object, "unit"));
    row->p50 = positive(document, object, "p50");
    row->floor = positive(document, object, "floor");
    row->ratio = positive(document, object, "ratio");
    row->goal = positive(document, object, "goal");
    row->at_least = at_least != NULL && at_least->type == JSON_BOOL && at_least->truth;
    return name != NULL && json_member(document, object, "ratio") != NULL;
}

/* NULL, or what is wrong. */
static const char *read_rows(const struct json_document *document, struct chart_row *rows,
                             size_t *count)
{
    const struct json_value *array = document->values;
    *count = 0;
    for (const struct json_value *object = json_element(document, array, NULL); object != NULL;
         object = json_element(document, array, object)) {
        if (*count == ROWS_MOST)
            return "it has more than 256 rows";
        if (!read_row(document, object, &rows[(*count)++]))
            return "it is not what 'make bench' writes";
    }
    return *count > 0 ? NULL : "it is not what 'make bench' writes";
}

/* The whole file, in `*whole`; else the exit status, after it has said why not. */
static int read_file(const char *path, char **whole, size_t *size)
{
    int status = CLI_NOT_FOUND;
    FILE *in = fopen(path, "re");
    char *data = in != NULL ? malloc(SIZE_MOST + 1) : NULL;
    *size = data != NULL ? fread(data, 1, SIZE_MOST + 1, in) : 0;
    if (data == NULL || ferror(in)) {
        say("%s: %s", path, strerror(errno));
    } else if (*size > SIZE_MOST) {
        say("%s: it is larger than 1 MiB", path);
        status = CLI_CANNOT_RUN;
    } else {
        status = CLI_OK;
    }
    if (in != NULL)
        fclose(in);
    if (status != CLI_OK)
        free(data);
    *whole = data;
    return status;
}

static int draw(const char *from, const char *path, const struct json_document *document)
{
    static struct chart_row rows[ROWS_MOST];
    size_t count;
    const char *problem = read_rows(document, rows, &count);
    if (problem != NULL) {
        say("%s: %s", from, problem);
        return CLI_CANNOT_RUN;
    }
    int error = chart_ratios(rows, count, "What mote costs, to the least that KVM allows", path);
    if (error != 0)
        say("%s: %s", path, strerror(error));
    return error == 0 ? CLI_OK : CLI_FAILED;
}

int chart_from(const char *from, const char *path)
{
    struct json_document document;
    char *data;
    size_t size;
    int status = read_file(from, &data, &size);
    if (status != CLI_OK)
        return status;
    status = CLI_CANNOT_RUN;
    if (json_read(&document, data, size))
        status = draw(from, path, &document);
    else
        say("%s: byte %zu: %s", from, document.at, document.problem);
    json_free(&document);
    free(data);
    return status;
}
