#!/usr/bin/env python3
"""Runs golden tests: commands whose output and exit code are kept in files.

    run.py [--update] WARDEN FOLDER...

A case is a folder with a file `cmd`: the command line, quoted as for a shell (no other shell syntax); the word
`warden` at its begin stands for the program. It runs inside the case's folder, with an environment that holds nothing
but PATH, LANG=C.UTF-8 and the lines NAME=VALUE of the file `env`; `stdin` is given on standard input. `stdout`,
`stderr` and `code` are what must come out; where a file is missing: nothing, nothing, 0.

--update writes what came out: look at the difference before you commit it."""
import difflib
import os
import pathlib
import shlex
import subprocess
import sys

TIMEOUT_SECONDS = 60


def cases_in(folders):
    for folder in folders:
        yield from sorted(path.parent for path in pathlib.Path(folder).rglob("cmd"))


def environment_of(case):
    environment = {"PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8"}
    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS"):
        if name in os.environ:
            environment[name] = os.environ[name]
    if (case / "env").exists():
        for line in (case / "env").read_text().splitlines():
            name, _, value = line.partition("=")
            environment[name] = value
    return environment


def run(case, warden):
    words = shlex.split((case / "cmd").read_text(), comments=True)
    if words[0] == "warden":
        words[0] = warden
    stdin = (case / "stdin").read_bytes() if (case / "stdin").exists() else b""
    result = subprocess.run(words, cwd=case, env=environment_of(case), input=stdin, capture_output=True,
                            timeout=TIMEOUT_SECONDS, check=False)
    return {"stdout": result.stdout.decode(errors="replace"), "stderr": result.stderr.decode(errors="replace"),
            "code": f"{result.returncode}\n"}


def expected(case, name):
    path = case / name
    if path.exists():
        return path.read_text()
    return "0\n" if name == "code" else ""


def update(case, outcome):
    for name, text in outcome.items():
        path = case / name
        if text != ("0\n" if name == "code" else ""):
            path.write_text(text)
        elif path.exists():
            path.unlink()


def differences(case, outcome):
    for name, text in outcome.items():
        wanted = expected(case, name)
        if text != wanted:
            yield from difflib.unified_diff(wanted.splitlines(), text.splitlines(), f"{case}/{name} (expected)",
                                            f"{case}/{name} (now)", lineterm="")


def main(arguments):
    updating = "--update" in arguments
    arguments = [word for word in arguments if word != "--update"]
    if len(arguments) < 2:
        print(__doc__)
        return 2
    warden, folders = str(pathlib.Path(arguments[0]).resolve()), arguments[1:]
    count = failures = 0
    for case in cases_in(folders):
        count += 1
        try:
            outcome = run(case, warden)
        except subprocess.TimeoutExpired:
            print(f"FAIL {case}: still running after {TIMEOUT_SECONDS} s")
            failures += 1
            continue
        if updating:
            update(case, outcome)
            continue
        lines = list(differences(case, outcome))
        if lines:
            failures += 1
            print(f"FAIL {case}", *lines, sep="\n")
    print(f"{count} cases, {failures} failed")
    return 1 if failures or not count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
