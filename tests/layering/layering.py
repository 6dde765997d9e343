"""Who may know whom: checks the rules of docs/ARCHITECTURE.md by include lines and by names that a pure library must not
use. Standard library only.

usage: layering.py ROOT          checks a source tree, prints file:line: what, exits 1 where something is wrong
       layering.py --self-test   checks that every rule can fail
"""
import re
import sys
import tempfile
from pathlib import Path

SOURCE = {".c", ".h", ".cc", ".cpp", ".hpp"}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.MULTILINE)

# Comments and literals are blanked before names are looked for; line breaks stay.
NOT_CODE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)

LANGUAGE = """assert.h ctype.h errno.h float.h inttypes.h limits.h locale.h math.h setjmp.h stdalign.h stdarg.h stdatomic.h
stdbool.h stddef.h stdint.h stdio.h stdlib.h stdnoreturn.h string.h strings.h wchar.h wctype.h""".split()
FILES = "dirent.h fcntl.h sys/stat.h sys/types.h unistd.h".split()  # rule files and word lists are read
VECTOR = "immintrin.h emmintrin.h tmmintrin.h smmintrin.h nmmintrin.h arm_neon.h".split()
LANGUAGE_CXX = "algorithm array cstddef cstdint cstdlib cstring limits memory new string string_view utility vector".split()

FILTER_LIBRARIES = ["pcre2.h", "unicode/", "yaml.h", "jansson.h", "simdjson.h", "libpsl.h", "idn2.h", "openssl/evp.h"]
FILTER_ALLOWED = set(LANGUAGE + FILES + VECTOR + LANGUAGE_CXX)

# Header or folder of headers -> folders that may include it.
ROOMS = {
    "librdkafka/": ["worker/kafka/"],
    "rdkafka.h": ["worker/kafka/"],
    "curl/": ["worker/platform/"],
    "microhttpd.h": ["worker/gateway/", "worker/platform/sandbox/"],
    "lmdb.h": ["worker/state/"],
    "hiredis/": ["worker/state/"],
}
ROOM_EXCEPTIONS = {"curl/": ["worker/platform/sandbox/"]}  # the sandbox is a server

# Names that a filter may not use: clock, environment, threads, processes, standard output. (For the network it would need
# headers that it may not include.)
IMPURE = re.compile(
    r"\b(?:"
    r"(?:secure_)?getenv|setenv|putenv|environ"
    r"|clock_gettime|clock_nanosleep|gettimeofday|timespec_get|nanosleep|usleep"
    r"|pthread_\w+|thrd_\w+|mtx_\w+|std::(?:thread|mutex|chrono|cout|cerr)"
    r"|fork|vfork|execv\w*|execl\w*|posix_spawn\w*|popen"
    r"|stdout|stderr|stdin"
    r"|(?<![.>])(?:printf|vprintf|puts|putchar|perror|time|clock|sleep|system|exit|abort)(?=\s*\()"
    r")\b")

# These decide; they neither read nor write. Nothing but the language and the project's own headers.
PURE = ["worker/offsets.c", "worker/retry.c", "filters/plan.c", "filters/evaluate.c", "filters/score.c"]

# Commands that need no network use the library alone.
OFFLINE_COMMANDS = re.compile(r"^worker/cli/(?:rules_\w+|lint|explain|test)\.[ch]$")
NETWORK_ROOMS = ("worker/kafka/", "worker/platform/", "worker/gateway/", "worker/state/")

FILTER_PACKAGES = re.compile(r"\b(?:RDKAFKA|CURL|MICROHTTPD|Threads::Threads)\b")


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def blank(match):
    return re.sub(r"[^\n]", " ", match.group(0))


def starts_with_any(name, prefixes):
    return any(name == p or (p.endswith("/") and name.startswith(p)) for p in prefixes)


def build_programs(folder):
    """Sources that a CMakeLists.txt of filters/ makes into programs of the build: no part of the library."""
    lists = folder / "CMakeLists.txt"
    if not lists.exists():
        return set()
    found = re.findall(r"add_executable\(([^)]*)\)", lists.read_text())
    return {word for arguments in found for word in arguments.split()[1:]}


