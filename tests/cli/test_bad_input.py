#!/usr/bin/env python3
"""Bad input: a clear error on stderr, exit 2, nothing written or lost.

    tests/cli/test_bad_input.py [BUILDDIR]
"""

import itertools
import os
import resource
import shutil
import signal
import subprocess
import sys
import time

import harness
import tiny
from harness import Skip, Tool, case
from tiny import Folder

TOOL = Tool(harness.build_folder())
NUMBERS = itertools.count()
PLUGINS = os.path.join(TOOL.build, "tests", "runtime")


def folder():
    return Folder(os.path.join(TOOL.cwd, f"case-{next(NUMBERS)}"))


def refused(where, *args, says, code=2, env=None, **kwargs):
    """The tool ends with `code`, a message that says each of `says`, and has written nothing."""
    before = where.contents()
    done = TOOL.run(*args, cwd=where.path, env=env, **kwargs)
    text = done.stderr
    assert done.returncode == code, f"exit {done.returncode}, wanted {code}\n{done.stdout}\n{text}"
    for part in says:
        assert part in text, f"the message lacks {part!r}:\n{text}"
    message = [line for line in text.splitlines() if line.startswith("tenon")]
    assert message, f"no line begins with the tool's name:\n{text}"
    after = where.contents()
    assert before == after, \
        f"written or lost: {sorted(k for k in {**before, **after} if before.get(k, 0) != after.get(k, 0))}"
    return text


def train(where, recipe, *args, says, **kwargs):
    return refused(where, "train", recipe, "--device", "ref", *args, says=says, **kwargs)


@case
def the_good_recipe_trains():
    """Else every refusal below would be hollow."""
    f = folder()
    TOOL.ok("train", f.recipe(), "--device", "ref", cwd=f.path)
    assert os.path.exists(f.file("runs/tiny-1/model.safetensors"))


# --- IDX files ---


def broken_idx(part, data, says, packed=False):
    f = folder()
    name = f"bad-{part}" + (".gz" if packed else "")
    tiny.write(f.file(name), data, packed)
    train(f, f.recipe(**{part: name}), says=[f.file(name), *says])


@case
def missing_idx():
    f = folder()
    train(f, f.recipe(images="nowhere"), says=["there is no file", f.file("nowhere")])
    train(f, f.recipe(labels="nowhere.gz"), says=["there is no file", f.file("nowhere")])


@case
def idx_that_is_a_folder():
    f = folder()
    os.mkdir(f.file("a-folder"))
    train(f, f.recipe(images="a-folder"), says=[f.file("a-folder"), "is a folder"])


@case
def truncated_idx():
    whole = tiny.images()
    for n in (0, 3, 10, 16, len(whole) - 1):
        broken_idx("images", whole[:n], ["cut short", str(n)])
        broken_idx("images", whole[:n], ["cut short"], packed=True)
    broken_idx("labels", tiny.labels()[:-1], ["cut short", "28", "27"])


