/* The parts of a shard, for its own files only: shard.c turns the loop, membership.c deals with the group, outbound.c
 * with the calls. */
#ifndef WORKER_SHARD_PARTS_H
#define WORKER_SHARD_PARTS_H

#include "worker/shard_state.h"

/* shard.c */
int64_t shard_now_ms(const struct shard *shard); /* loop time */
int64_t steady_clock_ms(void);                   /* the same clock, read now */
/* To be called at least once a turn. False where nothing may be sent: the partitions are known to be lost, or this
 * process has slept and the group has not yet said that it is still a member. */
bool shard_is_member(struct shard *shard);
void shard_pause_all(struct shard *shard, bool pause);
/* Watches the consumer's event fd, or stops watching it while the consumer may not be polled. */
void shard_listen(struct shard *shard, bool listen);

/* membership.c: callbacks of the consumer, and commits. */
void membership_on_assign(void *context, const struct kafka_position *positions, size_t count);
void membership_on_revoke(void *context, const struct kafka_position *positions, size_t count, bool lost);
void membership_on_commit(void *context, enum wd_status status, const char *text,
                          const struct kafka_position *positions, size_t count);
/* Asks for a commit of what has changed, without waiting; one at a time. */
void membership_start_commit(struct shard *shard);
/* Nothing is finished that is not committed. */
bool membership_is_committed(const struct shard *shard);
/* Commits everything that is finished and waits for the answer. */
void membership_commit_all(struct shard *shard);
/* Lets go of every partition without a commit; what is on its way stays known. */
void membership_forget_all(struct shard *shard);
/* Frees what is left of every work, when neither client nor producer can report any more. */
void membership_release_all(struct shard *shard);
size_t membership_partition_count(const struct shard *shard);
/* After a change of the assignment: how many partitions its topics have. Waits for the brokers, for a second at most.
 */
void membership_count_all_partitions(struct shard *shard);

/* watchdog.c: looks for partitions that stand still. */
void watchdog_look(struct shard *shard);

/* outbound.c: the port of dispatch/. */
struct dispatch_port outbound_port(struct shard *shard);
void outbound_run(struct shard *shard);
/* Reads the token again where its file has changed, and lets a probe go at once when it is new. */
void outbound_mind_token(struct shard *shard);

#endif
