"""Can the judges be wrong-footed? Small histories made by hand, each with one thing that must be found, and the same without
it. Standard library only."""
import collections
import os
import sys
import types
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import facts as facts_of  # noqa: E402
import observer  # noqa: E402
import repeats  # noqa: E402
import run as running  # noqa: E402
import verdict  # noqa: E402


class Worker:
    def __init__(self, name, events=()):
        self.name = name
        self.said = events

    def events(self):
        return self.said


class Story:
    """One partition, its owners one after the other, their calls, and what was committed when."""

    def __init__(self):
        self.workers = {name: Worker(name) for name in ("a", "b")}
        self.run = types.SimpleNamespace(damaged_ms=[], clean=set(), stopped_ms={}, disturbances=[], quiet_ms=5000,
                                         idle_kib=20000, memory=types.SimpleNamespace(peak_kib={}))
        self.facts = object.__new__(facts_of.Facts)
        self.facts.run = self.run
        self.facts.ownership, self.facts.in_turn = collections.defaultdict(list), collections.defaultdict(list)
        self.facts.by_key, self.facts.commits_of = collections.defaultdict(list), collections.defaultdict(list)
        self.facts.calls = []

    def owns(self, name, begin_ms, end_ms=None, how="killed"):
        stretch = facts_of.Ownership(self.workers[name], 0, begin_ms)
        if end_ms:
            stretch.end(end_ms, how)
        self.facts.ownership[name, 0].append(stretch)
        turn = self.facts.in_turn[0]
        if turn:
            turn[-1].next = stretch
        turn.append(stretch)
        return stretch

    def call(self, name, offset, begin_ms, end_ms):
        call = {"worker": name, "time_ms": begin_ms, "end_ms": end_ms, "start": begin_ms, "end": end_ms, "at": (0, offset),
                "executed": True, "outcome": "done", "answered": True, "gone": False, "shared": False,
                "idempotency_key": f"t/0/{offset}/ban"}
        self.facts.by_key[(0, offset), "ban"].append(call)
        self.facts.calls.append(call)

    def commits(self, ms, offset):
        self.facts.commits_of[0].append(observer.Commit({"partition": 0, "offset": offset, "ms": ms, "metadata": ""}))

    def judge(self, check):
        judge = object.__new__(verdict.Verdict)
        judge.run, judge.facts, judge.findings, judge.figures = self.run, self.facts, [], {}
        check(judge)
        return judge.findings


class Repetition(unittest.TestCase):
    def done_again(self, how="killed", first=(100, 150), end_ms=1000, committed=None, clean=False):
        """Owner a calls once, ends; owner b calls the same again."""
        story = Story()
        story.owns("a", 0, end_ms, how)
        story.owns("b", 2000)
        story.call("a", 7, *first)
        story.call("b", 7, 2100, 2150)
        if committed:
            story.commits(committed, 8)
        if clean:
            story.run.clean.add(story.workers["a"])
        return story.judge(verdict.Verdict.repetition_is_bounded)

    def test_what_is_not_committed_may_be_done_again(self):
        self.assertEqual(self.done_again(), [])

    def test_what_was_on_its_way_may_be_done_again_though_it_was_committed_by_whoever(self):
        self.assertEqual(self.done_again(first=(900, 1100), committed=1500), [])

    def test_what_is_committed_must_not(self):
        self.assertRegex(self.done_again(committed=500)[0], "ban of .0, 7. after a killed of partition 0")

    def test_nothing_may_after_a_clean_stop(self):
        self.assertEqual(len(self.done_again(how="left", clean=True)), 1)
        self.assertEqual(self.done_again(how="left"), [])

    def test_what_lay_in_the_sockets_of_a_frozen_sandbox_was_on_its_way(self):
        for frozen, findings in (((300, 1900), 0), ((-2000, -1000), 1)):
            story = Story()
            story.owns("a", 0, 1000, "revoked")
            story.owns("b", 2500)
            story.call("a", 7, 1950, 1950)
            story.call("b", 7, 2600, 2650)
            story.commits(900, 8)
            story.run.disturbances.append(
                types.SimpleNamespace(name="sandbox-frozen", begin_ms=frozen[0], end_ms=frozen[1]))
            self.assertEqual(len(story.judge(verdict.Verdict.repetition_is_bounded)), findings)
            self.assertEqual(len(story.judge(verdict.Verdict.nothing_after_the_end_of_ownership)), findings)

    def test_damage_from_outside_is_no_fault_of_the_owner(self):
        story = Story()
        story.owns("a", 0, 1000)
        story.owns("b", 2000)
        story.call("a", 7, 100, 150)
        story.call("b", 7, 2100, 2150)
        story.commits(500, 8)
        story.commits(1500, 3)
        story.run.damaged_ms.append(1400)
        self.assertEqual(story.judge(verdict.Verdict.repetition_is_bounded), [])


