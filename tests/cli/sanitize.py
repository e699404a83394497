#!/usr/bin/env python3
"""Runs the tool itself, built with ASan and UBSan, and fails on any report of ours.

    tests/cli/sanitize.py BUILDDIR

A leak report does not fail a Criterion test, so the runs that count are these: the cases below, and
every case of the tests of bad input, of --explain and of the verbs. Leaks inside OpenCL drivers and
OpenMP are not ours.
"""

import os
import sys

import harness
import test_bad_input
import test_explain
import test_verbs
from harness import Tool, case

FOREIGN = ["libpocl", "libLLVM", "libclang", "libgomp", "libdnnl", "libOpenCL", "libRusticl",
           "libMesaOpenCL", "libgallium", "pipe_swrast", "libhwloc", "libCLC", "libltdl",
           "liboclgrind", "libstdc++", "libopenblas"]


MARKS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:")


class Checked(Tool):
    """A report fails the case, whatever exit code it expects."""

    def run(self, *args, **kwargs):
        done = super().run(*args, **kwargs)
        text = done.stdout + done.stderr
        for mark in MARKS:
            assert mark not in text, text[-6000:]
        return done


def make_tool():
    tool = Checked(harness.build_folder())
    suppressions = os.path.join(tool.cwd, "lsan.supp")
    with open(suppressions, "w") as file:
        file.writelines(f"leak:{name}\n" for name in FOREIGN)
    tool.extra_env = {
        # Drivers unload at exit; without their symbols a leak of theirs has no name.
        "ASAN_OPTIONS": "detect_leaks=1:halt_on_error=1:fast_unwind_on_malloc=0",
        "LSAN_OPTIONS": f"suppressions={suppressions}:print_suppressions=0",
        "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    }
    return tool


TOOL = test_bad_input.TOOL = test_explain.TOOL = test_verbs.TOOL = make_tool()
SMALL = ["--set", "data.train=640", "--set", "data.test=200", "--max-steps", "8", "--threads", "2"]

# A sanitizer's own address space is larger than any limit.
harness.CASES.remove(test_bad_input.device_out_of_memory)


def clean(done, expected=0):
    text = done.stdout + done.stderr
    assert done.returncode == expected, f"exit {done.returncode}\n{text[-3000:]}"


@case
def a_report_would_be_seen():
    """The build is what it is said to be."""
    with open(TOOL.exe, "rb") as file:
        tool = file.read()
    assert b"__asan_init" in tool and b"__ubsan_handle" in tool, f"{TOOL.exe} is not built with sanitizers"


@case
def devices():
    clean(TOOL.run("devices"))


@case
def every_operator_on_cpu():
    # One of its checks asks for more memory than there is.
    options = TOOL.extra_env["ASAN_OPTIONS"] + ":allocator_may_return_null=1"
    clean(TOOL.run("conformance", "--device", "cpu", "--quick", "--in-process", env={"ASAN_OPTIONS": options}))


@case
def every_operator_on_ref():
    clean(TOOL.run("conformance", "--device", "ref", "--quick"))


@case
def verified_steps():
    clean(TOOL.run("train", "digits-resnet", "--device", "cpu", "--no-save", "--verify", "--batch-size", "4", *SMALL[:4],
                   "--max-steps", "2"))
    clean(TOOL.run("train", "digits-cnn", "--device", "cpu", "--no-save", "--check-numerics", "--batch-size", "4", *SMALL[:4],
                   "--max-steps", "2"))


@case
def train_and_eval_on_ref():
    clean(TOOL.run("train", "digits-cnn", "--device", "ref", "--out", "ref", *SMALL))
    clean(TOOL.run("eval", "ref", "--device", "ref"))


@case
def train_and_eval_on_cpu():
    clean(TOOL.run("train", "digits-cnn", "--device", "cpu", "--out", "cpu", *SMALL))
    clean(TOOL.run("eval", "cpu", "--device", "cpu"))


@case
def train_on_pocl():
    device = TOOL.find_device("pocl")
    clean(TOOL.run("train", "digits-cnn", "--device", device, "--out", "pocl", *SMALL))


@case
def train_a_residual_net_on_cpu():
    clean(TOOL.run("train", "digits-resnet", "--device", "cpu", "--no-save", *SMALL))


@case
def train_two_heads_on_cpu():
    clean(TOOL.run("train", "digits-two-heads", "--device", "cpu", "--no-save", *SMALL))


@case
def other_verbs():
    clean(TOOL.run("summary", "mnist-cnn"))
    clean(TOOL.run("schema"))
    clean(TOOL.run("init", "digits-cnn"))
    clean(TOOL.run("train", "digits-cnn", "--print-config"))
    clean(TOOL.run("train", "digits-cnn", "--device", "cpu", "--dry-run", "--explain", *SMALL))


@case
def refusals():
    clean(TOOL.run("train", "no-such-recipe"), 2)
    clean(TOOL.run("train", "digits-cnn", "--set", "optimizer.lrr=1"), 2)
    clean(TOOL.run("train", "digits-cnn", "--device", "nowhere"), 2)
    clean(TOOL.run("train", "digits-cnn", "--device", "cpu", "--batch-size", "0"), 2)
    clean(TOOL.run("eval", "no-such-run"), 2)


if __name__ == "__main__":
    sys.exit(harness.main())
