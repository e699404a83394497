#!/usr/bin/env python3
"""Conformance finds a backend that spoils one operator: two operators, five ways.

    tests/conformance/test_corrupt.py [BUILDDIR]

TENON_TEST_FULL: ten operators.
"""

import functools
import json
import os
import random
import shlex
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
import harness
from harness import Tool, case

TOOL = Tool(harness.build_folder())
PLUGIN = os.path.join(TOOL.build, "tests", "conformance", "libtenon-backend-corrupt.so")
WAYS = {
    "value": ("expected", "gradient", "holds"),
    "nan": ("expected", "gradient"),
    "past": ("writes",),
    "hang": ("hangs",),
    "crash": ("signal 11",),
}
# Every part of the list gets its turn over time; a failure is repeated with TENON_TEST_SEED.
SEED = int(os.environ.get("TENON_TEST_SEED", random.randrange(1000)))
N_PLANTED = 10 if os.environ.get("TENON_TEST_FULL") else 2


def conformance(*args, timeout=120):
    done = TOOL.run("conformance", "--json", *args, timeout=timeout)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    return done, events


@functools.cache
def operators():
    """Those that run as nodes on cpu: a reshape is never executed."""
    done, events = conformance("--device", "cpu", "--suite", "ops", "--quick")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    passed = sorted({e["op"] for e in events if e["event"] == "case" and e["verdict"] == "passed"})
    return [op for op in passed if spoils(op)]


def spoils(op):
    # The output of these lies in memory that no node writes.
    return op not in ("reshape", "identity", "stop_gradient", "squeeze", "unsqueeze", "flatten")


def planted(op, how):
    # One direction and one element type will do: what spoils f32 spoils the rest.
    return conformance("--backend", PLUGIN, "--backend-opt", f"op={op}", "--backend-opt", f"how={how}",
                       "--quick", "--suite", "ops", "--timeout", "3s")


@case
def the_wrapper_alone_spoils_nothing():
    done, events = conformance("--backend", PLUGIN, "--quick")
    assert done.returncode == 0, [e for e in events if e.get("verdict") == "failed"][:3]
    assert events[-1]["event"] == "done" and events[-1]["failed"] == 0, events[-1]
    assert events[-1]["passed"] > 100, events[-1]


@case
def an_unknown_way_to_spoil_is_a_usage_error():
    done = TOOL.run("conformance", PLUGIN, "--backend-opt", "how=badly", "--quick")
    assert done.returncode == 2 and "how=value|slight|again|nan" in done.stderr, (done.returncode, done.stderr)


def every_way_is_found(how):
    picks = random.Random(f"{SEED} {how}").sample(operators(), N_PLANTED)
    for op in picks:
        done, events = planted(op, how)
        assert done.returncode == 1, f"{op} {how}: exit {done.returncode}\n{done.stderr[-1000:]}"
        failed = [e for e in events if e["event"] == "case" and e["verdict"] == "failed"]
        assert failed and {e["op"] for e in failed} == {op}, f"{op} {how}: {[(e['op'], e['case']) for e in failed]}"
        assert any(any(word in e["message"] for word in WAYS[how]) for e in failed), f"{op} {how}: {failed[0]}"
        assert f"--ops {op}" in failed[0]["command"] and f"how={how}" in failed[0]["command"], failed[0]
        # What the operator does not touch is judged as ever: the run goes on after a death.
        others = [e for e in events if e["event"] == "case" and e["op"] != op]
        assert len(others) > 100 and all(e["verdict"] != "failed" for e in others), f"{op} {how}: {len(others)}"
        assert events[-1]["event"] == "done" and events[-1]["failed"] == len(failed), events[-1]
    return f"seed {SEED}: {', '.join(picks)}"


@case
def a_wrong_value_is_found():
    return every_way_is_found("value")


@case
def a_nan_is_found():
    return every_way_is_found("nan")


@case
def a_write_past_the_end_is_found():
    return every_way_is_found("past")


@case
def a_hang_is_found():
    return every_way_is_found("hang")


@case
def a_crash_is_found():
    return every_way_is_found("crash")


@case
def a_slight_error_is_found():
    """0.2 % of one element, which no tolerance of f32 allows."""
    for op in ("matmul", "conv2d", "exp"):
        done, events = planted(op, "slight")
        failed = [e for e in events if e["event"] == "case" and e["verdict"] == "failed"]
        assert done.returncode == 1 and {e["op"] for e in failed} == {op}, f"{op}: exit {done.returncode} {failed[:1]}"
        assert all(e["worst"] is None or e["worst"] > 1 for e in failed), failed[:1]


@case
def another_bit_in_a_second_run_is_found():
    """Within every tolerance, and no repeatable device."""
    for op in ("exp", "softmax"):
        done, events = planted(op, "again")
        failed = [e for e in events if e["event"] == "case" and e["verdict"] == "failed"]
        assert done.returncode == 1 and {e["op"] for e in failed} == {op}, f"{op}: exit {done.returncode} {failed[:1]}"
        assert any("other bits in a second run" in e["message"] for e in failed), failed[0]


