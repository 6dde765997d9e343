"""When offsets are committed: long before `worker.commit_interval` where something was done for a record, so that a worker
that is killed leaves nothing to do again; and not before it where nothing was.

    commit_test.py mock|kafka
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cluster  # noqa: E402
import harness  # noqa: E402
import ledger  # noqa: E402
from harness import check, wait_for  # noqa: E402

RULES = os.path.join(harness.ROOT, "tests", "integration", "rules.yaml")
PARTITIONS = 4
QUIET, LOUD = 40, 30


def records(first, count, word):
    return [(f"user-{n % 7}", ledger.Record(n, f"user-{n % 7}", word, False).value()) for n in range(first, first + count)]


def actions_are_committed_at_once(test, kind):
    kafka = test.keep(cluster.open_cluster(kind, test.folder))
    topics = ledger.create_topics(kafka, PARTITIONS, f"commit-{os.getpid()}")
    sandbox = test.keep(harness.Sandbox(test.folder))
    options = topics.options() | {"kafka.group_id": topics.events, "worker.commit_interval": "10m"}

    def worker(name):
        started = test.keep(harness.Worker(name, test.folder, kafka, sandbox, RULES, options))
        wait_for(f"{name} has joined", started.ready, 60)
        return started

    first = worker("first")
    kafka.produce(topics.events, records(0, QUIET, None))
    wait_for("records for which nothing is done are finished",
             lambda: first.metric("warden_records_finished_total") >= QUIET, 60)
    committed = sum(max(0, p["committed"]) for p in kafka.offsets(topics.events, topics.events))
    check(committed == 0, f"{committed} records for which nothing was done were committed before the interval was over")

    kafka.produce(topics.events, records(QUIET, LOUD, "flagme"))
    topics.wait_until_committed(kafka, topics.events, QUIET + LOUD, 60)
    calls = sandbox.call_count()
    check(calls == LOUD, f"{LOUD} actions, but {calls} calls")

    first.kill()
    second = worker("second")
    kafka.produce(topics.events, records(QUIET + LOUD, 1, "flagme"))
    topics.wait_until_committed(kafka, topics.events, QUIET + LOUD + 1, 120)
    calls = sandbox.call_count()
    check(calls == LOUD + 1, f"{calls - LOUD - 1} actions were done again after the kill")
    check(second.stop() == 0, "the second worker does not end with 0")


def main():
    kind = sys.argv[1]
    reason = cluster.why_not(kind)
    if reason:
        print(f"skipped: {reason}")
        return 77
    sys.argv[1:] = []

    def an_action_hurries_its_commit(test):
        actions_are_committed_at_once(test, kind)
    return harness.run(an_action_hurries_its_commit)


if __name__ == "__main__":
    sys.exit(main())
