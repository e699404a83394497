#!/usr/bin/env python3
"""tenon conformance as a user runs it.

    tests/cli/test_conformance.py [BUILDDIR]
"""

import json
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time

import harness
from harness import Tool, case

TOOL = Tool(harness.build_folder())
SUITES = ("ops", "backward", "reject", "abi", "memory", "ordering", "trajectory", "random", "threads", "claims")


def run(*args, **kwargs):
    done = TOOL.run("conformance", "--json", *args, **kwargs)
    return done, [json.loads(line) for line in done.stdout.splitlines()]


def cases(events, **want):
    return [e for e in events if e["event"] == "case" and all(e[k] == v for k, v in want.items())]


def operators():
    """As docs/operators.md lists them."""
    with open(os.path.join(os.path.dirname(__file__), "..", "..", "docs", "operators.md")) as file:
        names = set(re.findall(r"^#+ `?([a-z][a-z0-9_]*)`?$", file.read(), re.M))
    assert len(names) > 200, f"only {len(names)} operators in docs/operators.md"
    return names


@case
def a_quick_run_has_every_suite_and_counts_every_case():
    done, events = run("--device", "ref", "--quick")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert events[0]["event"] == "device" and events[0]["selector"] == "ref:0", events[0]
    listed = cases(events)
    assert {e["suite"] for e in listed} == set(SUITES)
    missing = operators() - {e["op"] for e in listed if e["suite"] == "ops"}
    assert not missing, f"no case of these operators runs: {sorted(missing)}"
    last = events[-1]
    assert last["event"] == "done" and last["failed"] == 0
    for verdict in ("passed", "failed", "unsupported", "skipped"):
        assert last[verdict] == len(cases(events, verdict=verdict)), (verdict, last)
    rows = [e for e in events if e["event"] == "row"]
    assert sum(r["cases"] for r in rows) == len(listed)
    assert {"f32", "f16", "bf16"} <= {r["dtype"] for r in rows}
    # A share of a tolerance: most cases are off by something, none by more than all of it.
    worst = [r["worst"] for r in rows if r["direction"] in ("forward", "backward")]
    assert any(w > 0 for w in worst) and all(w <= 1 for w in worst)


@case
def children_and_one_process_agree():
    verdicts = []
    for more in ([], ["--in-process"]):
        _, events = run("--device", "cpu", "--ops", "conv2d*", *more)
        verdicts.append([(e["suite"], e["op"], e["case"], e["dtype"], e["verdict"], e["worst"]) for e in cases(events)])
    assert len(verdicts[0]) > 50 and verdicts[0] == verdicts[1]


@case
def filters_narrow():
    _, events = run("--device", "ref", "--ops", "soft*", "--suite", "ops", "--dtype", "f16")
    found = cases(events)
    assert found and all(e["op"].startswith("soft") and e["dtype"] == "f16" and e["suite"] == "ops" for e in found)
    one = found[0]
    _, events = run("--device", "ref", "--ops", one["op"], "--suite", "ops", "--dtype", "f16", "--case", one["case"])
    assert [(e["op"], e["case"]) for e in cases(events)] == [(one["op"], one["case"])]


@case
def what_there_is_not_is_a_usage_error():
    for args, word in ((["--ops", "no_such_op"], "no case"), (["--suite", "nonsense"], "there is no suite"),
                       (["--dtype", "f17"], "no element type"), (["--device", "ref:9"], "no device 9"),
                       (["--timeout", "soon"], "90s, 30m"), (["--timeout", "0"], "90s, 30m"),
                       (["--timeout", "-3s"], "90s, 30m"), (["--timeout", "nan"], "90s, 30m"),
                       (["--timeout", "inf"], "at most"), (["--timeout", "1e300h"], "at most"),
                       (["--report", "/"], "that is no file"), (["--report", "/dev/full"], "that is no file"),
                       (["./nothing.so"], "no such file"),
                       (["./a.so", "--backend", "cpu"], "twice")):
        done = TOOL.run("conformance", *args)
        assert done.returncode == 2 and word in done.stderr, (args, done.returncode, done.stderr)
        assert done.stdout == "", (args, done.stdout)


@case
def the_report_is_whole_and_says_where_it_comes_from():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "report.json")
        done = TOOL.ok("conformance", "--device", "ref", "--ops", "add", "--report", path)
        with open(path) as file:
            report = json.load(file)
        assert os.listdir(folder) == ["report.json"], "what was written on the way is gone"
        assert report["format"] == 1 and report["device"]["name"] == "reference" and report["os"] and report["date"]
        assert report["totals"]["passed"] == sum(r["passed"] for r in report["results"]) > 10
        assert report["failures"] == [] and "passed" in done.stdout
        missing = os.path.join(folder, "no", "such", "folder.json")
        done = TOOL.run("conformance", "--device", "ref", "--ops", "add", "--case", "row", "--report", missing)
        assert done.returncode == 2 and "folder.json" in done.stderr and not done.stdout, done


