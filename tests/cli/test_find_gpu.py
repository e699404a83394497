#!/usr/bin/env python3
"""tools/find-gpu says when a GPU is in the machine but not usable, and what would help.

    tests/cli/test_find_gpu.py
"""

import os
import subprocess
import sys
import tempfile

import harness
from harness import Skip, case

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCRATCH = tempfile.TemporaryDirectory(prefix="tenon-test-")
GPU = '{"event":"device","backend":"opencl","index":0,"kind":"GPU"}'
CPU = '{"event":"device","backend":"cpu","index":0,"kind":"CPU"}'
EMULATED = '{"event":"device","backend":"opencl","index":0,"kind":"OpenCL on the CPU"}'


def find(vendors, devices):
    """Exit status and output for a machine with cards of these vendors and a tool that lists these devices."""
    if os.path.exists("/dev/nvidia0"):
        raise Skip("this machine has an NVIDIA GPU, which find-gpu sees beside what a test sets up")
    folder = tempfile.mkdtemp(dir=SCRATCH.name)
    drm = os.path.join(folder, "drm")
    os.mkdir(drm)
    for i, vendor in enumerate(vendors):
        os.makedirs(os.path.join(drm, f"card{i}", "device"))
        os.makedirs(os.path.join(drm, f"card{i}-HDMI-A-1", "device"))
        with open(os.path.join(drm, f"card{i}", "device", "vendor"), "w") as file:
            file.write(vendor + "\n")
    tool = os.path.join(folder, "tenon")
    with open(tool, "w") as file:
        file.write("#!/bin/sh\n[ \"$*\" = \"devices --json\" ] || exit 2\ncat <<'END'\n" + "\n".join(devices) + "\nEND\n")
    os.chmod(tool, 0o755)
    done = subprocess.run([os.path.join(ROOT, "tools", "find-gpu"), tool], capture_output=True, text=True,
                          env=dict(os.environ, SYS_DRM=drm))
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout


@case
def no_gpu_says_nothing():
    assert find([], [CPU]) == (0, "")
    assert find(["0x1234"], [CPU]) == (0, ""), "a virtual card is no GPU"


@case
def a_usable_gpu_says_nothing():
    for vendor in ("0x10de", "0x1002", "0x8086"):
        assert find([vendor], [GPU, CPU]) == (0, "")


@case
def a_usable_gpu_hides_no_other_vendors():
    def gpu(name, driver):
        return f'{{"event":"device","backend":"opencl","name":"{name}","driver":"{driver}","kind":"GPU"}}'
    intel = gpu("Intel(R) UHD Graphics 620", "Intel(R) OpenCL Graphics, driver 23.22")
    nvidia = gpu("NVIDIA GeForce RTX 3050", "NVIDIA CUDA, driver 550.54")
    amd = gpu("gfx1030", "AMD Accelerated Parallel Processing, driver 3590.0")
    rc, text = find(["0x8086", "0x10de"], [intel, CPU])
    assert rc == 1 and text.count("GPU found but not usable") == 1 and "NVIDIA" in text, text
    rc, text = find(["0x8086", "0x1002"], [amd, CPU])
    assert rc == 1 and text.count("GPU found but not usable") == 1 and "Intel" in text, text
    assert find(["0x8086", "0x10de", "0x1002"], [intel, nvidia, amd]) == (0, "")


@case
def an_unusable_gpu_is_named_with_reason_and_remedy():
    for vendor, name, package in (("0x10de", "NVIDIA", "nvidia-opencl-icd"), ("0x1002", "AMD", "mesa-opencl-icd"),
                                  ("0x8086", "Intel", "intel-opencl-icd")):
        for devices in ([CPU], [CPU, EMULATED], []):
            rc, text = find([vendor], devices)
            assert rc == 1, f"{name}: exit {rc}"
            assert f"GPU found but not usable: {name}. Reason: " in text, text
            assert "What to do:" in text and package in text, text


@case
def two_vendors_are_each_named_once():
    rc, text = find(["0x8086", "0x1002", "0x1002"], [CPU])
    assert rc == 1 and text.count("GPU found but not usable") == 2, text
    assert "AMD" in text and "Intel" in text


@case
def a_tool_that_fails_is_no_usable_gpu():
    rc, text = find(["0x8086"], ["END\nexit 3\n"])
    assert rc == 1 and "Intel" in text


if __name__ == "__main__":
    sys.exit(harness.main())