class Checker:
    def __init__(self, root):
        self.root = Path(root)
        self.findings = []
        self.files = 0

    def find(self, name, line, what):
        self.findings.append(f"{name}:{line}: {what}")

    def check_room(self, name, line, header):
        for library, rooms in ROOMS.items():
            if not starts_with_any(header, [library]):
                continue
            if not name.startswith(tuple(rooms)) or name.startswith(tuple(ROOM_EXCEPTIONS.get(library, ["\0"]))):
                self.find(name, line, f"<{header}> only in {', '.join(rooms)}")

    def check_filter_include(self, name, line, quoted, header):
        if header.startswith("worker/"):
            self.find(name, line, f"filters/ knows nothing of {header}")
        elif header.startswith(("warden/", "filters/")) or header in FILTER_ALLOWED:
            return
        elif not quoted and not starts_with_any(header, FILTER_LIBRARIES):
            self.find(name, line, f"filters/ may not include <{header}>")

    def check_worker_include(self, name, line, header):
        if header.startswith("filters/") or "/filters/" in header:
            self.find(name, line, f"worker/ reaches the library through <warden/...> only, not {header}")
        if OFFLINE_COMMANDS.match(name) and header.startswith(NETWORK_ROOMS):
            self.find(name, line, f"this command needs no network: not {header}")

    def check_public_include(self, name, line, header):
        if not header.startswith("warden/") and header not in LANGUAGE:
            self.find(name, line, f"public headers include the language and <warden/...> only, not <{header}>")

    def check_includes(self, name, text):
        for match in INCLUDE.finditer(text):
            line, quoted, header = line_of(text, match.start()), match.group(1) == '"', match.group(2)
            self.check_room(name, line, header)
            if ".." in header.split("/"):
                self.find(name, line, f"includes start at the root of the repository: {header}")
            if name.startswith("filters/"):
                self.check_filter_include(name, line, quoted, header)
            elif name.startswith("worker/"):
                self.check_worker_include(name, line, header)
            elif name.startswith("include/"):
                self.check_public_include(name, line, header)
            is_ours = header.startswith(("warden/", "filters/", "worker/"))
            if name in PURE and not is_ours and header not in LANGUAGE:
                self.find(name, line, f"this file decides and does no I/O: not <{header}>")

    def check_names(self, name, text, code):
        if name.startswith("filters/"):
            for match in IMPURE.finditer(code):
                self.find(name, line_of(code, match.start()), f"filters/ may not use {match.group(0)}")
        if "jansson.h" in text and re.search(r"<jansson\.h>", text) and not re.search(r"\bjson_\w+", code):
            self.find(name, 1, "includes <jansson.h> and neither parses nor prints JSON")

    def check_file(self, path):
        name = path.relative_to(self.root).as_posix()
        text = path.read_text(encoding="utf-8")
        self.files += 1
        self.check_includes(name, text)
        if path.name not in build_programs(path.parent):
            self.check_names(name, text, NOT_CODE.sub(blank, text))

    def check_lists(self, path):
        name, text = path.relative_to(self.root).as_posix(), path.read_text()
        for match in FILTER_PACKAGES.finditer(text):
            self.find(name, line_of(text, match.start()), f"filters/ is not linked with {match.group(0)}")

    def run(self):
        for folder in ("filters", "worker", "include"):
            for path in sorted((self.root / folder).rglob("*")):
                if path.suffix in SOURCE:
                    self.check_file(path)
        for path in sorted((self.root / "filters").rglob("CMakeLists.txt")):
            self.check_lists(path)
        return self.findings


