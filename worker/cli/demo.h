/* The inside of `warden demo`: demo.c runs it, demo_feed.c produces the events, demo_table.c shows what
 * happens, demo_story.c what behaviour gave away. */
#ifndef WORKER_CLI_DEMO_H
#define WORKER_CLI_DEMO_H

#include <stdbool.h>
#include <stdint.h>

#include "worker/config.h"
#include "worker/kafka/broker.h"
#include "worker/metrics.h"
#include "worker/platform/sandbox/sandbox.h"
#include "worker/run.h"

struct demo_options {
    int seconds, rate; /* records a second */
    int shards;
    int http_port; /* 0: any free one */
    bool serve, verbose;
    bool live; /* redraw in place: standard output is a terminal */
    const char *events_file;
    const char *config_file; /* NULL: defaults */
    const char *const *environment;
};

struct demo_offsets {
    int64_t end, committed; /* sums over partitions */
};

struct feed;
struct gateway;

struct demo {
    struct demo_options options;
    char token[64], folder[256], token_file[300];
    struct broker *broker;
    struct sandbox *sandbox;
    struct config *config;
    struct worker *worker;
    struct gateway *gateway;
    struct feed *feed;
    struct demo_offsets offsets;
    bool ended_cleanly;
    int lines_drawn;
    uint64_t records_before;
    int64_t drawn_ms;
};

/* Returns an exit code. */
int demo_run(const struct demo_options *options);

int64_t demo_now_ms(void);
uint64_t demo_sum(const struct demo *demo, enum metric metric);

/* The sample, over and over. Every pass is an hour later, and its content objects and the accounts whose ids begin with
 * "new-" have ids of their own; other authors stay. */
/* `expected` records end about now; their timestamps in Kafka are the times that they tell. */
struct feed *feed_new(const char *events_file, const char *brokers, const char *topic, uint64_t expected,
                      struct wd_error *err);
/* Produces until `count` records have been sent in all. */
void feed_until(struct feed *feed, uint64_t count);
void feed_flush(struct feed *feed);
uint64_t feed_acknowledged(const struct feed *feed);
void feed_free(struct feed *feed);

/* One frame; `second` -1: after the last event. */
void table_draw(struct demo *demo, int64_t second);
/* What behaviour scoring did, from the decisions; nothing where there is nothing to tell. */
void story_print(const struct demo *demo, const char *decisions_topic);
/* The last frame stays. */
void table_end(struct demo *demo);

#endif
