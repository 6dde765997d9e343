#!/usr/bin/env python3
"""Installs into a folder of its own and uses what is there: the program, the library through pkg-config, the man page.

    install_test.py BUILD_FOLDER SOURCE_FOLDER CC"""
import os
import pathlib
import subprocess
import sys
import tempfile

JUDGE = r"""
#include <stdio.h>
#include <warden/decode.h>
#include <warden/ruleset.h>
#include <warden/scanner.h>

static const char RULES[] =
    "ruleset: {id: test.install, version: 1.0.0, format: 1, default_mode: enforce}\n"
    "rules: [{id: test.word, title: A word, severity: low, when: {words: [flagme]}, actions: [flag]}]\n";

int main(int argc, char **argv)
{
    struct wd_diagnostics *findings = wd_diagnostics_new();
    struct wd_ruleset *set = NULL;
    struct wd_ruleset_options options = {0};
    if (wd_ruleset_load_text("rules", RULES, sizeof(RULES) - 1, &options, &set, findings) != WD_OK) {
        wd_diagnostics_print(findings, stderr);
        return 2;
    }
    struct wd_decoder *decoder = wd_decoder_new(1 << 20);
    struct wd_scanner_options scanning = {0};
    struct wd_scanner *scanner = wd_scanner_new(&scanning);
    struct wd_arena *arena = wd_arena_new(1 << 24);
    struct wd_events events;
    struct wd_verdict verdict;
    struct wd_error err;
    const char *record = argc > 1 ? argv[1] : "";
    if (wd_decode(decoder, arena, record, strlen(record), &events, &err) != WD_DECODED || events.count != 1 ||
        wd_scan(scanner, set, arena, &events.items[0], 0, &verdict, &err) != WD_OK)
        return 3;
    printf("%zu\n", verdict.match_count);
    wd_arena_free(arena);
    wd_scanner_free(scanner);
    wd_decoder_free(decoder);
    wd_ruleset_unref(set);
    wd_diagnostics_free(findings);
    return 0;
}
"""


def run(*words, **options):
    result = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=300, check=False,
                            **options)
    if result.returncode:
        raise SystemExit(f"{' '.join(map(str, words))}: code {result.returncode}\n{result.stdout}{result.stderr}")
    return result.stdout


def one(root, pattern):
    found = sorted(root.glob(pattern))
    if not found:
        raise SystemExit(f"{pattern} was not installed")
    return found[0]


def cached(build, name):
    for line in (build / "CMakeCache.txt").read_text().splitlines():
        if line.startswith(name + ":"):
            return line.partition("=")[2]
    return ""


def check_library(root, build, source, compiler, work):
    """Programs that know nothing but pkg-config are compiled against what was installed, and judge a text."""
    pc = one(root, "**/pkgconfig/warden.pc")
    environment = dict(os.environ, PKG_CONFIG_PATH=str(pc.parent))
    flags = run("pkg-config", "--cflags", "--libs", "warden", env=environment).split()
    if not any(flag.startswith(f"-I{root}") or flag.startswith(f"-I{pc.parent}") for flag in flags):
        raise SystemExit(f"pkg-config names another place: {flags}")
    sanitizers = cached(build, "WARDEN_SANITIZE")
    if sanitizers:
        flags.append(f"-fsanitize={sanitizers}")
    environment["LD_LIBRARY_PATH"] = str(one(root, "**/libwarden.*").parent)
    program = work / "judge"
    (work / "judge.c").write_text(JUDGE)
    run(compiler, "-std=c17", "-Wall", "-Wextra", "-Werror", work / "judge.c", "-o", program, *flags)
    for record, matches in (('{"text":"please flagme"}', "1\n"), ('{"text":"flagmen"}', "0\n")):
        if run(program, record, env=environment) != matches:
            raise SystemExit(f"{record}: not {matches!r}")
    for example in sorted((source / "docs" / "examples").glob("*.c")):
        run(compiler, "-std=c17", "-Wall", "-Wextra", "-Werror", example, "-o", work / example.stem, *flags)


def check_names(root):
    """Nothing but wd_... (and folded C++ inline functions) is seen of the library."""
    library = one(root, "**/libwarden.*")
    dynamic = ["-D"] if ".so" in library.name else []
    for line in run("nm", *dynamic, "-g", "--defined-only", library).splitlines():
        words = line.split()
        if len(words) == 3 and words[1] in "TDBR" and not words[2].startswith(("wd_", "_Z", "__")):
            raise SystemExit(f"libwarden shows {words[2]}")


def main(build, source, compiler):
    build, source = pathlib.Path(build), pathlib.Path(source)
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder) / "root"
        work = pathlib.Path(folder) / "work"
        work.mkdir()
        run("cmake", "--install", build, env=dict(os.environ, DESTDIR=str(root)))
        warden = one(root, "**/bin/warden")
        libraries = dict(os.environ, LD_LIBRARY_PATH=str(one(root, "**/libwarden.*").parent))
        run(warden, "--version", env=libraries)
        for pattern in ("**/etc/warden/warden.yaml", "**/share/warden/platforms/socialplus.yaml",
                        "**/share/warden/schema/warden.schema.json", "**/share/man/man1/warden.1",
                        "**/bash-completion/completions/warden", "**/vendor-completions/_warden",
                        "**/vendor_completions.d/warden.fish"):
            one(root, pattern)
        configuration = one(root, "**/etc/warden/warden.yaml")
        printed = run(warden, "config", "print", "-c", configuration, cwd=work, env=libraries)
        if f"# {configuration}:" not in printed:
            raise SystemExit(f"the installed configuration is not what is printed:\n{printed}")
        run("bash", "-n", one(root, "**/bash-completion/completions/warden"))
        check_names(root)
        check_library(root, build, source, compiler, work)
    print("installed, compiled against and used")


if __name__ == "__main__":
    main(*sys.argv[1:4])
