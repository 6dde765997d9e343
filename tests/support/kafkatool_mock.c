/* `kafkatool mock`: the embedded broker for other processes, with faults on command.
 *
 * Prints its addresses, then answers each line of stdin with "ok" or "error: why", and ends with stdin:
 *   topic NAME:PARTITIONS | down ID | up ID | delay ID MS | errors API_KEY CODE COUNT | leader TOPIC PARTITION ID |
 *   coordinator GROUP ID | topic-error TOPIC CODE */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/kafkatool.h"

enum { WORDS_MAX = 5 };

static enum wd_status make_topic(struct broker *broker, const char *argument, struct wd_error *err)
{
    char name[256];
    int partitions;
    if (!tool_split_topic(argument, name, sizeof(name), &partitions))
        return wd_fail(err, WD_ERR_INVALID, "topic: NAME:PARTITIONS is wanted, not '%s'", argument);
    return broker_create_topic(broker, name, partitions, err);
}

static int number(const char *word)
{
    return (int)strtol(word, NULL, 10);
}

static enum wd_status obey(struct broker *broker, char **words, size_t count, struct wd_error *err)
{
    const char *verb = words[0];
    if (strcmp(verb, "topic") == 0 && count == 2)
        return make_topic(broker, words[1], err);
    if ((strcmp(verb, "down") == 0 || strcmp(verb, "up") == 0) && count == 2)
        return broker_set_up(broker, number(words[1]), *verb == 'u', err);
    if (strcmp(verb, "delay") == 0 && count == 3)
        return broker_set_delay(broker, number(words[1]), number(words[2]), err);
    if (strcmp(verb, "leader") == 0 && count == 4)
        return broker_set_leader(broker, words[1], number(words[2]), number(words[3]), err);
    if (strcmp(verb, "coordinator") == 0 && count == 3)
        return broker_set_coordinator(broker, words[1], number(words[2]), err);
    if (strcmp(verb, "errors") == 0 && count == 4) {
        broker_push_errors(broker, number(words[1]), number(words[2]), (size_t)number(words[3]));
        return WD_OK;
    }
    if (strcmp(verb, "topic-error") == 0 && count == 3) {
        broker_set_topic_error(broker, words[1], number(words[2]));
        return WD_OK;
    }
    return wd_fail(err, WD_ERR_INVALID, "unknown command '%s' with %zu words", verb, count);
}

static void serve_commands(struct broker *broker)
{
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stdin) > 0) {
        char *words[WORDS_MAX], *rest = line, *word;
        size_t count = 0;
        while (count < WORDS_MAX && (word = strsep(&rest, " \n")))
            if (*word)
                words[count++] = word;
        struct wd_error err;
        if (count == 0)
            continue;
        if (obey(broker, words, count, &err) == WD_OK)
            puts("ok");
        else
            printf("error: %s\n", err.text);
        fflush(stdout);
    }
    free(line);
}

static bool write_port_file(const char *path, const char *addresses)
{
    FILE *file = fopen(path, "w");
    if (!file)
        return false;
    bool ok = fprintf(file, "%s\n", addresses) > 0;
    return fclose(file) == 0 && ok;
}

int tool_mock(const struct tool_options *options)
{
    struct wd_error err;
    struct broker *broker = broker_new(options->broker_count, &err);
    if (!broker)
        return tool_fail("%s", err.text);
    int code = 0;
    for (size_t i = 0; i < options->topic_count && code == 0; i++)
        if (make_topic(broker, options->topics[i], &err) != WD_OK)
            code = tool_fail("%s", err.text);
    if (code == 0 && options->port_file && !write_port_file(options->port_file, broker_addresses(broker)))
        code = tool_fail("cannot write %s", options->port_file);
    if (code == 0) {
        printf("%s\n", broker_addresses(broker));
        fflush(stdout);
        serve_commands(broker);
    }
    broker_free(broker);
    return code;
}
