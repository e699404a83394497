#!/usr/bin/env python3
"""Every verb, flag and TENON_* variable of the tool, what it prints, and what it leaves.

    tests/cli/test_verbs.py [BUILDDIR]
"""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

import harness
import tiny
from harness import Skip, Tool, case

TOOL = Tool(harness.build_folder())
VERBS = ["train", "eval", "summary", "devices", "init", "schema"]
SMALL = ["--set", "data.train=600", "--set", "data.test=150", "--set", "model.0.filters=4",
         "--set", "model.3.units=8"]
QUICK = ["digits-cnn", *SMALL, "--device", "cpu", "--threads", "2"]


def fresh():
    return tempfile.mkdtemp(dir=TOOL.cwd)


def events(done):
    """JSON events of a run's stdout, which must hold nothing else."""
    lines = done.stdout.splitlines()
    found = [json.loads(line) for line in lines]
    assert all(isinstance(e, dict) and "event" in e for e in found), done.stdout
    assert [e["event"] for e in found].count("done") == 1 and found[-1]["event"] == "done", lines[-1:]
    return found


def config(*args, env=None):
    """The resolved recipe as lines of YAML."""
    return TOOL.ok("train", "digits-cnn", *args, "--print-config", env=env).stdout


def value(text, key):
    found = re.findall(rf"^\s*{key}:\s*(\S+)", text, re.M)
    assert found, f"no {key} in\n{text}"
    return found[0]


# --- help, version ---


@case
def help_and_version_everywhere():
    version = TOOL.ok("--version").stdout
    assert re.fullmatch(r"tenon \d+\.\d+\.\d+\n", version), version
    for args in (["--help"], ["-h"], ["help"]):
        text = TOOL.ok(*args).stdout
        assert all(verb in text for verb in VERBS), text
    bare = TOOL.run()
    assert bare.returncode == 2 and "usage: tenon VERB" in bare.stderr and not bare.stdout
    for verb in VERBS:
        texts = [TOOL.ok(*args).stdout for args in ([verb, "--help"], [verb, "-h"], ["help", verb])]
        assert len(set(texts)) == 1 and f"usage: tenon {verb}" in texts[0]
        assert "exit codes: 0 done, 1 the run failed, 2 usage or input error" in texts[0]
        assert TOOL.ok(verb, "--version").stdout == version
        for flag in ("-v, --verbose", "-q, --quiet", "-h, --help", "--version"):
            assert flag in texts[0], f"{verb}: {flag}"
        assert max(map(len, texts[0].splitlines())) <= 100, f"{verb}: a line is too long"


@case
def help_names_every_flag_and_its_variable():
    flags = ("backend device threads epochs batch-size max-steps max-time seed set data-dir out no-save "
             "force explain strict dry-run backend-opt json print-config").split()
    text = TOOL.ok("train", "--help").stdout
    for flag in flags:
        variable = {"data-dir": "TENON_DATA"}.get(flag, "TENON_" + flag.upper().replace("-", "_"))
        assert re.search(rf"--{flag}\b", text) and f"[{variable}]" in text, f"--{flag}, {variable}"


@case
def verbose_and_quiet_everywhere():
    cwd = fresh()
    quiet = TOOL.ok("train", *QUICK, "--max-steps", "3", "--no-save", "-q", cwd=cwd)
    assert re.fullmatch(r"test:  loss [\d.]+  accuracy [\d.]+\n", quiet.stdout), quiet.stdout
    assert not quiet.stderr, quiet.stderr
    early = TOOL.ok("-q", "train", *QUICK, "--max-steps", "3", "--no-save", cwd=cwd)
    assert early.stdout == quiet.stdout
    loud = TOOL.ok("train", *QUICK, "--max-steps", "3", "--no-save", "--verbose", cwd=cwd)
    assert loud.stdout.startswith("device: cpu:0")
    for verb, args in (("devices", []), ("summary", ["mnist-cnn"]), ("schema", []), ("init", ["mnist-mlp"])):
        TOOL.ok(verb, *args, "-v", cwd=fresh())
        TOOL.ok(verb, *args, "-q", cwd=fresh())
    assert TOOL.ok("init", "mnist-mlp", "-q", cwd=fresh()).stdout == ""


# --- devices ---


