"""Runs the builder stage of the Dockerfile without Docker: copies the tree (what .dockerignore lets through), runs each
RUN line in it, and then the staged program. Also checks that the final stage installs the package of every library that
the program needs. Leaves nothing behind.

usage: build_steps.py ROOT [--keep FOLDER]
"""
import argparse
import fnmatch
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

# Always there: the C library, and what the C++ libraries among the packages bring.
BASE_PACKAGES = {"libc6", "libgcc-s1", "libstdc++6"}


class StepError(Exception):
    pass


def instructions(text):
    """(instruction, rest) of every line, continuation lines joined, comments left out."""
    joined, current = [], ""
    for line in text.splitlines():
        if not current and (not line.strip() or line.lstrip().startswith("#")):
            continue
        if current and line.lstrip().startswith("#"):
            continue
        current += line
        if current.endswith("\\"):
            current = current[:-1] + " "
            continue
        name, _, rest = current.strip().partition(" ")
        joined.append((name.upper(), rest.strip()))
        current = ""
    return joined


def stages(text):
    found = []
    for name, rest in instructions(text):
        if name == "FROM":
            found.append([])
        elif found:
            found[-1].append((name, rest))
    return found


class Ignore:
    """The forms that .dockerignore here uses: '/path', '/path/', '**/name', '*' within a part; nothing is re-included."""

    def __init__(self, path):
        lines = [line.strip() for line in path.read_text().splitlines()]
        self.patterns = [line.strip("/") for line in lines if line and not line.startswith("#")]
        if any(p.startswith("!") for p in self.patterns):
            raise StepError(".dockerignore re-includes files: teach this script how")

    def __call__(self, name):
        for pattern in self.patterns:
            if pattern.startswith("**/"):
                if fnmatch.fnmatch(Path(name).name, pattern[3:]):
                    return True
            elif name.count("/") == pattern.count("/") and fnmatch.fnmatch(name, pattern):
                return True
        return False


def copy_tree(root, source, target, ignore):
    """COPY of a file or folder of the context."""
    start = (root / source).resolve()
    if start.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(start, target)
        return
    for folder, names, files in os.walk(start):
        inside = Path(folder).resolve().relative_to(root)
        names[:] = [n for n in names if not ignore((inside / n).as_posix())]
        for file in files:
            if ignore((inside / file).as_posix()):
                continue
            to = target / Path(folder).relative_to(start) / file
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(Path(folder) / file, to, follow_symlinks=False)


def run_builder(root, steps, folder):
    """Runs the steps below `folder`; returns where the program was staged."""
    ignore, environment = Ignore(root / ".dockerignore"), dict(os.environ)
    environment.pop("DESTDIR", None)
    work, stage = folder, None
    for name, rest in steps:
        if name == "ENV":
            key, _, value = rest.partition("=")
            value = str(folder / value.strip('"').lstrip("/"))
            environment[key] = value
            stage = value if key == "STAGE" else stage
        elif name == "WORKDIR":
            work = folder / rest.lstrip("/")
            work.mkdir(parents=True, exist_ok=True)
        elif name == "COPY":
            *sources, target = rest.split()
            for source in sources:
                copy_tree(root, source, work / target, ignore)
        elif name == "RUN":
            print(f"RUN {rest}", flush=True)
            run = subprocess.run(["/bin/sh", "-c", rest], cwd=work, env=environment, text=True, timeout=1500,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
            if run.returncode != 0:
                raise StepError(f"exit code {run.returncode}\n{run.stdout[-6000:]}")
        else:
            raise StepError(f"the builder stage has a step that this script does not know: {name} {rest}")
    if not stage:
        raise StepError("the builder stage sets no STAGE")
    return Path(stage)


def check_program(stage):
    program = stage / "usr/bin/warden"
    run = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=60, check=False)
    print(run.stdout.splitlines()[0] if run.stdout else run.stderr)
    if run.returncode != 0 or not re.match(r"warden \d+\.\d+\.\d+", run.stdout):
        raise StepError(f"the staged program does not start: {run.stdout}{run.stderr}")


def check_copies(final_steps, stage):
    """What the final stage takes from the builder is there, and the configuration is among it."""
    copies = [rest.split()[1:] for name, rest in final_steps if name == "COPY" and rest.startswith("--from=builder ")]
    for source, target in copies:
        if source != "/stage" + target or not (stage / target.lstrip("/")).exists():
            raise StepError(f"the final stage copies {source} to {target}: wrong, or not there")
    targets = {target for _, target in copies}
    if targets != {"/usr/bin/warden", "/usr/share/warden", "/etc/warden"}:
        raise StepError(f"the final stage copies {sorted(targets)}")
    if not (stage / "etc/warden/warden.yaml").is_file():
        raise StepError("the image has no /etc/warden/warden.yaml")


def needed_packages(program):
    """Packages of the libraries that the program names itself."""
    dynamic = subprocess.run(["readelf", "-d", program], capture_output=True, text=True, check=True).stdout
    paths = dict(re.findall(r"(\S+) => (/\S+)", subprocess.run(["ldd", program], capture_output=True, text=True,
                                                               check=True).stdout))
    packages = set()
    for library in re.findall(r"\(NEEDED\).*\[(.*?)\]", dynamic):
        if library.startswith("ld-linux"):
            continue
        found, path = "", paths.get(library, "/nowhere")
        for name in (path, os.path.realpath(path), path.replace("/lib/", "/usr/lib/", 1)):
            owner = subprocess.run(["dpkg", "-S", name], capture_output=True, text=True, check=False)
            found = found or owner.stdout.split(":")[0]
        if not found:
            raise StepError(f"no package owns {library}")
        packages.add(found)
    return packages - BASE_PACKAGES


def check_packages(final_steps, program):
    text = " ".join(rest for name, rest in final_steps if name == "RUN")
    install = re.search(r"apt-get install -y --no-install-recommends ([^&]+)", text)
    installed = set(install.group(1).split()) - {"ca-certificates"} if install else set()
    needed = needed_packages(program)
    if needed - installed:
        raise StepError(f"the final stage does not install {sorted(needed - installed)}")
    print(f"the final stage installs what is needed: {' '.join(sorted(needed))}")
    if installed - needed:
        print(f"and more: {' '.join(sorted(installed - needed))}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root")
    parser.add_argument("--keep", help="work in this folder and keep it")
    arguments = parser.parse_args()
    root = Path(arguments.root).resolve()
    found = stages((root / "Dockerfile").read_text())
    folder = Path(arguments.keep).resolve() if arguments.keep else Path(tempfile.mkdtemp(prefix="warden-image-"))
    try:
        stage = run_builder(root, found[0], folder)
        check_program(stage)
        check_copies(found[-1], stage)
        check_packages(found[-1], stage / "usr/bin/warden")
    except StepError as error:
        print(f"build_steps: {error}")
        return 1
    finally:
        if not arguments.keep:
            shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
