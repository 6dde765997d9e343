"""What happened in a run, read from four independent witnesses: the records that are in the topic, the sandbox's log of
every call, every committed offset, and the workers' own log of when they owned which partition. Judged by verdict.py."""
import bisect
import collections
import datetime
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import events  # noqa: E402
import keys  # noqa: E402

FOREVER = float("inf")
# What was handed to the kernel may arrive a little after its sender has lost the partition, or was stopped.
ON_THE_WAY_MS = {"revoked": 300, "left": 300, "lost": 300, "killed": 1500, "asleep": 300, "open": 0}
LEARNS_WITHIN_MS = 5000
# The log tells of an end a little after it, and a signal ends a process a little after the clock was read for it.
CLOCKS_APART_MS = 300
# The sandbox stands still a little before it is known to, and has read its sockets a little after it goes on.
FROZEN_BEFORE_MS, FROZEN_AFTER_MS = 500, 1000


def ms_of(text):
    return int(datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ")
               .replace(tzinfo=datetime.timezone.utc).timestamp() * 1000 + 0.5)


class Ownership:
    """A stretch of time in which a worker owned a partition. `last_ms`: until then it can have known what its own calls
    came to; earlier than the end where it was stopped before. `wrote_ms`: until then it can have written; later than the
    end where it was asleep when others became the owners, and did not know it yet when it woke up."""

    def __init__(self, worker, partition, begin_ms):
        self.worker, self.partition, self.begin_ms = worker, partition, begin_ms
        self.end_ms, self.how = FOREVER, "open"
        self.last_ms = self.wrote_ms = FOREVER
        self.next = None  # the stretch of the partition's next owner

    def end(self, ms, how):
        self.end_ms = self.last_ms = self.wrote_ms = ms
        self.how = how


def partitions_in(line, topic):
    for part in line["list"].split(" "):
        name, _, numbers = part.rpartition(":")
        if name == topic:
            return [int(number) for number in numbers.split(",")]
    return []


