"""Checks docker-compose.yml and the Dockerfile for what they promise, on the file as Debian's docker-compose reads it.
Python 3 and its YAML module (which docker-compose brings).

usage: check.py ROOT [PROGRAM]   exits 1 with findings, 77 where docker-compose is missing (an error where CI=true);
                                 PROGRAM is a built warden that must understand what the file gives to it
       check.py --self-test [PROGRAM]   checks that each rule can fail
"""
import copy
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

WARDEN = ("worker", "sandbox")
KAFKA = ("kafka", "topics", "producer")
TOPICS = {"content.events": 12, "moderation.decisions": 12, "moderation.dlq": 12}
TAGGED = re.compile(r"^[\w./-]+:(?!latest$)[\w][\w.-]+$")


def seconds(text):
    match = re.fullmatch(r"(?:(\d+)m)?(?:(\d+)s)?", text or "")
    return int(match.group(1) or 0) * 60 + int(match.group(2) or 0) if match else 0


def words(value):
    return value if isinstance(value, str) else " ".join(value or [])


def check_hardening(name, service, find):
    wanted = {"user": "10001:10001", "read_only": True, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"]}
    for key, value in wanted.items():
        if service.get(key) != value:
            find(f"{name}: {key} is {service.get(key)!r}, wanted {value!r}")
    if not any(str(mount).startswith("/tmp") for mount in service.get("tmpfs", [])):
        find(f"{name}: no tmpfs on /tmp beside a read-only root")
    for key in ("privileged", "cap_add", "container_name", "network_mode", "pid"):
        if service.get(key):
            find(f"{name}: {key} is set")
    if not service.get("secrets"):
        find(f"{name}: the token is not a secret")
    for variable in service.get("environment", {}):
        if re.search(r"TOKEN|SECRET|KEY|PASSWORD", variable) and not variable.endswith("_FILE"):
            find(f"{name}: {variable} holds a secret in the environment")


def check_worker(service, find):
    for port in service.get("ports", []):
        find(f"worker: port {port} is fixed on the host, so that it cannot scale")
    if seconds(service.get("stop_grace_period")) < 40:
        find("worker: stop_grace_period is below 40 s")
    drain = seconds(service.get("environment", {}).get("WARDEN_WORKER__DRAIN_TIMEOUT"))
    if not 0 < drain < seconds(service.get("stop_grace_period")):
        find("worker: the drain does not end before Docker kills")
    if service.get("depends_on", {}).get("kafka", {}).get("condition") != "service_healthy":
        find("worker: does not wait for a healthy Kafka")
    if service.get("depends_on", {}).get("topics", {}).get("condition") != "service_completed_successfully":
        find("worker: does not wait for its topics")
    if service.get("profiles"):
        find("worker: is in a profile, so that a plain 'up' does not start it")
    if "warden health" not in words(service.get("healthcheck", {}).get("test")):
        find("worker: no health check by warden itself")


def check_kafka(services, version, find):
    for name in KAFKA:
        image = services.get(name, {}).get("image")
        if image != f"apache/kafka:{version}":
            find(f"{name}: image {image}, but scripts/kafka tests with {version}")
    environment = services["kafka"].get("environment", {})
    if environment.get("KAFKA_PROCESS_ROLES") != "broker,controller":
        find("kafka: not in KRaft mode")
    if not services["kafka"].get("healthcheck", {}).get("test"):
        find("kafka: no health check")
    if environment.get("KAFKA_AUTO_CREATE_TOPICS_ENABLE") != "false":
        find("kafka: makes topics of one partition by itself")
    created = dict(re.findall(r"^\s*create (\S+) (\d+)", words(services["topics"].get("command")), re.MULTILINE))
    if {topic: int(count) for topic, count in created.items()} != TOPICS:
        find(f"topics: creates {created}")
    if services["topics"].get("restart") != "no":
        find("topics: runs more than once")


def check_state(services, volumes, find):
    """Workers that scale remember together, and what they remember outlives a container."""
    redis, worker = services.get("redis"), services["worker"]
    if not redis:
        find("redis: there is no such service, so each worker would remember apart")
        return
    command = words(redis.get("command"))
    if "--appendonly yes" not in command:
        find("redis: keeps nothing on the disk")
    if "--maxmemory-policy volatile-ttl" not in command or "--maxmemory " not in command:
        find("redis: does not say what goes first where memory is full")
    mounted = [v.split(":")[0] if isinstance(v, str) else v.get("source") for v in redis.get("volumes", [])]
    if not any(name in volumes for name in mounted):
        find("redis: its data is in no volume")
    if redis.get("ports"):
        find("redis: can be reached from outside")
    if redis.get("profiles"):
        find("redis: is in a profile, but the worker always needs it")
    if not redis.get("healthcheck", {}).get("test"):
        find("redis: no health check")
    environment = worker.get("environment", {})
    if environment.get("WARDEN_STATE__STORE") != "redis" or "redis:6379" not in environment.get("WARDEN_STATE__ADDRESSES", ""):
        find("worker: does not remember in redis")
    if worker.get("depends_on", {}).get("redis", {}).get("condition") != "service_healthy":
        find("worker: does not wait for redis")


def check_scripts(services, find):
    """What services give to bash is at least bash."""
    for name, service in services.items():
        if "/bin/bash" not in words(service.get("entrypoint")):
            continue
        script = words(service.get("command")).replace("$$", "$")
        run = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, timeout=30, check=False)
        if run.returncode != 0:
            find(f"{name}: {run.stderr.strip()}")


