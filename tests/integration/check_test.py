#!/usr/bin/env python3
"""`warden check` against things that answer, refuse and are not there: the demo's broker and sandbox.

    check_test.py WARDEN SOURCE_FOLDER"""
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile

WARDEN, SOURCE = sys.argv[1], pathlib.Path(sys.argv[2])
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("WARDEN_")}
failures = []


def check(name, code, *parts, absent=(), arguments=()):
    words = [WARDEN, "check", "-c", str(SOURCE / "config" / "warden.yaml"), *arguments]
    result = subprocess.run(words, capture_output=True, text=True, timeout=120, env=ENVIRONMENT, check=False)
    output = result.stdout + result.stderr
    wrong = [f"no '{part}'" for part in parts if part not in output]
    wrong += [f"'{part}' is there" for part in absent if part in output]
    if result.returncode != code:
        wrong.append(f"code {result.returncode}, not {code}")
    if wrong:
        failures.append(name)
        print(f"FAIL {name}: {'; '.join(wrong)}\n{output}")
    else:
        print(f"ok   {name}")


def closed_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def sets(**values):
    return [word for key, value in values.items() for word in ("--set", f"{key.replace('__', '.')}={value}")]


def first(process, pattern):
    """What the first line that matches says."""
    for line in process.stdout:
        match = re.search(pattern, line)
        if match:
            return match[1]
    raise SystemExit(f"{process.args} ended without a word like {pattern}")


def start(*words):
    return subprocess.Popen([WARDEN, *map(str, words)], cwd=SOURCE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                            text=True, env=ENVIRONMENT)


def stop(process):
    """Ends it as an operator would; what it said at its end."""
    process.send_signal(signal.SIGTERM)
    rest = process.stdout.read()
    code = process.wait(60)
    if code:
        failures.append(process.args[1])
        print(f"FAIL {process.args[1]} ended with {code}: {rest}")
    return rest


def main(folder):
    token, wrong_token = folder / "token", folder / "wrong"
    token.write_text("the-right-token\n")
    wrong_token.write_text("some-other-token\n")
    demo, sandbox = start("demo", "--serve", "--rate", 5), start("sandbox", "--port", 0, "--token-file", token)
    try:
        brokers, url = first(demo, r"Kafka +(\S+:\d+)"), first(sandbox, r"(http://\S+)")
        there = {"kafka__brokers": brokers, "platform__base_url": url}
        check("all is there", 0, "ok    Kafka", "ok    topic: content.events (read) has 12 partitions",
              "ok    topic: moderation.decisions", "ok    platform token", absent=("FAIL",),
              arguments=sets(**there, platform__token_file=token))
        check("the token is refused", 1, "FAIL  platform token", str(wrong_token), "ok    Kafka",
              absent=("some-other-token",), arguments=sets(**there, platform__token_file=wrong_token))
        check("no token is set", 78, "platform.token_file is not set", "ok    Kafka", arguments=sets(**there))
        check("the token's file is missing", 78, "FAIL  platform token", "nowhere",
              arguments=sets(**there, platform__token_file="nowhere"))
        check("the platform is not there", 69, "FAIL  platform", "ok    Kafka",
              arguments=sets(**there, platform__token_file=token) +
              sets(platform__base_url=f"http://127.0.0.1:{closed_port()}"))
        check("Kafka is not there", 69, "FAIL  Kafka", "ok    platform token",
              arguments=sets(**there, platform__token_file=token) + sets(kafka__brokers=f"127.0.0.1:{closed_port()}"))
        check("a misspelled property", 78, "FAIL  kafka.properties", "did you mean 'client.rack'",
              arguments=sets(**there, platform__token_file=token) + [
              "--set", "kafka.properties={client.rak: a}"])
        check("offline asks nobody", 0, "ok    action table", absent=("Kafka", "FAIL"),
              arguments=["--offline", *sets(kafka__brokers=f"127.0.0.1:{closed_port()}")])
    finally:
        stop(demo)
        said = stop(sandbox)
    if not re.search(r"calls received: [1-9]", said):
        failures.append("sandbox")
        print(f"FAIL the sandbox saw no call: {said}")
    return 1 if failures else 0


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        sys.exit(main(pathlib.Path(name)))
