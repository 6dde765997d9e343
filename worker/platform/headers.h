/* The request headers that all calls of one token generation share, as libcurl's list, in memory of our own: a call
 * puts only its Idempotency-Key in front. Belongs to one client; counted, since a call on its way keeps the set that it
 * was sent with. Wiped when the last call releases it. Neighbours: transfer.c, token.c. */
#ifndef WORKER_PLATFORM_HEADERS_H
#define WORKER_PLATFORM_HEADERS_H

#include <curl/curl.h>

#include "worker/platform/token.h"

struct header_set;

/* One reference, for the caller. NULL where memory is out. */
struct header_set *header_set_new(struct token *token);
struct header_set *header_set_acquire(struct header_set *set);
void header_set_release(struct header_set *set);

uint64_t header_set_generation(const struct header_set *set);
/* For searching answers that repeat a secret. api_key may be NULL. */
const struct token_value *header_set_secrets(const struct header_set *set);

enum header_use { HEADERS_PLATFORM_BODY = 0, HEADERS_PLATFORM_NO_BODY, HEADERS_WEBHOOK, HEADERS_USE_COUNT };
/* Lives as long as the set. A webhook's holds no credentials. */
struct curl_slist *header_set_list(struct header_set *set, enum header_use use);

#endif
