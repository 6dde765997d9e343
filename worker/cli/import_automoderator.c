/* Rules of Reddit's AutoModerator: YAML documents, each a rule whose checks must all hold. What always holds: a check
 * that has no equal costs the rule, an effect that has none is reported and left out; order and priority of rules do
 * not matter here and need none. Neighbours: import_automoderator_checks.c (searches in texts, the author). */
#include <stdlib.h>
#include <string.h>

#include "worker/cli/import_automoderator.h"

static const struct wd_node *place_of(const struct wd_node *node)
{
    return node->key ? node->key : node;
}

void automoderator_refuse(struct automoderator *reader, const struct wd_node *node, const char *why)
{
    const struct wd_node *place = place_of(node);
    import_refuse(reader->set, reader->rule, place->line, place->column, "'%s': %s; the rule is left out", place->text,
                  why);
}

static void leave_out(struct automoderator *reader, const struct wd_node *node, const char *why)
{
    import_leave_out(reader->set, place_of(node)->line, place_of(node)->column, "'%s' is left out: %s",
                     place_of(node)->text, why);
}

static void note(struct automoderator *reader, const struct wd_node *node, const char *what)
{
    const char *text = node->text ? node->text : "...";
    int len = (int)strcspn(text, "\n");
    import_note(reader->set, node->line, node->column, "'%s: %.*s': %s", place_of(node)->text, len < 40 ? len : 40,
                text, what);
}

/* ---- keys with a meaning of their own ---- */

static void take_type(struct automoderator *reader, const struct wd_node *node)
{
    const char *type = node->text ? node->text : "";
    size_t len = strlen(type);
    bool is_submission = len >= 10 && strcmp(type + len - 10, "submission") == 0;
    if (is_submission)
        reader->rule->events = "[post.didCreate, post.didUpdate]";
    else if (strcmp(type, "comment") == 0)
        reader->rule->events = "[comment.didCreate, comment.didReply, comment.didUpdate]";
    else if (strcmp(type, "any") != 0)
        automoderator_refuse(reader, node, "there is no such type");
    if (is_submission && len > 10 && strcmp(type, "text submission") != 0)
        automoderator_refuse(reader, node, "kinds of posts are not told apart");
    else if (is_submission && len > 10)
        note(reader, node, "posts of all kinds are looked at");
}

static void take_action(struct automoderator *reader, const struct wd_node *node)
{
    const char *action = node->text ? node->text : "";
    if (strcmp(action, "report") == 0) {
        import_add_action(reader->rule, "flag");
    } else if (strcmp(action, "remove") == 0) {
        import_add_action(reader->rule, "hide");
    } else if (strcmp(action, "spam") == 0) {
        import_add_action(reader->rule, "hide");
        note(reader, node, "is hide here: no filter for spam learns from it");
    } else if (strcmp(action, "filter") == 0) {
        import_add_action(reader->rule, "hide");
        note(reader, node, "is hide here: a moderator who finds it harmless brings it back");
    } else if (strcmp(action, "approve") == 0) {
        import_add_action(reader->rule, "approve");
    } else {
        automoderator_refuse(reader, node, "there is no such action");
    }
}

static void take_reason(struct automoderator *reader, const struct wd_node *node)
{
    if (node->text && !strchr(node->text, '\n'))
        reader->rule->title = import_text(reader->set, "%s", node->text);
}

static void take_message(struct automoderator *reader, const struct wd_node *node)
{
    size_t len = node->text_len;
    while (len && node->text[len - 1] == '\n')
        len--;
    reader->rule->message = import_text(reader->set, "%.*s", (int)len, node->text ? node->text : "");
    if (node->text && strstr(node->text, "{{"))
        note(reader, node, "placeholders as {{author}} stay as they are: put words in their place");
    else
        note(reader, node, "becomes user_message, what the author is told");
}

static struct import_condition *plain_leaf(struct automoderator *reader, const char *key, const char *plain,
                                           const char *more)
{
    struct import_condition *leaf = import_leaf(reader->set, reader->all, key);
    if (leaf) {
        leaf->plain = plain;
        leaf->more = more;
    }
    return leaf;
}

static void take_length(struct automoderator *reader, const struct wd_node *node)
{
    int64_t characters;
    if (!wd_node_int(node, &characters) || characters < 0) {
        automoderator_refuse(reader, node, "a number is expected");
        return;
    }
    bool longer = strcmp(node->key->text, "body_longer_than") == 0;
    plain_leaf(reader, "length", import_text(reader->set, "{%s: %lld}", longer ? "gt" : "lt", (long long)characters),
               "fields: [text]");
}

static void take_reports(struct automoderator *reader, const struct wd_node *node)
{
    int64_t reports;
    if (wd_node_int(node, &reports) && reports >= 0)
        plain_leaf(reader, "field", "flag_count", import_text(reader->set, "ge: %lld", (long long)reports));
    else
        automoderator_refuse(reader, node, "a number is expected");
}

