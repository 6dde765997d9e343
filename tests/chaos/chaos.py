"""The chaos suite. A seed makes a schedule of faults and a stream of events; workers, the API and Kafka are disturbed
accordingly; afterwards every invariant is checked from the logs of the witnesses (verdict.py).

    chaos.py mock|kafka --seed S                  one run of every fault that this kind of broker can have
    chaos.py mock|kafka --seed S --minutes M      runs with seeds S, S+1, ... until the time is over, and a table
    chaos.py mock|kafka --ci                      the short form for CI: fixed seeds and a random one, which is printed
    chaos.py mock --seed S --only kill,roll       only these

The same seed makes the same schedule; what happens in it depends on the machine's timing as well.
"""
import argparse
import collections
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cluster  # noqa: E402
import faults  # noqa: E402
import harness  # noqa: E402
import run as running  # noqa: E402
import verdict  # noqa: E402
from harness import check  # noqa: E402

IDLE_SHARE = 0.02
KILLS = ("kill", "kill-between-answer-and-commit", "kill-two", "kill", "kill-between-answer-and-commit")
SLOW = ("flood-in-outage", "sandbox-frozen", "broker-slow", "freeze-shortly", "join-and-leave", "rotate-token",
        "broker-frozen", "group-errors")  # left to the random seed in CI


class Schedule:
    def __init__(self, kind, seed, only=None, count=None, kills=KILLS, long_outage=0, calm=False,
                 assignor=None):
        """`only`: these blows and no others; `count`: so many of them; `kills` come on top."""
        dice = random.Random(seed)
        names = [name for name in faults.blows_on(kind) if not only or name in only]
        dice.shuffle(names)
        self.blows = names[:count] if count else names
        for extra in kills:
            self.blows.insert(dice.randrange(len(self.blows) + 1), extra)
        sky = ["fine"] if calm else list(faults.WEATHER)
        dice.shuffle(sky)
        self.sky = [(name, faults.WEATHER[name][1]) for name in sky]
        if long_outage:
            self.sky.insert(2, ("outage", long_outage))
        self.gaps = [dice.random() * 1.5 for _ in self.blows]
        self.seed = seed
        self.begin_again()
        # the embedded broker fails an assertion of its own when members die in an eager rebalance
        chosen = assignor or dice.choice(["cooperative-sticky", "range"])
        self.assignor = chosen if kind == "kafka" else "cooperative-sticky"

    def begin_again(self):
        self.dice = random.Random(self.seed + 1)

    def text(self):
        return f"blows: {', '.join(self.blows)}\n     weather: {', '.join(name for name, _ in self.sky)}"


def make_weather(run, schedule, stop):
    """Runs beside the blows, again from the beginning when it is through."""
    while not stop.is_set():
        for name, seconds in schedule.sky:
            begin_ms = running.now_ms()
            try:
                with run.lock:
                    run.weather(faults.WEATHER[name][0], seconds)
            except OSError:
                if not stop.is_set():  # else the run has ended, and the sandbox with it
                    raise
                return
            run.seen_weather[name] += 1
            if stop.wait(seconds):
                return
            if name in faults.TOTAL:
                run.outages.append((begin_ms, begin_ms + int(seconds * 1000)))
            if stop.wait(1.0):
                return


def strike(run, schedule):
    stop = threading.Event()
    sky = threading.Thread(target=make_weather, args=(run, schedule, stop), daemon=True)
    sky.start()
    try:
        for name, gap in zip(schedule.blows, schedule.gaps):
            function, _, touches_kafka = faults.BLOWS[name]
            run.disturb(name, function, schedule.dice, touches_kafka)
            time.sleep(gap)
    finally:
        stop.set()
        sky.join(30)


