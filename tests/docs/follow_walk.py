#!/usr/bin/env python3
"""Does to a copy of the sources what docs/add-an-operator.md says, builds it, and runs what the page runs.

    tests/docs/follow_walk.py [BUILDDIR]

Last line: N passed, N failed, N skipped.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAGE = os.path.join(ROOT, "docs", "add-an-operator.md")
STEP = re.compile(r"^`(?P<file>[^`]+)`, (?:at its end|after the line `(?P<line>[^\n]+)`):\n\n```c\n(?P<text>.*?)^```$", re.M | re.S)
OP = "hypot"


def steps():
    with open(PAGE) as file:
        page = file.read()
    found = list(STEP.finditer(page))
    # A block that the expression above did not understand would be left out in silence.
    assert len(found) == page.count("```c\n"), f"{len(found)} of {page.count('```c')} blocks say where they go"
    return found


def apply(tree, step):
    path = os.path.join(tree, step["file"])
    with open(path) as file:
        text = file.read()
    if step["line"]:
        at = [line for line in text.splitlines() if line == step["line"]]
        assert len(at) == 1, f"{step['file']} has the line '{step['line']}' {len(at)} times"
        text = text.replace(step["line"] + "\n", step["line"] + "\n" + step["text"], 1)
    else:
        text += step["text"]
    with open(path, "w") as file:
        file.write(text)


def copy_tree(to):
    ignored = shutil.ignore_patterns(".git", "builddir*", "__pycache__", "runs")
    shutil.copytree(ROOT, to, ignore=ignored)


def run(*command, cwd, **kwargs):
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, **kwargs)
    assert done.returncode == 0, f"{' '.join(command)}: exit {done.returncode}\n{(done.stdout + done.stderr)[-3000:]}"
    return done.stdout


def conformance(build, device, env):
    done = subprocess.run([os.path.join(build, "cli", "tenon"), "conformance", "--device", device, "--ops", OP, "--json"],
                          capture_output=True, text=True, env=env)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    if not events and "no device" in done.stderr:
        return None
    done_event = events[-1]
    assert done.returncode == 0 and done_event["failed"] == 0 and done_event["unsupported"] == 0, done_event
    assert done_event["passed"] >= 20, done_event
    return done_event["passed"]


def main():
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    with tempfile.TemporaryDirectory(prefix="tenon-walk-") as scratch:
        tree, build = os.path.join(scratch, "tree"), os.path.join(scratch, "build")
        env = dict(os.environ, TENON_CACHE_DIR=os.path.join(scratch, "cache"), TENON_STATE_DIR=os.path.join(scratch, "state"))
        env.pop("TENON_BACKEND_PATH", None)
        try:
            copy_tree(tree)
            for step in steps():
                apply(tree, step)
            run("meson", "setup", build, tree, cwd=scratch)
            names = ["infer", "reference", "gradient", "coverage"]
            run("ninja", "-C", build, "tool", *[f"tests/ops/test-ops-{n}" for n in names], cwd=scratch)
            for name in names:
                run(os.path.join(build, "tests", "ops", f"test-ops-{name}"), cwd=build, env=env)
                counts["passed"] += 1
                print(f"ok   ops-{name}")
            for device in ("ref", "cpu", "opencl"):
                n = conformance(build, device, env)
                counts["passed" if n else "skipped"] += 1
                print(f"ok   {OP} on {device}: {n} cases" if n else f"skip no device {device}")
        except AssertionError as e:
            counts["failed"] += 1
            print(f"FAIL {e}")
    print(", ".join(f"{n} {what}" for what, n in counts.items()))
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
