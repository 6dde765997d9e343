/* The tables: every key that a rule file can have, but those of the conditions, which stand with their kinds.
 * Neighbours: schema.h says what the rows mean. */
#include "filters/rules/behaviour.h"

static const char *const MODES[] = {"off", "shadow", "enforce", NULL};
static const char *const STATUSES[] = {"experimental", "stable", "deprecated", NULL};
static const char *const SEVERITIES[] = {"low", "medium", "high", "critical", NULL};
static const char *const STAGES[] = {"worker", "prehook", "both", NULL};
static const char *const UNDECIDED_CHOICES[] = {"ignore", "match", NULL};
static const char *const FORMATS[] = {"1", NULL};
static const char *const LIST_KINDS[] = {"words", "contains", "domain", "ids", NULL};
static const char *const FIELDS[] = {"text", "title", "description", "display_name", "link_text", "author_name", NULL};
static const char *const VIEWS[] = {"plain",    "folded",  "stripped", "confusable", "leet",
                                    "squeezed", "decoded", "links",    NULL};
static const char *const ACTIONS[] = {"flag", "unflag", "hide",   "delete",          "approve", "decline",
                                      "ban",  "unban",  "remove", "revoke_sessions", NULL};
static const char *const BAN_SCOPES[] = {"channel", "community", "global", NULL};
static const char *const REMOVE_SCOPES[] = {"channel", "community", NULL};
static const char *const CONTENT_TYPES[] = {"message", "post",    "comment",   "story",
                                            "user",    "channel", "community", NULL};

const struct key wd_key_fields_list = {.name = "", .type = KEY_CHOICE, .choices = FIELDS, .doc = "a text of the event"};
const struct key wd_key_views_list = {.name = "", .type = KEY_CHOICE, .choices = VIEWS, .doc = "a view of a text"};

#define TEXT_ELEMENT                                                                                                   \
    &(const struct key)                                                                                                \
    {                                                                                                                  \
        .name = "", .type = KEY_TEXT, .doc = "a text"                                                                  \
    }

/* ---- ruleset ---- */

static const struct key HEADER_KEYS[] = {
    {.name = "id", .type = KEY_IDENTIFIER, .required = true, .doc = "name of the set, as in org.example.spam"},
    {.name = "version", .type = KEY_TEXT, .required = true, .doc = "semantic version, as in 1.4.0"},
    {.name = "format", .type = KEY_CHOICE, .required = true, .choices = FORMATS, .doc = "version of this format: 1"},
    {.name = "requires", .type = KEY_TEXT, .doc = "versions of warden that can read it, as in \">=0.1\""},
    {.name = "license", .type = KEY_TEXT, .doc = "SPDX name of its licence"},
    {.name = "title", .type = KEY_TEXT, .doc = "what the set is about"},
    {.name = "default_mode", .type = KEY_CHOICE, .choices = MODES, .doc = "mode of rules that name none: enforce"},
    KEYS_END,
};
static const struct shape HEADER = {"the rule set", "ruleset", "Who the set is.", HEADER_KEYS, false};

/* ---- lists ---- */

static const struct key LIST_KEYS[] = {
    {.name = "kind",
     .type = KEY_CHOICE,
     .required = true,
     .choices = LIST_KINDS,
     .doc = "words (whole words), contains (anywhere), domain or ids"},
    {.name = "items", .type = KEY_LIST, .element = TEXT_ELEMENT, .doc = "the entries, where they stand here"},
    {.name = "file", .type = KEY_TEXT, .doc = "text file beside the rule file: an entry a line, # begins a comment"},
    KEYS_END,
};
static const struct shape LIST = {"a list", "list", "Entries that conditions name.", LIST_KEYS, false};

/* ---- parts of a rule ---- */

static const struct key SCOPE_KEYS[] = {
    {.name = "events",
     .type = KEY_LIST,
     .element = TEXT_ELEMENT,
     .doc = "event names without v3. or v5., with * for any rest, as in \"post.*\": new and changed content if none"},
    {.name = "fields",
     .type = KEY_LIST,
     .element = &wd_key_fields_list,
     .doc = "texts to read: all but author_name where none are named"},
    KEYS_END,
};
static const struct shape SCOPE = {"a scope", "scope", "What the rule is about.", SCOPE_KEYS, false};

