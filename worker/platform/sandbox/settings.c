/* Network and moderation settings: JSON objects by section, read and merged. The pre-hook section checks its values and
 * makes the secret. Neighbours: platform.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "worker/platform/sandbox/platform.h"

enum { CALLBACK_URL_MAX = 900 };

/* What a section holds before anybody changed it. */
static const struct {
    const char *section, *json;
} DEFAULTS[] = {
    {"prehook", "{\"enabled\":false,\"callbackUrl\":\"\",\"defaultAction\":\"allow\"}"},
    {"webhook", "{\"webhookEnabled\":false}"},
    {"moderation-settings", "{\"maxRepetition\":5,\"maxRepetitionTimeout\":60000,\"blacklistMuteTimeout\":60000}"},
    {"confidences", "{\"results\":[{\"category\":\"suggestive\",\"flagConfidence\":40,\"blockConfidence\":80,"
                    "\"moderationType\":\"media\"},{\"category\":\"toxicity\",\"flagConfidence\":40,"
                    "\"blockConfidence\":80,\"moderationType\":\"text\"}]}"},
};

/* The section's object, made where it is asked for the first time; NULL where memory is out. Borrowed. */
static json_t *section_of(struct platform *platform, const char *name)
{
    json_t *section = json_object_get(platform->settings, name);
    if (section)
        return section;
    const char *text = "{}";
    for (size_t i = 0; i < sizeof(DEFAULTS) / sizeof(*DEFAULTS); i++)
        if (strcmp(DEFAULTS[i].section, name) == 0)
            text = DEFAULTS[i].json;
    section = json_loads(text, 0, NULL);
    return section && json_object_set_new(platform->settings, name, section) == 0 ? section : NULL;
}

static void show(struct call *call, const json_t *section)
{
    char *text = section ? json_dumps(section, JSON_COMPACT) : NULL;
    if (!text) {
        call_no_memory(call);
        return;
    }
    buffer_text(&call->answer, text);
    free(text);
    call_done(call);
}

/* "/api/v3/network-settings/chat" -> "chat"; without one the whole network's. */
static const char *section_name(const struct call *call)
{
    const char *last = call->segments[call->segment_count - 1];
    return strcmp(last, "network-settings") == 0 ? "network" : last;
}

static void serve_get(struct platform *platform, struct call *call)
{
    show(call, section_of(platform, section_name(call)));
}

static void serve_put(struct platform *platform, struct call *call)
{
    if (!json_is_object(call->json)) {
        call_invalid(call, "the body must be a JSON object");
        return;
    }
    json_t *section = section_of(platform, section_name(call));
    if (!section || json_object_update(section, call->json) != 0)
        call_no_memory(call);
    else
        show(call, section);
}

static void serve_put_webhook(struct platform *platform, struct call *call)
{
    if (!json_is_boolean(json_object_get(call->json, "webhookEnabled")))
        call_invalid(call, "webhookEnabled must be true or false");
    else
        serve_put(platform, call);
}

static bool is_prehook_valid(struct call *call)
{
    const json_t *enabled = json_object_get(call->json, "enabled");
    const json_t *url = json_object_get(call->json, "callbackUrl");
    const json_t *action = json_object_get(call->json, "defaultAction");
    const json_t *again = json_object_get(call->json, "regenerateKey");
    if (!json_is_boolean(enabled))
        call_invalid(call, "enabled must be true or false");
    else if (url && (!json_is_string(url) || json_string_length(url) > CALLBACK_URL_MAX))
        call_invalid(call, "callbackUrl must be a text of at most 900 bytes");
    else if (action && (!json_is_string(action) || (strcmp(json_string_value(action), "allow") != 0 &&
                                                    strcmp(json_string_value(action), "deny") != 0)))
        call_invalid(call, "defaultAction must be allow or deny");
    else if (again && !json_is_boolean(again))
        call_invalid(call, "regenerateKey must be true or false");
    else
        return true;
    return false;
}

static bool make_secret(char **secret)
{
    unsigned char bytes[32];
    char *text = malloc(sizeof(bytes) * 2 + 1);
    if (!text || getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes)) {
        free(text);
        return false;
    }
    for (size_t i = 0; i < sizeof(bytes); i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    free(*secret);
    *secret = text;
    return true;
}