# A file, what is in it, and a piece of the finding that it must give; None: it must give none.
SELF_TEST = [
    ("filters/a.c", "#include <librdkafka/rdkafka.h>\n", "only in worker/kafka/"),
    ("filters/a.c", "#include <pthread.h>\n", "may not include <pthread.h>"),
    ("filters/a.c", "#include <time.h>\n", "may not include <time.h>"),
    ("filters/a.c", "#include <sys/socket.h>\n", "may not include <sys/socket.h>"),
    ("filters/a.c", "static int accept(int token) { return connect(token); }\n", None),
    ("filters/a.c", "  #  include \"worker/log.h\"\n", "knows nothing of worker/log.h"),
    ("filters/a.c", "#include <unicode/uchar.h>\n#include <pcre2.h>\n#include \"filters/b.h\"\n", None),
    ("filters/a.c", "int f(void)\n{\n    return getenv(\"X\") != 0;\n}\n", "filters/a.c:3: filters/ may not use getenv"),
    ("filters/a.c", "void f(void) { clock_gettime(0, 0); }\n", "clock_gettime"),
    ("filters/a.c", "long f(void) { return time (0); }\n", "may not use time"),
    ("filters/a.c", "void f(void) { printf(\"x\"); }\n", "may not use printf"),
    ("filters/a.c", "void f(void) { fputs(\"x\", stderr); }\n", "stderr"),
    ("filters/a.c", "void f(void) { pthread_create(0, 0, 0, 0); }\n", "pthread_create"),
    ("filters/deep/a.cpp", "void f() { std::thread t; }\n", "std::thread"),
    ("filters/a.c", "/* getenv() and printf() */ // time(0)\nconst char *s = \"getenv(\\\"\";\n", None),
    ("filters/a.c", "int x = runtime(1), y = created_time(2), z = e.time, fprintf_(3);\n", None),
    ("filters/a.c", "long f(struct s *s) { return s->options.clock(s->context) + s->time(0); }\n", None),
    ("filters/CMakeLists.txt", "warden_room(x SOURCES a.c USES PkgConfig::CURL)\n", "not linked with CURL"),
    ("filters/CMakeLists.txt", "warden_room(x SOURCES a.c USES Threads::Threads)\n", "not linked with Threads"),
    ("worker/a.c", "#include \"filters/views/views.h\"\n", "through <warden/...> only"),
    ("worker/a.c", "#include <warden/event.h>\n#include \"worker/log.h\"\n#include <pthread.h>\n", None),
    ("worker/a.c", "#include \"../filters/views/views.h\"\n", "start at the root"),
    ("worker/a.c", "#include <librdkafka/rdkafka.h>\n", "only in worker/kafka/"),
    ("worker/kafka/a.c", "#include <librdkafka/rdkafka_mock.h>\n", None),
    ("worker/kafka/a.c", "#include <curl/curl.h>\n", "only in worker/platform/"),
    ("worker/platform/a.c", "#include <curl/curl.h>\n", None),
    ("worker/platform/sandbox/a.c", "#include <curl/curl.h>\n", "only in worker/platform/"),
    ("worker/platform/sandbox/a.c", "#include <microhttpd.h>\n", None),
    ("worker/platform/a.c", "#include <microhttpd.h>\n", "only in worker/gateway/"),
    ("worker/cli/a.c", "#include <microhttpd.h>\n", "only in worker/gateway/"),
    ("worker/a.c", "#include <jansson.h>\nint x;\n", "neither parses nor prints"),
    ("worker/a.c", "#include <jansson.h>\nvoid f(json_t *j) { json_decref(j); }\n", None),
    ("worker/offsets.c", "#include <unistd.h>\n", "does no I/O"),
    ("worker/retry.c", "#include <time.h>\n", "does no I/O"),
    ("worker/offsets.c", "#include <string.h>\n#include \"worker/offsets.h\"\n", None),
    ("worker/cli/rules_lint.c", "#include \"worker/kafka/consumer.h\"\n", "needs no network"),
    ("include/warden/a.h", "#include <pcre2.h>\n", "public headers"),
    ("include/warden/a.h", "#include <stddef.h>\n#include <warden/status.h>\n", None),
]


def self_test():
    failed = 0
    for name, text, wanted in SELF_TEST:
        with tempfile.TemporaryDirectory() as root:
            path = Path(root) / name
            path.parent.mkdir(parents=True)
            path.write_text(text)
            findings = Checker(root).run()
        is_good = any(wanted in f for f in findings) if wanted else not findings
        if not is_good:
            failed += 1
            print(f"{name}: {text!r}\n  wanted: {wanted}\n  got: {findings}")
    with tempfile.TemporaryDirectory() as root:  # programs of the build may print
        (Path(root) / "filters").mkdir()
        (Path(root) / "filters/make.c").write_text("int main(void) { printf(\"x\"); }\n")
        (Path(root) / "filters/CMakeLists.txt").write_text("add_executable(make make.c)\n")
        if Checker(root).run():
            failed += 1
            print("a program of the build was taken for a part of the library")
    print(f"{len(SELF_TEST) + 1} cases, {failed} failed")
    return 1 if failed else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    checker = Checker(sys.argv[1])
    findings = checker.run()
    for finding in findings:
        print(finding)
    if checker.files < 20:
        print(f"only {checker.files} source files under {sys.argv[1]}: is this the root of the repository?")
        return 2
    print(f"{checker.files} files, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