def one_run(kind, seed, kafka, folder, schedule, rate):
    run = running.Run(kind, seed, folder, kafka, schedule.assignor, rate)
    run.seen_weather = collections.Counter()
    try:
        faults.damage_metadata(run, schedule.dice)
        first = [run.start_worker() for _ in range(running.WORKERS)]
        check(len(first) == len(run.alive), "a worker ended at once")
        run.warm_up()
        run.feeder.start()
        strike(run, schedule)
        run.settle()
        idle = run.idle_share()
        run.finish()
        judged = verdict.Verdict(run)
        judged.figures["idle share"] = round(idle, 4)
        judged.find("idle workers take more than 2 % of a core", [f"{idle:.1%}"] if idle > IDLE_SHARE else [])
        judged.figures["settled in s"] = round((run.settled_ms - run.quiet_ms) / 1000, 1)
        judged.blows = collections.Counter(schedule.blows)
        judged.weather = run.seen_weather
        judged.refusals = judged.failed_commits()
        return judged
    except Exception:
        if not kafka.is_real and kafka.child.poll() is not None:
            raise
        print(f"     done: {[d.name for d in run.disturbances]}", flush=True)
        for worker in run.workers:
            print(f"---- {worker.name} (exit {worker.child.poll()})\n{worker.text()[-1500:]}", flush=True)
        raise
    finally:
        run.end()


class Report:
    """Sums and maxima over runs, and a table of them."""

    GREATEST = ("most done again after one", "most calls under way", "worst recovery s", "moved after s", "settled in s",
                "most memory MiB", "of at most MiB", "idle share", "calls/s in an outage")

    def __init__(self, kind):
        self.kind, self.began = kind, time.monotonic()
        self.figures, self.blows, self.weather = collections.Counter(), collections.Counter(), collections.Counter()
        self.refusals = collections.Counter()
        self.seeds, self.red = [], []

    def add(self, seed, judged):
        self.seeds.append(seed)
        for name, value in judged.figures.items():
            self.figures[name] = max(self.figures[name], value) if name in self.GREATEST else self.figures[name] + value
        self.blows += judged.blows
        self.weather += judged.weather
        self.refusals += judged.refusals
        if judged.findings:
            self.red.append((seed, judged.findings))

    def print(self):
        print(f"\n| broker | {self.kind} |\n|---|---|")
        print(f"| seeds | {', '.join(map(str, self.seeds))} |")
        print(f"| minutes | {(time.monotonic() - self.began) / 60:.1f} |")
        for name in ("events", "actions wanted", "calls", "shared calls", "repeats", "ownerships that ended",
                     "done again after them", "were on their way or uncommitted", "done again because of damage",
                     "calls of sleepers", "dead letters",
                     "repeated letters", "given up", "kills", "stops hindered", "rebalances", "commits",
                     *self.GREATEST):
            print(f"| {name} | {self.figures[name]} |")
        print(f"| runs with findings | {len(self.red)} |")
        for title, counted in (("fault", self.blows), ("API fault", self.weather),
                               ("commits that were not taken", self.refusals)):
            print(f"\n| {title} | times |\n|---|---|")
            for name, count in sorted(counted.items()):
                print(f"| {name} | {count} |")
        for seed, findings in self.red:
            print(f"\nseed {seed}:")
            for finding in findings:
                print(f"  {finding}")
        sys.stdout.flush()


class Clusters:
    """One real Kafka for all runs; an embedded broker for each, since it keeps only 5 MB a partition."""

    def __init__(self, kind):
        self.kind, self.open = kind, None

    def get(self):
        if self.open and self.kind == "mock":
            self.end()
        if not self.open:
            self.base = tempfile.mkdtemp(prefix="warden-chaos-kafka-")
            self.open = cluster.open_cluster(self.kind, self.base, **({"own": True} if self.kind == "kafka" else {}))
        return self.open

    def has_died(self):
        """The embedded broker of librdkafka 2.0.2 fails an assertion of its own when a member dies at a bad moment."""
        return self.kind == "mock" and self.open.child.poll() is not None

    def last_words(self):
        with open(self.open.log.name, encoding="utf-8", errors="replace") as log:
            return "".join(log.readlines()[-3:]).strip()

    def end(self):
        if self.open:
            self.open.end()
            shutil.rmtree(self.base, ignore_errors=True)
        self.open = None


