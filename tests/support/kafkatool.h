/* Options and parts of the test tool. */
#ifndef TESTS_SUPPORT_KAFKATOOL_H
#define TESTS_SUPPORT_KAFKATOOL_H

#include <stdarg.h>

#include "worker/kafka/broker.h"
#include "worker/kafka/inspect.h"
#include "worker/kafka/producer.h"

enum { TOOL_TOPICS_MAX = 64, TOOL_PROPERTIES_MAX = 32 };

struct tool_options {
    const char *at, *group, *port_file;
    const char *topics[TOOL_TOPICS_MAX];
    size_t topic_count;
    struct kafka_property properties[TOOL_PROPERTIES_MAX];
    size_t property_count;
    int broker_count, timeout_ms;
    long rate; /* records a second; 0: as fast as they are acknowledged */
    bool json;
};

/* Says why on stderr; returns 1. */
int tool_fail(const char *format, ...) WD_PRINTF(1, 2);
/* "name:partitions"; without a number one partition. */
bool tool_split_topic(const char *argument, char *name, size_t size, int *partitions_out);

int tool_mock(const struct tool_options *options);    /* kafkatool_mock.c */
int tool_produce(const struct tool_options *options); /* kafkatool_produce.c */

#endif
