#!/usr/bin/env python3
"""tenon train --verify and --check-numerics: a sound device passes and learns the same; a spoilt operator is named.

    tests/cli/test_verify.py [BUILDDIR]
"""

import json
import os
import random
import re
import sys

import harness
from harness import Skip, Tool, case

TOOL = Tool(harness.build_folder())
CORRUPT = os.path.join(TOOL.build, "tests", "conformance", "libtenon-backend-corrupt.so")
SEED = int(os.environ.get("TENON_TEST_SEED", random.randrange(1000)))
# Small, and every kind of node that these nets have.
NET = ["digits-resnet", "--set", "data.train=64", "--set", "data.test=32", "--set", "data.validation.split=0.25",
       "--batch-size", "4"]


def train(*args, timeout=300):
    done = TOOL.run("train", *NET, *args, timeout=timeout)
    return done, [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def devices():
    lines = [json.loads(line) for line in TOOL.run("devices", "--json").stdout.splitlines()]
    return [f"{line['backend']}:{line['index']}" for line in lines
            if line["event"] == "device" and line["kind"] != "checker"]


@case
def sound_devices_pass():
    worst = {}
    for device in devices():
        done, events = train("--device", device, "--no-save", "--json", "--max-steps", "3", "--verify=2")
        assert done.returncode == 0, f"{device}: {done.stderr}"
        verified = [e for e in events if e["event"] == "verified"]
        assert [e["step"] for e in verified] == [1, 3], f"{device}: {verified}"
        for e in verified:
            assert e["nodes"] > 40 and e["elements"] > 100000 and 0 <= e["worst"] <= 1, e
            # f32 against double: in some hundred thousand elements somebody has rounded.
            assert e["worst"] > 0 and e["worst_node"], f"{device}: nothing was compared: {e}"
        worst[device] = round(max(e["worst"] for e in verified), 2)
    return f"worst shares of the tolerance: {worst}"


@case
def a_verified_run_learns_the_same_weights():
    weights = []
    for name, flags in (("plain", []), ("verified", ["--verify=2"]), ("numerics", ["--check-numerics"])):
        out = os.path.join(TOOL.cwd, name)
        done, _ = train("--device", "cpu", "--out", out, "--max-steps", "6", *flags)
        assert done.returncode == 0, done.stderr
        with open(os.path.join(out, "model.safetensors"), "rb") as file:
            data = file.read()
        weights.append(data[8 + int.from_bytes(data[:8], "little"):])
    assert len(weights[0]) > 10000 and weights[0] == weights[1] == weights[2]


def need_corrupt():
    if not os.path.exists(CORRUPT):
        raise Skip("the tests' backends are not built")


def operators():
    """Those of the step, each with how often it stands there."""
    done, _ = train("--device", "cpu", "--no-save", "--dry-run", "--explain", "--json")
    ops = {}
    for line in done.stdout.splitlines():
        event = json.loads(line)
        if event["event"] == "node":
            ops[event["op"]] = ops.get(event["op"], 0) + 1
    assert len(ops) >= 15, ops
    return sorted(ops)


def planted(op, how, *more):
    return train("--backend", CORRUPT, "--backend-opt", f"op={op}", "--backend-opt", f"how={how}", "--device", "0",
                 "--no-save", "--max-steps", "2", *(more or ("--verify", "--timeout", "2s")))[0]


def every_way_is_found(how, words):
    need_corrupt()
    picks = random.Random(f"{SEED} {how}").sample(operators(), 10)
    for op in picks:
        done = planted(op, how)
        assert done.returncode == 1, f"{op} {how}: exit {done.returncode} {done.stdout[-500:]}"
        assert f"({op}" in done.stderr, f"{op} {how}: {done.stderr}"
        assert any(word in done.stderr for word in words), f"{op} {how}: {done.stderr}"
    return f"seed {SEED}: {', '.join(picks)}"


@case
def a_wrong_value_is_named():
    return every_way_is_found("value", ["the reference says"])


@case
def a_slight_error_is_named():
    """Two thousandths in one element: within the noise of a training run, far outside the rounding of a node."""
    need_corrupt()
    for op in ("conv2d", "batch_norm", "conv2d_grad_weight"):
        done = planted(op, "slight")
        assert done.returncode == 1 and f"({op}" in done.stderr and "the reference says" in done.stderr, \
            f"{op}: exit {done.returncode} {done.stderr}"


@case
def a_nan_is_named():
    return every_way_is_found("nan", ["the reference says"])


@case
def a_write_past_the_end_is_named():
    return every_way_is_found("past", ["wrote past the end"])


@case
def a_hang_is_named():
    return every_way_is_found("hang", ["the device hung in"])


@case
def a_crash_is_named():
    return every_way_is_found("crash", ["the driver crashed in"])


@case
def check_numerics_names_the_node_and_its_inputs():
    need_corrupt()
    for op in ("conv2d", "relu_grad", "batch_norm"):
        done = planted(op, "nan", "--check-numerics")
        assert done.returncode == 1 and f"({op}" in done.stderr, f"{op}: {done.stderr}"
        assert "step 1" in done.stderr and "NaN" in done.stderr and "its inputs: " in done.stderr, done.stderr
    done, _ = train("--device", "cpu", "--no-save", "--set", "optimizer.lr=1e38", "--max-steps", "40",
                    "--check-numerics")
    made = re.search(r" made (\d+) NaN and (\d+) infinities", done.stderr)
    # What overflows first is infinite; NaN come of that later.
    assert done.returncode == 1 and made and made[1] == "0" and int(made[2]) > 0, done.stderr


if __name__ == "__main__":
    sys.exit(harness.main())
