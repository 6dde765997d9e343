"""What must hold after a run. The facts come from witnesses that know nothing of each other (facts.py)."""
import collections
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import harness  # noqa: E402
import repeats  # noqa: E402
import run as running  # noqa: E402
from facts import CLOCKS_APART_MS, FOREVER, ON_THE_WAY_MS, Facts, accepted, effective  # noqa: E402

WINDOW_MS = int((running.WINDOW_SECONDS + 1) * 1000)
MOVES_WITHIN_MS = 30000


class Verdict:
    """Findings are texts; a run without any is green."""

    def __init__(self, run):
        self.run, self.findings, self.figures = run, [], {}
        self.facts = Facts(run)
        for check in (self.nothing_is_lost, self.nothing_else_is_done, self.commits_are_safe, self.order_holds,
                      self.repeats_are_explained, self.repetition_is_bounded, self.window_is_kept,
                      self.letters_are_right, self.nothing_after_the_end_of_ownership, self.no_spinning,
                      self.memory_is_bounded, self.everything_moves):
            check()
        self.count()
        if self.findings:
            self.keep_evidence()

    def keep_evidence(self):
        """What the findings were made from, beside the logs."""
        with open(os.path.join(self.run.folder, "evidence.json"), "w", encoding="utf-8") as out:
            json.dump({"findings": self.findings, "calls": self.facts.calls, "letters": self.facts.letters,
                       "decisions": self.facts.decisions, "commits": [vars(c) for c in self.facts.commits],
                       "events": [(at, vars(event)) for at, event in self.facts.events_at.items()],
                       "ownership": [(who, s.partition, s.begin_ms, str(s.end_ms), s.how, str(s.last_ms))
                                     for (who, _), stretches in self.facts.ownership.items() for s in stretches],
                       "disturbances": [vars(d) for d in self.run.disturbances]}, out, default=str)

    def find(self, kind, problems):
        if problems:
            self.findings.append(f"{kind}: {len(problems)}, as {'; '.join(map(str, problems[:3]))}")

    def wanted(self):
        for at, event in self.facts.events_at.items():
            for action in event.actions():
                yield at, event, action

    def gave_up(self, at):
        return any(reason == "attempts_used_up" for _, reason in self.facts.letters_at.get(at, []))

    # ---- no loss ----

    def nothing_is_lost(self):
        missing = [number for number in range(len(self.run.source.events)) if number not in self.facts.position_of]
        self.find("records that were produced are not in the topic", missing)
        self.find("lost actions", [f"{action} of {at}" for at, event, action in self.wanted()
                                   if not any(map(effective, self.facts.by_key[at, action]))
                                   and not (event.exempt and action == "ban") and not self.gave_up(at)])
        decided = {(decision["partition"], decision["offset"]) for decision, _ in self.facts.decisions}
        self.find("lost decision records", [at for at, event in self.facts.events_at.items()
                                            if event.word and not event.poison and at not in decided])

    def nothing_else_is_done(self):
        self.find("calls that nothing asked for", [f"{call['action']} {call['idempotency_key']}"
                                                   for call in self.facts.strays])

    # ---- commit safety ----

    def finished_ms(self):
        """When each record was finished at the earliest. Without an entry: it never needed anything."""
        finished, decided = {}, {}
        for decision, ms in self.facts.decisions:
            at = decision["partition"], decision["offset"]
            decided[at] = min(decided.get(at, FOREVER), ms)
        for at, event in self.facts.events_at.items():
            moments = [0]
            letters = self.facts.letters_at.get(at, [])
            if not self.gave_up(at):
                for action in event.actions():
                    if not (event.exempt and action == "ban"):
                        moments.append(min([call["end_ms"] for call in self.facts.by_key[at, action]
                                            if effective(call)], default=FOREVER))
            if event.wants_letter():
                moments.append(min([ms for ms, _ in letters], default=FOREVER))
            if event.word and not event.poison:
                moments.append(decided.get(at, FOREVER))
            finished[at] = max(moments)
        return finished

    def commits_are_safe(self):
        finished = self.finished_ms()
        checked, head, unsafe, backwards = set(), collections.Counter(), [], []
        self.figures["commits"] = len(self.facts.commits)
        for commit in self.facts.commits:
            partition = commit.partition
            spans = [(head[partition], commit.offset)] + commit.runs
            for offset in (offset for first, end in spans for offset in range(first, end)):
                at = partition, offset
                if at in checked:
                    continue
                checked.add(at)
                if finished.get(at, 0) > commit.ms:
                    unsafe.append(f"{at} was not finished when {commit.offset} was committed "
                                  f"({'above' if offset >= commit.offset else 'below'} it)")
            if commit.offset < head[partition]:
                backwards.append(f"partition {partition} from {head[partition]} to {commit.offset}")
            head[partition] = max(head[partition], commit.offset)
        self.find("unsafe commits", unsafe)
        self.find("commits that went backwards", backwards)
        self.find("no commit was seen at all", [] if self.facts.commits else ["0"])

    # ---- order ----

    def order_holds(self):
        under_way = collections.defaultdict(list)
        per_author = collections.defaultdict(list)
        for (at, action), calls in self.facts.by_key.items():
            event = self.facts.events_at[at]
            for call in calls:
                if not call["worker"]:
                    continue
                under_way[event.author, call["worker"]].append((call["start"], call["end"], at, action))
        for at, event in self.facts.events_at.items():
            if event.actions():
                per_author[event.author, at[0]].append(at)
        overlaps = []
        for (author, worker), calls in under_way.items():
            calls.sort()
            overlaps += [f"{worker}, {author}: {a[2:]} and {b[2:]}" for a, b in zip(calls, calls[1:]) if b[0] < a[1]]
        self.find("two calls for one author at a time", overlaps)
        swapped = []
        for (author, _), places in per_author.items():
            last_end, last = 0, None
            for at in sorted(places):
                for action in self.facts.events_at[at].actions():
                    calls = self.facts.by_key[at, action]
                    if calls and min(call["start"] for call in calls) < last_end:
                        swapped.append(f"{author}: {action} of {at} began before {last} was done")
                    done = [call["end"] for call in calls
                            if effective(call) or (call["outcome"] == "refused" and not call["shared"])]
                    if done and not self.gave_up(at):
                        last_end, last = max(last_end, min(done)), (at, action)
        self.find("actions on an author out of order", swapped)

    # ---- repetition ----

    def repeats_are_explained(self):
        """A call that was accepted may be made again only by a later owner of its partition, and only when the commit
        that this owner began with did not yet know of it."""
        doubtful = {(decision["partition"], decision["offset"], action["action"])
                    for decision, _ in self.facts.decisions for action in decision["actions"]
                    if action["ambiguous_timeouts"]}
        count, unexplained = 0, []
        for (at, action), calls in self.facts.by_key.items():
            calls.sort(key=lambda call: call["start"])
            for place, again in enumerate(calls):
                before = [call for call in calls[:place] if accepted(call) and call["end"] < again["start"]]
                if not before or not again["worker"]:  # "": with a revoked token, and refused
                    continue
                count += 1
                text = f"{action} of {at} by {before[-1]['worker']}, then {again['worker']}"
                old, new = self.facts.stretch_of(before[-1]), self.facts.stretch_of(again)
                if new is None or old is None:
                    unexplained.append(text + ", who never owned it")
                elif old is new:
                    if (*at, action) not in doubtful and not self.slept_through(before[-1], new.worker):
                        unexplained.append(text + " under the same ownership")
                elif self.facts.knew_of(at, new.begin_ms):
                    unexplained.append(text + ", though it was committed as finished")
        self.figures["repeats"] = count
        self.find("repeats without a reason", unexplained)

    def repetition_is_bounded(self):
        """Counted for each ownership that ended (repeats.py)."""
        repetition = repeats.Repetition(self.facts, self.was_clean)
        self.figures |= repetition.figures()
        self.find("done again beyond what was on its way or not committed", repetition.beyond())

    def was_clean(self, stretch):
        return stretch.worker in self.run.clean and stretch.how == "left" and self.kafka_was_well(stretch)

    def slept_through(self, call, worker):
        """Its answer came while its caller was stopped, who found the time for it over when he woke up."""
        return any(stop_ms - 100 <= call["end_ms"] and call["time_ms"] <= wake_ms
                   for stop_ms, wake_ms in self.run.stopped_ms.get(worker, []))

    def window_is_kept(self):
        """No worker has more calls under way than worker.max_in_flight."""
        moments = collections.defaultdict(list)
        for call in self.facts.calls:
            if call["worker"] and call["end"] != FOREVER:
                moments[call["worker"]] += [(call["start"], 1), (call["end"], -1)]
        most = {}
        for worker, steps in moments.items():
            under_way = most[worker] = 0
            for _, step in sorted(steps):
                under_way += step
                most[worker] = max(most[worker], under_way)
        self.figures["most calls under way"] = max(most.values(), default=0)
        self.find("more calls under way than worker.max_in_flight",
                  [f"{worker}: {count}" for worker, count in most.items() if count > running.MAX_IN_FLIGHT])

    def kafka_was_well(self, stretch):
        """No fault of Kafka's near the end of the ownership, so that its last commit must have worked."""
        return not any(d.touches_kafka and d.begin_ms - 1000 < stretch.end_ms < (d.end_ms or FOREVER) + 12000
                       for d in self.run.disturbances) and not any(
            line for line in stretch.worker.events() if line.get("event") in ("drain-timeout", "commit-failed"))

    # ---- dead letters ----

    def letters_are_right(self):
        wanted = {at for at, event in self.facts.events_at.items() if event.wants_letter()}
        found = set(self.facts.letters_at)
        self.figures["dead letters"] = sum(map(len, self.facts.letters_at.values()))
        self.figures["repeated letters"] = self.figures["dead letters"] - len(found)
        self.figures["given up"] = sum(map(self.gave_up, found))
        self.find("lost dead letters", sorted(wanted - found))
        self.find("dead letters that nothing asked for",
                  [f"{at}: {self.facts.letters_at[at]}" for at in sorted(found - wanted) if not self.gave_up(at)])
        twice = []
        for at, letters in self.facts.letters_at.items():
            moments = sorted(ms for ms, _ in letters)
            for first, second in zip(moments, moments[1:]):
                owners = self.later_owners(at[0], first, second)
                if self.kafka_disturbed(first, second):
                    continue
                if not owners:
                    twice.append(f"{at} within one ownership")
                elif all(self.facts.knew_of(at, owner.begin_ms) for owner in owners):
                    twice.append(f"{at} though it was committed as finished")
        self.find("dead letters written twice without a reason", twice)

    def later_owners(self, partition, first_ms, second_ms):
        """Who can have written a letter again that an earlier owner wrote: somebody who began after him. Their times may
        overlap, where the earlier one had been sent away and did not know it yet."""
        around = [each for each in self.facts.in_turn[partition]
                  if each.begin_ms <= second_ms + 1 and each.wrote_ms + CLOCKS_APART_MS >= first_ms]
        writers = [each for each in around if each.begin_ms <= first_ms + 1]
        return [each for each in around if any(writer.begin_ms < each.begin_ms for writer in writers)]

    def kafka_disturbed(self, first_ms, second_ms):
        return any(d.touches_kafka and d.begin_ms < second_ms and (d.end_ms or FOREVER) + 30000 > first_ms
                   for d in self.run.disturbances)

    # ---- ownership, speed, memory ----

    def nothing_after_the_end_of_ownership(self):
        late = []
        for calls in self.facts.by_key.values():
            for call in calls:
                if not call["worker"]:
                    continue  # with a revoked token: the sandbox does not know who that was
                stretch = self.facts.stretch_of(call)
                if stretch is None:
                    late.append(f"{call['idempotency_key']} by {call['worker']}, who does not own it")
                elif call["time_ms"] > self.last_moment(stretch) and not self.was_on_its_way(call, calls, stretch):
                    late.append(f"{call['idempotency_key']} by {call['worker']} {call['time_ms'] - stretch.end_ms} ms "
                                f"after it was {stretch.how}")
        self.find("calls outside of ownership", late)

    def last_moment(self, stretch):
        """When a call may arrive at the latest. A sleeper was stopped long before his partition was another's."""
        on_the_way = 0 if stretch.how == "asleep" else ON_THE_WAY_MS[stretch.how]
        return self.facts.seen_until(stretch.end_ms) + on_the_way

    def was_on_its_way(self, call, calls, stretch):
        """A worker that was stopped may end, when it wakes up, what was on its way when it was stopped, and nothing else: it
        does not know yet that others own its partitions."""
        if stretch.how != "asleep":
            return False
        mine = [other for other in calls if other["worker"] == call["worker"] and other is not call]
        under_way = any(other["time_ms"] <= stretch.last_ms + ON_THE_WAY_MS["asleep"] and
                        other["end_ms"] >= stretch.last_ms for other in mine)
        self.figures["calls of sleepers"] = self.figures.get("calls of sleepers", 0) + under_way
        return under_way

    def no_spinning(self):
        """While every call fails, a worker sends probes: no more than the breaker lets through before it opens, then
        one a probe interval and endpoint group."""
        spinning, worst = [], 0
        for begin_ms, end_ms in self.run.outages:
            begin_ms += WINDOW_MS
            seconds = (end_ms - begin_ms) / 1000
            if seconds < 2:
                continue
            calls = collections.Counter((call["worker"], call["action"]) for call in self.facts.calls
                                        if begin_ms <= call["time_ms"] < end_ms)
            rate = 1 / running.PROBE_SECONDS + running.MIN_CALLS / running.WINDOW_SECONDS
            bound = seconds * rate + running.MIN_CALLS
            for (worker, action), count in calls.items():
                # a new worker has a window full of calls on the way before it knows
                fresh = self.first_assigned_ms(worker) > begin_ms - WINDOW_MS
                allowed = bound + (running.MAX_IN_FLIGHT if fresh else 0)
                if count > allowed:
                    spinning.append(f"{worker}, {action}: {count} calls in {seconds:.1f} s, "
                                    f"at most {allowed:.0f} may be")
            worst = max([worst] + [count / seconds for count in calls.values()])
        self.figures["calls/s in an outage"] = round(worst, 1)
        self.find("spinning in an outage", spinning)

    def first_assigned_ms(self, worker):
        return min((s.begin_ms for (who, _), stretches in self.facts.ownership.items() if who == worker
                    for s in stretches), default=FOREVER)

    def memory_is_bounded(self):
        """What a worker takes that is warm and idle, and what it is configured to hold beside that, with a fifth more."""
        peaks = self.run.memory.peak_kib
        bound = self.run.idle_kib + 1.2 * running.CAP_BYTES / 1024
        self.figures["most memory MiB"] = round(max(peaks.values(), default=0) / 1024, 1)
        self.figures["of at most MiB"] = round(bound / 1024, 1)
        if harness.SLOW > 1:  # a sanitizer has its own memory beside ours
            return
        self.find("memory beyond its bound", [f"{name}: {peak / 1024:.1f} MiB, at most {bound / 1024:.1f} may be"
                             for name, peak in peaks.items() if peak > bound])

    # ---- liveness ----

    def everything_moves(self):
        """After the last fault every partition gets on within 30 s, and so does every worker: each has its share then, and
        moves it. (That everything is committed to its end was waited for before.)"""
        quiet_ms, slow, longest = self.run.quiet_ms, [], 0
        for partition in range(running.PARTITIONS):
            commits = self.facts.commits_of[partition]
            head = max([commit.offset for commit in commits if commit.ms <= quiet_ms], default=0)
            moves = [commit.ms for commit in commits if commit.ms > quiet_ms and commit.offset > head]
            waited_ms = (moves[0] if moves else FOREVER) - quiet_ms
            longest = max(longest, waited_ms)
            if waited_ms > MOVES_WITHIN_MS * harness.SLOW:
                slow.append(f"partition {partition} after {waited_ms / 1000:.1f} s")
        self.figures["moved after s"] = round(longest / 1000, 1)
        self.find("partitions that stood still after the last fault", slow)

    # ---- figures ----

    def recovery_seconds(self):
        """From the end of each fault until every partition with something to do has moved; the longest."""
        worst = 0
        ends = sorted(offset for offset in self.facts.events_at)
        for disturbance in self.run.disturbances:
            if not disturbance.end_ms:
                continue
            for partition in range(running.PARTITIONS):
                before = [c.offset for c in self.facts.commits_of[partition] if c.ms <= disturbance.end_ms]
                later = [c.ms for c in self.facts.commits_of[partition]
                         if c.ms > disturbance.end_ms and (not before or c.offset > before[-1])]
                if later and ends:
                    worst = max(worst, (later[0] - disturbance.end_ms) / 1000)
        return worst

    def failed_commits(self):
        """How often which error kept a commit from being taken, as the workers tell."""
        names = collections.Counter()
        for worker in self.run.workers:
            for line in worker.said("commit-failed"):
                name = re.findall(r"\((_?[A-Z_]+)\)", line["error"])
                names[name[-1] if name else "no answer in time"] += 1
        return names

    def count(self):
        self.figures |= {
            "events": len(self.facts.events_at), "calls": len(self.facts.calls),
            "shared calls": sum(len(call["user_ids"]) > 1 for call in self.facts.calls), "kills": self.run.kills,
            "rebalances": self.facts.rebalances(), "stops hindered": self.run.hindered,
            "actions wanted": sum(1 for _ in self.wanted()),
            "worst recovery s": round(self.recovery_seconds(), 1),
        }
