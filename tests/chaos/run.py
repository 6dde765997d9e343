"""One run: a cluster, a sandbox, workers, a stream of events, and faults on a schedule that a seed has made."""
import os
import random
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cluster  # noqa: E402
import events  # noqa: E402
import harness  # noqa: E402
import ledger  # noqa: E402
import observer  # noqa: E402
from harness import check, wait_for  # noqa: E402

PARTITIONS = 8
WORKERS = 3
SESSION_SECONDS = 6
PROBE_SECONDS = 0.5
WINDOW_SECONDS = 3
MIN_CALLS = 10
MAX_IN_FLIGHT = 64
# What may be in memory beside an idle worker (verdict.py): held records, what the Kafka client reads ahead, one of its
# answers that is being taken apart while the next one comes in, and calls with their connections and answers.
HELD_BYTES = 4 << 20
AHEAD_BYTES = 2 << 20
FETCH_BYTES = 2 << 20
ANSWER_BYTES = 16 << 10
CONNECTION_BYTES = 48 << 10
CAP_BYTES = HELD_BYTES + AHEAD_BYTES + 2 * FETCH_BYTES + MAX_IN_FLIGHT * (ANSWER_BYTES + CONNECTION_BYTES)
RULES = os.path.join(harness.ROOT, "tests", "chaos", "rules.yaml")
EXTRA = os.environ.get("WARDEN_CHAOS_EXTRA", "")  # more options for every worker, as key=value,key=value


def now_ms():
    return int(time.time() * 1000)


class Disturbance:
    def __init__(self, name, touches_kafka):
        self.name, self.touches_kafka = name, touches_kafka
        self.begin_ms, self.end_ms = now_ms(), None


