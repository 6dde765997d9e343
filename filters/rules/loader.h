/* What the parts of the loader share while a rule set is being made. One thread; lives as long as wd_ruleset_load.
 * Neighbours: load.c owns it; header.c, lists.c, conditions.c, rule.c, actions.c fill it; compile.c finishes it. */
#ifndef FILTERS_RULES_LOADER_H
#define FILTERS_RULES_LOADER_H

#include "filters/rules/rules.h"

struct wd_domain_set;

enum list_kind { LIST_WORDS, LIST_CONTAINS, LIST_DOMAIN, LIST_IDS };

struct list_entry {
    struct wd_str text;
    int line;
};

struct list {
    const char *name;
    enum list_kind kind;
    const char *file; /* path, or NULL where the entries stand in the rule file */
    const struct list_entry *entries;
    size_t entry_count;
    bool used;
    const struct wd_domain_set *domains; /* the entries as hosts, made for the first condition that names the list */
    bool domains_failed;                 /* an entry is no host: reported once */
};

struct macro {
    const char *name;
    const struct wd_node *node;
    enum { MACRO_NEW, MACRO_OPEN, MACRO_CHECKED, MACRO_BROKEN } state;
    bool used;
};

/* One file. Its lists and macros are its own. */
struct source {
    struct wd_document *document;
    const char *path;
    const struct wd_node *root; /* NULL where the file is no rule set */
    const char *id, *version;
    enum wd_mode default_mode;
    struct list *lists;
    size_t list_count;
    struct macro *macros;
    size_t macro_count;
};

struct loader {
    struct reporter reporter;
    struct wd_ruleset *set;
    struct wd_arena *arena; /* the set's */
    const struct wd_ruleset_options *options;
    size_t errors_before; /* in the caller's list of findings */
    struct source *sources;
    size_t source_count;
    /* the rule that is being read */
    uint32_t rule_index, rule_fields, rule_views;
    bool views_given, in_exception;
    int64_t test_number;    /* what stands for {n} in the example that is being read; 0: nothing */
    size_t rule_conditions; /* so many: bounds the growth by macros */
    bool out_of_memory;
    struct behaviour *behaviour;      /* see behaviour.h */
    const struct wd_node *trust_node; /* the list of levels that was read */
    struct override *overrides;       /* see overlay.h */
    size_t override_count;
    const struct leaf **leaves;
    size_t leaf_count, leaf_room;
};

/* Memory of the set; sets out_of_memory and returns NULL where there is none. */
void *wd_loader_alloc(struct loader *loader, size_t count, size_t size);
const char *wd_loader_text(struct loader *loader, const char *text);

/* The file that a node stands in. */
struct source *wd_source_of(struct loader *loader, const struct wd_node *node);

/* Each reads its part of a source that passed wd_check_shape, and reports what is wrong. */
void wd_load_header(struct loader *loader, struct source *source);
void wd_load_lists(struct loader *loader, struct source *source);
void wd_load_macros(struct loader *loader, struct source *source);
/* Reads one rule; `rule` is zeroed. False where it had findings. */
bool wd_load_rule(struct loader *loader, struct source *source, const struct wd_node *node, struct rule *rule);
bool wd_load_action_list(struct loader *loader, const struct wd_node *list, const struct wd_action **actions_out,
                         size_t *count_out);
/* Whether these, in the order of bytes, are the events that a rule without a scope is about. */
bool wd_are_default_events(const char *const *globs, size_t count);
/* Reports event names that cannot be. */
bool wd_check_globs(struct loader *loader, const struct wd_node *list);
const struct condition *wd_load_condition(struct loader *loader, const struct wd_node *node);

/* The list that a scalar names, of one of the kinds (bits 1 << enum list_kind); reports what is wrong. */
const struct list *wd_find_list(struct loader *loader, const struct wd_node *node, uint32_t kinds);
const char *wd_list_kind_name(enum list_kind kind);
/* The bytes of a file that `node` names, beside the rule file or below, with a NUL behind them; in the set's memory.
 * Reports under `code` and returns NULL otherwise. *path_out: for findings; NULL where it was refused. */
char *wd_read_beside(struct loader *loader, const struct source *source, const struct wd_node *node, const char *code,
                     const char **path_out, size_t *len_out);

/* Bits of a list of fields or views. */
uint32_t wd_load_fields(const struct wd_node *list);
uint32_t wd_load_views(const struct wd_node *list);
/* Reports an expression whose work grows faster than the text, by growth.c. */
bool wd_check_growth(struct loader *loader, const struct wd_node *node, bool caseless);
/* Compiles a regular expression to see whether it is one; reports at the column inside the pattern. */
bool wd_check_regex(struct loader *loader, const struct wd_node *node, bool caseless);
/* Where byte `offset` of a scalar's text stands on its line; 0 where that cannot be said. */
int wd_column_in_scalar(const struct wd_node *node, size_t offset);

/* Whether a condition can be true where no pattern had a hit and nothing that is remembered is true. */
bool wd_can_match_without_hits(const struct condition *condition);
/* sample.c: the texts of options->sample, one a line, NUL-terminated; the caller frees them. */
enum wd_status wd_sample_read(const char *path, char **text_out, struct wd_error *err) WD_MUST_USE;
/* Indexes the rules of the set and compiles their patterns. */
bool wd_compile_rules(struct loader *loader);
/* Fills set->digest from all sources. */
bool wd_digest_sources(struct loader *loader);

#endif
