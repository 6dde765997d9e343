/* Scores and ladders that are defined and not used, or named and not defined. Neighbours: lint.c. */
#include "filters/rules/behaviour.h"
#include "filters/rules/loader.h"

static void lint_points(struct loader *loader, const struct rule *rule)
{
    const struct behaviour *behaviour = loader->behaviour;
    const char *names[SCORES_MAX + 1] = {NULL};
    for (size_t i = 0; i < behaviour->score_count; i++)
        names[i] = behaviour->scores[i].name;
    for (size_t i = 0; i < rule->point_count; i++) {
        char near[128];
        if (rule->point_scores[i] >= 0)
            continue;
        wd_diagnose(loader->reporter.findings, WD_WARNING, "unknown-score", rule->info.file, rule->info.line, 1,
                    "rule '%s' gives points to '%s', which no section 'behaviour' defines%s: they lead to nothing",
                    rule->info.id, rule->points[i].score,
                    wd_suggestion(near, sizeof(near), rule->points[i].score, names));
    }
}

void wd_lint_behaviour(struct loader *loader)
{
    const struct behaviour *behaviour = loader->behaviour;
    for (size_t i = 0; i < loader->set->rule_count && behaviour->score_count; i++)
        lint_points(loader, &loader->set->rules[i]);
    for (size_t i = 0; i < behaviour->score_count; i++)
        if (!behaviour->scores[i].used)
            wd_report(&loader->reporter, behaviour->scores[i].node->key, WD_WARNING, "unused-score",
                      "no rule gives points to score '%s'", behaviour->scores[i].name);
    for (size_t i = 0; i < behaviour->ladder_count; i++)
        if (!behaviour->ladders[i].used && !behaviour->ladders[i].is_own)
            wd_report(&loader->reporter, behaviour->ladders[i].node->key, WD_WARNING, "unused-ladder",
                      "no rule gives strikes on ladder '%s'", behaviour->ladders[i].name);
}
