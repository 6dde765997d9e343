/* What an event has done to what is remembered of its author, for a terminal. The score is shown as the sum that it is:
 * each contribution with what is left of it. Neighbours: explain_report.c. */
#include <stdio.h>
#include <stdlib.h>

#include "worker/cli/explain_report.h"

static void print_age(double seconds)
{
    if (seconds < 120)
        printf("%.0f s", seconds);
    else if (seconds < 7200)
        printf("%.0f min", seconds / 60);
    else if (seconds < 172800)
        printf("%.1f h", seconds / 3600);
    else
        printf("%.1f days", seconds / 86400);
}

/* What people read of a value; NULL where there is none, or no memory. */
static json_t *author_value(const struct judge *judge, const struct wd_event *event)
{
    char key[201];
    int len = snprintf(key, sizeof(key), "a:%.*s", WD_STR_ARG(event->author.id));
    if (!event->author.id.len || len < 0 || (size_t)len >= sizeof(key))
        return NULL;
    struct wd_str name = {.data = key, .len = (size_t)len};
    const struct wd_value *value = wd_value_table_get(judge->table, name);
    char *text = value ? wd_value_describe(judge->set, name, value->bytes, value->len, wd_event_time_ms(event)) : NULL;
    json_t *json = text ? json_loads(text, 0, NULL) : NULL;
    free(text);
    return json;
}

static void print_contributions(const json_t *value, const char *score)
{
    size_t i;
    const json_t *one;
    json_array_foreach(json_object_get(value, "contributions"), i, one)
    {
        const char *to = json_string_value(json_object_get(one, "to"));
        if (!to || strcmp(to, score) != 0 || !json_object_get(one, "left"))
            continue;
        printf("    %.4g by %s, ", json_real_value(json_object_get(one, "points")),
               json_string_value(json_object_get(one, "rule")));
        print_age((double)json_integer_value(json_object_get(one, "age_ms")) / 1000);
        printf(" ago: %.4g left\n", json_real_value(json_object_get(one, "left")));
    }
}

static void print_scores(const struct wd_verdict *verdict, const json_t *value)
{
    for (size_t i = 0; i < verdict->score_count; i++) {
        const struct wd_score_result *score = &verdict->scores[i];
        printf("  %s: %.4g before %c %.4g = %.4g", score->name, score->before, score->points < 0 ? '-' : '+',
               score->points < 0 ? -score->points : score->points, score->after);
        if (score->band >= 0)
            printf("; the band at %.6g %s%s", score->band_at, score->entered ? "is entered" : "holds",
                   score->enforced ? "" : ", in shadow");
        putchar('\n');
        print_contributions(value, score->name);
    }
}

static void print_ladders(const struct wd_verdict *verdict)
{
    for (size_t i = 0; i < verdict->ladder_count; i++) {
        const struct wd_ladder_result *ladder = &verdict->ladders[i];
        printf("  ladder %s: %u strikes", ladder->name, ladder->strikes);
        if (ladder->step >= 0)
            printf("; the step after %u is reached%s", ladder->step_after, ladder->enforced ? "" : ", in shadow");
        putchar('\n');
    }
}

void explain_print_behaviour(const struct judge *judge, const struct wd_event *event, const struct wd_verdict *verdict)
{
    if (!wd_ruleset_remembers(judge->set))
        return;
    json_t *value = author_value(judge, event);
    if (verdict->trust)
        printf("  trust: %s\n", verdict->trust);
    print_scores(verdict, value);
    print_ladders(verdict);
    for (size_t i = 0; i < verdict->held_count; i++)
        printf("  held back: %s (%s)\n", wd_action_kind_name(verdict->held[i].action.kind),
               wd_hold_name(verdict->held[i].reason));
    json_decref(value);
}