static void take_flag(struct automoderator *reader, const struct wd_node *node)
{
    bool yes;
    if (!wd_node_bool(node, &yes))
        automoderator_refuse(reader, node, "true or false is expected");
    else if (strcmp(node->key->text, "is_edited") == 0)
        plain_leaf(reader, "field", "is_edited", yes ? "eq: true" : "eq: false");
    else
        plain_leaf(reader, "field", "content.parent_id", yes ? "exists: false" : "exists: true");
}

static void take_moderators(struct automoderator *reader, const struct wd_node *node)
{
    bool yes;
    if (!wd_node_bool(node, &yes) || !yes)
        leave_out(reader, node, "who is exempt is the option rules.exempt_roles of the configuration");
}

static void take_priority(struct automoderator *reader, const struct wd_node *node)
{
    note(reader, node, "means nothing here: all rules are judged, and the harshest action is carried out");
}

static void take_standard(struct automoderator *reader, const struct wd_node *node)
{
    automoderator_refuse(reader, node, "Reddit's own lists are not known here");
}

static void take_effect(struct automoderator *reader, const struct wd_node *node)
{
    leave_out(reader, node, "there is no such action here");
}

static void take_subject(struct automoderator *reader, const struct wd_node *node)
{
    leave_out(reader, node, "only the text of a message is kept");
}

static void take_modmail(struct automoderator *reader, const struct wd_node *node)
{
    leave_out(reader, node, "say {notify: TARGET} among the actions, and name the target in the configuration");
}

static void take_unknown_check(struct automoderator *reader, const struct wd_node *node)
{
    automoderator_refuse(reader, node, "a check that has no equal here");
}

typedef void take_fn(struct automoderator *reader, const struct wd_node *node);
static const struct {
    const char *key;
    take_fn *take;
} KEYS[] = {
    {"type", take_type},
    {"action", take_action},
    {"action_reason", take_reason},
    {"report_reason", take_reason},
    {"message", take_message},
    {"comment", take_message},
    {"author", automoderator_author},
    {"body_longer_than", take_length},
    {"body_shorter_than", take_length},
    {"reports", take_reports},
    {"is_edited", take_flag},
    {"is_top_level", take_flag},
    {"moderators_exempt", take_moderators},
    {"priority", take_priority},
    {"standard", take_standard},
    {"modmail", take_modmail},
    {"modmail_subject", take_subject},
    {"message_subject", take_subject},
    {"comment_locked", take_effect},
    {"comment_stickied", take_effect},
    {"set_flair", take_effect},
    {"overwrite_flair", take_effect},
    {"set_sticky", take_effect},
    {"set_nsfw", take_effect},
    {"set_spoiler", take_effect},
    {"set_contest_mode", take_effect},
    {"set_original_content", take_effect},
    {"set_suggested_sort", take_effect},
    {"set_locked", take_effect},
    {"set_post_flair", take_effect},
    {"ignore_blockquotes", take_unknown_check},
    {"past_archive_date", take_unknown_check},
    {"discussion_type", take_unknown_check},
    {"parent_submission", take_unknown_check},
    {"crosspost_author", take_unknown_check},
    {"crosspost_subreddit", take_unknown_check},
    {"subreddit", take_unknown_check},
};

static void take_key(struct automoderator *reader, const struct wd_node *node)
{
    for (size_t i = 0; i < sizeof(KEYS) / sizeof(*KEYS); i++) {
        if (strcmp(KEYS[i].key, node->key->text) != 0)
            continue;
        KEYS[i].take(reader, node);
        return;
    }
    const char *key = node->key->text + (node->key->text[0] == '~');
    if (strncmp(key, "author", 6) == 0 && strchr("#( ", key[6]))
        automoderator_author(reader, node);
    else if (!automoderator_search(reader, node))
        automoderator_refuse(reader, node, "a check or action that is not known");
}

/* ---- a rule ---- */

static bool has_key(const struct wd_node *root, const char *key)
{
    return wd_node_get(root, key) != NULL;
}

static void take_rule(void *context, const struct wd_node *root, const char *comment)
{
    struct automoderator *reader = context;
    struct import_set *set = reader->set;
    struct import_rule *rule = reader->rule = import_add_rule(set, root->line, root->column);
    if (!rule)
        return;
    rule->id = import_text(set, "%s.%zu", set->header->id, set->read);
    rule->title = comment;
    rule->when = reader->all = import_condition(set, IMPORT_ALL, NULL);
    if (root->kind != WD_NODE_MAP || set->out_of_memory) {
        import_refuse(set, rule, root->line, root->column, "a rule is a map of checks and actions");
        return;
    }
    for (const struct wd_node *node = root->first; node; node = node->next)
        if (strcmp(node->key->text, "comment") != 0 || !has_key(root, "message"))
            take_key(reader, node);
    if (reader->all->first != reader->all->last)
        rule->examples = (struct import_examples){0}; /* a text alone does not satisfy them all */
    if (!rule->refused && !reader->all->first)
        import_refuse(set, rule, root->line, root->column,
                      "the rule has no check that could be kept: it would match everything");
}

void import_automoderator(struct import_set *set, const char *text, size_t len, const struct import_options *options)
{
    struct automoderator reader = {.set = set, .options = options};
    import_documents(set, text, len, take_rule, &reader);
}
