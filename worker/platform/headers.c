/* Shared request headers: see headers.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/platform/headers.h"

struct header_set {
    struct token *token;
    const struct token_value *value;
    size_t references;
    struct curl_slist content_type[HEADERS_USE_COUNT]; /* where each list begins */
    struct curl_slist authorization, api_key, accept, expect;
    char *authorization_text, *api_key_text; /* api_key_text NULL: none */
};

static char *make_header(const char *name, const char *value)
{
    char *text = NULL;
    return asprintf(&text, "%s%s", name, value) < 0 ? NULL : text;
}

static void wipe_and_free(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
}

struct header_set *header_set_acquire(struct header_set *set)
{
    set->references++;
    return set;
}

void header_set_release(struct header_set *set)
{
    if (!set || --set->references > 0)
        return;
    wipe_and_free(set->authorization_text);
    wipe_and_free(set->api_key_text);
    token_release(set->token, set->value);
    free(set);
}

/* The lists share their tails: content type -> authorization -> API key -> accept -> expect. */
static void link_lists(struct header_set *set)
{
    static char json[] = "Content-Type: application/json", none[] = "Content-Type:"; /* ending in ':': not sent */
    static char accept[] = "Accept: application/json", expect[] = "Expect:";
    set->expect = (struct curl_slist){.data = expect};
    set->accept = (struct curl_slist){.data = accept, .next = &set->expect};
    set->api_key = (struct curl_slist){.data = set->api_key_text, .next = &set->accept};
    set->authorization =
        (struct curl_slist){.data = set->authorization_text, .next = set->api_key_text ? &set->api_key : &set->accept};
    set->content_type[HEADERS_PLATFORM_BODY] = (struct curl_slist){.data = json, .next = &set->authorization};
    set->content_type[HEADERS_PLATFORM_NO_BODY] = (struct curl_slist){.data = none, .next = &set->authorization};
    set->content_type[HEADERS_WEBHOOK] = (struct curl_slist){.data = json, .next = &set->accept};
}

struct header_set *header_set_new(struct token *token)
{
    struct header_set *set = calloc(1, sizeof(*set));
    if (!set)
        return NULL;
    set->token = token;
    set->value = token_acquire(token);
    set->references = 1;
    set->authorization_text = make_header("Authorization: Bearer ", set->value->token);
    if (set->value->api_key)
        set->api_key_text = make_header("x-api-key: ", set->value->api_key);
    if (!set->authorization_text || (set->value->api_key && !set->api_key_text)) {
        header_set_release(set);
        return NULL;
    }
    link_lists(set);
    return set;
}

uint64_t header_set_generation(const struct header_set *set)
{
    return set->value->generation;
}

const struct token_value *header_set_secrets(const struct header_set *set)
{
    return set->value;
}

struct curl_slist *header_set_list(struct header_set *set, enum header_use use)
{
    return &set->content_type[use];
}
