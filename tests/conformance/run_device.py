#!/usr/bin/env python3
"""tenon conformance on one of the devices that the project promises.

    tests/conformance/run_device.py BUILDDIR ref|cpu|pocl|pocl-gpu-class|rusticl [--full] [--report FILE]

--full: every case instead of the quick set, and at least 5,000 of them. What a listed device refuses or
leaves out is a failure; f64, which no device owes, is counted as skipped. Last line: N passed, N failed,
N skipped.
"""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
import harness
from harness import Skip, Tool

MIN_FULL = 5000


def main():
    build, name = sys.argv[1], sys.argv[2]
    full = "--full" in sys.argv
    tool = Tool(build, {"RUSTICL_ENABLE": "llvmpipe"} if name == "rusticl" else {})
    device = name
    kernels = []
    if name == "pocl-gpu-class":
        name, kernels = "pocl", ["--backend-opt", "class=gpu"]
    if name in ("pocl", "rusticl"):
        try:
            device = tool.find_device(name)
        except Skip as skip:
            print(f"skipped: {skip}")
            return 1 if name in harness.required() else 77
    args = ["conformance", "--device", device, "--json"] + kernels + ([] if full else ["--quick"])
    if "--report" in sys.argv:
        args += ["--report", os.path.abspath(sys.argv[sys.argv.index("--report") + 1])]
    done = tool.run(*args, timeout=3600)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    cases = [e for e in events if e["event"] == "case"]
    refused = [e for e in cases if e["verdict"] == "unsupported" and e["dtype"] != "f64"]
    # A check may be of something optional (claims, mapping); a case with an element type may not be left out.
    refused += [e for e in cases if e["verdict"] == "skipped" and e["dtype"] not in ("-", "f64")
                and e["message"] != "the device has no f64"]
    failed = [e for e in cases if e["verdict"] == "failed"]
    passed = sum(e["verdict"] == "passed" for e in cases)
    for e in (failed + refused)[:40]:
        print(f"FAIL {e['suite']} {e['op']}/{e['case']} {e['dtype']}: {e.get('message', '')}")
    n_failed = len(failed) + len(refused)
    whole = events and events[-1]["event"] == "done"
    if not whole or done.returncode != (1 if failed else 0):
        print(f"FAIL exit {done.returncode}, {'whole' if whole else 'no last line'}: {done.stderr[-2000:]}")
        n_failed += 1
    if full and passed < MIN_FULL:
        print(f"FAIL {passed} cases passed; a full run has at least {MIN_FULL}")
        n_failed += 1
    print(f"{name}: {len(cases)} cases, {sum(e['seconds'] for e in cases):.0f} s in them")
    print(f"{passed} passed, {n_failed} failed, {len(cases) - passed - len(failed) - len(refused)} skipped")
    return 1 if n_failed else 0


if __name__ == "__main__":
    sys.exit(main())