def check_demo(services, root, find):
    for name in ("sandbox", "producer"):
        if services[name].get("profiles") != ["demo"]:
            find(f"{name}: not in the profile demo alone")
    if services["sandbox"].get("command", [None])[0] != "sandbox":
        find("sandbox: does not run the sandbox")
    if "REAL_PLATFORM" not in services["producer"].get("environment", {}):
        find("producer: sends sample events although a real platform is called")
    for volume in services["producer"].get("volumes", []):
        source = volume.split(":")[0] if isinstance(volume, str) else volume.get("source", "")
        if root and not Path(source).is_file():
            find(f"producer: {source} is no file")


def check_compose(compose, root, project_version, kafka_version):
    findings = []
    find = findings.append
    services = compose["services"]
    for name in (*WARDEN, *KAFKA):
        if name not in services:
            return [f"there is no service {name}"]
    for name, service in services.items():
        if not TAGGED.match(service.get("image", "")):
            find(f"{name}: image {service.get('image')} is not pinned by a tag")
    for name in WARDEN:
        check_hardening(name, services[name], find)
        if services[name].get("image") != f"warden:{project_version}":
            find(f"{name}: image {services[name].get('image')}, but the project is version {project_version}")
    check_worker(services["worker"], find)
    check_kafka(services, kafka_version, find)
    check_demo(services, root, find)
    check_state(services, compose.get("volumes", {}), find)
    check_scripts(services, find)
    for name, secret in compose.get("secrets", {}).items():
        if root and not Path(secret.get("file", "")).is_file():
            find(f"secret {name}: {secret.get('file')} is no file")
    return findings


def check_dockerfile(text):
    findings = []
    stages = re.findall(r"^FROM\s+(\S+)", text, re.MULTILINE)
    final = text[text.rfind("\nFROM "):]
    if len(stages) < 2:
        findings.append("Dockerfile: one stage: the compiler is in the image")
    findings += [f"Dockerfile: {image} is not pinned by a tag" for image in stages if not TAGGED.match(image)]
    findings += [f"Dockerfile: {image} is no slim Debian 12" for image in stages
                 if not re.match(r"debian:(bookworm|12)\S*-slim$", image)]
    for pattern, what in ((r"^USER 10001", "does not run as user 10001"), (r"^HEALTHCHECK .*warden", "no health check"),
                          (r'^ENTRYPOINT \["/usr/bin/warden"\]', "does not start warden"),
                          (r'^CMD \["run"\]', "does not run the worker by default"),
                          (r"--no-install-recommends", "installs recommended packages")):
        if not re.search(pattern, final, re.MULTILINE):
            findings.append(f"Dockerfile: {what}")
    if re.search(r"-dev\b|\bgcc\b|\bcmake\b", final):
        findings.append("Dockerfile: the final stage holds what only a build needs")
    return findings


def versions(root):
    project = re.search(r"project\(warden VERSION (\S+)", (root / "CMakeLists.txt").read_text()).group(1)
    kafka = re.search(r"^KAFKA_VERSION=(\S+)", (root / "scripts/kafka").read_text(), re.MULTILINE).group(1)
    return project, kafka


