/* SPDX-License-Identifier: Apache-2.0 */
#include "svg.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "json.h"

/* Colours that are told apart by everybody (Okabe and Ito), a little lighter on dark ground. */
static const char style_sheet[] =
    "  .mote{font-family:system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif;"
    "font-size:13px}\n"
    "  .mote text{fill:#1f2328} .mote .note,.mote .tick{fill:#59636e}\n"
    "  .mote .title{font-size:17px;font-weight:600} .mote .tick{font-size:12px}\n"
    "  .mote .value{font-variant-numeric:tabular-nums}\n"
    "  .mote .ground{fill:#ffffff}\n"
    "  .mote line{stroke:#d1d9e0;stroke-width:1} .mote .minor{stroke:#eef1f4}\n"
    "  .mote .axis{stroke:#818b98} .mote .mark{stroke:#1f2328;stroke-width:2}\n"
    "  .mote .curve{fill:none;stroke-width:2.25;stroke-linejoin:round;stroke-linecap:round}\n"
    "  .mote .s0{stroke:#0072b2} .mote .s1{stroke:#d55e00} .mote .s2{stroke:#00916b}\n"
    "  .mote .f0{fill:#0072b2} .mote .f1{fill:#d55e00} .mote .f2{fill:#00916b}"
    " .mote .f3{fill:#8c959f}\n"
    "  @media (prefers-color-scheme:dark){\n"
    "  .mote text{fill:#e6edf3} .mote .note,.mote .tick{fill:#9198a1}\n"
    "  .mote .ground{fill:#0d1117} .mote line{stroke:#343b44} .mote .minor{stroke:#1f252d}\n"
    "  .mote .axis{stroke:#7d8590} .mote .mark{stroke:#e6edf3}\n"
    "  .mote .s0{stroke:#56b4e9} .mote .s1{stroke:#f28e4b} .mote .s2{stroke:#2fc79c}\n"
    "  .mote .f0{fill:#56b4e9} .mote .f1{fill:#f28e4b} .mote .f2{fill:#2fc79c}"
    " .mote .f3{fill:#6e7681}\n"
    "  }\n";

static const char page_style[] =
    "  body{margin:2rem auto;max-width:60rem;padding:0 1rem;background:#ffffff;color:#1f2328;"
    "font:15px/1.5 system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif}\n"
    "  svg{width:100%;height:auto} .scroll{overflow-x:auto}\n"
    "  table{border-collapse:collapse;font-variant-numeric:tabular-nums;white-space:nowrap}\n"
    "  th,td{padding:.3rem .8rem;border-bottom:1px solid #d1d9e0;text-align:right}\n"
    "  th:first-child,td:first-child{text-align:left;padding-left:0}\n"
    "  p{color:#59636e}\n"
    "  @media (prefers-color-scheme:dark){body{background:#0d1117;color:#e6edf3}"
    " th,td{border-color:#343b44} p{color:#9198a1}}\n";

void svg_escape(FILE *out, const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t size = strlen(text);
    while (size > 0) {
        size_t length = utf8_length(s, size);
        /* U+FFFE and U+FFFF are no characters of XML. */
        bool none = length == 3 && s[0] == 0xef && s[1] == 0xbf && s[2] >= 0xbe;
        if (length == 0 || none || *s < 0x20 || *s == 0x7f)
            fputs("\xef\xbf\xbd", out);
        else if (strchr("&<>\"'", *s) != NULL)
            fprintf(out, "&#%u;", *s);
        else
            fwrite(s, 1, length, out);
        length = length > 0 ? length : 1;
        s += length;
        size -= length;
    }
}

static void begin_page(FILE *out, const char *title)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta http-equiv=\"Content-Security-Policy\""
          " content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
          "<meta name=\"viewport\" content=\"width=device-width\">\n"
          "<meta name=\"color-scheme\" content=\"light dark\">\n<title>",
          out);
    svg_escape(out, title);
    fprintf(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n", page_style);
}

int svg_begin(struct svg *svg, const char *path, int width, int height, const char *title)
{
    size_t length = strlen(path);
    svg->html = length >= 5 && strcmp(path + length - 5, ".html") == 0;
    svg->out = fopen(path, "we");
    if (svg->out == NULL)
        return errno;
    if (svg->html)
        begin_page(svg->out, title);
    else
        fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", svg->out);
    fprintf(svg->out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"mote\" role=\"img\""
            " viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\">\n<title>",
            width, height, width, height);
    svg_escape(svg->out, title);
    fprintf(svg->out, "</title>\n<style>\n%s</style>\n", style_sheet);
    fprintf(svg->out, "<rect class=\"ground\" width=\"%d\" height=\"%d\"/>\n", width, height);
    return 0;
}

void svg_end(struct svg *svg)
{
    fputs("</svg>\n", svg->out);
}

int svg_close(struct svg *svg)
{
    if (svg->html)
        fputs("</body>\n</html>\n", svg->out);
    errno = 0;
    bool good = fflush(svg->out) == 0 && !ferror(svg->out);
    int error = good ? 0 : errno != 0 ? errno : EIO;
    return fclose(svg->out) == 0 || error != 0 ? error : errno;
}

void svg_text(struct svg *svg, double x, double y, enum svg_anchor anchor, const char *style,
              const char *format, ...)
{
    static const char *const anchors[] = {"start", "middle", "end"};
    char text[512];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    fprintf(svg->out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" class=\"%s\">", x, y,
            anchors[anchor], style);
    svg_escape(svg->out, text);
    fputs("</text>\n", svg->out);
}

void svg_line(struct svg *svg, double x1, double y1, double x2, double y2, const char *style)
{
    fprintf(svg->out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" class=\"%s\"/>\n", x1,
            y1, x2, y2, style);
}
