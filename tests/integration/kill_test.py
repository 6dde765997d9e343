"""Three workers of one group, one killed in the middle, one ended with SIGTERM, one joining late: every record that calls
for an action has it, nothing else has, and every partition is committed to its end.

    kill_test.py mock|kafka [--records N] [--times N]
"""
import argparse
import os
import random
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cluster  # noqa: E402
import harness  # noqa: E402
import ledger  # noqa: E402
from harness import check, wait_for  # noqa: E402

PARTITIONS = 12
RULES = os.path.join(harness.ROOT, "tests", "integration", "rules.yaml")


def one_run(test, kind, records, seed):
    dice = random.Random(seed)
    kafka = test.keep(cluster.open_cluster(kind, test.folder))
    names = ledger.create_topics(kafka, PARTITIONS, f"kill-{seed}")
    sandbox = test.keep(harness.Sandbox(test.folder, "--latency-ms", "5", "--latency-max-ms", "30"))
    book = ledger.Ledger(records, dice)
    options = names.options() | {"kafka.group_id": f"kill-{seed}"}

    def worker(name):
        return test.keep(harness.Worker(name, test.folder, kafka, sandbox, RULES, options))

    first, second = worker("first"), worker("second")
    for member in (first, second):
        wait_for(f"{member.name} has joined", member.ready, 60)
    feeder = threading.Thread(target=book.feed, args=(kafka, names.events), daemon=True)
    feeder.start()
    third = of_share(book, sandbox, 0.2) and worker("third")
    of_share(book, sandbox, 0.4 + dice.random() * 0.1)
    first.kill()
    book.expose(kafka, names, f"kill-{seed}")
    of_share(book, sandbox, 0.6 + dice.random() * 0.1)
    check(second.stop() == 0, "a worker that is asked to end does not end with 0")
    if kind == "mock":  # it refuses commits while a member joins; with real Kafka a clean stop repeats nothing
        book.expose(kafka, names, f"kill-{seed}")
    fourth = worker("fourth")
    feeder.join(120 * harness.SLOW)
    check(not feeder.is_alive() and book.fed == records, "the records could not all be produced")
    names.wait_until_committed(kafka, f"kill-{seed}", records, 120)
    for member in (third, fourth):
        check(member.stop() == 0, f"{member.name} does not end with 0")
    book.verify(sandbox.calls(), kafka.consume(names.dead_letters), kafka.consume(names.decisions))
    return book


def of_share(book, sandbox, share):
    wanted = book.calls_wanted() * share
    wait_for(f"{share:.0%} of the calls", lambda: sandbox.call_count() >= wanted, 120)
    return True


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["mock", "kafka"])
    parser.add_argument("--records", type=int, default=20000)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    options = parser.parse_args()
    reason = cluster.why_not(options.kind)
    if reason:
        print(f"skipped: {reason}")
        return 77
    tests = []
    for number in range(options.times):
        def killed_stopped_and_joining_late(test, seed=options.seed + number):
            print(f"seed {seed} (--seed repeats it)", flush=True)
            print("     " + one_run(test, options.kind, options.records, seed).summary(), flush=True)
        tests.append(killed_stopped_and_joining_late)
    sys.argv[1:] = []
    return harness.run(*tests)


if __name__ == "__main__":
    sys.exit(main())