@case
def devices_as_text_and_as_json():
    text = TOOL.ok("devices").stdout
    found = events(TOOL.ok("devices", "--json"))
    devices = [e for e in found if e["event"] == "device"]
    keys = {"backend", "index", "name", "uid", "driver", "kind", "score", "mem_total", "default"}
    assert all(keys <= set(d) for d in devices), devices
    assert [d["backend"] for d in devices].count("ref") == 1
    assert [d["default"] for d in devices].count(True) == 1
    assert [d["score"] for d in devices] == sorted((d["score"] for d in devices), reverse=True), "best first"
    for d in devices:
        assert f"{d['backend']}:{d['index']}" in text and d["name"] in text
    default = next(d for d in devices if d["default"])
    assert f"* {default['backend']}:{default['index']}" in text
    assert found[-1]["devices"] == len(devices)


@case
def opencl_on_the_cpu_is_said_and_never_preferred():
    device = TOOL.find_device("pocl")
    devices = TOOL.devices()
    pocl = next(d for d in devices if f"opencl:{d['index']}" == device and d["backend"] == "opencl")
    cpu = next(d for d in devices if d["backend"] == "cpu")
    assert pocl["kind"] == "OpenCL on the CPU" and pocl["score"] < cpu["score"] and not pocl["default"]
    out = TOOL.ok("train", "digits-cnn", *SMALL, "--device", device, "--dry-run").stdout
    assert "OpenCL on the CPU" in out, out


# --- selection ---


def chosen(*args, env=None, code=0):
    done = TOOL.run("train", "digits-cnn", *SMALL, "--dry-run", *args, env=env)
    assert done.returncode == code, f"exit {done.returncode}: {done.stdout}{done.stderr}"
    if code:
        return done.stderr
    return re.search(r"^device: (\S+)", done.stdout, re.M).group(1)


@case
def selectors():
    assert chosen() in {f"{d['backend']}:{d['index']}" for d in TOOL.devices() if d["default"]}
    for args in (["--device", "ref"], ["--device", "ref:0"], ["--backend", "ref"], ["--backend", "ref", "--device", "0"], ["--device", "ref:REFER*"],
                 ["--backend", "ref", "--device", "*eren*"]):
        assert chosen(*args) == "ref:0", args
    assert chosen("--device", "cpu") == "cpu:0"


@case
def selectors_of_opencl():
    device = TOOL.find_device("pocl")
    index = device.split(":")[1]
    name = next(d["name"] for d in TOOL.devices() if d["backend"] == "opencl" and str(d["index"]) == index)
    part = re.sub(r"[^A-Za-z0-9]", "?", name[4:12])
    assert chosen("--device", f"opencl:*{part.upper()}*") == device
    assert chosen("--backend", "opencl", "--device", index) == device
    assert chosen("--backend", "opencl", "--device", f"*{part}*") == device
    assert chosen("--device", device) == device


def fake_env(devices):
    folder = os.path.join(TOOL.build, "tests", "runtime")
    if not os.path.exists(os.path.join(folder, "libtenon-backend-fake.so")):
        raise Skip("the plugin for tests is not built")
    return {"TENON_BACKEND_PATH": folder, "FAKE_DEVICES_fake": devices}


@case
def several_matches_are_listed():
    env = fake_env("gpu/Alpha H200 one/uid1/10/;gpu/Alpha H200 two/uid2/9/;gpu/Beta/uid3/8/")
    text = chosen("--device", "fake:*h200*", env=env, code=2)
    assert "matches 2 devices" in text and "fake:0" in text and "fake:1" in text and "Beta" not in text, text
    done = TOOL.ok("devices", "--device", "fake:*beta*", env=env)
    assert re.search(r"^\* fake:2", done.stdout, re.M), done.stdout
    done = TOOL.ok("devices", "--device", "gpu", env=env)
    assert re.search(r"^\* fake:0", done.stdout, re.M), done.stdout


@case
def one_gpu_through_two_platforms_is_shown_as_one():
    env = fake_env("gpu/Twin GPU/uid-twin/10/;gpu/Twin GPU/uid-twin/9/")
    text = TOOL.ok("devices", env=env).stdout
    assert "the same GPU as fake:0" in text, text
    assert "* fake:0" in TOOL.ok("devices", "--device", "fake:*twin*", env=env).stdout


@case
def flag_before_environment_before_recipe_before_default():
    recipe = os.path.join(fresh(), "r.yaml")
    with open(recipe, "w") as file:
        file.write(re.sub(r"^run:.*(\n .*)*", "", config(), flags=re.M) + "\nrun: {device: ref}\n")

    def device(*args, env=None):
        done = TOOL.ok("train", recipe, *SMALL, "--dry-run", *args, env=env)
        return re.search(r"^device: (\w+)", done.stdout, re.M).group(1)

    assert chosen() != "ref:0"
    assert device() == "ref", "the recipe before the default"
    assert device(env={"TENON_DEVICE": "cpu"}) == "cpu", "the environment before the recipe"
    assert device(env={"TENON_BACKEND": "cpu"}) == "cpu", "its other half, too"
    assert device("--device", "ref", env={"TENON_DEVICE": "cpu"}) == "ref", "the flag before the environment"
    assert device("--device", "ref", env={"TENON_BACKEND": "cpu"}) == "ref", "though they differ in kind"
    assert device("--backend", "cpu", env={"TENON_DEVICE": "ref"}) == "cpu"
    assert device("--backend", "cpu", env={"TENON_DEVICE": "gpu"}) == "cpu"
    assert device("--device", "0", env={"TENON_BACKEND": "cpu"}) == "cpu", "what agrees is kept"


