/* The whole configuration of the program, read once at start. One table (config_table.h) describes every option: its
 * name, type, range, default, text, and whether a change needs a restart. The parser, `warden config print`, the
 * documentation, config/warden.yaml and the JSON Schema are made from it.
 *
 * Precedence, last wins: defaults, file, environment (WARDEN_KAFKA__BROKERS), --set kafka.brokers=... */
#ifndef WORKER_CONFIG_H
#define WORKER_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <warden/diagnostics.h>
#include <warden/status.h>

struct config_pair {
    char *name, *value;
};

struct config_map {
    struct config_pair *items;
    size_t count;
};

/* Lists are NULL-terminated; a string option that may be absent is NULL. All memory belongs to the config. */
struct config {
    struct {
        char *brokers;           /* "localhost:9092" */
        char *group_id;          /* "warden" */
        char *group_instance_id; /* NULL; with several shards "-<shard>" is put behind it */
        char *client_id;         /* "warden" */
        char **topics;           /* ["content.events"] */
        char *assignor;          /* cooperative-sticky | range | roundrobin */
        char *offset_reset;      /* earliest | latest */
        int64_t session_timeout_ms;
        int64_t max_poll_interval_ms;
        int64_t max_record_bytes;         /* 1 MiB; larger records are dead letters */
        struct config_map properties;     /* any librdkafka property */
        struct config_map property_files; /* property -> file that holds its value, for secrets */
    } kafka;
    struct {
        char *base_url; /* https://apix.us.amity.co */
        char *token_file;
        char *api_key_file; /* NULL */
        char *ca_file;      /* NULL */
        char *proxy;        /* NULL: none, whatever the environment says */
        char *table;        /* config/platforms/socialplus.yaml, or where it is installed */
        int64_t connect_timeout_ms, total_timeout_ms;
        int64_t max_answer_bytes;
        int64_t max_connections; /* a shard */
        int64_t max_retry_after_ms;
        double rate_per_second; /* of the process; 0: no limit */
        int64_t burst;
        int64_t batch_wait_ms;         /* 5 ms; 0: every action has a call of its own */
        int64_t batch_max;             /* authors in one call: 100 */
        struct config_map group_rates; /* group of the action table -> calls a second, checked to be a number */
        struct config_map notify;      /* name -> URL of a webhook */
    } platform;
    struct {
        int64_t shards;          /* 0: the number of cores */
        int64_t max_in_flight;   /* calls under way, a shard: 512 */
        int64_t max_held_bytes;  /* bytes of records held, a shard: 64 MiB */
        int64_t event_memory;    /* arena cap for one record: 8 MiB */
        int64_t event_budget_ms; /* time for the rules on one event: 4 ms */
        int64_t drain_timeout_ms;
        int64_t commit_interval_ms;
        int64_t commit_after_action_ms;      /* 100 ms; at most commit_interval_ms */
        int64_t max_attempts;                /* 10 */
        int64_t retry_base_ms, retry_max_ms; /* 500 ms, 60 s */
        int64_t breaker_window_ms, breaker_probe_ms;
        double breaker_ratio;
        int64_t breaker_min_calls;
        int64_t max_partition_window;        /* records between a partition's position and its newest: 65,536 */
        int64_t max_dead_letters_per_minute; /* a shard: 600 */
        int64_t stall_timeout_ms;            /* 5 minutes; 0: no watchdog */
        bool stall_exit;
        char *decisions_topic;   /* moderation.decisions; empty: none are written */
        char *dead_letter_topic; /* moderation.dlq */
    } worker;
    struct {
        char **paths;           /* [config/rules] */
        int64_t match_limit;    /* 30,000 */
        int64_t rule_budget_ms; /* time of one rule for one text before it counts as slow: 2 ms; 0: no limit */
        char **exempt_roles;
        bool strict;
        int64_t watch_interval_ms; /* 5 s; 0: never */
        char *sample;              /* a file of messages, for speed; NULL: none */
        char **trusted_keys;       /* public keys of minisign's, as RWQ...; empty: bundles need no signature */
    } rules;
    struct {
        char *store;                          /* auto | none | memory | lmdb | redis */
        char *path;                           /* lmdb: a folder; /var/lib/warden/state */
        int64_t max_bytes;                    /* lmdb: of the file; 4 GiB */
        int64_t memory_bytes;                 /* memory: all in all; lmdb: of the cache; 256 MiB */
        char **addresses;                     /* redis: [localhost:6379] */
        char *user;                           /* redis: NULL */
        char *password_file;                  /* redis: NULL */
        bool tls;                             /* redis */
        char *ca_file, *cert_file, *key_file; /* redis: NULL */
        char *prefix;                         /* redis: "warden." */
        int64_t timeout_ms;                   /* redis: 2 s */
        int64_t grace_ms;                     /* values are kept so long after nothing depends on them: 24 h */
        char *on_failure;                     /* pause | skip */
        int64_t batch;                        /* records that are recalled and stored together: 256 */
    } state;
    struct {
        struct config_map per_day; /* action or "total" -> count, checked to be one */
        int64_t bans_per_minute;   /* 0: no cap */
        double rule_share;         /* 0: off */
        int64_t rule_share_min_events;
    } valves;
    struct {
        char *address;           /* 127.0.0.1 */
        int64_t port;            /* 8080; 0: any free one; -1: off */
        char *reload_token_file; /* NULL: no reload over HTTP */
    } http;
    struct {
        char *level;  /* debug | info | warn | error */
        char *format; /* auto | json | text */
    } log;
    struct config_origin *origins; /* where each value came from; for config_print() and findings */
};

struct config_source {
    const char *file;               /* NULL: no file */
    const char *const *sets;        /* NULL-terminated "key=value"; NULL: none */
    const char *const *environment; /* environ */
};

/* Reads all sources; every finding is reported. *out only with WD_OK. */
enum wd_status config_load(const struct config_source *source, struct config **out, struct wd_diagnostics *findings);
void config_free(struct config *config);

/* What only a running worker needs: checks that it is there, and reads the files of kafka.property_files into
 * kafka.properties. Call it once, before the configuration is handed to the worker; never print afterwards. */
enum wd_status config_prepare_run(struct config *config, struct wd_diagnostics *findings);

/* The last of that alone, for commands that read from Kafka. */
enum wd_status config_read_secrets(struct config *config, struct wd_diagnostics *findings);

/* The configuration file that is read where none is named: $WARDEN_CONFIG, else the installed one where it exists, else
 * NULL. `environment` as in struct config_source. The result belongs to the environment or is static. */
const char *config_default_file(const char *const *environment);

/* Effective values, one "section.key = value  # where it came from" a line; values of secrets never appear, only the
 * paths of their files. */
void config_print(const struct config *config, FILE *out, bool as_json);
/* Every option with its text, as the commented warden.yaml / Markdown table / JSON Schema. */
enum config_form { CONFIG_FORM_YAML, CONFIG_FORM_MARKDOWN, CONFIG_FORM_SCHEMA };
void config_describe(enum config_form form, FILE *out);

#endif
