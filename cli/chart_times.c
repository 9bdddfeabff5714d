/* SPDX-License-Identifier: Apache-2.0 */
/* Time over percentile, both logarithmic: each step to the right is a tenth of what was left. */
#include <math.h>
#include <string.h>

#include "chart.h"
#include "svg.h"

enum { WIDTH = 960, HEIGHT = 560, LEFT = 84, RIGHT = 916, TOP = 128, BOTTOM = 490 };

static const char *const labels[BENCH_KINDS] = {"warm call", "fresh call", "new sandbox"};
static const char *const dashes[BENCH_KINDS] = {"", " stroke-dasharray=\"7 5\"", ""};

struct axes {
    double powers;    /* of ten that `x` spans: 4 ends at 99.99 % */
    double low, high; /* log10 of nanoseconds at the bottom and the top */
    struct svg svg;
};

static double x_of(const struct axes *axes, double power)
{
    return LEFT + (RIGHT - LEFT) * power / axes->powers;
}

static double y_of(const struct axes *axes, double log_ns)
{
    return BOTTOM - (BOTTOM - TOP) * (log_ns - axes->low) / (axes->high - axes->low);
}

/* ---- axes ------------------------------------------------------------------------- */

/* The next of 1, 2, 5 times a power of ten, as a logarithm; `up`, else downwards. */
static double round_log(double log_ns, bool up)
{
    static const double steps[] = {0, 0.30103, 0.69897, 1};
    double whole = floor(log_ns);
    double part = log_ns - whole;
    double below = 0;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (steps[i] >= part)
            return whole + (up ? steps[i] : below);
        below = steps[i];
    }
    return whole + 1;
}

static void find_axes(struct axes *axes, const struct bench *bench)
{
    double low = INFINITY;
    double high = 0;
    double most = 1;
    for (unsigned i = 0; i < BENCH_KINDS; i++) {
        const struct histogram *of = &bench->of[i];
        low = fmin(low, (double)histogram_at(of, 0));
        high = fmax(high, (double)of->max);
        most = fmax(most, (double)of->total);
    }
    axes->low = round_log(log10(fmax(low, 1)) - 0.05, false);
    axes->high = round_log(log10(fmax(high, 1)) + 0.05, true);
    axes->powers = fmax(2, ceil(log10(most)));
}

static void format_time(char *text, size_t size, double ns)
{
    static const char *const units[] = {"ns", "\u00b5s", "ms", "s"};
    unsigned unit = 0;
    for (; ns >= 999.5 && unit < 3; unit++)
        ns /= 1000;
    snprintf(text, size, "%.3g %s", ns, units[unit]);
}

static void draw_times(struct axes *axes)
{
    bool few = axes->high - axes->low < 3.2; /* powers of ten: room for labels between them */
    static const double steps[] = {1, 2, 5};
    for (int power = (int)floor(axes->low); power <= (int)axes->high; power++) {
        for (int i = 0; i < 3; i++) {
            double log_ns = power + log10(steps[i]);
            if (log_ns < axes->low - 1e-3 || log_ns > axes->high + 1e-3)
                continue;
            double y = y_of(axes, log_ns);
            char text[32];
            format_time(text, sizeof(text), steps[i] * pow(10, power));
            svg_line(&axes->svg, LEFT, y, RIGHT, y, i == 0 ? "grid" : "minor");
            if (i == 0 || few)
                svg_text(&axes->svg, LEFT - 10, y + 4, SVG_END, "tick", "%s", text);
        }
    }
}

static void draw_percentiles(struct axes *axes)
{
    svg_line(&axes->svg, x_of(axes, log10(2)), TOP, x_of(axes, log10(2)), BOTTOM, "minor");
    svg_text(&axes->svg, x_of(axes, log10(2)), BOTTOM + 20, SVG_MIDDLE, "tick", "50 %%");
    for (int power = 0; power <= (int)axes->powers; power++) {
        double x = x_of(axes, power);
        int digits = power > 2 ? power - 2 : 0;
        svg_line(&axes->svg, x, TOP, x, BOTTOM, "grid");
        svg_text(&axes->svg, x, BOTTOM + 20, SVG_MIDDLE, "tick", "%.*f %%", digits,
                 100 - 100 / pow(10, power));
    }
    svg_line(&axes->svg, LEFT, BOTTOM, RIGHT, BOTTOM, "axis");
    svg_line(&axes->svg, LEFT, TOP, LEFT, BOTTOM, "axis");
    svg_text(&axes->svg, (LEFT + RIGHT) / 2.0, BOTTOM + 48, SVG_MIDDLE, "note",
             "share of the calls that took no longer (percentile)");
    fprintf(axes->svg.out,
            "<text transform=\"translate(20 %d) rotate(-90)\" text-anchor=\"middle\""
            " class=\"note\">time of a call</text>\n",
            (TOP + BOTTOM) / 2);
}