# --- options ---


@case
def numbers_from_flag_environment_recipe_default():
    for flag, variable, key, recipe_value in (
            ("--epochs", "TENON_EPOCHS", "epochs", None), ("--batch-size", "TENON_BATCH_SIZE", "batch_size", None),
            ("--seed", "TENON_SEED", "seed", None), ("--max-steps", "TENON_MAX_STEPS", "max_steps", "0")):
        plain = config()
        if recipe_value is not None:
            assert value(plain, key) == recipe_value
        assert value(config(env={variable: 31}), key) == "31"
        assert value(config(flag, 17, env={variable: 31}), key) == "17"
        assert value(config(f"{flag}=17"), key) == "17"
    assert value(config("--seed", 9007199254740993), "seed") == "9007199254740993", "all digits of a seed"
    for text, seconds in (("90", 90), ("90s", 90), ("1.5m", 90), ("30m", 1800), ("2h", 7200)):
        for found in (config("--max-time", text), config(env={"TENON_MAX_TIME": text})):
            got = value(found, "max_time")
            unit = {"s": 1, "m": 60, "h": 3600}.get(got[-1], 1)
            assert abs(float(got.rstrip("smh")) * unit - seconds) < 1e-6, (text, got)


@case
def overrides():
    found = config("--set", "optimizer.lr=0.0625", "--set", "model.0.filters=7", "--set", "optimizer.lr=0.125")
    assert value(found, "lr") == "0.125" and value(found, "filters") == "7", found
    found = config(env={"TENON_SET": "optimizer.lr=0.25;model.0.filters=6"})
    assert value(found, "lr") == "0.25" and value(found, "filters") == "6", found
    found = config("--set", "optimizer.lr=0.5", env={"TENON_SET": "optimizer.lr=0.25;model.0.filters=6"})
    assert value(found, "lr") == "0.5" and value(found, "filters") == "6", "the flag last"
    found = config("--set", "model.0={layer: conv2d, filters: 3, kernel_size: 5}")
    assert value(found, "filters") == "3" and value(found, "kernel_size") in ("5", "[5,"), found
    assert value(config("--set", "train.epochs=4", "--epochs", "3"), "epochs") == "3"


@case
def print_config_resolves_and_reads_back():
    cwd = fresh()
    first = config("--set", "optimizer.lr=0.03", "--epochs", "2")
    with open(os.path.join(cwd, "again.yaml"), "w") as file:
        file.write(first)
    second = TOOL.ok("train", "again.yaml", "--print-config", cwd=cwd).stdout
    assert first == second, "a resolved recipe resolves to itself"
    assert os.listdir(cwd) == ["again.yaml"], "nothing is written"
    found = events(TOOL.ok("train", "again.yaml", "--print-config", "--json", cwd=cwd))
    assert found[0]["yaml"] == second


@case
def switches_by_variable():
    cwd = fresh()
    base = ["train", "digits-cnn", *SMALL, "--max-steps", "2"]
    env = {"TENON_NO_SAVE": 1, "TENON_JSON": "true", "TENON_DEVICE": "ref", "TENON_THREADS": 1, "TENON_EXPLAIN": "yes",
           "TENON_STRICT": "on"}
    found = events(TOOL.ok(*base, env=env, cwd=cwd))
    assert any(e["event"] == "node" for e in found) and found[-1]["backend"] == "ref"
    assert not os.listdir(cwd), "TENON_NO_SAVE"
    TOOL.ok(*base, "--device", "ref", env={"TENON_OUT": "there", "TENON_NO_SAVE": 0}, cwd=cwd)
    assert os.listdir(cwd) == ["there"], "TENON_OUT; 0 means off"
    TOOL.ok(*base, "--device", "ref", env={"TENON_OUT": "there", "TENON_FORCE": 1}, cwd=cwd)
    TOOL.ok(*base, "--device", "ref", "--no-save", env={"TENON_OUT": "other"}, cwd=cwd)
    TOOL.ok(*base, "--device", "ref", "--out", "third", env={"TENON_NO_SAVE": 1}, cwd=cwd)
    assert sorted(os.listdir(cwd)) == ["there", "third"]
    assert "device:" not in TOOL.ok(*base, "--device", "ref", "--no-save", env={"TENON_QUIET": 1}, cwd=cwd).stdout
    dry = TOOL.ok(*base, env={"TENON_DRY_RUN": 1, "TENON_DEVICE": "ref"}, cwd=cwd).stdout
    assert "epoch" not in dry and "dry run" in dry, dry
    assert "conv2d" in TOOL.ok("train", "digits-cnn", env={"TENON_PRINT_CONFIG": 1}).stdout
    bad = TOOL.run(*base, env={"TENON_STRICT": "maybe"})
    assert bad.returncode == 2 and "TENON_STRICT is 'maybe'" in bad.stderr, bad.stderr
    assert TOOL.run(*base, env={"TENON_VERBOSE": 1, "TENON_DEVICE": "ref", "TENON_NO_SAVE": 1}).returncode == 0