def no_room_for_files():
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


@case
def a_full_disk_costs_the_report_alone():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "report.json")
        with open(path, "w") as file:
            file.write("the old one")
        for more in ([], ["--json"]):
            done = TOOL.run("conformance", "--device", "ref", "--ops", "add", "--dtype", "f32", "--report", path, *more,
                            preexec_fn=no_room_for_files, restore_signals=False)
            assert done.returncode == 1 and "report.json" in done.stderr, done
            last = done.stdout.splitlines()[-1]
            assert " 0 failed" in last or json.loads(last)["event"] == "done", last
        assert os.listdir(folder) == ["report.json"] and open(path).read() == "the old one"


@case
def a_long_time_is_no_time_at_all():
    done, events = run("--device", "ref", "--ops", "add", "--suite", "ops", "--timeout", "100000h")
    assert done.returncode == 0 and events[-1]["passed"] > 10, (done.stderr, events[-1])


@case
def a_variable_holds_for_the_parent_alone():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "report.json")
        done, events = run(env={"TENON_DEVICE": "ref", "TENON_OPS": "soft*", "TENON_QUICK": "1", "TENON_REPORT": path,
                                "TENON_THREADS": "1", "TENON_TIMEOUT": "50s", "TENON_QUIET": "1"})
        assert done.returncode == 0 and events[0]["selector"] == "ref:0", done.stderr
        assert events[-1]["passed"] == len(cases(events)) > 5 and os.listdir(folder) == ["report.json"]
        assert all(e["op"].startswith("soft") for e in cases(events))


@case
def a_parent_that_stood_still_blames_no_child():
    process = subprocess.Popen([TOOL.exe, "conformance", "--device", "ref", "--json", "--ops", "conv*", "--timeout",
                                "2s"], stdout=subprocess.PIPE, env=TOOL.env(), cwd=TOOL.cwd, text=True)
    process.stdout.readline()
    process.send_signal(signal.SIGSTOP)
    time.sleep(4)
    process.send_signal(signal.SIGCONT)
    events = [json.loads(line) for line in process.stdout]
    assert process.wait(timeout=300) == 0 and events[-1]["failed"] == 0 and len(events) > 100, events[-1]


@case
def the_table_is_for_people():
    done = TOOL.ok("conformance", "--device", "cpu", "--ops", "matmul", "--suite", "ops", "--dtype", "f32")
    lines = done.stdout.splitlines()
    assert lines[-1].endswith("0 failed, 0 unsupported, 0 skipped"), lines[-1]
    row = [line for line in lines if line.startswith("matmul")]
    assert len(row) == 1 and row[0].split()[1:3] == ["f32", "forward"] and row[0].endswith("passed"), row


@case
def a_plugin_by_its_path_is_the_backend():
    plugin = os.path.join(TOOL.build, "backends", "cpu", "libtenon-backend-cpu.so")
    if not os.path.exists(plugin):
        raise harness.Skip("no cpu backend was built")
    _, events = run(plugin, "--ops", "add", "--suite", "ops")
    assert events[0]["backend"] == "cpu" and events[-1]["failed"] == 0, events[0]


@case
def a_backend_that_lacks_operators_is_told_so():
    plugin = os.path.join(TOOL.build, "tests", "train", "libtenon-backend-example.so")
    if not os.path.exists(plugin):
        raise harness.Skip("the example backend was not built")
    done, events = run(plugin, "--quick")
    refused = cases(events, verdict="unsupported")
    assert refused and all(e["message"] for e in refused), events[-1]
    # It is the start of other backends: what it does, it does as the contract says.
    assert events[-1]["passed"] > 20 and events[-1]["failed"] == 0, cases(events, verdict="failed")
    assert done.returncode == 0


@case
def a_parent_that_ends_leaves_no_child():
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL):
        process = subprocess.Popen([TOOL.exe, "conformance", "--device", "ref", "--json"], stdout=subprocess.PIPE,
                                   env=TOOL.env(), cwd=TOOL.cwd)
        process.stdout.readline()
        children = harness.descendants(process.pid)
        assert children, "the cases run in children"
        if number == signal.SIGINT: # nobody reads on, until it cannot write any more
            time.sleep(2)
        process.send_signal(number)
        assert process.wait(timeout=20) == -number
        process.stdout.close()
        harness.expect_gone(children)


if __name__ == "__main__":
    sys.exit(harness.main())
