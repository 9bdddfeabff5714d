/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Charts as SVG, alone or in a page of HTML: complete in themselves, with no script, font or
 * picture from elsewhere, in light or dark as the reader's system has it. Names may be anybody's:
 * they are escaped.
 */
#ifndef MOTE_CLI_SVG_H
#define MOTE_CLI_SVG_H

#include <stdbool.h>
#include <stdio.h>

#include "cli.h"

struct svg {
    FILE *out;
    bool html; /* in a page */
};

/* How a text stands to its point. */
enum svg_anchor { SVG_START, SVG_MIDDLE, SVG_END };

/* Opens `path`, whose name ends in .html or .svg, and begins the picture; 0 or a positive errno. */
int svg_begin(struct svg *svg, const char *path, int width, int height, const char *title);
/* Ends the picture; in a page, HTML of svg->out may follow. */
void svg_end(struct svg *svg);
/* Ends the file; 0 or a positive errno. */
int svg_close(struct svg *svg);

/* Text for XML and HTML: what is special there or no character of theirs is replaced. */
void svg_escape(FILE *out, const char *text);
/* `style` is a class: title, note, tick, label, value. */
CLI_PRINTF(6, 7)
void svg_text(struct svg *svg, double x, double y, enum svg_anchor anchor, const char *style,
              const char *format, ...);
/* `style`: grid, minor, axis, mark. */
void svg_line(struct svg *svg, double x1, double y1, double x2, double y2, const char *style);

#endif