class Ownership(unittest.TestCase):
    def read(self, *lines):
        """What the log of one worker of partition 0 says, a second between its lines."""
        story = Story()
        events = [{"time": f"2026-01-01T00:00:0{second}.000Z", "list": "t:0", **line}
                  for second, line in enumerate(lines)]
        story.run.workers, story.run.killed_ms = [Worker("a", events)], {}
        story.run.topics = types.SimpleNamespace(events="t")
        story.facts.read_ownership()
        return [stretch.how for stretch in story.facts.in_turn[0]]

    def test_a_rebalance_within_a_stop_is_no_end_of_the_stop(self):
        mine, stop = {"event": "assigned"}, {"event": "stopping"}
        self.assertEqual(self.read(mine, {"event": "revoked", "unfinished": 2}), ["revoked"])
        self.assertEqual(self.read(mine, stop, {"event": "revoked", "unfinished": 2}, mine,
                                   {"event": "revoked", "unfinished": 0}), ["revoked", "left"])
        self.assertEqual(self.read(mine, stop, {"event": "lost", "unfinished": 0}), ["lost"])


class Sleepers(unittest.TestCase):
    def wakes_up(self, first):
        """Owner a is stopped at 1000, b owns the partition from 5000, a calls again at 6000."""
        story = Story()
        story.owns("a", 0, 6500, "lost")
        story.owns("b", 5000)
        story.call("a", 7, *first)
        story.call("a", 7, 6000, 6050)
        story.facts.read_sleep(story.workers["a"], 1000, 5900)
        return story.judge(verdict.Verdict.nothing_after_the_end_of_ownership)

    def test_what_was_on_its_way_may_end(self):
        self.assertEqual(self.wakes_up((990, 1500)), [])

    def test_nothing_else_may_begin(self):
        self.assertRegex(self.wakes_up((400, 500))[0], "calls outside of ownership: 1, as t/0/7/ban by a 1000 ms after")


    def test_a_short_stop_long_before_has_nothing_to_do_with_it(self):
        story = Story()
        stretch = story.owns("a", 0, 60000, "lost")
        story.owns("b", 59000)
        story.facts.read_sleep(story.workers["a"], 1000, 2000)
        self.assertEqual((stretch.how, stretch.last_ms), ("lost", 60000))
        story.facts.read_sleep(story.workers["a"], 50000, 59500)
        self.assertEqual((stretch.how, stretch.end_ms, stretch.last_ms), ("asleep", 59000, 50000))


class Letters(unittest.TestCase):
    def written(self, *moments, how="killed", asleep=None, committed=None):
        """Owner a from 0 to 1000, b from 2000; the dead letter of record 7 was written at these moments."""
        story = Story()
        story.owns("a", 0, 4000 if asleep else 1000, how)
        story.owns("b", 2000)
        story.run.topics = types.SimpleNamespace(events="t")
        story.facts.events_at = {(0, 7): types.SimpleNamespace(wants_letter=lambda: True)}
        story.facts.letters_at = {(0, 7): [(ms, "bad_json") for ms in moments]}
        if asleep:
            story.facts.read_sleep(story.workers["a"], *asleep)
        if committed:
            story.commits(committed, 8)
        return story.judge(verdict.Verdict.letters_are_right)

    def test_a_letter_may_be_written_again_by_the_next_owner(self):
        self.assertEqual(self.written(500, 2500), [])
        self.assertEqual(self.written(1020, 2500), [])  # killed a little later than its clock was read

    def test_but_not_by_the_same(self):
        self.assertRegex(self.written(500, 600)[0], "within one ownership")
        self.assertRegex(self.written(2500, 2600)[0], "within one ownership")

    def test_nor_when_it_was_committed(self):
        self.assertRegex(self.written(500, 2500, committed=900)[0], "committed as finished")

    def test_a_sleeper_may_when_it_wakes_up(self):
        self.assertEqual(self.written(2500, 3500, how="lost", asleep=(900, 3400)), [])
        self.assertRegex(self.written(4500, 4600, how="lost", asleep=(900, 3400))[0], "within one ownership")


class Limits(unittest.TestCase):
    def test_more_calls_than_the_window(self):
        for count, findings in ((running.MAX_IN_FLIGHT, 0), (running.MAX_IN_FLIGHT + 1, 1)):
            story = Story()
            for number in range(count):
                story.call("a", number, 100 + number, 9000)
            self.assertEqual(len(story.judge(verdict.Verdict.window_is_kept)), findings)

    def test_more_memory_than_the_cap_and_a_fifth(self):
        cap_kib = running.CAP_BYTES / 1024
        for factor, findings in ((1.19, 0), (1.21, 1)):
            story = Story()
            story.run.memory.peak_kib["a"] = story.run.idle_kib + factor * cap_kib
            self.assertEqual(len(story.judge(verdict.Verdict.memory_is_bounded)), findings)

    def test_a_partition_that_does_not_move(self):
        for late_ms, findings in ((34000, 0), (36000, 1)):
            story = Story()
            for partition in range(running.PARTITIONS):
                story.facts.commits_of[partition] = [
                    observer.Commit({"partition": partition, "offset": offset, "ms": ms, "metadata": ""})
                    for offset, ms in ((3, 1000), (4, late_ms if partition == 5 else 5100))]
            self.assertEqual(len(story.judge(verdict.Verdict.everything_moves)), findings)


if __name__ == "__main__":
    unittest.main()