@case
def truncated_gz():
    f = folder()
    tiny.write(f.file("images.gz"), tiny.images(), packed=True)
    with open(f.file("images.gz"), "rb") as file:
        data = file.read()
    for n in (len(data) - 1, len(data) - 8, len(data) // 2, 11):
        tiny.write(f.file("images.gz"), data[:n])
        train(f, f.recipe(images="images.gz"), says=[f.file("images.gz"), "cut short"])


@case
def damaged_gz():
    f = folder()
    tiny.write(f.file("images.gz"), tiny.images(), packed=True)
    with open(f.file("images.gz"), "r+b") as file:
        file.seek(-6, os.SEEK_END)
        file.write(b"\xff\xff")
    train(f, f.recipe(images="images.gz"), says=[f.file("images.gz"), "damaged"])


@case
def mis_sized_idx():
    broken_idx("images", tiny.images() + b"x", ["too long", "1296", "1297"])
    broken_idx("images", tiny.images() + b"x", ["too long", "1296"], packed=True)
    huge = tiny.idx_bytes(tiny.IMAGES, (0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF), b"1234")
    broken_idx("images", huge, ["4294967295", "no file is that large"])
    large = tiny.idx_bytes(tiny.IMAGES, (1 << 20, 1 << 10, 1 << 10), b"1234")
    broken_idx("images", large, ["cut short"])
    broken_idx("images", large, ["packed bytes cannot hold"], packed=True)
    broken_idx("images", tiny.idx_bytes(tiny.IMAGES, (0, 8, 8), b""), ["is empty", "[0, 8, 8]"])


@case
def wrong_magic_idx():
    broken_idx("images", b"\x89PNG" + bytes(100), ["is no IDX file", "0x89504e47"])
    broken_idx("images", tiny.images().replace(b"\x00\x00\x08", b"\x00\x00\x07", 1),
               ["element type 0x07"])
    broken_idx("images", tiny.labels(), ["rank 1", "are these the labels?"])
    broken_idx("labels", tiny.images(), ["rank 3", "labels (0x00000801)"])
    broken_idx("images", b"not a file of images", ["is no IDX file"], packed=True)


@case
def counts_that_differ():
    for packed in (False, True):
        f = folder()
        name = "labels19.gz" if packed else "labels19"
        tiny.write(f.file(name), tiny.labels(19), packed)
        train(f, f.recipe(labels=name),
              says=[f.file("images"), f.file(name), "20 images", "19 labels"])


@case
def labels_outside_the_classes():
    f = folder()
    small = tiny.MODEL.replace("units: 10", "units: 7")
    train(f, f.recipe(model=small), says=["label 7 of sample 7", "'y'", "7 classes 0..6"])
    train(f, f.recipe(more="  classes: 4\n"),
          says=[f.file("labels"), "label 4 of sample 4", "4 classes 0..3"])


@case
def bce_targets_outside_0_and_1():
    f = folder()
    one = tiny.MODEL.replace("units: 10", "units: 1")
    for loss in ("bce_with_logits", "bce"):
        train(f, f.recipe(model=one, loss=loss), says=["value 2 of sample 2", "'y'", "[0, 1]"])


# --- recipes ---


@case
def unknown_names_in_a_recipe():
    f = folder()
    for old, new, says in (
            ("units:", "unitz:", ["tiny.yaml:11:5", "unknown key 'unitz'", "layer 'logits'", "did you mean 'units'"]),
            ("batch_size", "batchsize", ["tiny.yaml:14:9", "unknown key 'batchsize'", "did you mean 'batch_size'"]),
            ("optimizer:", "optimiser:", ["tiny.yaml:13:1", "unknown key 'optimiser'", "did you mean 'optimizer'"]),
            ("layer: dense", "layer: dnese", ["tiny.yaml:9:12", "no layer type 'dnese'", "did you mean 'dense'"]),
            ("- flatten", "- flaten", ["tiny.yaml:8:5", "'flaten'", "did you mean 'flatten'"]),
            ("softmax_cross_entropy", "softmax_crossentropy",
             ["tiny.yaml:12:7", "no loss 'softmax_crossentropy'", "did you mean 'softmax_cross_entropy'"]),
            ("type: sgd", "type: sdg", ["tiny.yaml:13:19", "no optimizer 'sdg'", "did you mean 'sgd'"]),
            ("reader: idx", "reader: idxx", ["tiny.yaml:4:11", "no reader 'idxx'", "did you mean 'idx'"]),
            ("units: 10", "units: 10\n    activation: rellu", ["tiny.yaml:12:17", "'rellu'", "did you mean 'relu'"]),
            ("train:", "metrics: [acuracy]\ntrain:", ["tiny.yaml:14:11", "'acuracy'", "did you mean 'accuracy'"])):
        train(f, f.recipe(replace=[(old, new)]), says=says)


@case
def recipes_that_are_no_recipes():
    f = folder()
    train(f, f.recipe(replace=[("tenon: 1", "tenon: 99")]), says=["tiny.yaml:1:8", "format 99", "newer"])
    train(f, f.recipe(replace=[("units: 10", "units: [1")]), says=["tiny.yaml:", "YAML"])
    train(f, f.recipe(replace=[("units: 10", "units: many")]), says=["tiny.yaml:11:12", "units", "number"])
    train(f, f.recipe(replace=[("units: 10", "units: -3")]), says=["tiny.yaml:11:12", "units", "-3"])
    train(f, "nowhere.yaml", says=["nowhere.yaml", "No such file"])
    train(f, "mnist-cn", says=["no shipped recipe 'mnist-cn'", "did you mean 'mnist-cnn'"])
    tiny.write(f.file("empty.yaml"), b"")
    train(f, f.file("empty.yaml"), says=["empty.yaml"])
    tiny.write(f.file("binary.yaml"), bytes(range(256)))
    train(f, f.file("binary.yaml"), says=["binary.yaml"])


@case
def overrides_that_fit_nothing():
    f = folder()
    recipe = f.recipe()
    for text, says in (("train.batchsize=3", ["'train.batchsize=3'", "did you mean 'batch_size'"]),
                       ("model.7.units=3", ["'model.7.units=3'", "2 entries", "7"]),
                       ("model=[a", ["'model=[a'", "YAML"]),
                       ("optimizer.lr=abc", ["'optimizer.lr=abc'", "number"]),
                       ("train", ["--set", "KEY=VALUE"])):
        train(f, recipe, "--set", text, says=says)


@case
def a_layer_whose_shape_does_not_fit():
    f = folder()
    conv = tiny.MODEL.replace("- flatten", "- {layer: conv2d, name: wide, filters: 4, kernel_size: 9}\n  - flatten")
    train(f, f.recipe(model=conv), says=["'wide'", "conv2d", "9", "[batch, 1, 8, 8]"])
    add = ("model:\n  - flatten\n  - {layer: dense, name: a, units: 3}\n"
           "  - {layer: dense, name: b, units: 4, inputs: [flatten]}\n"
           "  - {layer: add, name: both, inputs: [a, b]}\n")
    train(f, f.recipe(model=add), says=["'both'", "[batch, 3]", "[batch, 4]"])
    flat = tiny.MODEL.replace("  - flatten\n", "  - flatten\n  - {layer: max_pool2d, name: pool}\n")
    train(f, f.recipe(model=flat), says=["'pool'", "max_pool2d", "[batch, 64]"])
    share = ("model:\n  - flatten\n  - {layer: dense, name: a, units: 3}\n"
             "  - {layer: dense, name: b, units: 3, share: a}\n")
    train(f, f.recipe(model=share), says=["'b'", "[64, 3]", "[3, 3]"])
    declared = "inputs:\n  x: {shape: [1, 9, 9]}\n" + tiny.MODEL
    train(f, f.recipe(model=declared), says=["'x'", "[1, 8, 8]", "[1, 9, 9]"])


@case
def labels_do_not_fit_the_output():
    f = folder()
    unflat = tiny.MODEL.replace("  - flatten\n", "")
    train(f, f.recipe(model=unflat), says=["'y'", "'logits'", "[1, 8, 10]", "[1, 8]", "flatten"])


@case
def batch_size_0():
    f = folder()
    train(f, f.recipe(), "--batch-size", "0", says=["--batch-size is '0'", "at least 1"])
    train(f, f.recipe(), says=["TENON_BATCH_SIZE is '0'", "at least 1"], env={"TENON_BATCH_SIZE": 0})
    train(f, f.recipe(), "--set", "train.batch_size=0", says=["'train.batch_size=0'", "at least 1"])
    train(f, f.recipe(replace=[("batch_size: 5", "batch_size: 0")]),
          says=["tiny.yaml:14:21", "batch_size", "at least 1"])


@case
def numbers_that_are_none():
    f = folder()
    for flag, value in (("--epochs", "0"), ("--epochs", "two"), ("--threads", "0"), ("--threads", "9999999"),
                        ("--max-steps", "1.5"), ("--max-time", "soon"), ("--max-time", "0"),
                        ("--max-time", "-3m"), ("--max-time", "nan"), ("--seed", "-1"), ("--batch-size", "-4"),
                        ("--seed", "99999999999999999999"), ("--epochs", "")):
        train(f, f.recipe(), flag, value, says=[flag, f"'{value}'"])


@case
def unknown_verbs_and_flags():
    f = folder()
    refused(f, "trian", says=["no verb 'trian'", "did you mean 'train'"])
    refused(f, "train", "a", "--explian", says=["no option --explian", "did you mean --explain"])
    refused(f, "train", "a", "--bacth-size=3", says=["no option --bacth-size", "did you mean --batch-size"])
    refused(f, "train", "a", "b", says=["unexpected argument 'b'"])
    refused(f, "train", says=["missing RECIPE|NAME"])
    refused(f, "train", "a", "--epochs", says=["--epochs needs a value"])
    refused(f, "train", "a", "--strict=yes", says=["--strict takes no value"])
    refused(f, "train", "a", "--out", "b", "--no-save", says=["--out", "--no-save", "exclude"])
    refused(f, "eval", "nowhere", says=["no run folder or model at nowhere"])
    refused(f, "init", "mnist-cn", says=["did you mean 'mnist-cnn'"])
    refused(f, "init", "../mnist-cnn", says=["not the name of a shipped recipe"])


# --- backends, devices, plugins ---


@case
def unknown_backends_and_devices():
    f = folder()
    recipe = f.recipe()
    for args, says in ((["--backend", "cpuu"], ["no backend 'cpuu'", "did you mean 'cpu'"]),
                       (["--device", "cpuu:0"], ["no backend 'cpuu'", "did you mean 'cpu'"]),
                       (["--device", "cpu:7"], ["'cpu' has no device 7", "cpu:0"]),
                       (["--device", "cpu:*nothing*"], ["'*nothing*'", "cpu:0"]),
                       (["--device", "cpu:"], ["ends in a colon"]),
                       (["--device", "0"], ["an index needs the name of a backend", "cpu:0"]),
                       (["--device", ""], ["--device is empty"]),
                       (["--backend", "libtenon-backend-cpu.so"], ["must contain a slash", "./"]),
                       (["--backend", "cpu", "--backend-opt", "nonsense"], ["--backend-opt", "KEY=VALUE"]),
                       (["--backend", "cpu", "--backend-opt", "nonsense=1"], ["nonsense"])):
        refused(f, "train", recipe, *args, says=says)


@case
def gpu_without_a_gpu():
    if any(d["kind"] == "GPU" for d in TOOL.devices()):
        raise Skip("there is a GPU")
    f = folder()
    refused(f, "train", f.recipe(), "--device", "gpu", says=["no GPU was found", "cpu:0"])
    refused(f, "devices", "--device", "gpu", says=["no GPU was found"])


def plugin(name):
    path = os.path.join(PLUGINS, f"libtenon-backend-{name}.so")
    if not os.path.exists(path):
        raise Skip(f"{path} is not built")
    return path


def copied_plugin(f, name="fake", mode=0o644):
    os.makedirs(f.file("plugins"), exist_ok=True)
    path = f.file(f"plugins/libtenon-backend-{name}.so")
    shutil.copyfile(plugin(name), path)
    os.chmod(path, mode)
    return path


@case
def plugin_that_is_no_shared_object():
    f = folder()
    path = tiny.write(f.file("libtenon-backend-text.so"), b"#!/bin/sh\necho no\n")
    refused(f, "train", f.recipe(), "--backend", path, says=[path, "not a shared object"])
    short = tiny.write(f.file("libtenon-backend-cut.so"), open(plugin("fake"), "rb").read()[:3000])
    refused(f, "train", f.recipe(), "--backend", short, says=[short, "not a whole shared object"])
    refused(f, "train", f.recipe(), "--backend", TOOL.exe, says=[TOOL.exe])
    refused(f, "train", f.recipe(), "--backend", "./nowhere.so", says=["./nowhere.so", "no such file"])
    refused(f, "train", f.recipe(), "--backend", f.path + "/", says=[f.path])


@case
def plugin_without_the_entry_symbol():
    f = folder()
    refused(f, "train", f.recipe(), "--backend", plugin("noentry"),
            says=[plugin("noentry"), "lacks the entry symbol tenon_backend_entry_v0"])


@case
def plugin_of_another_abi():
    f = folder()
    refused(f, "train", f.recipe(), "--backend", plugin("major"), says=[plugin("major"), "7", "ABI"])
    refused(f, "train", f.recipe(), "--backend", plugin("nextmajor"),
            says=[plugin("nextmajor"), "version 3 of the backend ABI"])


@case
def plugin_with_a_required_slot_missing():
    f = folder()
    refused(f, "train", f.recipe(), "--backend", plugin("nofill"), says=[plugin("nofill"), "fill"])


@case
def plugin_that_everyone_may_write():
    f = folder()
    path = copied_plugin(f, mode=0o666)
    refused(f, "train", f.recipe(), "--backend", path, says=[path, "everyone may write", f"chmod o-w {path}"])
    os.chmod(path, 0o644)
    os.chmod(f.file("plugins"), 0o777)
    refused(f, "train", f.recipe(), "--backend", path,
            says=["everyone may write the folder", f"chmod o-w {f.file('plugins')}"])
    os.chmod(f.file("plugins"), 0o755)
    done = TOOL.run("devices", "--backend", path, env={"FAKE_DEVICES_fake": "gpu/Good GPU/uid1/10/"})
    assert done.returncode == 0 and "Good GPU" in done.stdout, done.stdout + done.stderr


@case
def a_rejected_candidate_is_listed_and_harms_nothing():
    f = folder()
    for name in ("noentry", "major", "nofill"):
        copied_plugin(f, name)
    events = TOOL.events("devices", env={"TENON_BACKEND_PATH": f.file("plugins")})
    reasons = {os.path.basename(e["path"]): e["reason"] for e in events if e["event"] == "rejected"}
    assert set(reasons) >= {f"libtenon-backend-{n}.so" for n in ("noentry", "major", "nofill")}, reasons
    assert any(e["event"] == "device" and e["backend"] == "ref" for e in events)


# --- output that is in the way, disks that are full, devices that are too small ---


def trained(f, *args):
    TOOL.ok("train", f.recipe(), "--device", "ref", "--out", f.file("out"), *args, cwd=f.path)


@case
def output_folder_with_a_model_in_it():
    f = folder()
    trained(f)
    text = train(f, f.recipe(), "--out", f.file("out"), says=[f.file("out"), "--force", "once the new one is whole"])
    assert text.count("\n") == 1, text
    train(f, f.recipe(), says=["--force"], env={"TENON_OUT": f.file("out")})
    train(f, f.recipe(), "--out", f.file("images"), says=["not a folder"])


@case
def init_over_a_file():
    f = folder()
    TOOL.ok("init", "mnist-cnn", cwd=f.path)
    refused(f, "init", "mnist-cnn", says=["mnist-cnn.yaml", "--force"])
    tiny.write(f.file("mnist-cnn.yaml"), b"mine\n")
    TOOL.ok("init", "mnist-cnn", "--force", cwd=f.path)
    TOOL.ok("summary", "mnist-cnn.yaml", cwd=f.path)


@case
def force_replaces_the_old_model():
    f = folder()
    trained(f)
    old = f.contents()
    trained(f, "--force", "--seed", "9")
    new = f.contents()
    assert set(old) == set(new), "the same files"
    for name in ("model.safetensors", "recipe.yaml", "log.jsonl"):
        assert old[f.file("out/" + name)] != new[f.file("out/" + name)], f"{name} is the old one"


@case
def a_failed_run_with_force_keeps_the_old_model():
    f = folder()
    trained(f)
    train(f, f.recipe(), "--out", f.file("out"), "--force", "--set", "optimizer.lr=1.0e+38",
          "--epochs", "50", code=1, says=["the loss is", "step", "learning rate"])


@case
def a_killed_run_with_force_keeps_the_old_model():
    f = folder()
    trained(f)
    old = f.contents()
    long = ["train", f.recipe(), "--device", "ref", "--out", f.file("out"), "--force", "--epochs", "2000",
            "--set", "data.validation=null", "--set", "model.1.units=3000"]
    run = subprocess.Popen([TOOL.exe, *long], env=TOOL.env(), cwd=f.path, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE)
    begin = time.time()
    while not os.path.exists(f.file("out/.log.jsonl.new")) and time.time() < begin + 60:
        time.sleep(0.002)
    run.kill()
    run.communicate()
    assert run.returncode == -signal.SIGKILL, run.returncode
    now = f.contents()
    assert all(now[name] == data for name, data in old.items()), "the old run is not whole"
    trained(f, "--force", "--seed", "4")
    left = [n for n in f.contents() if ".new" in n or ".tmp" in n]
    assert not left, f"left behind: {left}"


def file_limit(n_bytes):
    """No file grows beyond n_bytes: a write fails as on a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, n_bytes))


@case
def a_file_that_cannot_grow_ends_the_run_and_keeps_the_old_model():
    f = folder()
    trained(f)
    train(f, f.recipe(), "--out", f.file("out"), "--force", "--set", "model.1.units=400", code=1,
          says=["cannot write", f.file("out/model.safetensors"), "bytes are needed"],
          preexec_fn=lambda: file_limit(20000), restore_signals=False)
    train(f, f.recipe(), "--out", f.file("fresh"), code=1, says=["cannot write"],
          preexec_fn=lambda: file_limit(100), restore_signals=False)


@case
def a_full_disk_ends_the_run_with_what_was_saved_still_whole():
    """The first save fits, its successor beside it does not."""
    f = folder()
    os.mkdir(f.file("disk"))
    os.mkdir(f.file("seen"))
    script = ('mount -t tmpfs -o size=3000k tmpfs "$1/disk" || exit 99; shift_dir=$1; shift\n'
              '"$@"; rc=$?; cp -r "$shift_dir/disk/." "$shift_dir/seen"; exit $rc')
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, "sh", f.path, TOOL.exe, "train", f.recipe(), "--device", "cpu",
         "--out", f.file("disk/run"), "--set", "model.1.units=7000", "--epochs", "3"],
        capture_output=True, text=True, env=TOOL.env(), cwd=f.path, timeout=300) \
        if shutil.which("unshare") else None
    if done is None or done.returncode == 99 or done.stderr.startswith("unshare:"):
        raise Skip("this user cannot mount a small file system")
    assert done.returncode == 1, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "No space left on device" in done.stderr and "bytes are needed" in done.stderr, done.stderr
    assert "model.safetensors" in done.stderr, done.stderr
    seen = os.listdir(f.file("seen/run"))
    assert sorted(seen) == ["log.jsonl", "model.safetensors", "recipe.yaml"], seen
    TOOL.ok("eval", f.file("seen/run"), "--device", "ref", "--split", "train", cwd=f.path)


@case
def stdout_that_is_full():
    if not os.path.exists("/dev/full"):
        raise Skip("no /dev/full")
    with open("/dev/full", "w") as full:
        done = subprocess.run([TOOL.exe, "schema"], stdout=full, stderr=subprocess.PIPE, text=True, env=TOOL.env())
    assert done.returncode == 1 and "standard output" in done.stderr, (done.returncode, done.stderr)


@case
def device_out_of_memory():
    """The address space is limited instead of a device: cpu and ref say what would fit."""
    f = folder()
    n = 40000
    tiny.write(f.file("many"), tiny.images(n))
    tiny.write(f.file("many-labels"), tiny.labels(n))
    model = tiny.MODEL.replace("- flatten", "- {layer: conv2d, filters: 192, kernel_size: 3}\n  - flatten")
    recipe = f.recipe(model=model, images="many", labels="many-labels")
    limit = 1000 << 20
    text = refused(f, "train", recipe, "--backend", "cpu", "--threads", "1", "--batch-size", n, "--max-steps",
                   "1", code=1, says=["does not fit in the memory of cpu:0", "needed", "free",
                                      "the largest batch that fits is", f"(asked: {n})"],
                   preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))
    fits = int(text.split("largest batch that fits is ")[1].split()[0])
    assert 0 < fits < n, text
    TOOL.ok("train", recipe, "--backend", "cpu", "--threads", "1", "--batch-size", fits * 3 // 4, "--max-steps",
            "1", "--no-save", cwd=f.path,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))
    return f"largest batch {fits} of {n}"


if __name__ == "__main__":
    sys.exit(harness.main())
