#!/usr/bin/env python3
"""tools/devices-md: a device that failed is shown as one, a vendor counts as run only by a GPU of its own, and --check
tells a page that is out of date."""

import importlib.machinery
import importlib.util
import json
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCRIPT = os.path.join(ROOT, "tools", "devices-md")


def load():
    sys.dont_write_bytecode = True
    loader = importlib.machinery.SourceFileLoader("devices_md", SCRIPT)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("devices_md", loader))
    loader.exec_module(module)
    return module


def report(name="NVIDIA H200", kind="GPU", failed=(), **more):
    return {"kind": "tenon conformance report", "format": 1, "quick": False, "date": "2026-11-22T03:00:00Z",
            "device": {"name": name, "kind": kind, "driver": "a driver"},
            "totals": {"passed": 4321, "failed": len(failed), "unsupported": 0, "skipped": 2},
            "failures": [{"op": op} for op in failed], **more}


def failures_are_shown(m):
    text = m.table([("h.json", report(failed=("matmul", "conv2d", "matmul")))])
    assert "**3 failed**: conv2d, matmul |" in text and "passed |" not in text.split("3 failed**")[1], text
    assert "4,321 passed, 3 failed" in text, text
    assert m.table([("h.json", report())]).splitlines()[2].endswith("| passed |")


def unrun(m, *reports):
    return [v for v in m.VENDORS if f"| GPUs of {v} |" in m.table([("r.json", r) for r in reports])]


def a_vendor_is_run_by_its_own_gpu(m):
    assert unrun(m) == ["NVIDIA", "AMD", "Intel"]
    assert unrun(m, report()) == ["AMD", "Intel"]
    assert unrun(m, report("gfx1030"), report("Intel Arc A770")) == ["NVIDIA"]
    assert unrun(m, report("AMD EPYC", "CPU"), report("pthread-AMD EPYC", "OpenCL on the CPU")) == ["NVIDIA", "AMD", "Intel"], \
        "a CPU of a vendor is no GPU of it"


def the_page_is_compared(m):
    with tempfile.TemporaryDirectory() as folder:
        for part in ("tools", "docs", "bench/results/conformance"):
            os.makedirs(os.path.join(folder, part))
        page, script = os.path.join(folder, "docs", "devices.md"), os.path.join(folder, "tools", "devices-md")
        with open(SCRIPT) as old, open(script, "w") as new:
            new.write(old.read())
        with open(page, "w") as file:
            file.write(f"before\n{m.BEGIN}\n{m.END}\nafter\n")
        run = lambda *args: subprocess.run([sys.executable, script, *args], capture_output=True, text=True)

        def put(value):
            with open(os.path.join(folder, "bench/results/conformance/h.json"), "w") as file:
                json.dump(value, file)

        put(report())
        assert run("--check").returncode == 1 and run().returncode == 0 and run("--check").returncode == 0
        with open(page) as file:
            text = file.read()
        assert text.startswith("before\n") and text.endswith("\nafter\n") and "NVIDIA H200" in text, text
        put(report(failed=("matmul",)))
        assert run("--check").returncode == 1, "a report that says something else goes unnoticed"
        put(report(format=2))
        assert run("--check").returncode != 0 and "no report that this script knows" in run("--check").stderr


def main():
    module = load()
    tests = [failures_are_shown, a_vendor_is_run_by_its_own_gpu, the_page_is_compared]
    failed = 0
    for test in tests:
        try:
            test(module)
        except AssertionError as error:
            failed += 1
            print(f"FAIL {test.__name__}: {error}")
    print(f"{len(tests) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
