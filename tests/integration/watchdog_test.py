"""The watchdog: a dead letter that cannot be written holds a partition. It is reported, heals by itself, and with
worker.stall_exit the worker leaves in order, so that another one takes over.

    watchdog_test.py
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cluster  # noqa: E402
import harness  # noqa: E402
import ledger  # noqa: E402
from harness import check, wait_for  # noqa: E402

RULES = os.path.join(harness.ROOT, "tests", "integration", "rules.yaml")


def start(test, stall_exit):
    kafka = test.keep(cluster.open_cluster("mock", test.folder))
    topics = ledger.create_topics(kafka, 1, "watchdog")
    sandbox = test.keep(harness.Sandbox(test.folder))
    options = topics.options() | {"worker.stall_timeout": "2s", "worker.stall_exit": stall_exit}
    worker = test.keep(harness.Worker("first", test.folder, kafka, sandbox, RULES, options))
    wait_for("the worker has joined", worker.ready, 60)
    kafka.produce(topics.events, [("k", "fine"), ("k", '{"event":')])
    topics.wait_until_committed(kafka, "warden-test", 2, 60)
    kafka.command("leader", topics.dead_letters, 0, -1)
    kafka.produce(topics.events, [("k", '{"event":'), ("k", '{"event":')])
    wait_for("the stall is reported", lambda: worker.said("stalled"), 60)
    return kafka, topics, sandbox, options, worker


def a_stall_is_reported_once_and_heals(test):
    kafka, topics, _, _, worker = start(test, "false")
    check(worker.metric("warden_stalled_partitions") == 1, "the metric does not show the stall")
    check(worker.said("stalled")[0]["offset"] == 2, f"a wrong offset is named: {worker.said('stalled')}")
    kafka.command("leader", topics.dead_letters, 0, 1)
    wait_for("the stall is over", lambda: worker.said("stall-over"), 60)
    topics.wait_until_committed(kafka, "warden-test", 4, 60)
    check(len(worker.said("stalled")) == 1, "one stall is reported more than once")
    wait_for("the metric is back", lambda: worker.metric("warden_stalled_partitions") == 0, 30)
    check(worker.stop() == 0, "the worker does not end with 0")


def with_stall_exit_the_worker_gives_way(test):
    kafka, topics, sandbox, options, worker = start(test, "true")
    check(worker.wait(60) == 1, "the worker ends with another code than 1")
    kafka.command("leader", topics.dead_letters, 0, 1)
    other = test.keep(harness.Worker("second", test.folder, kafka, sandbox, RULES, options))
    topics.wait_until_committed(kafka, "warden-test", 4, 60)
    check(len(kafka.consume(topics.dead_letters)) >= 3, "dead letters are missing")
    check(other.stop() == 0, "the other worker does not end with 0")


if __name__ == "__main__":
    reason = cluster.why_not("mock")
    if reason:
        print(f"skipped: {reason}")
        sys.exit(77)
    sys.exit(harness.run(a_stall_is_reported_once_and_heals, with_stall_exit_the_worker_gives_way))