class Facts:
    def __init__(self, run):
        self.run = run
        self.events_at, self.position_of = {}, {}
        for record in run.kafka.consume(run.topics.events):
            number = events.number_of(record["value"])
            if number is not None:
                self.events_at[record["partition"], record["offset"]] = run.source.events[number]
                self.position_of[number] = (record["partition"], record["offset"])
        self.calls = run.sandbox.calls()
        self.letters = run.kafka.consume(run.topics.dead_letters)
        self.decisions = [(json.loads(record["value"]), record["timestamp"])
                          for record in run.kafka.consume(run.topics.decisions)]
        self.commits = run.commits.all()
        self.commits_of = collections.defaultdict(list)
        for commit in self.commits:
            self.commits_of[commit.partition].append(commit)
        self.read_calls()
        self.read_letters()
        self.read_ownership()

    def read_calls(self):
        self.by_key = collections.defaultdict(list)
        self.strays = []
        for call in self.calls:
            call["worker"] = self.run.owner_of_token.get(call["token"], call["token"])
            call["end"] = call["end"] or FOREVER
            call["end_ms"] = call.get("end_ms", FOREVER)
            action, places = keys.records_of(call["idempotency_key"], self.run.topics.events) or ("", [])
            made_for = [self.events_at.get(place) for place in places]
            if not places or action != call["action"] or not self.is_for(call, made_for):
                self.strays.append(call)
                continue
            for place in places:  # what holds for a call holds for each record that it was made for
                self.by_key[place, action].append(call | {"at": place, "shared": len(places) > 1})

    @staticmethod
    def is_for(call, made_for):
        """Whether a call is what these events ask for: content by itself; users each once, all of one place."""
        if not all(event and call["action"] in event.actions() for event in made_for):
            return False
        if call["object_id"]:
            return [call["object_id"]] == [event.message for event in made_for]
        place = made_for[0].place_of(call["action"])
        return (sorted(call["user_ids"]) == sorted({event.author for event in made_for})
                and len(call["user_ids"]) == len(made_for) and call["place_id"] == place
                and all(event.place_of(call["action"]) == place for event in made_for))

    def read_letters(self):
        self.letters_at = collections.defaultdict(list)
        for letter in self.letters:
            headers = dict(letter["headers"])
            at = int(headers["__connect.errors.partition"]), int(headers["__connect.errors.offset"])
            self.letters_at[at].append((letter["timestamp"], headers["warden.reason"]))

    def read_ownership(self):
        self.ownership = collections.defaultdict(list)  # (worker, partition) -> stretches
        self.rebalance_ms = []
        for worker in self.run.workers:
            owned, leaving = {}, False
            for line in worker.events():
                leaving |= line.get("event") == "stopping"
                if line.get("event") not in ("assigned", "revoked", "lost"):
                    continue
                ms = ms_of(line["time"])
                self.rebalance_ms.append(ms)
                for partition in partitions_in(line, self.run.topics.events):
                    if line["event"] == "assigned":
                        owned[partition] = Ownership(worker, partition, ms)
                        self.ownership[worker.name, partition].append(owned[partition])
                    elif partition in owned:
                        # a rebalance in the middle of a stop may come before everything is finished
                        left = leaving and line["event"] == "revoked" and line["unfinished"] == 0
                        owned.pop(partition).end(ms, "left" if left else line["event"])
            for stretch in owned.values():
                if worker in self.run.killed_ms:
                    stretch.end(self.run.killed_ms[worker], "killed")
        self.in_turn = collections.defaultdict(list)  # partition -> stretches
        for (_, partition), stretches in self.ownership.items():
            self.in_turn[partition] += stretches
        for stretches in self.in_turn.values():
            stretches.sort(key=lambda stretch: stretch.begin_ms)
            for stretch, following in zip(stretches, stretches[1:]):
                stretch.next = following
        for worker, sleeps in self.run.stopped_ms.items():
            for stop_ms, wake_ms in sleeps:
                self.read_sleep(worker, stop_ms, wake_ms)

    def read_sleep(self, worker, stop_ms, wake_ms):
        """A worker that was stopped for so long that others own its partitions: its ownership ended when theirs began, which
        was while it slept, or before it had learned of it when it woke up."""
        for (name, _), stretches in self.ownership.items():
            for stretch in stretches:
                if name != worker.name or not stretch.begin_ms <= stop_ms < stretch.end_ms or not stretch.next:
                    continue
                if stop_ms < stretch.next.begin_ms < min(stretch.end_ms, wake_ms + LEARNS_WITHIN_MS):
                    told_ms = stretch.end_ms
                    stretch.end(stretch.next.begin_ms, "asleep")
                    stretch.last_ms, stretch.wrote_ms = stop_ms, told_ms

    def stretch_of(self, call):
        """The ownership under which a call was made; None: there was none before it."""
        stretches = self.ownership.get((call["worker"], call["at"][0]), [])
        place = bisect.bisect_right([stretch.begin_ms for stretch in stretches], call["time_ms"] + 1)
        return stretches[place - 1] if place else None

    def knew_of(self, at, ms):
        """Whoever began with the partition then was told by its committed offset that the record is finished."""
        commits = self.commits_of[at[0]]
        place = bisect.bisect_left([commit.ms for commit in commits], ms)
        return place > 0 and commits[place - 1].covers(at[1])

    def seen_until(self, sent_ms):
        """When the sandbox has seen what was sent until then. While it is frozen, calls lie in its sockets."""
        return max([sent_ms] + [(d.end_ms or FOREVER) + FROZEN_AFTER_MS for d in self.run.disturbances
                                if d.name == "sandbox-frozen"
                                and d.begin_ms - FROZEN_BEFORE_MS <= sent_ms <= (d.end_ms or FOREVER) + FROZEN_AFTER_MS])

    def rebalances(self):
        """Changes of ownership, those within a second of each other counted as one."""
        count, last = 0, -10000
        for ms in sorted(self.rebalance_ms):
            count += ms - last > 1000
            last = ms
        return count


def accepted(call):
    """The caller has been told that it is done."""
    sure = call["outcome"] == "done" or (call["outcome"] == "already" and not call["shared"])  # for whom?
    return sure and call["answered"] and not call["gone"]


def effective(call):
    """It is done, whether or not the caller knows."""
    return call["executed"] or call["outcome"] == "already"
