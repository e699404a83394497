#!/usr/bin/env python3
"""Two runs with one seed on one device end in the same bits, with every layer type and every optimizer in play.

    tests/cli/test_repeat.py [BUILDDIR]
"""

import json
import os
import re
import sys

import harness
from harness import Tool, case

TOOL = Tool(harness.build_folder())
HEAD = """
tenon: 1
name: %s
data: {reader: digits, train: 96, test: 32, validation: {split: 0.25}}
loss: softmax_cross_entropy
metrics: [accuracy]
optimizer: {type: %s}
train: {batch_size: 32, epochs: 2}
model:
"""
IMAGES = """
  - {layer: conv2d, filters: 8, kernel_size: 3, activation: relu}
  - batch_norm
  - {layer: conv2d, name: wide, filters: 8, kernel_size: 3, padding: same, groups: 2}
  - {layer: group_norm, groups: 4}
  - {layer: dropout, rate: 0.25}
  - {layer: conv2d, name: narrow, filters: 8, kernel_size: 1}
  - {layer: add, inputs: [wide, narrow]}
  - instance_norm
  - {layer: activation, activation: gelu}
  - max_pool2d
  - {layer: conv_transpose2d, filters: 4, kernel_size: 3, strides: 2}
  - {layer: avg_pool2d, name: shared}
  - {layer: global_avg_pool2d, name: means}
  - {layer: global_max_pool2d, name: peaks, inputs: [shared]}
  - {layer: add, inputs: [means, peaks]}
  - layer_norm
  - {layer: dense, units: 16, activation: tanh}
  - {layer: op, op: clip, attrs: "min=-1; max=1"}
  - {layer: dense, name: logits, units: 10}
"""
SEQUENCES = """
  - {layer: reshape, target_shape: [28, 28]}
  - {layer: conv1d, filters: 14, kernel_size: 3, padding: same}
  - {layer: conv_transpose1d, filters: 14, kernel_size: 3, padding: same}
  - max_pool1d
  - {layer: reshape, target_shape: [14, 14]}
  - {layer: lstm, units: 8, bidirectional: true, return_sequences: true}
  - {layer: multi_head_attention, heads: 2, causal: true}
  - rms_norm
  - {layer: gru, units: 8, return_sequences: true}
  - {layer: rnn, units: 8, return_sequences: true, name: states}
  - avg_pool1d
  - {layer: global_avg_pool1d, name: middle}
  - {layer: global_max_pool1d, name: top, inputs: [states]}
  - {layer: dense, units: 8, inputs: [middle], name: a}
  - {layer: dense, units: 8, inputs: [top], name: b}
  - {layer: add, inputs: [a, b]}
  - {layer: dense, name: logits, units: 10}
"""
VOLUMES = """
  - {layer: reshape, target_shape: [1, 7, 14, 8]}
  - {layer: conv3d, filters: 4, kernel_size: [2, 3, 2], strides: [1, 2, 2], padding: same, activation: relu}
  - {layer: conv3d, filters: 4, kernel_size: 3, groups: 2}
  - flatten
  - {layer: dense, name: logits, units: 10}
"""
WORDS = """
  - flatten
  - {layer: op, op: cast, attrs: "dtype=i32"}
  - {layer: embedding, input_dim: 4, output_dim: 3}
  - flatten
  - {layer: dense, name: logits, units: 10}
"""
NETS = {"images": IMAGES, "sequences": SEQUENCES, "volumes": VOLUMES, "words": WORDS}


def devices():
    lines = [json.loads(line) for line in TOOL.run("devices", "--json").stdout.splitlines()]
    return [f"{line['backend']}:{line['index']}" for line in lines
            if line["event"] == "device" and line["kind"] != "checker" and line["backend"] != "ref"]


def weights(name, net, optimizer, device, *flags):
    recipe, out = os.path.join(TOOL.cwd, name + ".yaml"), os.path.join(TOOL.cwd, "run")
    with open(recipe, "w") as file:
        file.write(HEAD % (name, optimizer) + net)
    done = TOOL.run("train", recipe, "--device", device, "--out", out, "--force", *flags)
    assert done.returncode == 0, f"{name} on {device}: {done.stderr}"
    with open(os.path.join(out, "model.safetensors"), "rb") as file:
        data = file.read()
    return data[8 + int.from_bytes(data[:8], "little"):]



def names_of(key):
    """The names that a recipe may give for a layer, an optimizer, as the schema lists them (aliases are left out: they
    have no entry of their own in docs/recipes.md)."""
    with open(os.path.join(os.path.dirname(__file__), "..", "..", "docs", "recipes.md")) as file:
        page = file.read()
    table = page.split(f"| {key} | options |\n| --- | --- |\n")[1].split("\n\n")[0]
    return sorted({name for line in table.splitlines() for name in re.findall(r"`(\w+)`", line.split("|")[1])})


@case
def every_layer_type_is_in_play():
    text = "".join(NETS.values())
    missing = [name for name in names_of("layer") if not re.search(rf"\b{name}\b", text)]
    assert len(names_of("layer")) >= 20 and not missing, f"add to a net of this test: {missing}"


@case
def two_runs_end_in_the_same_bits():
    for device in devices():
        for name, net in NETS.items():
            first, second = (weights(name, net, "adam", device, "--strict") for _ in range(2))
            assert len(first) > 500 and first == second, f"{name} on {device}: two runs differ"
            assert weights(name, net, "adam", device, "--seed", "2") != first, f"{name}: the seed changes nothing"
    return ", ".join(devices())


@case
def with_every_optimizer():
    for optimizer in names_of("optimizer"):
        for device in devices():
            first, second = (weights("words", WORDS, optimizer, device, "--strict") for _ in range(2))
            assert first == second, f"{optimizer} on {device}: two runs differ"
    return ", ".join(names_of("optimizer"))


if __name__ == "__main__":
    sys.exit(harness.main())
