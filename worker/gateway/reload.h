/* Who may ask for a reload over HTTP. */
#ifndef WORKER_GATEWAY_RELOAD_H
#define WORKER_GATEWAY_RELOAD_H

enum reload_permission { RELOAD_ALLOWED, RELOAD_REFUSED, RELOAD_OFF, RELOAD_BROKEN };

/* `token_file` NULL: nobody. `authorization` is the header's value, or NULL. Takes the same time whatever part of the
 * token is right. */
enum reload_permission gateway_may_reload(const char *token_file, const char *authorization);

#endif