static const struct key SAMPLE_KEYS[] = {
    {.name = "sample",
     .type = KEY_PERCENT,
     .required = true,
     .doc = "share of authors that it is enforced on, as in 5%"},
    KEYS_END,
};
static const struct shape SAMPLE = {"a mode", "sample", "Enforce on some authors only.", SAMPLE_KEYS, true};
static const struct key MODE_ALTERNATIVES[] = {
    {.name = "", .type = KEY_CHOICE, .choices = MODES, .doc = "off, shadow or enforce"},
    {.name = "", .type = KEY_MAP, .shape = &SAMPLE, .doc = "{sample: 5%}"},
    ALTERNATIVES_END,
};

static const struct key ACTION_MAP_KEYS[] = {
    {.name = "mute", .type = KEY_DURATION, .doc = "keep the author from writing in the channel for so long"},
    {.name = "ban", .type = KEY_CHOICE, .choices = BAN_SCOPES, .doc = "ban the author from channel, community or all"},
    {.name = "unban", .type = KEY_CHOICE, .choices = BAN_SCOPES, .doc = "lift such a ban"},
    {.name = "remove", .type = KEY_CHOICE, .choices = REMOVE_SCOPES, .doc = "take the author out of it"},
    {.name = "notify", .type = KEY_IDENTIFIER, .doc = "send the decision to a notify target of the configuration"},
    KEYS_END,
};
static const struct shape ACTION_MAP = {"an action", "action", "An action with its parameter.", ACTION_MAP_KEYS, true};
static const struct key ACTION_ALTERNATIVES[] = {
    {.name = "", .type = KEY_CHOICE, .choices = ACTIONS, .doc = "the name of an action, as in flag"},
    {.name = "", .type = KEY_MAP, .shape = &ACTION_MAP, .doc = "an action with its parameter, as in {mute: 1h}"},
    ALTERNATIVES_END,
};
const struct key wd_action_element = {
    .name = "", .type = KEY_EITHER, .alternatives = ACTION_ALTERNATIVES, .doc = "an action"};
static const struct key POINTS_ELEMENT = {.name = "", .type = KEY_NUMBER, .low = -1000, .high = 1000, .doc = "points"};
static const struct key CONDITION_ELEMENT = {.name = "", .type = KEY_CONDITION, .doc = "a condition"};

/* ---- tests ---- */

static const struct key SCALAR_ELEMENT = {.name = "", .type = KEY_TEXT, .doc = "a text"};
static const struct key TEST_AUTHOR_KEYS[] = {
    {.name = "id", .type = KEY_TEXT, .doc = "user id: test-author where none is given"},
    {.name = "display_name", .type = KEY_TEXT, .doc = "name shown"},
    {.name = "roles", .type = KEY_LIST, .element = &SCALAR_ELEMENT, .may_be_empty = true, .doc = "roles"},
    {.name = "age_days", .type = KEY_NUMBER, .low = 0, .high = 36500, .doc = "days since the account was made"},
    {.name = "flag_count", .type = KEY_INTEGER, .low = 0, .high = 1e9, .doc = "how often the author was reported"},
    {.name = "is_global_ban", .type = KEY_BOOLEAN, .doc = "banned everywhere"},
    {.name = "metadata", .type = KEY_ANYTHING, .doc = "the user object's metadata"},
    KEYS_END,
};
static const struct shape TEST_AUTHOR = {"a test's author", "test_author", "Who wrote it.", TEST_AUTHOR_KEYS, false};

static const struct key TEST_PLACE_KEYS[] = {
    {.name = "channel_id", .type = KEY_TEXT, .doc = "channel"},
    {.name = "community_id", .type = KEY_TEXT, .doc = "community"},
    {.name = "target_type", .type = KEY_TEXT, .doc = "user, community or content"},
    {.name = "target_id", .type = KEY_TEXT, .doc = "its id"},
    KEYS_END,
};
static const struct shape TEST_PLACE = {"a test's place", "test_place", "Where it was written.", TEST_PLACE_KEYS,
                                        false};

