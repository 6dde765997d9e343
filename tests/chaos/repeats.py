"""Bounded repetition, counted. Whoever loses a partition (killed, stopped, asleep, or because it was taken back) may leave
so much to be done again and no more: what it had on its way at that moment, and what it had finished without the next
owner's knowing, because no commit had told yet. After a clean stop that is nothing.

Both sides of the comparison come from witnesses: what was done and done again from the sandbox's log, what was known from
the commits that Kafka had taken when the next owner began."""
import collections

from facts import ON_THE_WAY_MS, FOREVER, effective


class Interruption:
    """The end of one ownership of one partition."""

    def __init__(self, stretch, calls, facts, was_clean):
        self.stretch = stretch
        end_ms, taken_ms = stretch.last_ms, stretch.next.begin_ms if stretch.next else FOREVER
        arrived_ms = facts.seen_until(end_ms) + ON_THE_WAY_MS[stretch.how]
        self.in_flight = {call["what"] for call in calls
                          if call["time_ms"] <= arrived_ms and call["end_ms"] >= end_ms}
        finished = {call["what"] for call in calls if effective(call) and call["end_ms"] < end_ms}
        self.uncommitted = {what for what in finished - self.in_flight if not facts.knew_of(what[0], taken_ms)}
        self.may_repeat = set() if was_clean else self.in_flight | self.uncommitted
        self.repeated = set()

    def text(self):
        return f"{self.stretch.worker.name} {self.stretch.how} of partition {self.stretch.partition}"


class Repetition:
    """`was_clean(stretch)`: it ended by a stop after which everything was committed."""

    def __init__(self, facts, was_clean):
        under = collections.defaultdict(list)
        for (at, action), calls in facts.by_key.items():
            for call in calls:
                call["what"] = (at, action)
                stretch = facts.stretch_of(call)
                if stretch:
                    under[stretch].append(call)
        self.because_of_damage = set()
        self.interruptions = {
            stretch: Interruption(stretch, under[stretch], facts, was_clean(stretch))
            for stretches in facts.in_turn.values() for stretch in stretches if stretch.end_ms != FOREVER}
        for what, calls in facts.by_key.items():
            self.attribute(what, calls, facts)

    def attribute(self, what, calls, facts):
        """A call after one that was carried out under another ownership: it is there because the older of the two ended."""
        done = []
        for call in sorted(calls, key=lambda call: call["start"]):
            stretch = facts.stretch_of(call)
            if stretch is None:
                continue
            for other in done:
                older = min(other, stretch, key=lambda each: each.begin_ms)
                if other is stretch or older not in self.interruptions:
                    continue
                if self.was_forgotten(what[0], older, stretch, facts):
                    self.because_of_damage.add((what, stretch))
                else:
                    self.interruptions[older].repeated.add(what)
            if effective(call) and stretch not in done:
                done = [stretch]  # what comes later repeats this one

    def was_forgotten(self, at, old, new, facts):
        """A commit told of it, until somebody from outside overwrote that commit."""
        return any(old.end_ms < ms < new.begin_ms and facts.knew_of(at, ms) for ms in facts.run.damaged_ms)

    def beyond(self):
        """What was done again and must not have been."""
        return [f"{action} of {at} after {each.text()}, which had {len(each.in_flight)} on their way and "
                f"{len(each.uncommitted)} finished and not committed"
                for each in self.interruptions.values() for at, action in sorted(each.repeated - each.may_repeat)]

    def figures(self):
        ended = [each for each in self.interruptions.values() if each.stretch.next]
        most = max(ended, key=lambda each: len(each.repeated), default=None)
        return {
            "ownerships that ended": len(ended),
            "done again after them": sum(len(each.repeated) for each in ended),
            "were on their way or uncommitted": sum(len(each.may_repeat) for each in ended),
            "most done again after one": len(most.repeated) if most else 0,
            "done again because of damage": len(self.because_of_damage),
        }
