#!/usr/bin/env python3
"""Do the tests of the operators bite? Seeds each fault of mutants.txt into a copy of its reference, links
the tests against it and runs them: a fault that passes ops-reference, ops-gradient and ops-infer has
survived. At least 95 of 100 must be caught; survivors are listed.

    tests/conformance/mutants.py BUILDDIR [--sample N] [--op NAME] [--jobs N] [--verbose]

--sample N takes N of them by the seed TENON_TEST_SEED (default 0). Last line: N passed, N failed, N skipped.
"""

import argparse
import concurrent.futures
import json
import os
import random
import re
import shlex
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCES = os.path.join(os.path.dirname(os.path.dirname(HERE)), "core", "ops")
KINDS = ("sign", "axis", "off_by_one", "mask", "dropped", "wrong")
TESTS = ("reference", "gradient", "infer")
MIN_CAUGHT = 0.95
MIN_MUTANTS = 100
TIMEOUT_S = 120


class Mutant:
    def __init__(self, line, file, op, kind, place):
        self.line, self.file, self.op, self.kind, self.place = line, file, op, kind, place
        self.old = self.new = None

    def name(self):
        return f"{self.op} ({self.kind}, {self.file}, mutants.txt:{self.line}): {self.old}  ->  {self.new}"

    def apply(self):
        """The faulty source; ValueError when the patch no longer fits."""
        with open(os.path.join(SOURCES, self.file), encoding="utf-8") as stream:
            text = stream.read()
        begin = 0
        if self.place:
            # The definition: a line that begins with a type, or the place's first mention.
            found = re.search(r"^(static|int|double|void|tn_)[^\n;]*\b" + re.escape(self.place), text, re.M)
            begin = found.start() if found else text.find(self.place)
            if begin < 0:
                raise ValueError(f"{self.place} is not in {self.file}")
        at = text.find(self.old, begin)
        if at < 0:
            raise ValueError(f"'{self.old}' is not in {self.file} behind {self.place or 'its beginning'}")
        return text[:at] + self.new + text[at + len(self.old):]


def read_mutants(path):
    mutants, file = [], None
    with open(path, encoding="utf-8") as stream:
        for number, line in enumerate(stream, 1):
            line = line.rstrip("\n")
            if not line or line.startswith("#"):
                continue
            if line.startswith("file "):
                file = line[5:]
            elif line.startswith("- "):
                mutants[-1].old = line[2:]
            elif line.startswith("+ "):
                mutants[-1].new = line[2:]
            else:
                words = line.split()
                place = words[2][1:] if len(words) == 3 and words[2].startswith("@") else None
                if file is None or len(words) not in (2, 3) or words[1] not in KINDS:
                    sys.exit(f"mutants.txt:{number}: '{line}' is no fault")
                mutants.append(Mutant(number, file, words[0], words[1], place))
    for m in mutants:
        if m.old is None or m.new is None or m.old == m.new:
            sys.exit(f"mutants.txt:{m.line}: needs two texts that differ")
    return mutants


class Builder:
    """Commands of the build folder, bent to another object."""

    def __init__(self, build):
        self.build = os.path.abspath(build)
        with open(os.path.join(self.build, "compile_commands.json"), encoding="utf-8") as stream:
            self.compiles = {os.path.basename(e["file"]): e["command"] for e in json.load(stream)
                             if "libtenon-core.a.p/ops_" in e["output"]}
        self.links = {}
        for name in TESTS:
            out = subprocess.run(["ninja", "-t", "commands", f"tests/ops/test-ops-{name}"], cwd=self.build,
                                 capture_output=True, text=True, check=True).stdout
            self.links[name] = shlex.split(out.strip().splitlines()[-1])

    def compile(self, source, folder, file):
        words = shlex.split(self.compiles[file])
        words = [w for w in words if w not in ("-Werror", "ccache", "-g", "-MD")]
        out = os.path.join(folder, "mutant.o")
        for flag in ("-MQ", "-MF"):
            at = words.index(flag)
            del words[at:at + 2]
        words[words.index("-o") + 1] = out
        words[-1] = source
        # Headers are included by their path from core/, so that the copy may lie anywhere.
        done = subprocess.run(words + ["-w", "-O1"], cwd=self.build, capture_output=True, text=True)
        return out if done.returncode == 0 else None, done.stderr

    def link(self, name, mutant, folder):
        words = list(self.links[name])
        out = os.path.join(folder, f"test-{name}")
        words[words.index("-o") + 1] = out
        # Not the whole archive: its own object of that source is then left out.
        words = [w for w in words if "whole-archive" not in w]
        words.insert(words.index(out) + 1, mutant)
        done = subprocess.run(words, cwd=self.build, capture_output=True, text=True)
        return out if done.returncode == 0 else None, done.stderr


