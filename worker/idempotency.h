/* The Idempotency-Key of a call: what it is about, in terms of the source records, so that the same work has the same
 * key whoever does it and however often. docs/platforms.md describes the form. */
#ifndef WORKER_IDEMPOTENCY_H
#define WORKER_IDEMPOTENCY_H

#include "worker/work.h"

/* "<topic>/<partition>/<offset>/<action>", with "#<object>" behind it where the record holds several objects. In the
 * work's arena; NULL where memory is out. */
const char *idempotency_key(struct work *work, const struct unit *unit, const struct wd_action *action);

enum { JOINT_KEY_ROOM = 512, JOINT_KEY_LIST_MAX = 255, JOINT_KEY_UNITS_MAX = ACTION_BATCH_MAX };

/* The key of one call for all units of the queue, whatever their order there. WD_ERR_INVALID: more than
 * JOINT_KEY_UNITS_MAX of them. */
enum wd_status idempotency_key_joint(const struct unit_queue *units, char *out, struct wd_error *err);

#endif
