#!/usr/bin/env python3
"""Too long for every day: every shipped recipe on cpu and on PoCL, and mnist-cnn with several seeds.

    tests/cli/full_recipes.py BUILDDIR
"""

import statistics
import sys

import harness
from harness import Tool, case, data_dir

TOOL = Tool(harness.build_folder())

# Test accuracy that each recipe passes as it stands: what a net that learns nothing of use, or one
# layer less, stays under.
DIGITS = {"digits-cnn": 0.98, "digits-resnet": 0.98}
NAMED = {"fashion-mnist-cnn": 0.87, "mnist-mlp": 0.97, "mnist-cnn": 0.983}


def accuracy(recipe, device, *args):
    done = TOOL.events("train", recipe, "--device", device, "--strict", "--no-save", *args)[-1]
    return done["test_accuracy"]


def train_all(recipes, device):
    values = {name: accuracy(name, device) for name in recipes}
    low = {name: value for name, value in values.items() if value < recipes[name]}
    assert not low, f"under the mark: {low}"
    return ", ".join(f"{name} {value:.4f}" for name, value in values.items())


@case
def recipes_on_built_in_data_on_cpu():
    return train_all(DIGITS, "cpu")


@case
def recipes_on_built_in_data_on_pocl():
    return train_all(DIGITS, TOOL.find_device("pocl"))


@case
def recipes_on_named_data_on_cpu():
    data_dir()
    return train_all(NAMED, "cpu")


@case
def recipes_on_named_data_on_pocl():
    data_dir()
    return train_all(NAMED, TOOL.find_device("pocl"))


@case
def two_heads_learn_both():
    done = TOOL.events("train", "digits-two-heads", "--device", "cpu", "--no-save")[-1]
    # The second head is a regression of the digit's value, whose variance is 8.25.
    assert done["test_digit_accuracy"] > 0.95 and done["test_value_error"] < 6, str(done)
    return f"digit accuracy {done['test_digit_accuracy']:.4f}, value error {done['test_value_error']:.2f}"


@case
def mnist_cnn_over_seeds():
    """The recipe's seed is one of many: over seeds the mean passes the mark as well."""
    data_dir()
    values = [accuracy("mnist-cnn", "cpu", "--seed", seed) for seed in range(6)]
    assert statistics.mean(values) >= 0.983, str(values)
    return " ".join(f"{value:.4f}" for value in values) + f", mean {statistics.mean(values):.4f}"


if __name__ == "__main__":
    sys.exit(harness.main())