#define TEST_EVENT_KEYS                                                                                                \
    {.name = "event", .type = KEY_TEXT, .doc = "event name: message.didCreate where none is given"},                   \
        {.name = "type", .type = KEY_CHOICE, .choices = CONTENT_TYPES, .doc = "content type: by the event name"},      \
        {.name = "content_id", .type = KEY_TEXT, .doc = "id of the content: one of its own where none is given"},      \
        {.name = "text", .type = KEY_TEXT, .doc = "the body"},                                                         \
        {.name = "title", .type = KEY_TEXT, .doc = "title of a post"},                                                 \
        {.name = "description", .type = KEY_TEXT, .doc = "description of a user, channel or community"},               \
        {.name = "display_name", .type = KEY_TEXT, .doc = "name of a user, channel or community"},                     \
        {.name = "link_text", .type = KEY_TEXT, .doc = "shown text of a hyperlink"},                                   \
        {.name = "author", .type = KEY_MAP, .shape = &TEST_AUTHOR, .doc = "who wrote it"},                             \
        {.name = "place", .type = KEY_MAP, .shape = &TEST_PLACE, .doc = "where: channel test-channel"},                \
        {.name = "mentions", .type = KEY_LIST, .element = &SCALAR_ELEMENT, .doc = "ids of mentioned users"},           \
        {.name = "tags", .type = KEY_LIST, .element = &SCALAR_ELEMENT, .doc = "tags of the content"},                  \
        {.name = "links", .type = KEY_LIST, .element = &SCALAR_ELEMENT, .doc = "URLs of hyperlink items"},             \
        {.name = "flag_count",                                                                                         \
         .type = KEY_INTEGER,                                                                                          \
         .low = 0,                                                                                                     \
         .high = 1e9,                                                                                                  \
         .doc = "how often the content was reported"},                                                                 \
    {                                                                                                                  \
        .name = "metadata", .type = KEY_ANYTHING, .doc = "the content's metadata"                                      \
    }

static const struct key TEST_KEYS[] = {TEST_EVENT_KEYS, KEYS_END};
static const struct shape TEST = {"a test", "test", "An event to judge.", TEST_KEYS, false};
static const struct key TEST_ALTERNATIVES[] = {
    {.name = "", .type = KEY_TEXT, .doc = "a text"},
    {.name = "", .type = KEY_MAP, .shape = &TEST, .doc = "an event, as in {text: hello, author: {age_days: 1}}"},
    ALTERNATIVES_END,
};
static const struct key TEST_ELEMENT = {
    .name = "", .type = KEY_EITHER, .alternatives = TEST_ALTERNATIVES, .doc = "a test"};

static const struct key TEST_LINE_KEYS[] = {
    {.name = "rule", .type = KEY_IDENTIFIER, .required = true, .doc = "id of the rule that it is an example of"},
    {.name = "match", .type = KEY_BOOLEAN, .required = true, .doc = "it must match (true) or must not (false)"},
    TEST_EVENT_KEYS,
    KEYS_END,
};
const struct shape wd_test_line_shape = {"a line of examples", "test_line", "An example in a tests_file.",
                                         TEST_LINE_KEYS, false};

static const struct key EXPECT_ELEMENT = {.name = "", .type = KEY_TEXT, .doc = "name of an action"};
static const struct key STEP_KEYS[] = {
    TEST_EVENT_KEYS,
    {.name = "at", .type = KEY_TEXT, .doc = "when: 10s, or +10s after the step before"},
    {.name = "times",
     .type = KEY_INTEGER,
     .low = 1,
     .high = 1000,
     .doc = "so many events like this, numbered from 1: {n} in their texts and ids is the number"},
    {.name = "every", .type = KEY_DURATION, .doc = "time between these, as in 300ms"},
    {.name = "fresh", .type = KEY_BOOLEAN, .doc = "a new sequence begins: nothing is remembered of the steps before"},
    {.name = "match", .type = KEY_BOOLEAN, .doc = "the rule must match the last of them, or must not"},
    {.name = "expect",
     .type = KEY_LIST,
     .element = &EXPECT_ELEMENT,
     .may_be_empty = true,
     .doc = "names of the actions that must be planned for the last of them, no more and no less"},
    KEYS_END,
};
static const struct shape STEP = {"a step", "step", "An event of a sequence.", STEP_KEYS, false};
static const struct key STEP_ELEMENT = {.name = "", .type = KEY_MAP, .shape = &STEP, .doc = "a step"};