class Run:
    def __init__(self, kind, seed, folder, kafka, assignor, rate):
        self.kind, self.seed, self.folder, self.kafka, self.rate = kind, seed, folder, kafka, rate
        self.assignor = assignor
        self.group = f"chaos-{seed}-{assignor}"
        self.topics = ledger.create_topics(kafka, PARTITIONS, self.group)
        self.sandbox = harness.Sandbox(folder, "--latency-ms", "5", "--latency-max-ms", "30", "--seed", str(seed))
        self.source = events.Source(random.Random(seed ^ 0x5eed))
        self.workers, self.alive = [], []
        self.stopped_ms = {}     # worker -> [(SIGSTOP, SIGCONT)]
        self.killed_ms = {}      # worker -> when
        self.clean = set()       # workers that ended with 0 after SIGTERM
        self.owner_of_token = {}
        self.disturbances, self.outages = [], []
        self.damaged_ms = []     # when an outsider overwrote what was committed about finished records
        self.kills = self.hindered = 0
        self.lock = threading.Lock()
        self.commits = observer.Commits(kafka, self.topics.events, self.group, folder)
        self.memory = observer.Memory(self.workers)
        self.idle_kib = None     # of a worker that has only just warmed up
        self.stop_feeding = threading.Event()
        self.feeder = threading.Thread(target=self.feed, daemon=True)
        self.problem = None

    # ---- events ----

    def feed(self):
        piece = max(1, int(self.rate * 0.2))
        try:
            while not self.stop_feeding.wait(0.2):
                self.produce(piece)
        except Exception as problem:  # told by the main thread
            self.problem = problem

    def produce(self, count, **how):
        with self.lock:
            made = self.source.make(count, **how)
            exempt = [{"userId": event.author, "exempt": True} for event in made if event.exempt]
            if exempt:
                self.sandbox.request("POST", "/__sandbox/objects", {"users": exempt})
            self.kafka.produce(self.topics.events, [(event.author, event.value()) for event in made])

    # ---- workers ----

    def start_worker(self, **more):
        name = f"w{len(self.workers) + 1}"
        secret = f"token-of-{name}-{self.seed}"
        self.sandbox.request("POST", "/__sandbox/tokens", {"name": name, "token": secret})
        self.owner_of_token[name] = name
        options = self.topics.options() | {
            "kafka.group_id": self.group, "kafka.assignor": self.assignor,
            "kafka.session_timeout": f"{SESSION_SECONDS}s",
            "kafka.properties": "{fetch.wait.max.ms: 10, heartbeat.interval.ms: 400, reconnect.backoff.max.ms: 1000, "
                                "socket.timeout.ms: 10000, "
                                f"queued.max.messages.kbytes: {AHEAD_BYTES >> 10}, fetch.max.bytes: {FETCH_BYTES}}}",
            "platform.total_timeout": "4s", "platform.connect_timeout": "2s", "platform.max_retry_after": "3s",
            "platform.max_answer_bytes": ANSWER_BYTES,
            # long enough for company, few enough for keys that list them all
            "platform.batch_wait": "50ms", "platform.batch_max": 16,
            "worker.max_in_flight": MAX_IN_FLIGHT, "worker.max_held_bytes": HELD_BYTES, "worker.max_attempts": 50,
            "worker.retry_base": "100ms", "worker.retry_max": "2s", "worker.drain_timeout": "10s",
            "worker.breaker_window": f"{WINDOW_SECONDS}s", "worker.breaker_probe": f"{int(PROBE_SECONDS * 1000)}ms",
            "worker.breaker_min_calls": MIN_CALLS, "worker.max_dead_letters_per_minute": 100000,
        }
        if not self.kafka.is_real:  # it may leave a JoinGroup without an answer, which then has to time out
            options["kafka.max_poll_interval"] = "20s"
        options |= dict(item.split("=", 1) for item in EXTRA.split(",") if item) | more
        worker = harness.Worker(name, self.folder, self.kafka, self.sandbox, RULES, options, secret=secret)
        self.workers.append(worker)
        self.alive.append(worker)
        return worker

    def pick(self, dice):
        return dice.choice(self.alive)

    def kill(self, worker):
        self.killed_ms[worker] = now_ms()
        worker.kill()
        self.alive.remove(worker)
        self.kills += 1

    def leave_unanswered(self, worker, seconds):
        """SIGTERM while Kafka does not answer: what is uncommitted stays so, but it has to be gone in time."""
        self.killed_ms[worker] = now_ms()
        self.alive.remove(worker)
        worker.signal(signal.SIGTERM)
        code = worker.wait(seconds)
        self.killed_ms[worker] = now_ms()
        check(code in (0, 1), f"{worker.name} was asked to end while Kafka did not answer and ended with {code}")
        self.hindered += 1

    def terminate(self, worker, seconds=40, strictly=False):
        """SIGTERM. It has to end with 0, unless the API or Kafka kept it from finishing: that it must say."""
        self.alive.remove(worker)
        code = worker.stop(seconds)
        if code == 0:
            self.clean.add(worker)
            return
        refused = not self.kafka.is_real and worker.said("commit-failed")  # it refuses commits while members join
        hindered = worker.said("drain-timeout") or refused or any(
            d.touches_kafka and (d.end_ms or now_ms()) > now_ms() - 20000 for d in self.disturbances)
        check(code == 1 and hindered and not strictly, f"{worker.name} was asked to end and ended with {code}")
        self.hindered += 1

    def freeze(self, worker, seconds):
        worker.signal(signal.SIGSTOP)
        observer.wait_until_stopped(worker.child.pid)
        begin = now_ms()
        time.sleep(seconds)
        worker.signal(signal.SIGCONT)
        self.stopped_ms.setdefault(worker, []).append((begin, now_ms()))

    def ready(self, worker, seconds=60):
        wait_for(f"{worker.name} has joined", worker.ready, seconds)

    def warm_up(self):
        """Each code path once, and what an idle worker takes after that."""
        for worker in self.alive:
            self.ready(worker)
        self.produce(120, share=0.5)
        self.topics.wait_until_committed(self.kafka, self.group, len(self.source.events), 60)
        self.idle_kib = max(observer.resident_kib(worker.child.pid) for worker in self.alive)

    def times_assigned(self):
        return {worker: len(worker.said("assigned")) for worker in self.alive}

    def unexpected_ends(self):
        return [worker for worker in self.alive if not worker.running()]

    # ---- faults ----

    def weather(self, faults, seconds):
        """Faults of the API for a while; they end by themselves."""
        for_ms = int(seconds * 1000)
        self.sandbox.request("POST", "/__sandbox/faults",
                             {"faults": [fault | {"for_ms": for_ms} for fault in faults], "seed": self.seed})

    def disturb(self, name, function, dice, touches_kafka=False):
        disturbance = Disturbance(name, touches_kafka)
        self.disturbances.append(disturbance)
        if not self.kafka.is_real and self.kafka.child.poll() is not None:
            raise cluster.ClusterError("the embedded broker has died")
        function(self, dice)
        disturbance.end_ms = now_ms()
        check(not self.unexpected_ends(), f"ended by themselves: {[w.name for w in self.unexpected_ends()]}")
        if self.problem:
            raise harness.Failure(f"the feeder: {self.problem}")

    # ---- the end ----

    def settle(self):
        """No more faults: everything that was produced gets done, by everybody."""
        self.sandbox.request("DELETE", "/__sandbox/faults")
        self.stop_feeding.set()
        self.feeder.join(150 * harness.SLOW)
        check(not self.feeder.is_alive() and not self.problem, f"the events could not be produced: {self.problem}")
        self.quiet_ms = now_ms()
        while len(self.alive) < 2:
            self.start_worker()
        self.produce(400, share=0.5)  # something new for every partition
        self.topics.wait_until_committed(self.kafka, self.group, len(self.source.events), 90)
        self.settled_ms = now_ms()
        wait_for("every worker owns partitions, and together all",
                 lambda: self.shares() and min(self.shares()) > 0 and sum(self.shares()) == PARTITIONS, 40, step=0.3)

    def shares(self):
        try:
            return [int(worker.metric("warden_assigned_partitions")) for worker in self.alive]
        except OSError:
            return []

    def idle_share(self, seconds=8):
        """The largest share of a core that an idle worker takes."""
        before = [observer.cpu_seconds(worker.child.pid) for worker in self.alive]
        began = time.monotonic()
        time.sleep(seconds)
        lasted = time.monotonic() - began
        return max((observer.cpu_seconds(worker.child.pid) - used) / lasted for worker, used in zip(self.alive, before))

    def finish(self):
        for worker in list(self.alive):
            self.terminate(worker, strictly=True)

    def end(self):
        self.stop_feeding.set()
        self.memory.end()
        self.commits.end()
        for worker in self.workers:
            worker.signal(signal.SIGCONT)
            worker.end()
        self.sandbox.end()
