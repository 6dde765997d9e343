/* What the demo shows while it runs: a table that is redrawn in place on a terminal, a line now and then elsewhere. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "worker/cli/demo.h"

enum { RULES_SHOWN = 8 };

static uint64_t rule_sum(const struct demo *demo, uint32_t rule, enum rule_metric metric)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < worker_shard_count(demo->worker); i++)
        sum += metrics_rule_get(worker_metrics(demo->worker, i), rule, metric);
    return sum;
}

static void row(struct demo *demo, const char *name, uint64_t value, const char *text)
{
    printf("  %-28s %10" PRIu64 "  %s\n", name, value, text);
    demo->lines_drawn++;
}

static void draw_rules(struct demo *demo)
{
    const struct wd_ruleset *rules = worker_rules(demo->worker);
    size_t count = wd_ruleset_rule_count(rules), shown = 0;
    uint64_t below = UINT64_MAX;
    uint32_t last = 0;
    printf("  matches by rule\n");
    demo->lines_drawn++;
    for (; shown < RULES_SHOWN; shown++) { /* the next most frequent one, each time */
        uint64_t best = 0;
        uint32_t best_rule = UINT32_MAX;
        for (uint32_t rule = 0; rule < count; rule++) {
            uint64_t matched = rule_sum(demo, rule, RULE_MATCHED);
            bool after = matched < below || (matched == below && rule > last);
            if (after && matched > best) {
                best = matched;
                best_rule = rule;
            }
        }
        if (best_rule == UINT32_MAX)
            break;
        const struct wd_rule_info *info = wd_ruleset_rule(rules, best_rule);
        printf("    %-38.38s %8" PRIu64 "  %s\n", info->id, best, wd_mode_name(info->mode));
        demo->lines_drawn++;
        below = best;
        last = best_rule;
    }
}

static void draw_frame(struct demo *demo, int64_t second)
{
    int64_t now = demo_now_ms();
    uint64_t records = demo_sum(demo, METRIC_RECORDS);
    double rate = demo->drawn_ms && now > demo->drawn_ms
                      ? (double)(records - demo->records_before) * 1000 / (double)(now - demo->drawn_ms)
                      : 0;
    char text[64] = "";
    if (second >= 0)
        snprintf(text, sizeof(text), "%.0f a second, %" PRId64 " s", rate, second);
    demo->records_before = records;
    demo->drawn_ms = now;
    demo->lines_drawn = 0;
    row(demo, "records taken", records, text);
    row(demo, "events judged", demo_sum(demo, METRIC_EVENTS), "");
    row(demo, "records finished", demo_sum(demo, METRIC_RECORDS_FINISHED), "");
    row(demo, "offsets committed", (uint64_t)demo->offsets.committed, "");
    row(demo, "lag", (uint64_t)(demo->offsets.end - demo->offsets.committed), "records not committed yet");
    row(demo, "actions planned", demo_sum(demo, METRIC_ACTIONS_PLANNED), "");
    row(demo, "  done", demo_sum(demo, METRIC_CALLS_DONE), "");
    row(demo, "  already done", demo_sum(demo, METRIC_CALLS_ALREADY), "the platform said so");
    row(demo, "  tried again", demo_sum(demo, METRIC_CALLS_RETRIED), "");
    row(demo, "  refused", demo_sum(demo, METRIC_CALLS_PERMANENT), "");
    row(demo, "dead letters", demo_sum(demo, METRIC_DEAD_LETTERS), "records that cannot be judged");
    draw_rules(demo);
}

void table_draw(struct demo *demo, int64_t second)
{
    if (demo->options.live) {
        if (demo->lines_drawn)
            printf("\x1b[%dA\x1b[J", demo->lines_drawn);
        draw_frame(demo, second);
    } else if (second >= 0) {
        printf("%3" PRId64 " s  records %" PRIu64 "  finished %" PRIu64 "  committed %" PRId64 "  actions done %" PRIu64
               "  dead letters %" PRIu64 "\n",
               second, demo_sum(demo, METRIC_RECORDS), demo_sum(demo, METRIC_RECORDS_FINISHED), demo->offsets.committed,
               demo_sum(demo, METRIC_CALLS_DONE), demo_sum(demo, METRIC_DEAD_LETTERS));
    }
    fflush(stdout);
}

void table_end(struct demo *demo)
{
    if (demo->options.live)
        return;
    printf("\n");
    draw_frame(demo, -1);
}
