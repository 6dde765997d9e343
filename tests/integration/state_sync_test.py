"""A worker whose disk is held, fails, or is held while the worker is killed: it goes on meanwhile, commits nothing that the
disk does not have, and the final state and the decisions are those of one undisturbed run over the same records.

    state_sync_test.py mock|kafka [--records N] [--seed N] [TEST...]
"""
import argparse
import errno
import os
import random
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cluster  # noqa: E402
import harness  # noqa: E402
from harness import check, wait_for  # noqa: E402
from state_test import Scene, undisturbed  # noqa: E402

MORE_CALLS, PARTS, RATE = 10, 3, 300


class Disk:
    """The worker's side is tests/support/slow_disk.c."""

    def __init__(self, folder):
        self.folder = os.path.join(folder, "disk")
        os.makedirs(self.folder)

    def environment(self):
        return {"LD_PRELOAD": os.environ["WARDEN_SLOW_DISK"], "WARDEN_TEST_DISK": self.folder,
                "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}

    def write(self, name, text=""):
        with open(os.path.join(self.folder, name), "w", encoding="ascii") as out:
            out.write(text)

    def remove(self, name):
        os.unlink(os.path.join(self.folder, name))

    def hold(self):
        self.write("hold")

    def release(self):
        self.remove("hold")

    def at_work(self):
        """Syncs that have begun and not ended; a worker that was killed has left some."""
        try:
            with open(os.path.join(self.folder, "log"), encoding="ascii") as log:
                lines = log.read().split()
        except FileNotFoundError:
            return 0
        return lines.count("begin") - lines.count("end")

    def forget(self):
        if os.path.exists(os.path.join(self.folder, "log")):
            self.remove("log")


def committed_while_held(group, disk, what):
    """Holds the disk; returns what is committed when the worker has begun to wait for it and has done much more."""
    disk.hold()
    wait_for("the disk is at work", disk.at_work, 60, step=0.01)
    before, calls = group.committed(), group.sandbox.call_count()
    wait_for(f"actions while the disk is held: {what}", lambda: group.sandbox.call_count() >= calls + MORE_CALLS, 60)
    check(disk.at_work() == 1, f"{disk.at_work()} syncs at the same time")
    check(group.committed() == before, f"{group.committed() - before} records were committed that the disk does not have")
    return before


def held(options):
    def a_worker_goes_on_while_the_disk_is_held(test):
        scene = Scene(test, options)
        disk = Disk(test.folder)
        group = scene.group("held", "lmdb")
        worker = group.joined(SLOWLY | LONG_SESSION, disk.environment())
        feeder = scene.feed_aside(RATE)
        check(committed_while_held(group, disk, "from the beginning") == 0, "something was committed before the first sync")
        check(worker.metric("warden_state_sync_seconds_count") == 0, "the histogram tells of a sync that has not ended")
        disk.release()
        group.wait_for_share(0.2)
        check(worker.metric("warden_state_sync_seconds_count") > 0, "the histogram tells of no sync")
        committed_while_held(group, disk, "later on")
        feeder.join(120 * harness.SLOW)
        wait_for("everything is finished while the disk is held",
                 lambda: worker.metric("warden_records_finished_total") >= len(scene.records), 90)
        wait_for("the worker says that the disk is slow", lambda: worker.said("state-sync-slow"), 30)
        check(len(worker.said("state-sync-slow")) <= 2, "a sync is told to be slow more than once")
        worker.signal(signal.SIGTERM)
        wait_for("the worker begins to end", lambda: not ready(worker), 30)
        disk.release()
        check(worker.wait(90) == 0, "a worker that is asked to end while the disk is held does not end with 0")
        check(group.committed() == len(scene.records), "a worker that has ended in order has not committed everything")
        print("     " + group.equals(undisturbed(scene)), flush=True)
    return a_worker_goes_on_while_the_disk_is_held


def ready(worker):
    try:
        worker.get("/readyz")
    except OSError:  # an answer of 503 as well
        return False
    return True


def killed(options):
    def a_worker_is_killed_while_the_disk_is_held(test):
        scene = Scene(test, options)
        disk = Disk(test.folder)
        group = scene.group("killed", "lmdb")
        worker = group.joined(SLOWLY | SHORT_SESSION, disk.environment())
        size = len(scene.records) // PARTS
        for first in range(0, PARTS * size, size):
            feed(scene, first, first + size // 5)
            wait_for("the first of this part are committed", lambda: group.committed() >= first + size // 5, 90)
            disk.hold()
            feeder = threading.Thread(target=feed, args=(scene, first + size // 5, first + size), daemon=True)
            feeder.start()
            committed_while_held(group, disk, f"from record {first} on")
            worker.kill()
            disk.forget()
            disk.release()
            feeder.join(120 * harness.SLOW)
            worker = group.joined(SLOWLY | SHORT_SESSION, disk.environment())
        feed(scene, PARTS * size, len(scene.records))
        group.wait_until_done()
        check(worker.stop() == 0, "the last worker does not end with 0")
        print("     " + group.equals(undisturbed(scene)), flush=True)
    return a_worker_is_killed_while_the_disk_is_held


def feed(scene, first, end):
    for at in range(first, end, 50):
        scene.kafka.produce(scene.events, scene.records[at:min(at + 50, end)])
        time.sleep(50 / RATE)


def full(options):
    def a_full_disk_commits_nothing_until_there_is_room(test):
        scene = Scene(test, options)
        disk = Disk(test.folder)
        group = scene.group("full", "lmdb")
        worker = group.joined(SLOWLY | LONG_SESSION, disk.environment())
        scene.feed_aside(RATE)
        group.wait_for_share(0.1)
        disk.write("fail", str(errno.ENOSPC))
        wait_for("the worker says that the state is not synced", lambda: worker.said("state-not-synced"), 60, step=0.01)
        # a commit whose sync ended well before is answered first
        told, calls = len(worker.said("state-not-synced")), group.sandbox.call_count()
        wait_for("the next failure", lambda: len(worker.said("state-not-synced")) > told, 60)
        before, told = group.committed(), len(worker.said("state-not-synced"))
        wait_for("actions and further failures", lambda: group.sandbox.call_count() >= calls + MORE_CALLS and
                 len(worker.said("state-not-synced")) > told, 60)
        check(group.committed() == before, f"{group.committed() - before} records were committed with a full disk")
        check(worker.metric("warden_state_failures_total") > told, "warden_state_failures_total does not tell of it")
        disk.remove("fail")
        group.wait_until_done()
        check(worker.stop() == 0, "the worker does not end with 0")
        print("     " + group.equals(undisturbed(scene)), flush=True)
    return a_full_disk_commits_nothing_until_there_is_room


# So that much is still to be done whenever the disk is held.
SLOWLY = {"worker.max_in_flight": 2, "worker.max_partition_window": 64}
# Past half a session without a commit nothing new is taken.
LONG_SESSION = {"kafka.session_timeout": "60s"}
SHORT_SESSION = {"kafka.session_timeout": "12s"}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["mock", "kafka"])
    parser.add_argument("--records", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 20))
    parser.add_argument("tests", nargs="*")
    options = parser.parse_intermixed_args()
    reason = cluster.why_not(options.kind)
    if reason:
        print(f"skipped: {reason}")
        return 77
    print(f"seed {options.seed} (--seed repeats it)", flush=True)
    sys.argv[1:] = options.tests
    return harness.run(held(options), killed(options), full(options))


if __name__ == "__main__":
    sys.exit(main())
