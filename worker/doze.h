/* Has this process slept for so long that its group may have given its partitions to others (SIGSTOP, a frozen virtual
 * machine, no processor)? Then nothing may be sent until the group has answered. Pure: times are arguments. Neighbours:
 * shard.c looks at every turn, outbound.c before every call. */
#ifndef WORKER_DOZE_H
#define WORKER_DOZE_H

#include <stdbool.h>
#include <stdint.h>

struct doze {
    int64_t awake_ms; /* when we last knew that we run */
    bool in_doubt;
    int64_t doubt_ms; /* since */
    int64_t heard_ms; /* the first answer of the group to a question that was asked since; 0: none yet */
};

void doze_init(struct doze *doze, int64_t now_ms);

/* `longest_ms`: so long a gap between two looks may have cost the membership. `heard_ms`: when the question was asked
 * that the group answered last (consumer_heard_ms). False while it is in doubt whether we are still a member. Two
 * answers are wanted, because the first one may be the refusal. */
bool doze_is_member(struct doze *doze, int64_t now_ms, int64_t longest_ms, int64_t heard_ms);

#endif