@case
def threads_rule_the_pool():
    def used(n):
        done = TOOL.ok("train", "digits-cnn", *SMALL, "--device", "cpu", "--threads", n, "--no-save",
                       "--max-steps", "40", "--seed", "3", "--json")
        return [e["loss"] for e in events(done) if e["event"] == "step"]

    one, two = used(1), used(2)
    assert len(one) == len(two) == 40
    assert all(abs(a - b) <= 1e-4 * abs(a) for a, b in zip(one, two)), "threads change no result"
    drivers = {n: next(d["driver"] for d in events(TOOL.ok("devices", "--threads", n, "--json"))
                       if d["event"] == "device" and d["backend"] == "cpu") for n in (1, 3)}
    assert "1 thread" in drivers[1] and "3 threads" in drivers[3], drivers
    drivers = events(TOOL.ok("devices", "--json", env={"TENON_THREADS": 5}))
    assert any("5 threads" in d.get("driver", "") for d in drivers), drivers


@case
def backend_options():
    env = fake_env("")
    args = ["devices", "--backend", "fake", "--backend-opt"]
    assert "Made to order" in TOOL.ok(*args, "devices=gpu/Made to order/u/5/", env=env).stdout
    args = ["devices", "--device", "fake:0", "--backend-opt"]
    assert "Made to order" in TOOL.ok(*args, "devices=gpu/Made to order/u/5/", env=env).stdout
    env["TENON_BACKEND_OPT"] = "devices=gpu/From the environment/u/5/"
    assert "From the environment" in TOOL.ok("devices", "--backend", "fake", env=env).stdout
    env["TENON_BACKEND_OPT"] = "colour=red"
    done = TOOL.run("devices", "--backend", "fake", env=env)
    assert done.returncode == 2 and "colour" in done.stderr, done.stderr


@case
def data_dir_by_flag_and_variable():
    root = harness.data_dir()
    shape = ["train", "mnist-mlp", "--device", "cpu", "--dry-run"]
    assert "54000 to train, 6000 to validate, 10000 to test" in TOOL.ok(*shape, env={"TENON_DATA": root}).stdout
    assert "54000" in TOOL.ok(*shape, "--data-dir", root, env={"TENON_DATA": "/nonexistent"}).stdout
    done = TOOL.run(*shape, "--data-dir", "/nonexistent")
    assert done.returncode == 2 and "/nonexistent/mnist" in done.stderr


@case
def limits_end_the_run():
    out = TOOL.ok("train", *QUICK, "--no-save", "--max-steps", "5", "--json")
    assert [e["step"] for e in events(out) if e["event"] == "step"] == [1, 2, 3, 4, 5]
    begin = time.time()
    out = TOOL.ok("train", *QUICK, "--no-save", "--max-time", "1s", "--epochs", "100000").stdout
    assert time.time() - begin < 30 and "stopped at --max-time" in out, out
    out = TOOL.ok("train", *QUICK, "--no-save", "--epochs", "2", "--batch-size", "100", "--json")
    epochs = [e for e in events(out) if e["event"] == "epoch"]
    assert [e["samples"] for e in epochs] == [540, 540] and epochs[1]["step"] == 12


@case
def the_seed_decides():
    def losses(seed):
        done = TOOL.ok("train", *QUICK, "--no-save", "--max-steps", "4", "--seed", seed, "--json")
        return [e["loss"] for e in events(done) if e["event"] == "step"]

    assert losses(5) == losses(5) != losses(6)


# --- JSON, run folders ---


