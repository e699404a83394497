#!/usr/bin/env python3
"""The project's main job on real input: mnist-cnn on MNIST, on cpu and on OpenCL.

    tests/cli/accept_mnist.py [BUILDDIR]
"""

import hashlib
import os
import sys

import harness
from harness import Skip, Tool, case, data_dir

TOOL = Tool(harness.build_folder())
TARGET = 0.983
RUSTICL = {"RUSTICL_ENABLE": "llvmpipe"}


def train(*args, env=None):
    data_dir()
    return TOOL.events("train", "mnist-cnn", "--threads", 2, *args, env=env)


def describe(events):
    epochs = [e for e in events if e["event"] == "epoch"]
    seconds = sum(e["seconds"] for e in epochs)
    return f"test accuracy {events[-1]['test_accuracy']:.4f}, {seconds:.1f} s of training"


def full_run(*args):
    events = train("--no-save", *args)
    epochs = [e for e in events if e["event"] == "epoch"]
    assert len(epochs) == 5, f"{len(epochs)} epochs"
    assert all(e["samples"] == 54000 for e in epochs), "an epoch counts all 54,000 samples"
    assert events[-1]["event"] == "done"
    assert events[-1]["test_accuracy"] >= TARGET, describe(events)
    return describe(events)


@case
def cpu_reaches_the_target_in_five_epochs():
    return full_run("--backend", "cpu", "--strict")


@case
def opencl_on_pocl_reaches_the_target_in_five_epochs():
    return full_run("--backend", "opencl", "--device", TOOL.find_device("pocl"), "--strict")


def losses(device, env=None, steps=20):
    events = train("--no-save", "--strict", "--device", device, "--max-steps", steps, env=env)
    return [e["loss"] for e in events if e["event"] == "step"]


def agree(a, b):
    assert len(a) == len(b) == 20, f"{len(a)} and {len(b)} losses"
    worst = max(abs(x - y) / abs(x) for x, y in zip(a, b))
    assert worst <= 1e-4, f"the first 20 losses differ by {worst:.2e}"
    return f"worst relative difference {worst:.1e}"


@case
def first_losses_of_cpu_and_pocl_agree():
    return agree(losses("cpu"), losses(TOOL.find_device("pocl")))


@case
def first_losses_of_cpu_and_rusticl_agree():
    return agree(losses("cpu"), losses(TOOL.find_device("rusticl", RUSTICL), RUSTICL))


@case
def rusticl_learns():
    device = TOOL.find_device("rusticl", RUSTICL)
    events = train("--no-save", "--strict", "--device", device, "--max-steps", 150,
                   "--set", "data.validation=null", "--set", "train.monitor=null", env=RUSTICL)
    values = [e["loss"] for e in events if e["event"] == "step"]
    first, last = sum(values[:10]) / 10, sum(values[-20:]) / 20
    assert last < 0.35 * first, f"loss went from {first:.3f} to {last:.3f} only"
    assert events[-1]["test_accuracy"] > 0.88, describe(events)
    return f"loss {first:.3f} to {last:.3f}, {describe(events)}"


def weights_hash(device, name, env=None):
    TOOL.events("train", "mnist-cnn", "--threads", 2, "--device", device, "--strict", "--max-steps",
                100, "--out", name, "--set", "data.validation=null", "--set", "train.monitor=null",
                env=env)
    with open(os.path.join(TOOL.cwd, name, "model.safetensors"), "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def twice(device):
    data_dir()
    tag = device.replace(":", "-")
    a, b = weights_hash(device, f"{tag}-a"), weights_hash(device, f"{tag}-b")
    assert a == b, "two runs with one seed gave different weights"


@case
def two_runs_on_cpu_give_the_same_bits():
    twice("cpu")


@case
def two_runs_on_pocl_give_the_same_bits():
    twice(TOOL.find_device("pocl"))


if __name__ == "__main__":
    sys.exit(harness.main())