/* The secret is shown only when it is made: the first time that the hook is enabled, and when a new one is asked for.
 */
static void serve_put_prehook(struct platform *platform, struct call *call)
{
    if (!is_prehook_valid(call))
        return;
    bool is_new = json_is_true(json_object_get(call->json, "regenerateKey")) ||
                  (!platform->prehook_secret && json_is_true(json_object_get(call->json, "enabled")));
    json_t *section = section_of(platform, "prehook");
    if (!section || json_object_update(section, call->json) != 0 ||
        (is_new && !make_secret(&platform->prehook_secret))) {
        call_no_memory(call);
        return;
    }
    json_object_del(section, "regenerateKey");
    json_t *shown = json_copy(section);
    if (shown && is_new)
        json_object_set_new(shown, "secretKey", json_string(platform->prehook_secret));
    show(call, shown);
    json_decref(shown);
}

static void serve_put_confidence(struct platform *platform, struct call *call)
{
    const json_t *category = json_object_get(call->json, "category");
    const json_t *flag = json_object_get(call->json, "flagConfidence");
    const json_t *block = json_object_get(call->json, "blockConfidence");
    if (!json_is_string(category) || !json_is_number(flag) || !json_is_number(block)) {
        call_invalid(call, "category, flagConfidence and blockConfidence are needed");
        return;
    }
    json_t *section = section_of(platform, "confidences");
    json_t *results = json_object_get(section, "results");
    size_t at = 0;
    while (at < json_array_size(results) &&
           !json_equal(json_object_get(json_array_get(results, at), "category"), category))
        at++;
    int failed = at < json_array_size(results) ? json_object_update(json_array_get(results, at), call->json)
                                               : json_array_append(results, call->json);
    if (failed)
        call_no_memory(call);
    else
        show(call, section);
}

#define ABOUT_NONE "", OBJECT_NONE, OBJECT_NONE, ACCESS_ADMIN

const struct route SETTING_ROUTES[] = {
    {"GET", "/api/v3/network-settings/prehook", ABOUT_NONE, serve_get},
    {"PUT", "/api/v3/network-settings/prehook", ABOUT_NONE, serve_put_prehook},
    {"GET", "/api/v3/network/settings/prehook", ABOUT_NONE, serve_get},
    {"PUT", "/api/v3/network/settings/prehook", ABOUT_NONE, serve_put_prehook},
    {"GET", "/api/v3/network-settings/webhook", ABOUT_NONE, serve_get},
    {"PUT", "/api/v3/network-settings/webhook", ABOUT_NONE, serve_put_webhook},
    {"GET", "/api/v3/network-settings/moderation", ABOUT_NONE, serve_get},
    {"PUT", "/api/v3/network-settings/moderation", ABOUT_NONE, serve_put},
    {"GET", "/api/v3/network-settings/social", ABOUT_NONE, serve_get},
    {"PUT", "/api/v3/network-settings/social", ABOUT_NONE, serve_put},
    {"GET", "/api/v3/network-settings/chat", ABOUT_NONE, serve_get},
    {"PUT", "/api/v3/network-settings/chat", ABOUT_NONE, serve_put},
    {"GET", "/api/v3/network-settings/users", ABOUT_NONE, serve_get},
    {"PUT", "/api/v3/network-settings/users", ABOUT_NONE, serve_put},
    {"GET", "/api/v3/network-settings/feed-setting", ABOUT_NONE, serve_get},
    {"PUT", "/api/v3/network-settings/feed-setting", ABOUT_NONE, serve_put},
    {"PUT", "/api/v3/network-settings", ABOUT_NONE, serve_put},
    {"GET", "/api/v2/moderation-settings", ABOUT_NONE, serve_get},
    {"PUT", "/api/v2/moderation-settings", ABOUT_NONE, serve_put},
    {"GET", "/v1/content-moderation/confidences", ABOUT_NONE, serve_get},
    {"PUT", "/v1/content-moderation/confidences", ABOUT_NONE, serve_put_confidence},
    {0},
};
