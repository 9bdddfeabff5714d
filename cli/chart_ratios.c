/* SPDX-License-Identifier: Apache-2.0 */
/* Bars from the floor, which is 1, on a logarithmic axis, and a mark for each goal. */
#include <math.h>
#include <string.h>

#include "chart.h"
#include "svg.h"

enum { WIDTH = 960, LEFT = 190, RIGHT = 600, TOP = 108, ROW = 30 };

struct scale {
    double low, high; /* logarithms of ratios */
};

static double x_of(const struct scale *scale, double ratio)
{
    return LEFT + (RIGHT - LEFT) * (log(ratio) - scale->low) / (scale->high - scale->low);
}

static bool usable(double ratio)
{
    return isfinite(ratio) && ratio > 0;
}

static bool meets(const struct chart_row *row)
{
    return row->at_least ? row->ratio >= row->goal : row->ratio <= row->goal;
}

static struct scale find_scale(const struct chart_row *rows, size_t count)
{
    double low = 0.9;
    double high = 1.25;
    for (size_t i = 0; i < count; i++) {
        double ratio = usable(rows[i].ratio) ? rows[i].ratio : 1;
        double goal = usable(rows[i].goal) ? rows[i].goal : 1;
        low = fmin(low, fmin(ratio, goal));
        high = fmax(high, fmax(ratio, goal));
    }
    double room = log(high / low) / 25;
    return (struct scale){log(low) - room, log(high) + room};
}

static void draw_axis(struct svg *svg, const struct scale *scale, double bottom)
{
    /* The more important first: one that comes too near to another is left out. */
    static const double ticks[] = {1,    2,   0.5, 1.5, 10,  5,   3, 100, 0.2,
                                   1.25, 0.8, 1.1, 0.9, 0.1, 1.2, 4, 20,  50};
    double taken[sizeof(ticks) / sizeof(ticks[0])] = {0};
    size_t count = 0;
    for (size_t i = 0; i < sizeof(ticks) / sizeof(ticks[0]); i++) {
        double x = x_of(scale, ticks[i]);
        bool room = x >= LEFT && x <= RIGHT;
        for (size_t j = 0; j < count; j++)
            room = room && fabs(x - taken[j]) > 44;
        if (!room)
            continue;
        taken[count++] = x;
        svg_line(svg, x, TOP - 6, x, bottom, ticks[i] == 1 ? "axis" : "grid");
        svg_text(svg, x, bottom + 18, SVG_MIDDLE, "tick", "%g", ticks[i]);
    }
    svg_text(svg, x_of(scale, 1), TOP - 14, SVG_MIDDLE, "tick", "floor");
    svg_text(svg, (LEFT + RIGHT) / 2.0, bottom + 42, SVG_MIDDLE, "note",
             "ratio to the floor (of speeds: the floor's time to ours)");
}

static void draw_bar(struct svg *svg, const struct scale *scale, const struct chart_row *row,
                     double y)
{
    double one = x_of(scale, 1);
    double x = x_of(scale, row->ratio);
    unsigned colour = !usable(row->goal) ? 3 : meets(row) ? 2 : 1;
    fprintf(svg->out,
            "<rect class=\"f%u\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"14\" rx=\"2\"/>\n",
            colour, fmin(one, x), y - 7, fmax(fabs(x - one), 2));
    if (usable(row->goal)) {
        double goal = x_of(scale, row->goal);
        svg_line(svg, goal, y - 11, goal, y + 11, "mark");
    }
}

static const char *unit_of(const struct chart_row *row)
{
    return strcmp(row->unit, "us") == 0 ? "\u00b5s" : row->unit;
}

/* Four digits. */
static void format_figure(char text[48], double value, const char *unit)
{
    int digits = value < 10 ? 3 : value < 100 ? 2 : value < 1000 ? 1 : 0;
    snprintf(text, 48, "%.*f%s%s", digits, value, *unit != '\0' ? " " : "", unit);
}

static void draw_row(struct svg *svg, const struct scale *scale, const struct chart_row *row,
                     double y)
{
    char ours[48];
    char floor[48];
    format_figure(ours, row->p50, usable(row->ratio) ? "" : unit_of(row));
    format_figure(floor, row->floor, unit_of(row));
    svg_text(svg, LEFT - 14, y + 4, SVG_END, "label", "%s", row->name);
    if (!usable(row->ratio)) {
        svg_text(svg, WIDTH - 24, y + 4, SVG_END, "note", "%s", usable(row->p50) ? ours : "none");
        return;
    }
    draw_bar(svg, scale, row, y);
    svg_text(svg, RIGHT + 66, y + 4, SVG_END, "value", "%.3f", row->ratio);
    if (usable(row->goal))
        svg_text(svg, RIGHT + 80, y + 4, SVG_START, "label", "%s %.2f %s",
                 row->at_least ? "\u2265" : "\u2264", row->goal, meets(row) ? "met" : "missed");
    svg_text(svg, WIDTH - 24, y + 4, SVG_END, "note", "%s / %s", ours, floor);
}

static void draw_legend(struct svg *svg)
{
    static const struct {
        const char *text;
        unsigned colour;
    } entries[] = {{"goal met", 2}, {"goal missed", 1}, {"no goal", 3}};
    double x = LEFT;
    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
        fprintf(svg->out,
                "<rect class=\"f%u\" x=\"%.1f\" y=\"54\" width=\"14\" height=\"14\" rx=\"2\"/>\n",
                entries[i].colour, x);
        svg_text(svg, x + 21, 65, SVG_START, "note", "%s", entries[i].text);
        x += 128;
    }
    svg_line(svg, x + 5, 51, x + 5, 71, "mark");
    svg_text(svg, x + 14, 65, SVG_START, "note", "the goal");
}

int chart_ratios(const struct chart_row *rows, size_t count, const char *title, const char *path)
{
    struct svg svg;
    struct scale scale = find_scale(rows, count);
    double bottom = TOP + ROW * (double)count;
    int error = svg_begin(&svg, path, WIDTH, (int)bottom + 62, title);
    if (error != 0)
        return error;
    svg_text(&svg, LEFT, 36, SVG_START, "title", "%s", title);
    draw_legend(&svg);
    svg_text(&svg, RIGHT + 66, TOP - 14, SVG_END, "tick", "ratio");
    svg_text(&svg, RIGHT + 80, TOP - 14, SVG_START, "tick", "goal");
    svg_text(&svg, WIDTH - 24, TOP - 14, SVG_END, "tick", "median / floor's");
    draw_axis(&svg, &scale, bottom);
    for (size_t i = 0; i < count; i++)
        draw_row(&svg, &scale, &rows[i], TOP + ROW * ((double)i + 0.5));
    svg_end(&svg);
    return svg_close(&svg);
}