def read_compose(root, environment):
    import yaml
    clean = {k: v for k, v in os.environ.items() if not k.startswith("WARDEN_")}
    command = ["docker-compose", "-f", str(root / "docker-compose.yml"), "--profile", "demo", "config"]
    run = subprocess.run(command, cwd=root, env={**clean, **environment}, capture_output=True, text=True, timeout=60)
    if run.returncode != 0:
        sys.exit(f"docker-compose config fails:\n{run.stdout}{run.stderr}")
    return yaml.safe_load(run.stdout)


def check_base_url(root):
    """Without the demo the worker calls what WARDEN_PLATFORM__BASE_URL says; in the demo the sandbox."""
    def url(environment):
        compose = read_compose(root, environment)
        return compose["services"]["worker"]["environment"]["WARDEN_PLATFORM__BASE_URL"]
    findings = []
    if url({}) != "http://sandbox:8081":
        findings.append("worker: does not call the sandbox by default")
    if url({"WARDEN_PLATFORM__BASE_URL": "https://example.org"}) != "https://example.org":
        findings.append("worker: does not call WARDEN_PLATFORM__BASE_URL")
    return findings


def run_program(program, arguments, environment):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("WARDEN_")}
    run = subprocess.run([program, *arguments], env={**clean, **environment}, capture_output=True, text=True,
                         timeout=30, check=False)
    return run.returncode, (run.stdout + run.stderr).strip()


