/* Trees of conditions for a terminal. What always holds: no byte of an event or rule controls the terminal.
 * Neighbours: explain_json.c prints the same for programs. */
#include <stdio.h>
#include <string.h>

#include "worker/cli/explain_report.h"

enum { CONTEXT_BYTES = 60, SPANS_SHOWN = 3 };

static void print_clean(const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)bytes[i];
        putchar(c < ' ' || c == 0x7f ? ' ' : c);
    }
}

/* A place that is not within a character, at most CONTEXT_BYTES away. */
static size_t context_begin(struct wd_str text, size_t at)
{
    size_t begin = at > CONTEXT_BYTES ? at - CONTEXT_BYTES : 0;
    while (begin < at && ((unsigned char)text.data[begin] & 0xC0) == 0x80)
        begin++;
    return begin;
}

static size_t context_end(struct wd_str text, size_t at)
{
    size_t end = text.len - at > CONTEXT_BYTES ? at + CONTEXT_BYTES : text.len;
    while (end > at && end < text.len && ((unsigned char)text.data[end] & 0xC0) == 0x80)
        end--;
    return end;
}

static bool same_place(const struct wd_span *a, const struct wd_span *b)
{
    return a->text_index == b->text_index && a->start == b->start && a->end == b->end;
}

/* "plain, leet": the views of all spans at the place of `spans[at]`. */
static void print_views(const struct wd_span *spans, size_t count, size_t at)
{
    uint32_t views = 0;
    for (size_t i = 0; i < count; i++)
        views |= same_place(&spans[i], &spans[at]) ? 1U << spans[i].view : 0U;
    fputs(views & (views - 1) ? "views " : "view ", stdout);
    for (int view = 0, shown = 0; view < WD_VIEW_COUNT; view++)
        if (views & 1U << view)
            printf("%s%s", shown++ ? ", " : "", wd_view_name((enum wd_view_kind)view));
}

/* What the user wrote, with the span between marks. */
static void print_span(const struct wd_event *event, const struct wd_span *spans, size_t count, size_t at, int indent)
{
    const struct wd_span *span = &spans[at];
    const struct wd_text *text = &event->texts[span->text_index];
    struct wd_str whole = text->text;
    size_t begin = context_begin(whole, span->start), end = context_end(whole, span->end);
    printf("%*s%s, ", indent, "", wd_text_field_name(text->field));
    print_views(spans, count, at);
    printf(": %s", begin ? "..." : "");
    print_clean(whole.data + begin, span->start - begin);
    fputs(">>", stdout);
    print_clean(whole.data + span->start, span->end - span->start);
    fputs("<<", stdout);
    print_clean(whole.data + span->end, end - span->end);
    puts(end < whole.len ? "..." : "");
}

/* Each place once, with all views in which it was found. */
static void print_spans(const struct wd_event *event, const struct wd_span *spans, size_t count, int indent)
{
    size_t places = 0;
    for (size_t i = 0; i < count; i++) {
        bool is_first = true;
        for (size_t j = 0; j < i && is_first; j++)
            is_first = !same_place(&spans[j], &spans[i]);
        if (is_first && places++ < SPANS_SHOWN)
            print_span(event, spans, count, i, indent);
    }
    if (places > SPANS_SHOWN)
        printf("%*s... and %zu more\n", indent, "", places - SPANS_SHOWN);
}

/* ---- one rule ---- */

static const char *answer_word(enum wd_answer answer)
{
    return answer == WD_ANSWER_YES ? "true" : answer == WD_ANSWER_NO ? "false" : "undecided";
}

static void print_condition(const struct wd_event *event, const struct wd_condition_answer *condition, int margin)
{
    int indent = margin + 2 * condition->depth;
    printf("    %-9s%*s", answer_word(condition->answer), indent, "");
    fputs(condition->text ? condition->text : condition->kind, stdout);
    if (strcmp(condition->kind, "field") == 0) {
        fputs(condition->value.data ? "  -- it is '" : "  -- the event has none", stdout);
        if (condition->value.data) {
            print_clean(condition->value.data, condition->value.len < 200 ? condition->value.len : 200);
            putchar('\'');
        }
    }
    if (condition->remembered.data) {
        fputs("  -- ", stdout);
        print_clean(condition->remembered.data, condition->remembered.len);
    }
    printf("  (line %d)\n", condition->line);
    print_spans(event, condition->spans, condition->span_count, 15 + indent);
    if (condition->allowed_count)
        printf("%*s%s: 'except' allows %s\n", 15 + indent, "",
               condition->allowed_count == condition->span_count ? "does not count" : "some of it does not count",
               condition->allowed_count == 1 ? "it" : "them");
}