@case
def json_events_of_a_run():
    cwd = fresh()
    done = TOOL.ok("train", *QUICK, "--epochs", "2", "--json", cwd=cwd)
    found = events(done)
    assert "device: cpu:0" in done.stderr and "run folder: runs/digits-cnn-1" in done.stderr
    assert {e["event"] for e in found} == {"step", "epoch", "eval", "done"}, {e["event"] for e in found}
    epochs = [e for e in found if e["event"] == "epoch"]
    keys = {"loss", "accuracy", "val_loss", "val_accuracy", "seconds", "samples_per_s", "samples"}
    assert len(epochs) == 2 and all(keys <= set(e) for e in epochs), epochs
    assert all(e["samples"] == 540 for e in epochs), "600 less the validation share"
    steps = [e for e in found if e["event"] == "step"]
    assert all({"loss", "accuracy", "step", "epoch", "samples"} <= set(e) for e in steps)
    mean = sum(e["loss"] * e["samples"] for e in steps if e["epoch"] == 1) / 540
    assert abs(mean - epochs[0]["loss"]) < 1e-4, "an epoch's loss is the mean over its samples"
    last = found[-1]
    assert {"test_accuracy", "test_loss", "device", "backend", "peak_bytes", "run"} <= set(last), last
    assert last["backend"] == "cpu" and last["run"] == "runs/digits-cnn-1" and last["peak_bytes"] > 10000
    evaluated = next(e for e in found if e["event"] == "eval")
    assert evaluated["test_loss"] == last["test_loss"] and evaluated["samples"] == 150
    for args in (["summary", "mnist-cnn"], ["devices"], ["schema"], ["init", "mnist-cnn"],
                 ["train", *QUICK, "--dry-run"], ["train", *QUICK, "--dry-run", "--explain"],
                 ["eval", "runs/digits-cnn-1"]):
        events(TOOL.ok(*args, "--json", cwd=cwd))


@case
def run_folders_are_numbered_and_printed_first_and_last():
    cwd = fresh()
    for n in (1, 2, 3):
        lines = TOOL.ok("train", *QUICK, "--max-steps", "2", cwd=cwd).stdout.splitlines()
        assert lines[0] == lines[-1] == f"run folder: runs/digits-cnn-{n}", lines
    os.rename(os.path.join(cwd, "runs/digits-cnn-2"), os.path.join(cwd, "kept"))
    TOOL.ok("train", *QUICK, "--max-steps", "2", cwd=cwd)
    assert sorted(os.listdir(os.path.join(cwd, "runs"))) == [f"digits-cnn-{n}" for n in (1, 2, 3)]


