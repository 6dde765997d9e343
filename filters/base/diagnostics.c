/* The list of findings and 'did you mean'. Neighbours: document.c, filters/rules, the worker's configuration. */
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <warden/diagnostics.h>

struct entry {
    struct wd_diagnostic d;
    size_t order; /* of arrival, so that sorting is stable */
};

struct wd_diagnostics {
    struct entry *entries;
    size_t count, room;
    size_t by_severity[3]; /* counted even where an entry could not be stored */
    const char *const *silenced;
};

struct wd_diagnostics *wd_diagnostics_new(void)
{
    return calloc(1, sizeof(struct wd_diagnostics));
}

void wd_diagnostics_free(struct wd_diagnostics *list)
{
    if (!list)
        return;
    for (size_t i = 0; i < list->count; i++) {
        free(list->entries[i].d.file);
        free(list->entries[i].d.message);
    }
    free(list->entries);
    free(list);
}

void wd_diagnostics_silence(struct wd_diagnostics *list, const char *const *codes)
{
    list->silenced = codes;
}

static bool is_silenced(const struct wd_diagnostics *list, const char *code)
{
    for (size_t i = 0; list->silenced && list->silenced[i]; i++)
        if (strcmp(list->silenced[i], code) == 0)
            return true;
    return false;
}

static bool make_room(struct wd_diagnostics *list)
{
    if (list->count < list->room)
        return true;
    size_t room = list->room ? list->room * 2 : 16;
    struct entry *entries = realloc(list->entries, room * sizeof(*entries));
    if (!entries)
        return false;
    list->entries = entries;
    list->room = room;
    return true;
}

void wd_diagnose(struct wd_diagnostics *list, enum wd_severity severity, const char *code, const char *file, int line,
                 int column, const char *format, ...)
{
    if (is_silenced(list, code))
        return;
    list->by_severity[severity]++;
    if (!make_room(list))
        return;
    char *message = NULL;
    va_list args;
    va_start(args, format);
    int length = vasprintf(&message, format, args);
    va_end(args);
    char *name = strdup(file ? file : "");
    if (length < 0 || !name) {
        if (length >= 0)
            free(message);
        free(name);
        return;
    }
    list->entries[list->count] = (struct entry){
        .d = {.severity = severity, .code = code, .file = name, .line = line, .column = column, .message = message},
        .order = list->count,
    };
    list->count++;
}

size_t wd_diagnostics_count(const struct wd_diagnostics *list)
{
    return list->count;
}

size_t wd_diagnostics_errors(const struct wd_diagnostics *list)
{
    return list->by_severity[WD_ERROR];
}

size_t wd_diagnostics_warnings(const struct wd_diagnostics *list)
{
    return list->by_severity[WD_WARNING];
}

const struct wd_diagnostic *wd_diagnostics_at(const struct wd_diagnostics *list, size_t index)
{
    return index < list->count ? &list->entries[index].d : NULL;
}

static int by_place(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    int files = strcmp(a->d.file, b->d.file);
    if (files)
        return files;
    if (a->d.line != b->d.line)
        return a->d.line < b->d.line ? -1 : 1;
    if (a->d.column != b->d.column)
        return a->d.column < b->d.column ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

void wd_diagnostics_sort(struct wd_diagnostics *list)
{
    if (list->count)
        qsort(list->entries, list->count, sizeof(*list->entries), by_place);
}

void wd_diagnostics_print(const struct wd_diagnostics *list, FILE *out)
{
    static const char *const LABELS[] = {[WD_NOTE] = "note: ", [WD_WARNING] = "warning: ", [WD_ERROR] = ""};
    for (size_t i = 0; i < list->count; i++) {
        const struct wd_diagnostic *d = &list->entries[i].d;
        if (d->file[0])
            fprintf(out, "%s:", d->file);
        if (d->line)
            fprintf(out, "%d:%d:", d->line, d->column);
        fprintf(out, "%s%s%s: %s\n", d->file[0] || d->line ? " " : "", LABELS[d->severity], d->code, d->message);
    }
}

enum { WORD_MAX = 64 };

/* Optimal string alignment distance (Damerau-Levenshtein without overlapping swaps), case-insensitive. */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t rows[3][WORD_MAX + 1];
    size_t *before = rows[0], *previous = rows[1], *current = rows[2];
    for (size_t j = 0; j <= b_len; j++)
        previous[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        current[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            bool same = strncasecmp(a + i - 1, b + j - 1, 1) == 0;
            size_t best = previous[j - 1] + (same ? 0 : 1);
            if (previous[j] + 1 < best)
                best = previous[j] + 1;
            if (current[j - 1] + 1 < best)
                best = current[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            current[j] = best;
        }
        size_t *oldest = before;
        before = previous;
        previous = current;
        current = oldest;
    }
    return previous[b_len];
}

const char *wd_did_you_mean(const char *word, const char *const *candidates)
{
    size_t length = strlen(word);
    if (length == 0 || length > WORD_MAX)
        return NULL;
    size_t best = length <= 3 ? 1 : length <= 7 ? 2 : 3; /* more edits than this is another word */
    const char *nearest = NULL;
    for (; *candidates; candidates++) {
        size_t other = strlen(*candidates);
        if (other == 0 || other > WORD_MAX)
            continue;
        size_t d = distance(word, length, *candidates, other);
        if (d <= best && d < other && (!nearest || d < best)) {
            best = d;
            nearest = *candidates;
        }
    }
    return nearest;
}
