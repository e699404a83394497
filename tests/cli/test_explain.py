#!/usr/bin/env python3
"""--explain lists for each node the device, the variant and the reason; --strict refuses a fallback.

    tests/cli/test_explain.py [BUILDDIR]
"""

import json
import os
import re
import sys

import harness
from harness import Skip, Tool, case

TOOL = Tool(harness.build_folder())
RUN = ["train", "digits-cnn", "--set", "data.train=300", "--set", "data.test=50", "--set", "model.0.filters=4",
       "--set", "model.3.units=8", "--threads", "2"]


def nodes(*args, code=0):
    done = TOOL.run(*RUN, "--explain", "--dry-run", "--json", *args)
    assert done.returncode == code, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return [e for e in found if e["event"] == "node"]


def example():
    """A backend that runs relu alone."""
    path = os.path.join(TOOL.build, "tests", "train", "libtenon-backend-example.so")
    if not os.path.exists(path):
        raise Skip("the example backend is not built")
    return path


def devices():
    found = ["ref", "cpu"]
    try:
        found.append(TOOL.find_device("pocl"))
    except Skip:
        pass
    return found


@case
def each_node_has_device_variant_and_reason():
    for device in devices():
        found = nodes("--device", device)
        assert len(found) > 20, len(found)
        for node in found:
            for key in ("label", "op", "device", "variant", "why", "shapes"):
                assert node[key], f"{device}: no {key} in {node}"
            assert node["device"].startswith(device.split(":")[0] + ":") and not node["fallback"], node
        ops = {node["op"] for node in found}
        assert {"conv2d", "max_pool2d_grad", "matmul", "sparse_softmax_cross_entropy_grad", "adam"} <= ops, ops


@case
def the_table_says_the_same():
    found = nodes("--device", "cpu")
    text = TOOL.ok(*RUN, "--explain", "--dry-run", "--device", "cpu").stdout
    rows = [line for line in text.splitlines() if "  # " in line]
    assert rows[0].split()[:4] == ["node", "operator", "device", "variant"], rows[0]
    assert len(rows) == len(found) + 1
    for row, node in zip(rows[1:], found):
        assert row.split()[:4] == [node["label"], node["op"], node["device"], node["variant"]], row
        assert row.endswith("# " + node["why"]), row
    starts = {re.match(r"\S+\s+", row).end() for row in rows}
    assert len(starts) == 1, "columns stand below each other"
    assert f"plan: {len(found)} nodes in 1 segment, 0 transfers, 0 fallbacks" in text, text


@case
def a_fallback_is_shown_with_the_refusal():
    found = nodes("--backend", example())
    own = [n for n in found if n["device"] == "example:0"]
    fallen = [n for n in found if n["fallback"]]
    assert {n["op"] for n in own} == {"relu"} and len(own) == 2, own
    assert len(own) + len(fallen) == len(found)
    for node in fallen:
        assert node["device"] == "cpu:0" and "the example backend runs relu in f32 only" in node["why"], node


@case
def a_fallback_changes_no_result():
    """The two relus elsewhere: losses as on cpu alone."""
    def losses(*args):
        events = TOOL.events(*RUN, "--no-save", "--max-steps", "5", *args)
        return [e["loss"] for e in events if e["event"] == "step"]

    mixed, plain = losses("--backend", example()), losses("--device", "cpu")
    assert len(mixed) == 5 and all(abs(a - b) <= 1e-5 * abs(b) for a, b in zip(mixed, plain)), (mixed, plain)


@case
def strict_refuses_a_fallback():
    done = TOOL.run(*RUN, "--backend", example(), "--strict", "--out", "never")
    assert done.returncode == 2, done.returncode
    for part in ("'conv2d/conv2d'", "(conv2d, [64,1,28,28]", "example:0", "runs relu in f32 only", "--strict"):
        assert part in done.stderr, done.stderr
    assert not os.path.exists(os.path.join(TOOL.cwd, "never")), "nothing is written"


@case
def strict_passes_where_nothing_falls_back():
    for device in devices():
        events = TOOL.events(*RUN, "--no-save", "--max-steps", "2", "--device", device, "--strict")
        assert events[-1]["backend"] == device.split(":")[0]


@case
def eval_explains_too():
    TOOL.ok(*RUN, "--max-steps", "2", "--device", "cpu", "--out", "run")
    events = TOOL.events("eval", "run", "--device", "cpu", "--explain", "--strict")
    found = [e for e in events if e["event"] == "node"]
    assert found and not any("grad" in n["op"] or n["op"] == "adam" for n in found)
    assert events[-1]["event"] == "done"


if __name__ == "__main__":
    sys.exit(harness.main())