static const struct key TESTS_KEYS[] = {
    {.name = "match", .type = KEY_LIST, .element = &TEST_ELEMENT, .may_be_empty = true, .doc = "must match"},
    {.name = "no_match", .type = KEY_LIST, .element = &TEST_ELEMENT, .may_be_empty = true, .doc = "must not match"},
    {.name = "sequence",
     .type = KEY_LIST,
     .element = &STEP_ELEMENT,
     .may_be_empty = true,
     .doc = "events in order, with the actions that each must lead to"},
    KEYS_END,
};
static const struct shape TESTS = {"tests", "tests", "Examples that `warden rules test` runs.", TESTS_KEYS, false};

/* ---- a rule, an override, a file ---- */

static const struct key MESSAGE_ELEMENT = {.name = "", .type = KEY_TEXT, .doc = "a text for the user"};

static const struct key STRIKES_ALTERNATIVES[] = {
    {.name = "", .type = KEY_INTEGER, .low = 1, .high = STRIKES_MAX, .doc = "how many, on the ladder 'default'"},
    {.name = "", .type = KEY_MAP, .shape = &wd_strikes_shape, .doc = "{ladder: NAME, count: 2}"},
    ALTERNATIVES_END,
};

#define RULE_KEYS_BUT_ID(when_required, actions_required)                                                              \
    {.name = "title", .type = KEY_TEXT, .doc = "what it is about, in a few words"},                                    \
        {.name = "status", .type = KEY_CHOICE, .choices = STATUSES, .doc = "experimental, stable or deprecated"},      \
        {.name = "severity",                                                                                           \
         .type = KEY_CHOICE,                                                                                           \
         .choices = SEVERITIES,                                                                                        \
         .doc = "low, medium (default), high, critical"},                                                              \
        {.name = "tags", .type = KEY_LIST, .element = &SCALAR_ELEMENT, .may_be_empty = true, .doc = "free words"},     \
        {.name = "owner", .type = KEY_TEXT, .doc = "who answers for it"},                                              \
        {.name = "stage", .type = KEY_CHOICE, .choices = STAGES, .doc = "worker, prehook or both (default)"},          \
        {.name = "scope", .type = KEY_MAP, .shape = &SCOPE, .doc = "events and texts that it is about"},               \
        {.name = "views",                                                                                              \
         .type = KEY_LIST,                                                                                             \
         .element = &wd_key_views_list,                                                                                \
         .doc = "views of the texts to match in: plain and folded where none are named"},                              \
        {.name = "when",                                                                                               \
         .type = KEY_CONDITION,                                                                                        \
         .required = (when_required),                                                                                  \
         .doc = "the condition that makes it match"},                                                                  \
        {.name = "except",                                                                                             \
         .type = KEY_LIST,                                                                                             \
         .element = &CONDITION_ELEMENT,                                                                                \
         .may_be_empty = true,                                                                                         \
         .doc = "conditions on texts allow what they match; others exempt the whole event"},                           \
        {.name = "score",                                                                                              \
         .type = KEY_NAMED,                                                                                            \
         .element = &POINTS_ELEMENT,                                                                                   \
         .doc = "points for the author, as in {spam: 6}"},                                                             \
        {.name = "strikes",                                                                                            \
         .type = KEY_EITHER,                                                                                           \
         .alternatives = STRIKES_ALTERNATIVES,                                                                         \
         .doc = "strikes for the author on a ladder, as in 1 or {ladder: spam, count: 2}"},                            \
        {.name = "escalate",                                                                                           \
         .type = KEY_MAP,                                                                                              \
         .shape = &wd_escalate_shape,                                                                                  \
         .doc = "a ladder of the rule's own: each match is a strike"},                                                 \
        {.name = "expected_share",                                                                                     \
         .type = KEY_PERCENT,                                                                                          \
         .doc = "share of events that it may match before the valve takes it for broken, as in 60%"},                  \
        {.name = "actions",                                                                                            \
         .type = KEY_LIST,                                                                                             \
         .element = &wd_action_element,                                                                                \
         .required = (actions_required),                                                                               \
         .may_be_empty = true,                                                                                         \
         .doc = "what to do, as in [flag, {mute: 1h}]; [] only records"},                                              \
        {.name = "user_message",                                                                                       \
         .type = KEY_NAMED,                                                                                            \
         .element = &MESSAGE_ELEMENT,                                                                                  \
         .doc = "what to tell the author, by language: {en: ...}"},                                                    \
        {.name = "mode",                                                                                               \
         .type = KEY_EITHER,                                                                                           \
         .alternatives = MODE_ALTERNATIVES,                                                                            \
         .doc = "off, shadow, enforce or {sample: 5%}"},                                                               \
        {.name = "on_undecided",                                                                                       \
         .type = KEY_CHOICE,                                                                                           \
         .choices = UNDECIDED_CHOICES,                                                                                 \
         .doc = "what counts when a limit ended the matching: ignore (default) or match"},                             \
    {                                                                                                                  \
        .name = "tests", .type = KEY_MAP, .shape = &TESTS, .doc = "examples"                                           \
    }

