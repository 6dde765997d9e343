/* AutoModerator's searches in texts and its checks of the author. What always holds: values ignore case unless they are
 * case-sensitive, and stand as whole words unless a modifier says otherwise, expressions too.
 * Neighbours: import_automoderator.c. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/cli/import_automoderator.h"

enum place { PLACE_WORD, PLACE_ANYWHERE, PLACE_BEGIN, PLACE_END, PLACE_ALL, PLACE_ALL_TEXT };

/* `~title+body#2 (regex, includes)` */
struct search {
    bool negated, regex, case_sensitive;
    enum place place;
    const char *fields; /* as YAML; NULL: no texts of ours */
    bool in_domain, in_url;
};

/* ---- the key ---- */

static bool take_modifier(struct search *search, const char *word)
{
    static const struct {
        const char *name;
        enum place place;
    } PLACES[] = {{"includes-word", PLACE_WORD}, {"includes", PLACE_ANYWHERE}, {"starts-with", PLACE_BEGIN},
                  {"ends-with", PLACE_END},      {"full-exact", PLACE_ALL},    {"full-text", PLACE_ALL_TEXT}};
    if (strcmp(word, "regex") == 0)
        return search->regex = true;
    if (strcmp(word, "case-sensitive") == 0)
        return search->case_sensitive = true;
    for (size_t i = 0; i < sizeof(PLACES) / sizeof(*PLACES); i++)
        if (strcmp(PLACES[i].name, word) == 0) {
            search->place = PLACES[i].place;
            return true;
        }
    return false;
}

static bool take_modifiers(struct search *search, const char *open)
{
    char words[128];
    snprintf(words, sizeof(words), "%s", open + 1);
    char *close = strchr(words, ')'), *rest = NULL;
    if (!close)
        return false;
    *close = '\0';
    for (char *word = strtok_r(words, ", ", &rest); word; word = strtok_r(NULL, ", ", &rest))
        if (!take_modifier(search, word))
            return false;
    return true;
}

/* The part of the key before its modifiers and number: what is searched. */
static bool take_places(struct search *search, const char *key, size_t len)
{
    static const struct {
        const char *name, *fields;
        enum place place;
    } FIELDS[] = {
        {"title", "[title]", PLACE_WORD},
        {"body", "[text]", PLACE_WORD},
        {"title+body", "[title, text]", PLACE_WORD},
        {"body+title", "[title, text]", PLACE_WORD},
        {"domain", NULL, PLACE_ALL},
        {"url", NULL, PLACE_ANYWHERE},
    };
    for (size_t i = 0; i < sizeof(FIELDS) / sizeof(*FIELDS); i++) {
        if (strlen(FIELDS[i].name) != len || strncmp(FIELDS[i].name, key, len) != 0)
            continue;
        search->fields = FIELDS[i].fields;
        search->place = FIELDS[i].place;
        search->in_domain = strcmp(FIELDS[i].name, "domain") == 0;
        search->in_url = strcmp(FIELDS[i].name, "url") == 0;
        return true;
    }
    return false;
}

/* False: the key searches nothing that there is here. *refused_out: a modifier is not known. */
static bool read_key(const char *key, struct search *search, bool *refused_out)
{
    *search = (struct search){.negated = key[0] == '~'};
    key += search->negated;
    size_t len = strcspn(key, "#( ");
    const char *open = strchr(key, '(');
    if (!take_places(search, key, len))
        return false;
    *refused_out = open && !take_modifiers(search, open);
    return true;
}

/* ---- its values ---- */

static const struct wd_node *first_value(const struct wd_node *node)
{
    return node->kind == WD_NODE_LIST ? node->first : node;
}

static const struct wd_node *next_value(const struct wd_node *node, const struct wd_node *value)
{
    return node->kind == WD_NODE_LIST ? value->next : NULL;
}

/* What stands around an expression for the places; borders that it has itself are enough. */
static const char *placed(struct import_set *set, const struct search *search, const char *text)
{
    size_t len = strlen(text);
    bool begins = strncmp(text, "\\b", 2) == 0 || text[0] == '^';
    bool ends = len >= 2 && (strcmp(text + len - 2, "\\b") == 0 || (text[len - 1] == '$' && text[len - 2] != '\\'));
    bool grouped = strchr(text, '|') != NULL;
    const char *open = grouped ? "(?:" : "", *close = grouped ? ")" : "";
    if (grouped)
        begins = ends = false;
    switch (search->place) {
    case PLACE_WORD:
        return import_text(set, "%s%s%s%s%s", begins ? "" : "(?:(?<!\\w)|\\b)", open, text, close,
                           ends ? "" : "(?:(?!\\w)|\\b)");
    case PLACE_BEGIN:
        return import_text(set, "\\A%s%s%s", open, text, close);
    case PLACE_END:
        return import_text(set, "%s%s%s\\z", open, text, close);
    case PLACE_ALL:
        return import_text(set, "\\A%s%s%s\\z", open, text, close);
    case PLACE_ALL_TEXT:
        return import_text(set, "\\A\\W*%s%s%s\\W*\\z", open, text, close);
    default:
        return text;
    }
}