@case
def the_gradients_are_compared_as_well():
    done, events = conformance("--backend", PLUGIN, "--backend-opt", "op=mul", "--ops", "mul", "--suite", "backward")
    failed = [e for e in events if e["event"] == "case" and e["verdict"] == "failed"]
    assert done.returncode == 1 and failed and all(e["suite"] == "backward" for e in failed), done.stdout[-1000:]


@case
def the_report_lists_what_failed():
    path = os.path.join(TOOL.cwd, "report.json")
    done, events = conformance("--backend", PLUGIN, "--backend-opt", "op=tanh", "--ops", "tan*", "--suite", "ops",
                               "--report", path)
    failed = [e for e in events if e["event"] == "case" and e["verdict"] == "failed"]
    assert done.returncode == 1 and failed, done.stderr
    with open(path) as file:
        report = json.load(file)
    assert [(f["op"], f["case"], f["command"]) for f in report["failures"]] == \
        [(e["op"], e["case"], e["command"]) for e in failed], report["failures"]
    assert report["totals"]["failed"] == len(failed) == sum(r["failed"] for r in report["results"]), report["totals"]
    assert {r["op"] for r in report["results"] if r["verdict"] == "FAILED"} == {"tanh"}, report["results"]


@case
def the_command_that_is_shown_fails_alone():
    _, events = planted("matmul", "value")
    failed = [e for e in events if e["event"] == "case" and e["verdict"] == "failed"]
    words = failed[0]["command"].split()
    assert words[:2] == ["tenon", "conformance"], words
    done, events = conformance(*words[2:])
    cases = [e for e in events if e["event"] == "case"]
    assert done.returncode == 1 and len(cases) == 1 and cases[0]["case"] == failed[0]["case"], cases


@case
def a_device_that_vanishes_keeps_what_was_found():
    mark, path = (os.path.join(TOOL.cwd, name) for name in ("vanished", "report.json"))
    _, whole = conformance("--backend", PLUGIN, "--quick", "--ops", "s*")
    done, events = conformance("--backend", PLUGIN, "--backend-opt", "op=sigmoid", "--backend-opt", "how=vanish",
                               "--backend-opt", "mark=" + mark, "--quick", "--ops", "s*", "--report", path)
    listed = [e for e in events if e["event"] == "case"]
    assert done.returncode == 1 and events[-1]["event"] == "done", (done.returncode, done.stderr)
    assert [(e["op"], e["case"], e["dtype"]) for e in listed] == \
        [(e["op"], e["case"], e["dtype"]) for e in whole if e["event"] == "case"]
    failed = [i for i, e in enumerate(listed) if e["verdict"] == "failed"]
    assert len(failed) == 2 and failed[1] == failed[0] + 1, failed
    assert listed[failed[0]]["op"] == "sigmoid" and "lost" in listed[failed[0]]["message"], listed[failed[0]]
    assert "cannot be opened any more" in listed[failed[1]]["message"], listed[failed[1]]
    assert failed[0] > 0 and {e["verdict"] for e in listed[:failed[0]]} == {"passed"}
    assert {(e["verdict"], e["message"]) for e in listed[failed[1] + 1:]} == {("skipped", "not tried: the device is gone")}
    with open(path) as file:
        assert json.load(file)["totals"]["failed"] == 2


@case
def a_driver_that_talks_spoils_no_verdict():
    done, events = planted("add", "talk")
    assert done.returncode == 0 and events[-1]["failed"] == 0 and events[-1]["passed"] > 100, done.stdout[-500:]


@case
def a_command_with_odd_words_is_one_for_the_shell():
    folder = os.path.join(TOOL.cwd, "it's $HOME; here")
    os.makedirs(folder, exist_ok=True)
    plugin = shutil.copy(PLUGIN, folder)
    _, events = conformance(plugin, "--backend-opt", "op=matmul", "--backend-opt", "mark=a b'c\"d", "--ops", "matmul",
                            "--suite", "ops", "--quick")
    failed = [e for e in events if e["event"] == "case" and e["verdict"] == "failed"]
    words = shlex.split(failed[0]["command"])
    assert plugin in words and "mark=a b'c\"d" in words, words
    again = subprocess.run(failed[0]["command"].replace("tenon", TOOL.exe, 1) + " --json", shell=True, text=True,
                           capture_output=True, env=TOOL.env(), cwd=TOOL.cwd)
    cases = [json.loads(line) for line in again.stdout.splitlines()]
    assert [e["verdict"] for e in cases if e["event"] == "case"] == ["failed"], (again.stdout, again.stderr)


@case
def options_by_a_variable_reach_the_children_once():
    done = TOOL.run("conformance", PLUGIN, "--quick", "--ops", "exp", "--suite", "ops", "--json",
                    env={"TENON_BACKEND_OPT": "op=exp;how=value"})
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1 and events[-1]["failed"] > 3, (events[-1:], done.stderr)


if __name__ == "__main__":
    sys.exit(harness.main())
