#!/usr/bin/env python3
"""Runs the tool itself, built with ASan and UBSan, and fails on any report of ours.

    tests/cli/sanitize.py BUILDDIR

A leak report does not fail a Criterion test, so the runs that count are these. Leaks inside OpenCL
drivers and OpenMP are not ours.
"""

import os
import sys

import harness
from harness import Tool, case

FOREIGN = ["libpocl", "libLLVM", "libclang", "libgomp", "libdnnl", "libOpenCL", "libRusticl",
           "libMesaOpenCL", "libgallium", "pipe_swrast", "libhwloc", "libCLC", "libltdl",
           "liboclgrind", "libstdc++", "libopenblas"]


def make_tool():
    tool = Tool(harness.build_folder())
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


TOOL = make_tool()
SMALL = ["--set", "data.train=640", "--set", "data.test=200", "--max-steps", "8", "--threads", "2"]


def clean(done, expected=0):
    text = done.stdout + done.stderr
    for mark in ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:"):
        assert mark not in text, text[-6000:]
    assert done.returncode == expected, f"exit {done.returncode}\n{text[-3000:]}"


@case
def devices():
    clean(TOOL.run("devices"))


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
