"""Kafka stands still for a while (SIGSTOP) in the middle of a run: nothing is lost, no worker exits, the log says what is
the matter, and work goes on afterwards.

    stall_test.py mock|kafka [--seconds N]
"""
import argparse
import os
import random
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cluster  # noqa: E402
import harness  # noqa: E402
import ledger  # noqa: E402
from harness import check, wait_for  # noqa: E402

RULES = os.path.join(harness.ROOT, "tests", "integration", "rules.yaml")
RECORDS = 12000


def stalled(test, kind, seconds, seed):
    options = {"own": True} if kind == "kafka" else {}
    kafka = test.keep(cluster.open_cluster(kind, test.folder, **options))
    group = f"stall-{seed}"
    names = ledger.create_topics(kafka, 6, group)
    sandbox = test.keep(harness.Sandbox(test.folder, "--latency-ms", "5", "--latency-max-ms", "30"))
    book = ledger.Ledger(RECORDS, random.Random(seed))
    settings = names.options() | {"kafka.group_id": group}
    workers = [test.keep(harness.Worker(name, test.folder, kafka, sandbox, RULES, settings)) for name in ("one", "two")]
    for worker in workers:
        wait_for(f"{worker.name} has joined", worker.ready, 60)
    half = len(book.records) // 2
    book.feed_some(kafka, names.events, half)
    wait_for("the first calls", lambda: sandbox.call_count() > book.calls_wanted() * 0.1, 60)
    book.expose(kafka, names, group)  # sessions may expire: what is not committed now may be done again
    kafka.pause()
    time.sleep(seconds)
    check(all(worker.running() for worker in workers), "a worker has ended while Kafka stood still")
    for worker in workers:
        said = [line for line in worker.events() if line["level"] in ("warn", "error")]
        check(seconds < 25 or said, f"{worker.name} says nothing of it in its log")
    kafka.resume()
    feeder = threading.Thread(target=book.feed_some, args=(kafka, names.events, len(book.records)), daemon=True)
    feeder.start()
    feeder.join(120 * harness.SLOW)
    check(book.fed == len(book.records), "the records could not all be produced")
    names.wait_until_committed(kafka, group, len(book.records), 120)
    for worker in workers:
        check(worker.stop() == 0, f"{worker.name} does not end with 0")
    book.verify(sandbox.calls(), kafka.consume(names.dead_letters), kafka.consume(names.decisions))
    print("     " + book.summary(), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["mock", "kafka"])
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    options = parser.parse_args()
    reason = cluster.why_not(options.kind)
    if reason:
        print(f"skipped: {reason}")
        return 77

    def kafka_stands_still(test):
        print(f"seed {options.seed} (--seed repeats it)", flush=True)
        stalled(test, options.kind, options.seconds, options.seed)
    sys.argv[1:] = []
    return harness.run(kafka_stands_still)


if __name__ == "__main__":
    sys.exit(main())