def guarded_run(kind, seed, clusters, schedule, rate, report, keep):
    for attempt in range(3):
        verdict_of_run = attempt_run(kind, seed, clusters, schedule, rate, report, keep)
        if verdict_of_run is not None:
            return verdict_of_run
        print(f"     the embedded broker died of a fault of its own (attempt {attempt + 1}): again\n"
              f"     {clusters.last_words()}", flush=True)
        schedule.begin_again()
    report.red.append((seed, ["the embedded broker died three times"]))
    return False


def attempt_run(kind, seed, clusters, schedule, rate, report, keep):
    """True: green; False: findings; None: the embedded broker has died, which says nothing about warden."""
    folder = tempfile.mkdtemp(prefix=f"warden-chaos-{seed}-")
    began = time.monotonic()
    print(f"seed {seed}, {schedule.assignor}: {schedule.text()}", flush=True)
    try:
        judged = one_run(kind, seed, clusters.get(), folder, schedule, rate)
    except (harness.Failure, cluster.ClusterError, OSError) as failure:
        if clusters.has_died():
            return None
        print(f"FAIL seed {seed}: {failure}\n     logs in {folder}", flush=True)
        report.red.append((seed, [str(failure)]))
        return False
    report.add(seed, judged)
    figures = ", ".join(f"{name} {value}" for name, value in judged.figures.items())
    word = "FAIL" if judged.findings else "ok  "
    print(f"{word} seed {seed} ({time.monotonic() - began:.0f} s): {figures}", flush=True)
    for finding in judged.findings:
        print(f"     {finding}", flush=True)
    if judged.findings or keep:
        print(f"     logs in {folder}", flush=True)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return not judged.findings


def plan(options):
    """Seeds and schedules, as long as there is time."""
    if options.ci:
        fresh = random.SystemRandom().randrange(1 << 30)
        quick = [name for name in faults.blows_on(options.kind) if name not in SLOW]
        yield 1, Schedule(options.kind, 1, quick[::2], kills=KILLS[:2], assignor="range")
        yield 2, Schedule(options.kind, 2, quick[1::2], kills=KILLS[1:3], assignor="cooperative-sticky")
        yield fresh, Schedule(options.kind, fresh, count=3, kills=KILLS[:2])
        return
    began, number = time.monotonic(), 0
    while number == 0 or time.monotonic() - began < options.minutes * 60:
        seed = options.seed + number
        only = options.only and options.only.split(",")
        yield seed, Schedule(options.kind, seed, only, kills=() if only else KILLS * (2 if options.minutes else 1),
                             calm=options.calm,
                             long_outage=options.minutes and 30 + seed % 4 * 30)
        number += 1


def main():
    parser = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter, description=__doc__)
    parser.add_argument("kind", choices=["mock", "kafka"])
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    parser.add_argument("--minutes", type=float, default=0)
    parser.add_argument("--ci", action="store_true")
    parser.add_argument("--only")
    parser.add_argument("--calm", action="store_true", help="no faults of the API but those that belong to a blow")
    parser.add_argument("--rate", type=float, default=120, help="events a second")
    parser.add_argument("--keep", action="store_true", help="keep the logs of green runs")
    options = parser.parse_args()
    reason = cluster.why_not(options.kind)
    if reason:
        print(f"skipped: {reason}")
        return 77
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends what it has started
    report, green = Report(options.kind), True
    cluster_of_kind = Clusters(options.kind)
    try:
        for seed, schedule in plan(options):
            green &= guarded_run(options.kind, seed, cluster_of_kind, schedule, options.rate, report, options.keep)
            if not green and options.ci:
                break
    finally:
        cluster_of_kind.end()
    report.print()
    if options.ci:
        enough = report.figures["kills"] >= 10 and report.figures["rebalances"] >= 10
        check(enough or not green, "fewer than 10 kills or 10 rebalances: the schedule has become too tame")
    return 0 if green else 1


if __name__ == "__main__":
    sys.exit(main())
