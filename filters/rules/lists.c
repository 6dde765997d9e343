/* Lists: entries in the rule file, or in a text file beside it. What always holds: entries are UTF-8, trimmed, not
 * empty; a file lies in the rule file's folder or below. Neighbours: leaves.c and fields.c name lists. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "filters/rules/loader.h"
#include "filters/rules/utf8.h"

enum { LIST_BYTES_MAX = 64 * 1024 * 1024, ENTRY_BYTES_MAX = 1024, ENTRIES_MAX = 1000000 };

static const char *const KIND_NAMES[] = {"words", "contains", "domain", "ids"};

const char *wd_list_kind_name(enum list_kind kind)
{
    return KIND_NAMES[kind];
}

static enum list_kind kind_named(const char *name)
{
    for (int i = 0; i < 4; i++)
        if (strcmp(KIND_NAMES[i], name) == 0)
            return (enum list_kind)i;
    return LIST_WORDS;
}

const struct list *wd_find_list(struct loader *loader, const struct wd_node *node, uint32_t kinds)
{
    const struct source *source = wd_source_of(loader, node);
    const char *names[64] = {NULL};
    for (size_t i = 0; i < source->list_count; i++) {
        struct list *list = &source->lists[i];
        if (i < 63)
            names[i] = list->name;
        if (strcmp(list->name, node->text) != 0)
            continue;
        list->used = true;
        if (kinds & 1U << list->kind)
            return list;
        wd_report(&loader->reporter, node, WD_ERROR, "list-kind", "list '%s' is of kind %s, which cannot stand here",
                  list->name, KIND_NAMES[list->kind]);
        return NULL;
    }
    char near[128];
    wd_report(&loader->reporter, node, WD_ERROR, "unknown-list",
              "there is no list '%.60s' in this file%s: a text by itself is written [%.60s]", node->text,
              wd_suggestion(near, sizeof(near), node->text, names), node->text);
    return NULL;
}

/* ---- entries in the rule file ---- */

static void load_items(struct loader *loader, const struct wd_node *items, struct list *list)
{
    struct list_entry *entries = wd_loader_alloc(loader, items->count + 1, sizeof(*entries));
    if (!entries)
        return;
    for (const struct wd_node *item = items->first; item; item = item->next) {
        struct wd_str text = wd_trimmed((struct wd_str){.data = item->text, .len = item->text_len});
        if (!text.len) {
            wd_report(&loader->reporter, item, WD_ERROR, "bad-value", "an entry must not be empty");
            continue;
        }
        entries[list->entry_count].text = wd_arena_copy(loader->arena, text);
        loader->out_of_memory |= !entries[list->entry_count].text.data;
        entries[list->entry_count++].line = item->line;
    }
    list->entries = entries;
}

/* ---- entries in a file ---- */

/* Absolute paths and '..' would let a published set read any file of the machine. */
static bool is_below(const char *path)
{
    if (path[0] == '/')
        return false;
    for (const char *part = path; part; part = strchr(part, '/'), part = part ? part + 1 : NULL)
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0'))
            return false;
    return true;
}

static const char *path_beside(struct loader *loader, const char *rule_file, const char *name)
{
    const char *slash = strrchr(rule_file, '/');
    size_t folder = slash ? (size_t)(slash - rule_file) + 1 : 0, len = strlen(name);
    char *path = wd_loader_alloc(loader, folder + len + 1, 1);
    if (!path)
        return NULL;
    memcpy(path, rule_file, folder);
    memcpy(path + folder, name, len + 1);
    return path;
}

/* The file's bytes in the set's memory, where the entries stay. */
static char *read_file(struct loader *loader, const struct wd_node *node, const char *code, const char *path,
                       size_t *len_out)
{
    struct stat about;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0 || fstat(file, &about) != 0 || !S_ISREG(about.st_mode)) {
        wd_report(&loader->reporter, node, WD_ERROR, code, "'%s' cannot be read: %s", path,
                  file < 0 ? strerror(errno) : "it is no regular file");
        if (file >= 0)
            close(file);
        return NULL;
    }
    size_t size = (size_t)about.st_size, len = 0;
    char *text = size <= LIST_BYTES_MAX ? wd_loader_alloc(loader, size + 1, 1) : NULL;
    if (size > LIST_BYTES_MAX)
        wd_report(&loader->reporter, node, WD_ERROR, "too-large", "'%s' is larger than %d MiB", path,
                  LIST_BYTES_MAX >> 20);
    ssize_t got = 1;
    while (text && len < size && got > 0) {
        got = read(file, text + len, size - len);
        if (got > 0)
            len += (size_t)got;
        else if (got < 0 && errno == EINTR)
            got = 1;
    }
    if (got < 0) {
        wd_report(&loader->reporter, node, WD_ERROR, code, "'%s' cannot be read: %s", path, strerror(errno));
        text = NULL;
    }
    close(file);
    *len_out = len;
    return text;
}