/* There a dot matches a line break, too. */
static bool has_dot(const char *text)
{
    for (; *text; text++) {
        if (*text == '\\' && text[1])
            text++;
        else if (*text == '.')
            return true;
    }
    return false;
}

static const char *more_of(struct import_set *set, const struct search *search)
{
    const char *fields = search->in_url ? "views: [links]" : import_text(set, "fields: %s", search->fields);
    return search->case_sensitive ? import_text(set, "%s, case: sensitive", fields) : fields;
}

static void add_expression(struct automoderator *reader, const struct search *search, struct import_condition *in,
                           const struct wd_node *value)
{
    struct import_set *set = reader->set;
    const char *text = search->regex ? value->text : import_escaped(set, value->text, value->text_len);
    struct import_condition *leaf = import_leaf(set, in, "regex");
    if (!leaf || !text)
        return;
    const char *whole = placed(set, search, text);
    leaf->text = whole && search->regex && has_dot(text) ? import_text(set, "(?s)%s", whole) : whole;
    leaf->more = more_of(set, search);
}

/* Plain values are entries of one list, expressions one condition each. */
static void add_values(struct automoderator *reader, const struct search *search, struct import_condition *in,
                       const struct wd_node *node)
{
    bool is_list = search->in_domain || (!search->regex && search->place <= PLACE_ANYWHERE);
    struct import_condition *leaf = NULL;
    if (is_list)
        leaf = import_leaf(reader->set, in,
                           search->in_domain                 ? "domain"
                           : search->place == PLACE_ANYWHERE ? "contains"
                                                             : "words");
    if (leaf && !search->in_domain)
        leaf->more = more_of(reader->set, search);
    for (const struct wd_node *value = first_value(node); value; value = next_value(node, value)) {
        if (value->kind != WD_NODE_SCALAR || !value->text_len)
            automoderator_refuse(reader, node, "texts are expected");
        else if (strstr(value->text, "{{"))
            automoderator_refuse(reader, node, "placeholders as {{author}} are not known here");
        else if (is_list)
            import_add_value(reader->set, leaf, value->text, value->text_len);
        else
            add_expression(reader, search, in, value);
    }
}

/* A value is an example by itself, where nothing else is asked for: see take_rule(). */
static void add_example(struct automoderator *reader, const struct search *search, const struct wd_node *node)
{
    const struct wd_node *value = first_value(node);
    bool plain = !search->negated && !search->regex && search->fields && strstr(search->fields, "text") && value &&
                 value->kind == WD_NODE_SCALAR;
    if (plain)
        import_add_example(&reader->rule->examples, true, import_text(reader->set, "%s", value->text));
}

bool automoderator_search(struct automoderator *reader, const struct wd_node *node)
{
    struct search search;
    bool refused = false;
    if (!read_key(node->key->text, &search, &refused))
        return false;
    if (refused) {
        automoderator_refuse(reader, node, "one of the modifiers is not known");
        return true;
    }
    if (search.in_domain && (search.regex || search.place != PLACE_ALL)) {
        automoderator_refuse(reader, node, "domains are compared as a whole here: list them");
        return true;
    }
    struct import_condition *in = reader->all;
    if (search.negated)
        in = import_condition(reader->set, IMPORT_NOT, in);
    bool several = node->kind == WD_NODE_LIST && node->count > 1 && (search.regex || search.place > PLACE_ANYWHERE) &&
                   !search.in_domain;
    if (several)
        in = import_condition(reader->set, IMPORT_ANY, in);
    if (!in)
        return true;
    add_values(reader, &search, in, node);
    add_example(reader, &search, node);
    return true;
}

/* ---- the author ---- */

/* "< 7 days" */
static bool read_threshold(const struct wd_node *node, const char **operator_out, double *value_out,
                           const char **unit_out)
{
    static const char *const OPERATORS[][2] = {{"<=", "le"}, {">=", "ge"}, {"<", "lt"},
                                               {">", "gt"},  {"==", "eq"}, {"=", "eq"}};
    const char *text = node->text ? node->text : "";
    *operator_out = NULL;
    for (size_t i = 0; i < sizeof(OPERATORS) / sizeof(*OPERATORS) && !*operator_out; i++) {
        size_t len = strlen(OPERATORS[i][0]);
        if (strncmp(text, OPERATORS[i][0], len) == 0) {
            *operator_out = OPERATORS[i][1];
            text += len;
        }
    }
    char *end;
    *value_out = strtod(text, &end);
    bool has_number = end != text;
    while (isspace((unsigned char)*end))
        end++;
    *unit_out = end;
    return *operator_out && has_number;
}