@case
def parallel_runs_never_share_a_folder():
    cwd = fresh()
    runs = [subprocess.Popen([TOOL.exe, "train", *QUICK, "--max-steps", "3", "--json", "--seed", str(i)], cwd=cwd,
                             env=TOOL.env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for i in range(4)]
    folders = [json.loads(run.communicate(timeout=300)[0].splitlines()[-1])["run"] for run in runs]
    assert all(run.returncode == 0 for run in runs)
    assert sorted(folders) == [f"runs/digits-cnn-{n}" for n in (1, 2, 3, 4)], folders
    for folder, i in zip(folders, range(4)):
        with open(os.path.join(cwd, folder, "log.jsonl")) as file:
            assert json.loads(file.readline())["seed"] == i, "each log is its own run's"


@case
def two_runs_into_one_folder():
    cwd = fresh()
    first = subprocess.Popen([TOOL.exe, "train", *QUICK, "--epochs", "100000", "--out", "same"], cwd=cwd,
                             env=TOOL.env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        wait_for(os.path.join(cwd, "same/model.safetensors"), first)
        done = TOOL.run("train", *QUICK, "--max-steps", "2", "--out", "same", "--force", cwd=cwd)
        assert done.returncode == 2 and "another run is writing to same" in done.stderr, done.stderr
    finally:
        first.kill()
        first.communicate()
    TOOL.ok("train", *QUICK, "--max-steps", "2", "--out", "same", "--force", cwd=cwd)


def wait_for(path, process, seconds=120):
    begin = time.time()
    while not os.path.exists(path):
        assert process.poll() is None, f"the run ended: {process.communicate()}"
        assert time.time() - begin < seconds, f"{path} did not come"
        time.sleep(0.01)


@case
def contents_of_a_run_folder():
    cwd = fresh()
    TOOL.ok("train", *QUICK, "--epochs", "2", "--set", "optimizer.lr=0.002", "--out", "a/b/c/", cwd=cwd)
    folder = os.path.join(cwd, "a/b/c")
    assert sorted(os.listdir(folder)) == ["log.jsonl", "model.safetensors", "recipe.yaml"]
    with open(os.path.join(folder, "recipe.yaml")) as file:
        recipe = file.read()
    assert value(recipe, "lr") == "0.002" and value(recipe, "epochs") == "2" and value(recipe, "filters") == "4"
    with open(os.path.join(folder, "log.jsonl")) as file:
        log = [json.loads(line) for line in file]
    assert [e["event"] for e in log] == ["begin", "epoch", "epoch", "eval", "done"], log
    with open(os.path.join(folder, "model.safetensors"), "rb") as file:
        n = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(n))
    shapes = {k: v["shape"] for k, v in header.items() if k != "__metadata__"}
    assert sorted(shapes.values()) == sorted([[4, 1, 3, 3], [4], [676, 8], [8], [8, 10], [10]]), shapes
    assert header["__metadata__"]["tenon.selection"] == "best"


@case
def without_validation_the_last_weights_are_kept():
    cwd = fresh()
    out = TOOL.ok("train", *QUICK, "--epochs", "2", "--set", "data.validation=null", "--set", "train.monitor=null",
                  "--out", "o", cwd=cwd).stdout
    assert "the last ones" in out, out
    assert "weights: last, epoch 2" in TOOL.ok("eval", "o", cwd=cwd).stdout
    TOOL.ok("train", *QUICK, "--epochs", "3", "--out", "p", cwd=cwd)
    assert re.search(r"weights: best by validation, epoch [123]", TOOL.ok("eval", "p", cwd=cwd).stdout)


# --- eval ---


@case
def eval_gives_back_the_metrics_of_the_run():
    devices = ["cpu", "ref"]
    try:
        devices.append(TOOL.find_device("pocl"))
    except Skip:
        pass
    for device in devices:
        cwd = fresh()
        args = [*QUICK[:-4], "--device", device, "--threads", "2"]
        run = events(TOOL.ok("train", *args, "--epochs", "2", "--out", "o", "--json", cwd=cwd))[-1]
        for model in ("o", "o/", "o/model.safetensors", os.path.join(cwd, "o")):
            found = events(TOOL.ok("eval", model, "--device", device, "--threads", "2", "--json", cwd=cwd))[-1]
            for key in ("test_loss", "test_accuracy"):
                assert found[key] == run[key], f"{device}, {model}: {key} {found[key]}, in the run {run[key]}"
        inside = TOOL.ok("eval", "model.safetensors", "--device", device, "--json", cwd=os.path.join(cwd, "o"))
        assert events(inside)[-1]["test_loss"] == run["test_loss"]


@case
def eval_on_every_split():
    cwd = fresh()
    found = events(TOOL.ok("train", *QUICK, "--epochs", "1", "--out", "o", "--json", cwd=cwd))
    epoch = next(e for e in found if e["event"] == "epoch")
    val = events(TOOL.ok("eval", "o", "--split", "val", "--json", "--device", "cpu", cwd=cwd))[-1]
    assert abs(val["val_loss"] - epoch["val_loss"]) < 1e-6 and val["val_accuracy"] == epoch["val_accuracy"]
    assert val["samples"] == 60
    train = events(TOOL.ok("eval", "o", "--split", "train", "--json", cwd=cwd))[-1]
    assert train["samples"] == 540 and "train_loss" in train
    text = TOOL.ok("eval", "o", env={"TENON_SPLIT": "val"}, cwd=cwd).stdout
    assert "val_loss" in text and "weights:" in text, text
    done = TOOL.run("eval", "o", "--split", "dev", cwd=cwd)
    assert done.returncode == 2 and "train, val or test" in done.stderr
    other = events(TOOL.ok("eval", "o", "--batch-size", "7", "--json", cwd=cwd))[-1]
    assert abs(other["test_loss"] - found[-1]["test_loss"]) < 1e-5, "unequal batches weigh by samples"


@case
def eval_on_other_data():
    cwd = fresh()
    for name, labels in (("a", tiny.labels(20)), ("b", tiny.idx_bytes(tiny.LABELS, (20,), bytes([3] * 20)))):
        os.mkdir(os.path.join(cwd, name))
        tiny.write(os.path.join(cwd, name, "images"), tiny.images())
        tiny.write(os.path.join(cwd, name, "labels"), labels)
    recipe = tiny.RECIPE.format(images="images", labels="labels", loss="softmax_cross_entropy", model=tiny.MODEL,
                                more="  classes: 10\n  test_images: images\n  test_labels: labels\n")
    with open(os.path.join(cwd, "t.yaml"), "w") as file:
        file.write(recipe)
    TOOL.ok("train", "t.yaml", "--data-dir", "a", "--device", "ref", "--out", "o", cwd=cwd)
    on_a = events(TOOL.ok("eval", "o", "--data", "a", "--json", cwd=cwd))[-1]["test_loss"]
    on_b = events(TOOL.ok("eval", "o", "--data", "b", "--json", cwd=cwd))[-1]["test_loss"]
    by_variable = events(TOOL.ok("eval", "o", "--json", env={"TENON_EVAL_DATA": "b"}, cwd=cwd))[-1]["test_loss"]
    assert on_a != on_b == by_variable


@case
def eval_refuses_what_is_no_model():
    cwd = fresh()
    TOOL.ok("train", *QUICK, "--max-steps", "2", "--out", "o", cwd=cwd)
    model = os.path.join(cwd, "o/model.safetensors")
    with open(model, "rb") as file:
        whole = file.read()
    for data in (whole[:5], whole[:200], whole[:-4], b"x" * 100, b""):
        tiny.write(model, data)
        done = TOOL.run("eval", "o", "--device", "ref", cwd=cwd)
        assert done.returncode == 2 and "model.safetensors" in done.stderr, (len(data), done.returncode, done.stderr)
    tiny.write(model, whole)
    with open(os.path.join(cwd, "o/recipe.yaml")) as file:
        text = file.read()
    with open(os.path.join(cwd, "o/recipe.yaml"), "w") as file:
        file.write(text.replace("filters: 4", "filters: 5"))
    done = TOOL.run("eval", "o", "--device", "ref", cwd=cwd)
    assert done.returncode == 2 and "[4, 1, 3, 3]" in done.stderr and "[5, 1, 3, 3]" in done.stderr, done.stderr
    os.remove(os.path.join(cwd, "o/recipe.yaml"))
    done = TOOL.run("eval", "o", cwd=cwd)
    assert done.returncode == 2 and "o/recipe.yaml" in done.stderr, done.stderr


# --- summary, init, schema ---


@case
def summary_counts_as_keras_does():
    text = TOOL.ok("summary", "mnist-cnn").stdout
    assert 'Model: "mnist-cnn"' in text and "Layer (type)" in text and "Output Shape" in text and "Param #" in text
    for line in (r"^conv2d \(conv2d\)\s+\(None, 32, 26, 26\)\s+320\b", r"\(None, 32, 13, 13\)\s+0\b",
                 r"\(None, 5408\)\s+0\b", r"\(None, 64\)\s+346,176\b", r"\(None, 10\)\s+650\b",
                 r"^Total params: 347,146 \(1.3 MiB\)$", r"^Trainable params: 347,146$",
                 r"^Non-trainable params: 0$"):
        assert re.search(line, text, re.M), f"{line} not in\n{text}"
    found = events(TOOL.ok("summary", "mnist-cnn", "--json"))
    assert found[-1]["params"] == found[-1]["trainable"] == 347146
    layers = [e for e in found if e["event"] == "layer"]
    assert [e["params"] for e in layers if e["params"]] == [320, 346176, 650]
    assert layers[-1]["output_shape"] == [None, 10]
    norm = events(TOOL.ok("summary", "digits-resnet", "--json"))[-1]
    assert norm["non_trainable"] > 0 and norm["params"] == norm["trainable"] + norm["non_trainable"]
    wide = events(TOOL.ok("summary", "mnist-cnn", "--set", "model.0.filters=64", "--json"))[-1]["params"]
    assert wide == 640 + 13 * 13 * 64 * 64 + 64 + 650


@case
def init_copies_a_recipe_that_trains():
    cwd = fresh()
    out = TOOL.ok("init", "digits-cnn", cwd=cwd).stdout
    assert "wrote digits-cnn.yaml" in out and "tenon train digits-cnn.yaml" in out
    assert os.listdir(cwd) == ["digits-cnn.yaml"]
    TOOL.ok("train", "digits-cnn.yaml", *SMALL, "--device", "cpu", "--max-steps", "1", cwd=cwd)
    TOOL.ok("train", "./digits-cnn.yaml", *SMALL, "--device", "cpu", "--dry-run", cwd=cwd)
    assert sorted(os.listdir(cwd)) == ["digits-cnn.yaml", "runs"]


@case
def schema_is_json_schema():
    schema = json.loads(TOOL.ok("schema").stdout)
    assert "2020-12" in schema["$schema"]
    assert {"tenon", "data", "model", "optimizer", "train"} <= set(schema["properties"])
    assert "max_pool2d" in TOOL.ok("schema").stdout
    assert events(TOOL.ok("schema", "--json"))[0]["schema"] == schema


@case
def every_shipped_recipe_resolves():
    text = TOOL.run("train", "no-such-recipe").stderr
    names = re.search(r"there are: ([^)]*)\)", text).group(1).split(", ")
    assert {"mnist-cnn", "digits-cnn"} <= set(names), names
    for name in names:
        TOOL.ok("train", name, "--print-config")
        assert events(TOOL.ok("summary", name, "--json"))[-1]["params"] > 0


# --- interrupts, terminals ---


def interrupted(signal_number):
    cwd = fresh()
    run = subprocess.Popen([TOOL.exe, "train", *QUICK, "--epochs", "100000", "--out", "o"], cwd=cwd,
                           env=TOOL.env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(os.path.join(cwd, "o/log.jsonl"), run)
    time.sleep(0.3)
    run.send_signal(signal_number)
    out, err = run.communicate(timeout=120)
    assert run.returncode == 0, (run.returncode, out[-500:], err)
    assert "stopped as asked" in out and "test:  loss" in out and not err, out[-500:] + err
    assert sorted(os.listdir(os.path.join(cwd, "o"))) == ["log.jsonl", "model.safetensors", "recipe.yaml"]
    reported = re.search(r"test:  loss ([\d.]+)  accuracy ([\d.]+)", out).groups()
    found = re.search(r"test_loss ([\d.]+)  test_accuracy ([\d.]+)",
                      TOOL.ok("eval", "o", "--device", "cpu", "--threads", "2", cwd=cwd).stdout).groups()
    assert reported == found, "the saved model is the one that was reported"


@case
def an_interrupt_ends_the_run_in_order():
    interrupted(signal.SIGINT)


@case
def a_termination_ends_the_run_in_order():
    interrupted(signal.SIGTERM)


@case
def an_interrupt_within_the_first_epoch_saves_too():
    cwd = fresh()
    run = subprocess.Popen([TOOL.exe, "train", "digits-cnn", "--set", "data.train=20000", "--set", "data.test=100",
                            "--device", "ref", "--out", "o"], cwd=cwd, env=TOOL.env(), stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True)
    wait_for(os.path.join(cwd, "o/.log.jsonl.new"), run)
    time.sleep(1.5)
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=200)
    if "before the first step" in err:
        assert run.returncode == 1 and not os.path.exists(os.path.join(cwd, "o"))
        return
    assert run.returncode == 0 and "stopped as asked" in out, (out, err)
    assert os.path.exists(os.path.join(cwd, "o/model.safetensors"))


def on_terminal(args, columns=100):
    """What the tool writes to a terminal of that width."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
    run = subprocess.Popen([TOOL.exe, *args], stdout=slave, stderr=subprocess.PIPE, cwd=fresh(), env=TOOL.env())
    os.close(slave)
    text = b""
    while True:
        ready, _, _ = select.select([master], [], [], 120)
        try:
            part = os.read(master, 65536) if ready else b""
        except OSError:
            part = b""
        if not part:
            break
        text += part
    os.close(master)
    assert run.wait(timeout=60) == 0, run.stderr.read()
    run.stderr.close()
    return text.decode()


@case
def a_progress_bar_on_a_terminal_and_lines_elsewhere():
    args = ["train", "digits-cnn", "--set", "data.train=6000", "--set", "data.test=100", "--device", "cpu",
            "--threads", "1", "--epochs", "1", "--no-save"]
    text = on_terminal(args)
    bars = [b for b in re.split(r"[\r\n]+", text) if re.match(r"epoch 1/1 \[", b)]
    assert bars, text
    assert re.search(r"epoch 1/1 \[[#.]{24}\]  loss \d+\.\d+  accuracy \d\.\d+  \d+ samples/s  \d+:\d\d left", bars[-1]), bars[-1]
    narrow = on_terminal(args, columns=50)
    lines = [re.sub(r"\x1b\[K", "", b) for b in re.split(r"[\r\n]+", narrow)]
    assert max(len(b) for b in lines if b.startswith("epoch 1/1 [")) < 50, "a bar never wraps"
    plain = TOOL.ok(*args).stdout
    assert "\r" not in plain and "\x1b" not in plain and "[#" not in plain
    assert re.search(r"^epoch 1/1  loss [\d.]+  accuracy [\d.]+  val_loss [\d.]+  val_accuracy [\d.]+  [\d.]+ s  \d+ samples/s",
                     plain, re.M), plain
    as_json = on_terminal([*args, "--json"])
    assert all(json.loads(line)["event"] for line in as_json.split("\r\n") if line)


if __name__ == "__main__":
    sys.exit(harness.main())