def judge(builder, mutant):
    """(verdict, note): caught, survived or broken."""
    with tempfile.TemporaryDirectory(prefix="tenon-mutant-") as folder:
        source = os.path.join(folder, mutant.file)
        try:
            text = mutant.apply()
        except (ValueError, OSError) as error:
            return "broken", str(error)
        with open(source, "w", encoding="utf-8") as stream:
            stream.write(text)
        obj, why = builder.compile(source, folder, mutant.file)
        if not obj:
            return "broken", "does not compile: " + why[-400:]
        for name in TESTS:
            test, why = builder.link(name, obj, folder)
            if not test:
                return "broken", "does not link: " + why[-400:]
            try:
                done = subprocess.run([test, "-j1", "--fail-fast"], cwd=folder, capture_output=True,
                                      timeout=TIMEOUT_S)
            except subprocess.TimeoutExpired:
                return "caught", f"ops-{name} (does not end)"
            if done.returncode != 0:
                return "caught", f"ops-{name}"
    return "survived", ""


def check_texts(mutants):
    """A clean-up of a reference must take its faults along."""
    failed = 0
    for mutant in mutants:
        try:
            mutant.apply()
        except (ValueError, OSError) as error:
            failed += 1
            print(f"FAIL {mutant.name()}: {error}")
    print(f"{len(mutants) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", nargs="?")
    parser.add_argument("--texts", action="store_true", help="only whether each text stands where it is said to; no build")
    parser.add_argument("--sample", type=int)
    parser.add_argument("--op")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args()
    mutants = read_mutants(os.path.join(HERE, "mutants.txt"))
    if args.texts:
        return check_texts(mutants)
    whole = not args.sample and not args.op
    if args.op:
        mutants = [m for m in mutants if m.op == args.op]
    if args.sample:
        mutants = random.Random(int(os.environ.get("TENON_TEST_SEED", 0))).sample(mutants, min(args.sample, len(mutants)))
    subprocess.run(["ninja", "-C", args.build, *(f"tests/ops/test-ops-{name}" for name in TESTS)],
                   stdout=subprocess.DEVNULL, check=True)
    builder = Builder(args.build)
    # Without a fault everything passes: else every fault would look caught.
    control = Mutant(0, mutants[0].file, "control", "wrong", None)
    control.old = control.new = "#include"
    if judge(builder, control)[0] != "survived":
        print("FAIL the tests fail without any fault\n0 passed, 1 failed, 0 skipped")
        return 1
    found = {"caught": [], "survived": [], "broken": []}
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for mutant, (verdict, note) in zip(mutants, pool.map(lambda m: judge(builder, m), mutants)):
            found[verdict].append(mutant)
            if verdict == "broken":
                print(f"FAIL {mutant.name()}: {note}", flush=True)
            elif verdict == "survived":
                print(f"survived: {mutant.name()}", flush=True)
            elif args.verbose:
                print(f"{note}: {mutant.name()}", flush=True)
    n_caught, n_survived, n_broken = (len(found[k]) for k in ("caught", "survived", "broken"))
    share = n_caught / max(1, n_caught + n_survived)
    print(f"{n_caught} of {n_caught + n_survived} caught ({100 * share:.1f} %), {len({m.op for m in mutants})} operators")
    failed = n_broken
    if whole and len(mutants) < MIN_MUTANTS:
        print(f"FAIL {len(mutants)} faults; there must be {MIN_MUTANTS}")
        failed += 1
    if share < MIN_CAUGHT and (whole or n_survived > 1):
        print(f"FAIL fewer than {100 * MIN_CAUGHT:.0f} % are caught")
        failed += 1
    print(f"{n_caught + n_survived} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