/* ---- curves --------------------------------------------------------------------------- */

/* A step wherever the value changes; ends where one call is left. */
static void draw_curve(struct axes *axes, const struct histogram *of, unsigned kind)
{
    double end = log10((double)of->total);
    double before = -1;
    fprintf(axes->svg.out, "<path class=\"curve s%u\"%s d=\"", kind, dashes[kind]);
    for (int i = 0; i <= 100 * end + 0.5; i++) {
        double power = fmin(i / 100.0, end);
        uint64_t ns = histogram_at(of, 100 - 100 / pow(10, power));
        double x = x_of(axes, power);
        double y = y_of(axes, log10(fmax((double)ns, 1)));
        if (before < 0)
            fprintf(axes->svg.out, "M%.1f %.1f", x, y);
        else if (fabs(y - before) > 0.05)
            fprintf(axes->svg.out, "H%.1fV%.1f", x, y);
        before = y;
    }
    double last = y_of(axes, log10(fmax((double)of->max, 1)));
    fprintf(axes->svg.out, "H%.1fV%.1f\"/>\n", x_of(axes, end), last);
    fprintf(axes->svg.out, "<circle class=\"f%u\" cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\"/>\n", kind,
            x_of(axes, end), last);
}

static void draw_legend(struct axes *axes, const struct histogram *of, unsigned kind)
{
    char middle[32];
    char late[32];
    double x = LEFT + kind * 286.0;
    format_time(middle, sizeof(middle), (double)histogram_at(of, 50));
    format_time(late, sizeof(late), (double)histogram_at(of, 99));
    fprintf(axes->svg.out, "<path class=\"curve s%u\"%s d=\"M%.1f 86h30\"/>\n", kind, dashes[kind],
            x);
    svg_text(&axes->svg, x + 40, 90, SVG_START, "label", "%s", labels[kind]);
    svg_text(&axes->svg, x + 40, 108, SVG_START, "note", "median %s, 99 %% %s", middle, late);
}

/* ---- the page ---------------------------------------------------------------------------- */

static void write_table(const struct svg *svg, const struct bench *bench)
{
    static const double percents[] = {50, 90, 99, 99.9, 100};
    FILE *out = svg->out;
    fputs("<div class=\"scroll\"><table>\n<tr><th></th><th>p50</th><th>p90</th><th>p99</th>"
          "<th>p99.9</th><th>max</th><th>measured</th></tr>\n",
          out);
    for (unsigned kind = 0; kind < BENCH_KINDS; kind++) {
        fprintf(out, "<tr><td>%s</td>", labels[kind]);
        for (size_t i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
            char text[32];
            format_time(text, sizeof(text), (double)histogram_at(&bench->of[kind], percents[i]));
            fprintf(out, "<td>%s</td>", text);
        }
        fprintf(out, "<td>%llu</td></tr>\n", (unsigned long long)bench->of[kind].total);
    }
    fputs("</table></div>\n<p>Warm: a call in a sandbox that goes on. Fresh: reset to the initial "
          "state, and a call. New: a sandbox made, called and freed. Logarithmic on both axes; a "
          "curve ends with its longest call.</p>\n",
          out);
}

int chart_times(const struct bench *bench, const char *path)
{
    const struct run *run = &bench->run;
    struct axes axes;
    char title[512];
    snprintf(title, sizeof(title), "%.160s%.160s of %.160s", run->function.name,
             run->function.signature_text, run->options.guest);
    find_axes(&axes, bench);
    int error = svg_begin(&axes.svg, path, WIDTH, HEIGHT, title);
    if (error != 0)
        return error;
    char how[96];
    bench_describe(bench, how);
    svg_text(&axes.svg, LEFT, 36, SVG_START, "title", "%s", title);
    svg_text(&axes.svg, LEFT, 58, SVG_START, "note", "mote %s, %s", mote_version(), how);
    draw_times(&axes);
    draw_percentiles(&axes);
    for (unsigned kind = BENCH_KINDS; kind-- > 0;)
        draw_curve(&axes, &bench->of[kind], kind);
    for (unsigned kind = 0; kind < BENCH_KINDS; kind++)
        draw_legend(&axes, &bench->of[kind], kind);
    svg_end(&axes.svg);
    if (axes.svg.html)
        write_table(&axes.svg, bench);
    return svg_close(&axes.svg);
}