def check_with_program(services, program, token_file, find):
    """The program takes the environment, the commands and the health checks of the file."""
    environment = {key: value.replace("/run/secrets/platform_token", token_file)
                   for key, value in services["worker"].get("environment", {}).items()}
    code, output = run_program(program, ["config", "print"], environment)
    if code != 0:
        find(f"worker: warden does not take the environment: {output}")
    for name in WARDEN:
        command = services[name].get("healthcheck", {}).get("test", [])[1:]
        code, output = run_program(program, command[1:], environment) if command[:1] == ["warden"] else (2, "no warden")
        if code not in (0, 1, 69):  # 2 and 78: it was never asked
            find(f"{name}: the health check cannot work: {output}")
    arguments = [word.replace("/run/secrets/platform_token", token_file) for word in services["sandbox"]["command"]]
    if "--port" in arguments:
        arguments[arguments.index("--port") + 1] = "0"
    sandbox = subprocess.Popen([program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    first = sandbox.stdout.readline()
    sandbox.terminate()
    rest, _ = sandbox.communicate(timeout=30)
    if "listens" not in first:
        find(f"sandbox: does not start: {first}{rest}")


# Where in the file, what it is changed to (None: taken out), a piece of the finding that this must give.
SPOILED = [
    ("services.worker.user", "root", "user"),
    ("services.worker.read_only", None, "read_only"),
    ("services.worker.cap_drop", [], "cap_drop"),
    ("services.worker.security_opt", None, "security_opt"),
    ("services.worker.tmpfs", None, "tmpfs"),
    ("services.worker.privileged", True, "privileged"),
    ("services.worker.container_name", "warden", "container_name"),
    ("services.worker.ports", ["8080:8080"], "fixed on the host"),
    ("services.worker.secrets", None, "not a secret"),
    ("services.worker.environment.WARDEN_TOKEN", "x", "in the environment"),
    ("services.worker.stop_grace_period", "10s", "below 40 s"),
    ("services.worker.environment.WARDEN_WORKER__DRAIN_TIMEOUT", "50s", "drain"),
    ("services.worker.depends_on.kafka.condition", "service_started", "healthy Kafka"),
    ("services.worker.depends_on.topics", None, "its topics"),
    ("services.worker.profiles", ["demo"], "profile"),
    ("services.worker.healthcheck", None, "health check"),
    ("services.redis", None, "no such service"),
    ("services.redis.command", ["redis-server"], "keeps nothing"),
    ("services.redis.volumes", None, "in no volume"),
    ("services.redis.ports", ["6379:6379"], "from outside"),
    ("services.redis.healthcheck", None, "redis: no health check"),
    ("services.worker.environment.WARDEN_STATE__STORE", "memory", "does not remember in redis"),
    ("services.worker.depends_on.redis", None, "wait for redis"),
    ("services.worker.image", "warden:latest", "not pinned"),
    ("services.worker.image", "warden:9.9.9", "the project is version"),
    ("services.kafka.image", "apache/kafka", "not pinned"),
    ("services.kafka.image", "apache/kafka:1.0.0", "scripts/kafka"),
    ("services.kafka.environment.KAFKA_PROCESS_ROLES", "broker", "KRaft"),
    ("services.kafka.environment.KAFKA_AUTO_CREATE_TOPICS_ENABLE", "true", "by itself"),
    ("services.kafka.healthcheck", None, "health check"),
    ("services.topics.command", "create content.events 1\n", "creates"),
    ("services.topics.restart", "always", "more than once"),
    ("services.producer.command", ["while true; do sleep 1"], "syntax error"),
    ("services.sandbox.profiles", None, "profile demo"),
    ("services.sandbox.read_only", None, "sandbox: read_only"),
    ("services.producer.environment", {}, "real platform"),
    ("services.producer", None, "no service producer"),
]


# The same for what needs the program.
SPOILED_FOR_PROGRAM = [
    ("services.worker.environment.WARDEN_WORKER__DRAIN_TIME", "25s", "does not take the environment"),
    ("services.worker.healthcheck.test", ["CMD", "warden", "helth"], "health check cannot work"),
    ("services.sandbox.healthcheck.test", ["CMD", "curl", "localhost"], "health check cannot work"),
    ("services.sandbox.command", ["sandbox", "--adress", "0.0.0.0"], "does not start"),
]


def spoil(compose, path, value):
    at, keys = compose, path.split(".")
    for key in keys[:-1]:
        at = at[key]
    if value is None:
        at.pop(keys[-1])
    else:
        at[keys[-1]] = value


def self_test(root, program):
    project, kafka = versions(root)
    good = read_compose(root, {})
    failed = []
    for path, value, wanted in SPOILED_FOR_PROGRAM if program else []:
        compose, findings = copy.deepcopy(good), []
        spoil(compose, path, value)
        check_with_program(compose["services"], program, compose["secrets"]["platform_token"]["file"], findings.append)
        if not any(wanted in finding for finding in findings):
            failed.append(f"{path} = {json.dumps(value)}: wanted '{wanted}', got {findings}")
    for path, value, wanted in SPOILED:
        compose = copy.deepcopy(good)
        spoil(compose, path, value)
        findings = check_compose(compose, None, project, kafka)
        if not any(wanted in finding for finding in findings):
            failed.append(f"{path} = {json.dumps(value)}: wanted '{wanted}', got {findings}")
    dockerfile = (root / "Dockerfile").read_text()
    for old, new, wanted in (("USER 10001:10001", "USER root", "10001"), ("HEALTHCHECK", "# HEALTHCHECK", "health"),
                             ("bookworm-20", "trixie-20", "Debian 12"), (" libcurl4 ", " libcurl4-openssl-dev ", "needs"),
                             ('CMD ["run"]', "", "by default")):
        findings = check_dockerfile(dockerfile.replace(old, new))
        if wanted and not any(wanted in finding for finding in findings):
            failed.append(f"Dockerfile, '{old}' -> '{new}': wanted '{wanted}', got {findings}")
    print("\n".join(failed + [f"{len(SPOILED) + 5 + (len(SPOILED_FOR_PROGRAM) if program else 0)} cases, {len(failed)} failed"]))
    return 1 if failed else 0


def main():
    is_self_test = sys.argv[1] == "--self-test"
    root = Path(__file__).resolve().parents[2] if is_self_test else Path(sys.argv[1]).resolve()
    program = sys.argv[2] if len(sys.argv) > 2 else None
    if not shutil.which("docker-compose"):
        print("docker-compose is missing: scripts/setup --test installs it")
        return 1 if os.environ.get("CI") == "true" else 77
    if is_self_test:
        return self_test(root, program)
    compose = read_compose(root, {})
    findings = check_compose(compose, root, *versions(root))
    findings += check_base_url(root) + check_dockerfile((root / "Dockerfile").read_text())
    if program and not findings:
        check_with_program(compose["services"], program, compose["secrets"]["platform_token"]["file"], findings.append)
    print("\n".join(findings + [f"{len(findings)} findings"]))
    return 1 if findings else 0


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    sys.exit(main())
