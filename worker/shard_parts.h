/* The parts of a shard, for its own files only: shard.c turns the loop, shard_make.c makes it, shard_intake.c polls for
 * records, membership.c deals with the group, commits.c with offsets, outbound.c with the calls. */
#ifndef WORKER_SHARD_PARTS_H
#define WORKER_SHARD_PARTS_H

#include "worker/shard_state.h"

/* shard.c */
int64_t shard_now_ms(const struct shard *shard); /* loop time */
int64_t steady_clock_ms(void);                   /* the same clock, read now */
uint64_t steady_clock_ns(void *context);         /* and as scanners want it; `context` is not used */
/* To be called at least once a turn. False where nothing may be sent: the partitions are known to be lost, or this
 * process has slept and the group has not yet said that it is still a member. */
bool shard_is_member(struct shard *shard);
/* An action's record is finished: its offset is committed after worker.commit_after_action, not only after
 * worker.commit_interval, so that a crash has fewer actions to do again. */
void shard_hurry_commit(struct shard *shard);
bool shard_make_timers(struct shard *shard); /* false: no memory */
void shard_free_timers(struct shard *shard);
/* Whether records go through batches depends on the rules: to be called whenever they have changed. */
void shard_mind_state(struct shard *shard);

/* shard_make.c: makes the producer anew when it has come to its end. */
void shard_mind_producer(struct shard *shard);

/* shard_intake.c */
size_t shard_held_bytes(const struct shard *shard); /* of records */
void shard_pause_all(struct shard *shard, bool pause);
/* Pauses a partition whose unfinished head has too long a tail of finished records behind it; resumes it at half. */
void shard_mind_window(struct shard *shard, struct partition *partition);
/* Takes the records that have come, as far as there is room; `context` is the shard. */
void shard_poll(void *context);
void shard_on_record(void *context, const struct kafka_record *record);
/* Watches the consumer's event fd, or stops watching it while the consumer may not be polled. */
void shard_listen(struct shard *shard, bool listen);

/* membership.c: callbacks of the consumer. */
void membership_on_assign(void *context, const struct kafka_position *positions, size_t count);
void membership_on_revoke(void *context, const struct kafka_position *positions, size_t count, bool lost);
/* Lets go of every partition without a commit; what is on its way stays known. */
void membership_forget_all(struct shard *shard);
/* Frees what is left of every work, when neither client nor producer can report any more. */
void membership_release_all(struct shard *shard);
size_t membership_partition_count(const struct shard *shard);
/* After a change of the assignment: how many partitions its topics have. Waits for the brokers, for a second at most.
 */
void membership_count_all_partitions(struct shard *shard);

/* commits.c: a callback of the consumer, and commits. */
void commits_on_answer(void *context, enum wd_status status, const char *text, const struct kafka_position *positions,
                       size_t count);
/* Begins a commit of what is finished by now, without waiting: first what it rests on is brought to the disk, then the
 * group is told; one at a time. */
void commits_start(struct shard *shard);
/* Nothing is finished that is not committed. */
bool commits_are_done(const struct shard *shard);
/* Commits everything that is finished, or what is in some partitions, and waits for the disk and the answer. */
void commits_finish_all(struct shard *shard);
void commits_finish_some(struct shard *shard, struct partition *const *partitions, size_t count);
/* What waits for the disk is not committed: its partitions are leaving. What stays goes with the next one. */
void commits_drop_begun(struct shard *shard);

/* watchdog.c: looks for partitions that stand still. */
void watchdog_look(struct shard *shard);

/* outbound.c: the port of dispatch/. */
struct dispatch_port outbound_port(struct shard *shard);
void outbound_run(struct shard *shard);
/* Reads the token again where its file has changed, and lets a probe go at once when it is new. */
void outbound_mind_token(struct shard *shard);

#endif
