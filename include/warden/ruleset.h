/* A compiled rule set: immutable, shared by any number of threads, reference-counted.
 *
 * Made from one or more YAML files (docs/rule-sets.md). Everything that is wrong is reported, each with its place. */
#ifndef WARDEN_RULESET_H
#define WARDEN_RULESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <warden/diagnostics.h>
#include <warden/status.h>
#include <warden/verdict.h>

#ifdef __cplusplus
extern "C" {
#endif

struct wd_ruleset;

struct wd_ruleset_options {
    size_t match_limit;              /* PCRE2 match limit per attempt; 0: 30,000 */
    const char *const *exempt_roles; /* NULL-terminated; NULL: moderators of the platform */
    /* A file of messages of the kind to be expected, up to 16 MiB: a text a line, or JSON lines as events have them.
     * The index looks for what is rare in them: only speed depends on it. NULL: a table of how common letters are. */
    const char *sample;
    /* Try each expression on hostile texts and warn where its work grows faster than the text: some milliseconds an
     * expression, so for lint. */
    bool check_growth;
    bool strict; /* the same, and such expressions are errors */
    /* Find what is allowed and most likely not meant: rules that say the same as others, `\b` beside a character that
     * is no part of a word, stable rules without examples (an error). */
    bool lint;
    bool describe; /* keep the words of conditions, for <warden/explain.h> and the reasons of examples that fail */
};

struct wd_rule_info {
    const char *id;
    const char *title;
    const char *severity; /* "low", "medium", "high", "critical" */
    const char *status;   /* "experimental", "stable", "deprecated"; NULL: none is given */
    const char *set_id;
    const char *set_version;
    enum wd_mode mode;
    double sample_share; /* 0..1, for WD_MODE_SAMPLE */
    const char *file;
    int line;
};

/* Loads, checks and compiles. `paths` are files or folders (every *.yaml in a folder, in name order). Findings of all
 * kinds go to `findings` (required). Returns WD_OK and a set with one reference in *out only where no finding is an
 * error. */
enum wd_status wd_ruleset_load(const char *const *paths, size_t path_count, const struct wd_ruleset_options *options,
                               struct wd_ruleset **out, struct wd_diagnostics *findings) WD_MUST_USE;

/* The same from memory; `name` stands for the file in findings. */
enum wd_status wd_ruleset_load_text(const char *name, const char *yaml, size_t len,
                                    const struct wd_ruleset_options *options, struct wd_ruleset **out,
                                    struct wd_diagnostics *findings) WD_MUST_USE;

/* Thread-safe. */
struct wd_ruleset *wd_ruleset_ref(struct wd_ruleset *set);
void wd_ruleset_unref(struct wd_ruleset *set);

size_t wd_ruleset_rule_count(const struct wd_ruleset *set);
const struct wd_rule_info *wd_ruleset_rule(const struct wd_ruleset *set, uint32_t rule);
/* SHA-256 of what was loaded, as 64 hex digits: the same files give the same digest on every machine. */
const char *wd_ruleset_digest(const struct wd_ruleset *set);
/* A rule that exceeded its time again and again was switched off; a set that is loaded anew has it on again. */
bool wd_ruleset_is_switched_off(const struct wd_ruleset *set, uint32_t rule);
/* The valve against a rule that suddenly matches far too much: such a rule is in shadow for all threads until the
 * valves are reset or the set is loaded anew. See wd_scanner_options.rule_share. */
bool wd_ruleset_is_shadowed(const struct wd_ruleset *set, uint32_t rule);
void wd_ruleset_reset_valves(struct wd_ruleset *set);
/* What finds the rule's texts and expressions in a text, the costliest of them: "literal" (a text that every match
 * holds), "skeleton" (the same with look-alikes), "class" or "run" (characters that every match holds), "always"
 * (nothing: each text is tried); "none" where it has none. */
const char *wd_ruleset_index_class(const struct wd_ruleset *set, uint32_t rule);
/* Bytes that the set takes, index and compiled expressions included. */
size_t wd_ruleset_memory(const struct wd_ruleset *set);
/* True where some rule could match an event of this name (without v3. or v5.), or remembers something of it. */
bool wd_ruleset_wants(const struct wd_ruleset *set, struct wd_str event_name);
/* NULL-terminated names of the notify targets that rules use. */
const char *const *wd_ruleset_notify_targets(const struct wd_ruleset *set);

/* What the rule says to the author, in `language` ("th"; NULL: any), else in English, else in the first that there is.
 * NULL where the rule has no user_message. */
const char *wd_ruleset_user_message(const struct wd_ruleset *set, uint32_t rule, const char *language);

/* Whether a text (valid UTF-8) has letters of a script that puts no spaces between words: Han, Kana, Thai, Lao, Khmer,
 * Myanmar. As an entry of `words` it then stands for itself alone, not for what is inside a sentence. */
bool wd_is_unspaced(struct wd_str text);

#ifdef __cplusplus
}
#endif
#endif
