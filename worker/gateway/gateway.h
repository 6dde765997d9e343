/* Inbound HTTP: /livez, /readyz, /metrics, /-/reload. One thread of its own; only what worker.h calls thread-safe is
 * read. */
#ifndef WORKER_GATEWAY_H
#define WORKER_GATEWAY_H

#include <stdint.h>

#include <warden/status.h>

#include "worker/config.h"
#include "worker/run.h"

struct gateway;

/* Listens on http.address and http.port (0: any free one). `worker` must outlive it. */
struct gateway *gateway_start(const struct config *config, struct worker *worker, struct wd_error *err);
uint16_t gateway_port(const struct gateway *gateway); /* 0 where there is none */
void gateway_stop(struct gateway *gateway);

#endif
