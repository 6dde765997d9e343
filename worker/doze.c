/* Asleep for too long? Neighbours: outbound.c holds the calls back. */
#include "worker/doze.h"

void doze_init(struct doze *doze, int64_t now_ms)
{
    *doze = (struct doze){.awake_ms = now_ms};
}

bool doze_is_member(struct doze *doze, int64_t now_ms, int64_t longest_ms, int64_t heard_ms)
{
    if (now_ms - doze->awake_ms > longest_ms) {
        doze->in_doubt = true;
        doze->doubt_ms = now_ms;
        doze->heard_ms = 0;
    }
    doze->awake_ms = now_ms;
    if (!doze->in_doubt || heard_ms < doze->doubt_ms)
        return !doze->in_doubt;
    if (!doze->heard_ms)
        doze->heard_ms = heard_ms;
    else if (heard_ms > doze->heard_ms)
        doze->in_doubt = false;
    return !doze->in_doubt;
}
