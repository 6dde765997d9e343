/* Pictures as inline SVG: drawn here, so that the report needs no script and no network. Neighbours: report_html.c. */
#include <string.h>

#include "worker/replay/report_parts.h"

enum { PLOT_WIDTH = 900, PLOT_HEIGHT = 150, LEFT = 70, TOP = 14, BOTTOM = 22 };

void report_escape(const char *text, size_t len, FILE *out)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i], next = i + 1 < len ? (unsigned char)text[i + 1] : 0;
        switch (c) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        case '\'':
            fputs("&#39;", out);
            break;
        case '\n':
        case '\t':
        case '\r':
            fputc(' ', out);
            break;
        default:
            if (c < ' ' || c == 0x7f) {
                fputs("\xef\xbf\xbd", out);
            } else if (c == 0xc2 && next >= 0x80 && next < 0xa0) { /* C1 */
                fputs("\xef\xbf\xbd", out);
                i++;
            } else {
                fputc(c, out);
            }
        }
    }
}

static long long most(const json_t *buckets, const char *key, const char *other)
{
    long long top = 0;
    size_t i;
    const json_t *bucket;
    json_array_foreach(buckets, i, bucket)
    {
        long long value = report_int(bucket, key), second = other ? report_int(bucket, other) : 0;
        value = second > value ? second : value;
        top = value > top ? value : top;
    }
    return top;
}

static double x_of(size_t index, size_t count)
{
    return LEFT + (double)index * (PLOT_WIDTH - LEFT) / (double)count;
}

static double height_of(long long value, long long top)
{
    return top ? (double)value * (PLOT_HEIGHT - TOP - BOTTOM) / (double)top : 0;
}

static void bars(const json_t *buckets, const char *key, const char *class, long long top, FILE *out)
{
    size_t count = json_array_size(buckets), i;
    const json_t *bucket;
    double width = (double)(PLOT_WIDTH - LEFT) / (double)count;
    json_array_foreach(buckets, i, bucket)
    {
        double height = height_of(report_int(bucket, key), top);
        if (height > 0)
            fprintf(out, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>", class,
                    x_of(i, count), PLOT_HEIGHT - BOTTOM - height, width > 3 ? width - 1 : width, height);
    }
}

static void steps(const json_t *buckets, const char *key, const char *class, long long top, FILE *out)
{
    size_t count = json_array_size(buckets), i;
    const json_t *bucket;
    fprintf(out, "<polyline class=\"%s\" points=\"", class);
    json_array_foreach(buckets, i, bucket)
    {
        double y = PLOT_HEIGHT - BOTTOM - height_of(report_int(bucket, key), top);
        fprintf(out, "%.1f,%.1f %.1f,%.1f ", x_of(i, count), y, x_of(i + 1, count), y);
    }
    fputs("\"/>", out);
}

static void plot(const json_t *buckets, const char *title, const char *key, const char *line_key, FILE *out)
{
    long long top = most(buckets, key, line_key);
    char number[32];
    fprintf(out, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s over time\">", PLOT_WIDTH, PLOT_HEIGHT,
            title);
    fprintf(out,
            "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text><text x=\"%d\" y=\"%d\" text-anchor=\"end\">0</text>"
            "<line x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\"/>",
            LEFT - 6, TOP + 4, report_count(top, number), LEFT - 6, PLOT_HEIGHT - BOTTOM, LEFT, PLOT_WIDTH,
            PLOT_HEIGHT - BOTTOM, PLOT_HEIGHT - BOTTOM);
    bars(buckets, key, "bar", top, out);
    if (line_key)
        steps(buckets, line_key, "before", top, out);
    size_t last = json_array_size(buckets) - 1;
    fprintf(out, "<text x=\"%d\" y=\"%d\">%s</text>", LEFT, PLOT_HEIGHT - 6,
            report_text(json_array_get(buckets, 0), "start"));
    if (last)
        fprintf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>", PLOT_WIDTH, PLOT_HEIGHT - 6,
                report_text(json_array_get(buckets, last), "start"));
    fputs("</svg>\n", out);
}

void report_plot_timeline(const json_t *report, FILE *out)
{
    const json_t *timeline = json_object_get(report, "timeline");
    const json_t *buckets = json_object_get(timeline, "buckets");
    if (!json_array_size(buckets)) {
        fputs("<p>The events carry no times.</p>\n", out);
        return;
    }
    fprintf(out, "<p class=\"note\">A bar is %lld minutes.</p>\n", report_int(timeline, "width_s") / 60);
    fputs("<h3>Events</h3>\n", out);
    plot(buckets, "Events", "events", NULL, out);
    fprintf(out, "<h3>Events with actions%s</h3>\n", report_compares(report) ? " (line: before)" : "");
    plot(buckets, "Events with actions", "acted", report_compares(report) ? "acted_before" : NULL, out);
}

void report_plot_bar(double part, FILE *out)
{
    fprintf(out,
            "<svg class=\"small\" viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><rect "
            "class=\"bar\" width=\"%.2f\" height=\"8\"/></svg>",
            part < 0   ? 0
            : part > 1 ? 100
                       : part * 100);
}