static const struct key RULE_KEYS[] = {
    {.name = "id", .type = KEY_IDENTIFIER, .required = true, .doc = "its name, unique among all sets"},
    RULE_KEYS_BUT_ID(true, true),
    KEYS_END,
};
static const struct shape RULE = {"a rule", "rule", "A condition and what follows from it.", RULE_KEYS, false};
const struct key wd_rule_key = {.name = "", .type = KEY_MAP, .shape = &RULE, .doc = "a rule"};

static const struct key REPLACE_KEYS[] = {RULE_KEYS_BUT_ID(false, false), KEYS_END};
static const struct shape REPLACE = {"a replacement", "replacement", "Keys of a rule.", REPLACE_KEYS, false};

static const struct key APPEND_KEYS[] = {
    {.name = "tags", .type = KEY_LIST, .element = &SCALAR_ELEMENT, .doc = "more tags"},
    {.name = "except", .type = KEY_LIST, .element = &CONDITION_ELEMENT, .doc = "more exceptions"},
    {.name = "actions", .type = KEY_LIST, .element = &wd_action_element, .doc = "more actions"},
    KEYS_END,
};
static const struct shape APPEND = {"an addition", "addition", "Entries put behind those of a rule.", APPEND_KEYS,
                                    false};

static const struct key OVERRIDE_KEYS[] = {
    {.name = "rule", .type = KEY_IDENTIFIER, .required = true, .doc = "id of the rule to change"},
    {.name = "replace", .type = KEY_MAP, .shape = &REPLACE, .doc = "keys that stand in place of the rule's"},
    {.name = "append", .type = KEY_MAP, .shape = &APPEND, .doc = "entries put behind those of the rule"},
    KEYS_END,
};
static const struct shape OVERRIDE = {"an override", "override", "A change to a rule of another set.", OVERRIDE_KEYS,
                                      false};
static const struct key OVERRIDE_ELEMENT = {.name = "", .type = KEY_MAP, .shape = &OVERRIDE, .doc = "an override"};

static const struct key LIST_ELEMENT = {.name = "", .type = KEY_MAP, .shape = &LIST, .doc = "a list"};

static const struct key FILE_KEYS[] = {
    {.name = "ruleset", .type = KEY_MAP, .required = true, .shape = &HEADER, .doc = "who the set is"},
    {.name = "lists", .type = KEY_NAMED, .element = &LIST_ELEMENT, .doc = "lists that conditions name"},
    {.name = "macros", .type = KEY_NAMED, .element = &CONDITION_ELEMENT, .doc = "conditions that others name"},
    {.name = "behaviour",
     .type = KEY_MAP,
     .shape = &wd_behaviour_shape,
     .doc = "what is remembered of authors: scores, ladders, levels of trust"},
    {.name = "rules", .type = KEY_LIST, .element = &wd_rule_key, .may_be_empty = true, .doc = "the rules"},
    {.name = "tests_file",
     .type = KEY_TEXT,
     .doc = "JSON lines beside the rule file with more examples: {rule: ID, match: true, text: ...}"},
    {.name = "overrides", .type = KEY_LIST, .element = &OVERRIDE_ELEMENT, .doc = "changes to rules of other sets"},
    KEYS_END,
};
const struct shape wd_file_shape = {"a rule file", "file", "A warden rule set.", FILE_KEYS, false};
