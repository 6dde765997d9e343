/* Lists of words as chat platforms keep them, such as the keyword filters of Discord: an entry a line or separated by
 * commas, `word` for a whole word or phrase, `word*`, `*word` and `*word*` for its begin, its end, and anywhere. What
 * always holds: all entries together are one rule, and what the list of allowed phrases covers is free.
 * Neighbours: import_set.h. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "worker/cli/import_set.h"

enum { ENTRY_BYTES_MAX = 1024, ALLOW_BYTES_MAX = 1 << 20 };

struct entry {
    const char *text;
    size_t len;
    bool open_before, open_behind; /* a * stands there */
    int line, column;
};

struct blocklist {
    struct import_set *set;
    struct import_rule *rule;                              /* NULL: reads what is allowed */
    struct import_condition *any, *words, *parts, *except; /* words and parts: made when they are needed */
    const char *name;                                      /* of the file */
};

static void refuse_entry(struct blocklist *list, const struct entry *entry, const char *why)
{
    wd_diagnose(list->set->findings, WD_ERROR, "not-imported", list->name, entry->line, entry->column, "'%.*s': %s",
                entry->len < 60 ? (int)entry->len : 60, entry->text, why);
    list->set->left_out++;
}

/* ---- one entry ---- */

static bool is_ascii_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* What shows that the begin and the end of the entry count: only where they are letters that can be made longer. */
static void add_examples(struct blocklist *list, const struct entry *entry)
{
    struct import_set *set = list->set;
    const char *before = entry->open_before ? "x" : "", *behind = entry->open_behind ? "x" : "";
    struct import_examples *examples = &list->rule->examples;
    import_add_example(examples, true, import_text(set, "%s%.*s%s", before, (int)entry->len, entry->text, behind));
    bool can_grow = is_ascii_word(entry->text[0]) && is_ascii_word(entry->text[entry->len - 1]);
    if (can_grow && !(entry->open_before && entry->open_behind))
        import_add_example(examples, false,
                           import_text(set, "%s%.*s%s", entry->open_before ? "" : "x", (int)entry->len, entry->text,
                                       entry->open_behind ? "" : "x"));
}

/* A word that goes on at one side: an expression with the border of a word at the other. */
static const char *half_open(struct blocklist *list, const struct entry *entry)
{
    const char *text = import_escaped(list->set, entry->text, entry->len);
    bool plain = is_ascii_word(entry->open_before ? entry->text[entry->len - 1] : entry->text[0]);
    return entry->open_before ? import_text(list->set, "%s%s", text ? text : "", plain ? "\\b" : "(?!\\w)")
                              : import_text(list->set, "%s%s", plain ? "\\b" : "(?<!\\w)", text ? text : "");
}

static struct import_condition *leaf_in(struct blocklist *list, struct import_condition **leaf, const char *key)
{
    struct import_condition *in = list->rule ? list->any : list->except;
    if (!*leaf)
        *leaf = import_leaf(list->set, in, key);
    return *leaf;
}

static void keep_entry(struct blocklist *list, const struct entry *entry)
{
    if (entry->open_before && entry->open_behind) {
        import_add_value(list->set, leaf_in(list, &list->parts, "contains"), entry->text, entry->len);
    } else if (entry->open_before || entry->open_behind) {
        struct import_condition *leaf = import_leaf(list->set, list->rule ? list->any : list->except, "regex");
        if (leaf)
            leaf->text = half_open(list, entry);
    } else {
        import_add_value(list->set, leaf_in(list, &list->words, "words"), entry->text, entry->len);
    }
    if (list->rule)
        add_examples(list, entry);
}

static void read_entry(struct blocklist *list, struct entry entry)
{
    while (entry.len && isspace((unsigned char)*entry.text)) {
        entry.text++;
        entry.len--;
        entry.column++;
    }
    while (entry.len && isspace((unsigned char)entry.text[entry.len - 1]))
        entry.len--;
    if (!entry.len)
        return;
    list->set->read += list->rule != NULL;
    struct entry whole = entry;
    for (; entry.len && entry.text[0] == '*'; entry.text++, entry.len--)
        entry.open_before = true;
    for (; entry.len && entry.text[entry.len - 1] == '*'; entry.len--)
        entry.open_behind = true;
    if (!rule_lines_is_utf8((struct wd_str){.data = entry.text, .len = entry.len}))
        refuse_entry(list, &whole, "not UTF-8: convert the file first (iconv -t UTF-8)");
    else if (!entry.len)
        refuse_entry(list, &whole, "nothing beside the *: it would match every text");
    else if (memchr(entry.text, '*', entry.len))
        refuse_entry(list, &whole, "a * can stand at the begin and the end only");
    else if (entry.len > ENTRY_BYTES_MAX)
        refuse_entry(list, &whole, "an entry has at most 1024 bytes");
    else
        keep_entry(list, &entry);
}

/* ---- the files ---- */

static void read_line(struct blocklist *list, const char *line, size_t len, int number)
{
    const char *at = line, *end = line + len;
    if (len && *line == '#')
        return;
    while (at < end) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        size_t entry = (size_t)((comma ? comma : end) - at);
        read_entry(list, (struct entry){.text = at, .len = entry, .line = number, .column = (int)(at - line) + 1});
        at += entry + 1;
    }
}

static void read_lines(struct blocklist *list, const char *text, size_t len)
{
    const char *at = text, *end = text + len;
    if (len >= 3 && memcmp(at, "\xEF\xBB\xBF", 3) == 0)
        at += 3;
    for (int number = 1; at < end; number++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        read_line(list, at, (size_t)((stop ? stop : end) - at), number);
        at = stop ? stop + 1 : end;
    }
}

static void read_allowed(struct blocklist *list, const char *path)
{
    FILE *in = fopen(path, "re");
    char *text = in ? malloc(ALLOW_BYTES_MAX) : NULL;
    size_t len = text ? fread(text, 1, ALLOW_BYTES_MAX, in) : 0;
    bool fine = text && !ferror(in) && len < ALLOW_BYTES_MAX;
    if (!fine) {
        wd_diagnose(list->set->findings, WD_ERROR, "file-unreadable", path, 0, 0, "%s",
                    text && len == ALLOW_BYTES_MAX ? "more than 1 MiB" : strerror(errno));
        list->rule->refused = true;
    } else {
        struct blocklist allowed = {.set = list->set, .except = list->rule->excepts, .name = path};
        read_lines(&allowed, text, len);
    }
    free(text);
    if (in)
        fclose(in);
}

void import_blocklist(struct import_set *set, const char *text, size_t len, const struct import_options *options)
{
    struct blocklist list = {.set = set, .rule = import_add_rule(set, 1, 1), .name = set->name};
    set->read = 0; /* entries are counted, not the one rule */
    if (!list.rule)
        return;
    list.rule->id = set->header->id;
    list.rule->title = "Blocked words";
    list.any = list.rule->when = import_condition(set, IMPORT_ANY, NULL);
    list.rule->excepts = import_condition(set, IMPORT_ALL, NULL);
    import_add_action(list.rule, "flag");
    if (set->out_of_memory)
        return;
    read_lines(&list, text, len);
    if (options->allow)
        read_allowed(&list, options->allow);
    if (!list.any->first)
        list.rule->refused = true;
}