static void print_conditions(const struct wd_event *event, const struct wd_explanation *explanation)
{
    bool in_exception = false;
    for (size_t i = 0; i < explanation->condition_count; i++) {
        const struct wd_condition_answer *condition = &explanation->conditions[i];
        if (condition->in_exception && !in_exception)
            puts("    except");
        in_exception = condition->in_exception;
        print_condition(event, condition, in_exception ? 2 : 0);
    }
}

static void print_action(const struct wd_action *action)
{
    printf(" %s", wd_action_kind_name(action->kind));
    if (action->scope != WD_SCOPE_NONE)
        printf(" (%s)", wd_scope_name(action->scope));
    if (action->duration_ms)
        printf(" for %lld s", (long long)(action->duration_ms / 1000));
    if (action->notify_target.data)
        printf(" %.*s", WD_STR_ARG(action->notify_target));
}

static void print_actions(const char *label, const struct wd_action *actions, size_t count)
{
    printf("%s:", label);
    for (size_t i = 0; i < count; i++) {
        fputs(i ? "," : "", stdout);
        print_action(&actions[i]);
    }
    puts(count ? "" : " none");
}

static const char *outcome_words(const struct explained *rule)
{
    const struct wd_rule_match *match = rule->match;
    if (!match)
        return "does not match";
    if (match->undecided && !match->is_match)
        return "undecided (a limit ended it)";
    if (match->enforced)
        return "matches";
    if (match->by_valve)
        return "matches (not enforced: it matched too large a share of events)";
    return rule->info->mode == WD_MODE_SAMPLE ? "matches (not enforced: the author is not in the sample)"
                                              : "matches (not enforced)";
}

void explain_print_rule(const struct wd_event *event, const struct explained *rule)
{
    const struct wd_rule_info *info = rule->info;
    printf("  %s [%s, mode %s] %s: %s\n", info->id, info->severity ? info->severity : "-", wd_mode_name(info->mode),
           outcome_words(rule), info->title ? info->title : "");
    if (!rule->match) {
        char why[512];
        wd_explain_briefly(&rule->explanation, why, sizeof(why));
        fputs("    because ", stdout);
        print_clean(why, strlen(why));
        putchar('\n');
    }
    print_conditions(event, &rule->explanation);
    print_actions("    asks for", rule->explanation.actions, rule->explanation.action_count);
}

/* ---- the event ---- */

void explain_print_event(const struct wd_event *event, const struct wd_verdict *verdict)
{
    printf("%.*s, %s %.*s by %.*s: %zu rules match\n", WD_STR_ARG(event->name),
           wd_content_type_name(event->content_type), WD_STR_ARG(event->content_id), WD_STR_ARG(event->author.id),
           verdict->match_count);
}

/* "score: 9 = 6 (spam, spam.sale) + 3 (spam, spam.link)" */
static void print_score(const struct wd_verdict *verdict, const struct explained *rules, size_t count)
{
    size_t shown = 0, left_out = 0;
    for (size_t i = 0; i < count; i++) {
        bool counts = rules[i].match && rules[i].match->is_match && rules[i].match->enforced;
        for (size_t j = 0; j < rules[i].explanation.point_count; j++) {
            const struct wd_points *points = &rules[i].explanation.points[j];
            left_out += rules[i].match && !counts;
            if (!counts)
                continue;
            if (!shown++)
                printf("  score: %.6g =", verdict->score);
            else
                fputs(" +", stdout);
            printf(" %.6g (%s, %s)", points->points, points->score, rules[i].info->id);
        }
    }
    if (left_out && !shown)
        fputs("  score: 0", stdout);
    if (left_out)
        fputs("; points of rules that are not enforced do not count", stdout);
    if (shown || left_out)
        putchar('\n');
}

void explain_print_outcome(const struct wd_verdict *verdict, const struct explained *rules, size_t count)
{
    print_score(verdict, rules, count);
    if (verdict->exempt)
        fputs("  the author is exempt: nothing is done\n", stdout);
    print_actions("  actions", verdict->actions, verdict->action_count);
    if (verdict->inapplicable)
        printf("  %u actions fall away: the event has no place for them\n", verdict->inapplicable);
    if (verdict->shadow_action_count)
        print_actions("  shadow rules would add", verdict->shadow_actions, verdict->shadow_action_count);
}