char *wd_read_beside(struct loader *loader, const struct source *source, const struct wd_node *node, const char *code,
                     const char **path_out, size_t *len_out)
{
    *path_out = NULL;
    if (!is_below(node->text)) {
        wd_report(&loader->reporter, node, WD_ERROR, code, "'%s' must lie beside the rule file or in a folder below it",
                  node->text);
        return NULL;
    }
    *path_out = path_beside(loader, source->path, node->text);
    return *path_out ? read_file(loader, node, code, *path_out, len_out) : NULL;
}

static size_t count_lines(const char *text, size_t len)
{
    size_t count = 1;
    for (size_t i = 0; i < len; i++)
        count += text[i] == '\n';
    return count;
}

static bool entry_is_fine(struct loader *loader, const struct list *list, struct wd_str entry, int line)
{
    struct wd_diagnostics *findings = loader->reporter.findings;
    if (entry.len > ENTRY_BYTES_MAX)
        wd_diagnose(findings, WD_ERROR, "bad-value", list->file, line, 1, "an entry has at most %d bytes",
                    ENTRY_BYTES_MAX);
    else if (!wd_is_utf8(entry))
        wd_diagnose(findings, WD_ERROR, "list-encoding", list->file, line, 1,
                    "this line is not UTF-8 text: save the file as UTF-8");
    else
        return true;
    return false;
}

static void load_file(struct loader *loader, struct source *source, const struct wd_node *node, struct list *list)
{
    size_t len = 0;
    const char *text = wd_read_beside(loader, source, node, "list-file", &list->file, &len);
    if (!text)
        return;
    size_t lines = count_lines(text, len);
    struct list_entry *entries = lines <= ENTRIES_MAX ? wd_loader_alloc(loader, lines, sizeof(*entries)) : NULL;
    if (!entries) {
        wd_report(&loader->reporter, node, WD_ERROR, "too-large", "'%s' has more than %d lines", list->file,
                  ENTRIES_MAX);
        return;
    }
    const char *at = text, *end = text + len;
    for (int line = 1; at < end; line++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        struct wd_str entry = wd_trimmed((struct wd_str){.data = at, .len = (size_t)((stop ? stop : end) - at)});
        if (line == 1 && entry.len >= 3 && memcmp(entry.data, "\xEF\xBB\xBF", 3) == 0)
            entry = wd_trimmed((struct wd_str){.data = entry.data + 3, .len = entry.len - 3});
        if (entry.len && entry.data[0] != '#' && entry_is_fine(loader, list, entry, line))
            entries[list->entry_count++] = (struct list_entry){.text = entry, .line = line};
        at = stop ? stop + 1 : end;
    }
    list->entries = entries;
    if (!list->entry_count)
        wd_report(&loader->reporter, node, WD_WARNING, "empty-list", "'%s' has no entries", list->file);
}

void wd_load_lists(struct loader *loader, struct source *source)
{
    const struct wd_node *lists = wd_node_get(source->root, "lists");
    if (!lists || lists->kind != WD_NODE_MAP || !lists->count)
        return;
    source->lists = wd_loader_alloc(loader, lists->count, sizeof(*source->lists));
    if (!source->lists)
        return;
    for (const struct wd_node *node = lists->first; node; node = node->next) {
        const struct wd_node *kind = wd_node_get(node, "kind"), *items = wd_node_get(node, "items"),
                             *file = wd_node_get(node, "file");
        struct list *list = &source->lists[source->list_count++];
        *list = (struct list){.name = node->key->text};
        if (kind && kind->kind == WD_NODE_SCALAR)
            list->kind = kind_named(kind->text);
        if (!items == !file && node->kind == WD_NODE_MAP)
            wd_report(&loader->reporter, node, WD_ERROR, "bad-value", "a list has either 'items' or 'file'");
        else if (items && items->kind == WD_NODE_LIST)
            load_items(loader, items, list);
        else if (file && file->kind == WD_NODE_SCALAR)
            load_file(loader, source, file, list);
    }
}