static bool take_age(struct automoderator *reader, const struct wd_node *node, struct import_condition *in)
{
    static const struct {
        const char *name;
        double days;
    } UNITS[] = {{"minute", 1.0 / 1440}, {"hour", 1.0 / 24}, {"day", 1}, {"week", 7}, {"month", 30}, {"year", 365}};
    const char *operator_name, *unit;
    double value, factor = 0;
    if (!read_threshold(node, &operator_name, &value, &unit))
        return false;
    for (size_t i = 0; i < sizeof(UNITS) / sizeof(*UNITS); i++)
        if (strncmp(unit, UNITS[i].name, strlen(UNITS[i].name)) == 0)
            factor = UNITS[i].days;
    factor = *unit ? factor : 1;
    struct import_condition *leaf = factor > 0 ? import_leaf(reader->set, in, "field") : NULL;
    if (!leaf)
        return false;
    leaf->plain = "author.age_days";
    leaf->more = import_text(reader->set, "%s: %.10g", operator_name, value * factor);
    return true;
}

static bool take_karma(struct automoderator *reader, const struct wd_node *node, struct import_condition *in)
{
    const char *operator_name, *unit;
    double value;
    if (!reader->options->karma_field || !read_threshold(node, &operator_name, &value, &unit) || *unit)
        return false;
    struct import_condition *leaf = import_leaf(reader->set, in, "field");
    if (!leaf)
        return true;
    leaf->plain = reader->options->karma_field;
    leaf->more = import_text(reader->set, "%s: %.10g", operator_name, value);
    return true;
}

/* Names are display names here. */
static void take_names(struct automoderator *reader, const struct wd_node *node, const char *key)
{
    struct search search = {.negated = key[0] == '~', .place = PLACE_WORD};
    const char *open = strchr(key, '(');
    if (open && !take_modifiers(&search, open)) {
        automoderator_refuse(reader, node, "one of the modifiers is not known");
        return;
    }
    struct import_condition *in = search.negated ? import_condition(reader->set, IMPORT_NOT, reader->all) : reader->all;
    if (node->kind == WD_NODE_LIST && node->count > 1)
        in = import_condition(reader->set, IMPORT_ANY, in);
    for (const struct wd_node *value = first_value(node); value && in; value = next_value(node, value)) {
        struct import_condition *leaf = import_leaf(reader->set, in, "field");
        if (!leaf || value->kind != WD_NODE_SCALAR)
            continue;
        const char *text = search.regex ? value->text : import_escaped(reader->set, value->text, value->text_len);
        struct wd_str whole = wd_str_from(text ? placed(reader->set, &search, text) : NULL);
        char *quoted = NULL;
        size_t len = 0;
        FILE *out = whole.data ? open_memstream(&quoted, &len) : NULL;
        if (out) {
            rule_lines_quote(out, whole);
            fclose(out);
        }
        leaf->plain = "author.display_name";
        leaf->more = import_text(reader->set, "matches: %s%s", quoted ? quoted : "''",
                                 search.case_sensitive ? ", case: sensitive" : "");
        free(quoted);
    }
    import_note(reader->set, node->line, node->column, "'%s' is compared with display names", node->key->text);
}

static bool is_threshold(const char *key)
{
    size_t len = strlen(key);
    return strcmp(key, "account_age") == 0 || (len > 6 && strcmp(key + len - 6, "_karma") == 0);
}

static void take_threshold(struct automoderator *reader, const struct wd_node *node, struct import_condition *in)
{
    bool is_age = strcmp(node->key->text, "account_age") == 0;
    if (is_age ? !take_age(reader, node, in) : !take_karma(reader, node, in))
        automoderator_refuse(reader, node,
                             is_age ? "an age is written '< 7 days'"
                             : reader->options->karma_field
                                 ? "a threshold is written '< 10'"
                                 : "there is no karma here: name the field that holds it with --karma");
}

void automoderator_author(struct automoderator *reader, const struct wd_node *node)
{
    bool any = false;
    if (node->kind != WD_NODE_MAP) {
        take_names(reader, node, node->key->text);
        return;
    }
    (void)wd_node_bool(wd_node_get(node, "satisfy_any_threshold"), &any);
    struct import_condition *in = any ? import_condition(reader->set, IMPORT_ANY, reader->all) : reader->all;
    for (const struct wd_node *child = node->first; child && in; child = child->next) {
        const char *key = child->key->text;
        size_t name = strcspn(key + (key[0] == '~'), "#( ");
        if (is_threshold(key))
            take_threshold(reader, child, in);
        else if (strncmp(key + (key[0] == '~'), "name", name) == 0 && name == 4)
            take_names(reader, child, key);
        else if (strncmp(key, "set_", 4) == 0 || strncmp(key, "overwrite_", 10) == 0)
            import_leave_out(reader->set, child->key->line, child->key->column,
                             "'%s' is left out: there is no such action here", key);
        else if (strcmp(key, "satisfy_any_threshold") != 0)
            automoderator_refuse(reader, child, "a check of the author that has no equal here");
    }
    if (any && in && !in->first && !reader->rule->refused)
        automoderator_refuse(reader, node, "there is no threshold in it");
}
