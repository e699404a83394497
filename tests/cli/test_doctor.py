#!/usr/bin/env python3
"""tenon doctor: what it finds, remembers and advises; and that training keeps to it.

    tests/cli/test_doctor.py [BUILDDIR]
"""

import fcntl
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

import harness
from harness import Skip, Tool, case

TOOL = Tool(harness.build_folder())
SCRATCH = tempfile.TemporaryDirectory(prefix="tenon-test-")
FAKE = os.path.join(TOOL.build, "tests", "runtime", "libtenon-backend-fake.so")
CORRUPT = os.path.join(TOOL.build, "tests", "conformance", "libtenon-backend-corrupt.so")
SEED = int(os.environ.get("TENON_TEST_SEED", random.randrange(1000)))
OPS = ["add", "mul", "exp", "relu", "sum", "mean", "max", "matmul", "conv2d", "softmax", "transpose", "slice", "embedding",
       "max_pool2d", "batch_norm", "mse", "adam", "where", "sigmoid", "dropout"]
SMALL = ["digits-cnn", "--set", "data.train=200", "--set", "data.test=50", "--max-steps", "2", "--no-save"]


def find(vendors, gpus):
    """Exit status and output of doctor --gpus on a machine with cards of these vendors and a backend that offers
    these GPUs, each (name, uid)."""
    if os.path.exists("/dev/nvidia0") and not vendors:
        raise Skip("this machine has an NVIDIA GPU")
    if not os.path.exists(FAKE):
        raise Skip("the tests' backends are not built")
    drm = os.path.join(tempfile.mkdtemp(dir=SCRATCH.name), "drm")
    os.mkdir(drm)
    for i, vendor in enumerate(vendors):
        pci = os.path.join(drm, "..", f"0000:0{i}:00.0")
        os.makedirs(pci)
        os.makedirs(os.path.join(drm, f"card{i}"))
        os.symlink(f"../../0000:0{i}:00.0", os.path.join(drm, f"card{i}", "device"))
        os.makedirs(os.path.join(drm, f"card{i}-HDMI-A-1", "device"))
        for name, text in (("vendor", vendor), ("device", "0x1234")):
            with open(os.path.join(pci, name), "w") as file:
                file.write(text + "\n")
    devices = ";".join(f"gpu/{name}/{uid}/300/" for name, uid in gpus) or "cpu/none/none/10/"
    done = TOOL.run("doctor", "--gpus", "--backend", FAKE, "--backend-opt", "devices=" + devices,
                    env={"TENON_SYS_DRM": drm})
    return done.returncode, done.stdout


@case
def no_gpu_says_nothing():
    assert find(["0x1234"], []) == (0, ""), "a virtual card is no GPU"


@case
def a_usable_gpu_says_nothing():
    assert find(["0x10de"], [("NVIDIA H200", "a")]) == (0, "")
    assert find(["0x1002"], [("gfx1030", "a")]) == (0, "")
    assert find(["0x8086"], [("Intel Arc", "a")]) == (0, "")
    assert find(["0x1002"], [("A card of nobody", "a")]) == (0, ""), "it may be any vendor's"


@case
def the_address_tells_two_cards_of_one_vendor_apart():
    rc, text = find(["0x1002", "0x1002"], [("gfx1030", "pci:0000:01:00.0")])
    assert rc == 1 and text.count("GPU found but not usable: AMD") == 1, text
    assert find(["0x1002", "0x1002"], [("gfx1030", "pci:0000:01:00.0"), ("gfx90a", "pci:0000:00:00.0")]) == (0, "")


@case
def a_usable_gpu_hides_no_other_vendors():
    intel, nvidia, amd = ("Intel UHD Graphics 620", "i"), ("NVIDIA GeForce RTX 3050", "n"), ("gfx1030", "m")
    rc, text = find(["0x8086", "0x10de"], [intel])
    assert rc == 1 and text.count("GPU found but not usable") == 1 and "NVIDIA" in text, text
    rc, text = find(["0x8086", "0x1002"], [amd])
    assert rc == 1 and text.count("GPU found but not usable") == 1 and "Intel" in text, text
    assert find(["0x8086", "0x10de", "0x1002"], [intel, nvidia, amd]) == (0, "")


@case
def an_unusable_gpu_is_named_with_reason_and_remedy():
    for vendor, name, package in (("0x10de", "NVIDIA", "nvidia-opencl-icd"), ("0x1002", "AMD", "mesa-opencl-icd"),
                                  ("0x8086", "Intel", "intel-opencl-icd")):
        rc, text = find([vendor], [])
        assert rc == 1, f"{name}: exit {rc}"
        assert f"GPU found but not usable: {name}. Reason: " in text, text
        assert "What to do:" in text and package in text, text


@case
def two_vendors_are_each_named_once():
    rc, text = find(["0x8086", "0x1002", "0x1002"], [])
    assert rc == 1 and text.count("GPU found but not usable") == 2, text
    assert "AMD" in text and "Intel" in text


def doctor(*args):
    """Exit status and JSON lines."""
    done = TOOL.run("doctor", "--json", *args)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


@case
def the_cpu_is_examined_and_remembered():
    # What an older driver of this device did is out of date; what is known of others stays.
    elsewhere = cpu_entry(uid="of another machine", name="another cpu")
    write_state(json.dumps({"format": 1, "devices": [elsewhere, cpu_entry(driver="Tenon cpu of long ago")]}))
    rc, lines = doctor("--device", "cpu", "--report", "report.json")
    device = [line for line in lines if line["event"] == "device" and line["backend"] == "cpu"][0]
    assert rc == 0 and device["verdict"] == "good", device
    assert device["cases_passed"] > 300 and device["cases_failed"] == 0, device
    assert device["gemm_gflops"] > 0.1 and device["bandwidth_gbs"] > 0.01, device
    assert lines[-1]["event"] == "done" and lines[-1]["faulty"] == 0
    with open(os.path.join(TOOL.cwd, "report.json")) as file:
        report = json.load(file)
    assert report["format"] == 1 and any(d.get("verdict") == "good" for d in report["devices"])
    with open(os.path.join(TOOL.cwd, "state", "devices.json")) as file:
        state = json.load(file)
    assert elsewhere in state["devices"], f"the entry of another device is gone: {state}"
    mine = [d for d in state["devices"] if d["uid"] == device["uid"]]
    assert [(d.get("verdict"), d["failed"]) for d in mine] == [("good", [])], f"not one new entry: {mine}"


@case
def a_device_that_is_not_there_is_a_usage_error():
    done = TOOL.run("doctor", "--device", "cpu:77")
    assert done.returncode == 2 and "no device 77" in done.stderr and not done.stdout, (done.returncode, done.stderr)
    done = TOOL.run("doctor", "--device", "cpu:77", "--quiet")
    assert done.returncode == 2 and "no device 77" in done.stderr and not done.stdout, (done.returncode, done.stderr)


@case
def a_report_that_cannot_be_written_is_known_before_the_examination():
    for path, word in (("/", "no file"), ("/dev/full", "no file"), ("no/such/folder.json", "No such file")):
        done = TOOL.run("doctor", "--report", path)
        assert done.returncode == 2 and word in done.stderr and not done.stdout, (path, done)


@case
def names_that_are_no_text_are_shown_all_the_same():
    if not os.path.exists(FAKE):
        raise Skip("the tests' backends are not built")
    odd = os.fsdecode(b"gpu/caf\xe9 \"A\" \xe2\x82/\xff\xfe/300/")
    for verb in ("devices", "doctor"):
        more = ["--gpus"] if verb == "doctor" else []
        done = TOOL.run(verb, "--json", "--backend", FAKE, "--backend-opt", "devices=" + odd, *more)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        shown = [line for line in lines if line["event"] == "device" and line["backend"] == "fake"]
        assert [(d["name"], d["uid"]) for d in shown] == [('caf? "A" ??', "??")], (verb, done.stdout)
    folder = os.path.join(TOOL.cwd, os.fsdecode(b"odd\xff"))
    os.makedirs(folder)
    with open(os.path.join(folder, "libtenon-backend-none.so"), "w") as file:
        file.write("no plugin")
    lines = [json.loads(line) for line in
             TOOL.run("devices", "--json", env={"TENON_BACKEND_PATH": folder}).stdout.splitlines()]
    assert [line["path"].endswith("odd?/libtenon-backend-none.so") for line in lines if line["event"] == "rejected"] == \
        [True], lines


def start_doctor(*args):
    return subprocess.Popen([TOOL.exe, "doctor", "--json", *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            env=TOOL.env(), cwd=TOOL.cwd, text=True)


@case
def a_doctor_that_is_ended_leaves_no_process():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        process = start_doctor("--device", "cpu")
        end = time.time() + 60
        while len(found := harness.descendants(process.pid)) < 2: # conformance, and the child that runs its cases
            assert time.time() < end and process.poll() is None, process.communicate()
            time.sleep(0.02)
        process.send_signal(number)
        assert process.wait(timeout=20) == -number
        harness.expect_gone(found)


@case
def variables_for_the_doctor_are_not_for_its_children():
    done = TOOL.run("doctor", "--json", "--quiet", env={
        "TENON_DEVICE": "cpu", "TENON_OPS": "exp", "TENON_REPORT": "by-variable.json", "TENON_IN_PROCESS": "1"})
    device = [line for line in map(json.loads, done.stdout.splitlines()) if line.get("backend") == "cpu"][0]
    assert done.returncode == 0 and device["cases_passed"] > 300, (device, done.stderr)
    with open(os.path.join(TOOL.cwd, "by-variable.json")) as file:
        assert "devices" in json.load(file), "a child's report is no doctor's"


@case
def the_number_of_threads_is_the_childrens_too():
    drivers = []
    for n in (1, 3):
        _, lines = doctor("--gpus", "--threads", n)
        drivers += [line["driver"] for line in lines if line.get("backend") == "cpu" and line["event"] == "device"]
    assert len(drivers) == 2 and "1 thread" in drivers[0] and "3 threads" in drivers[1], drivers


@case
def a_device_without_matmul_has_no_speed_and_the_reason_why():
    plugin = os.path.join(TOOL.build, "tests", "train", "libtenon-backend-example.so")
    if not os.path.exists(plugin):
        raise Skip("the example backend was not built")
    _, lines = doctor("--backend", plugin, "--device", "0")
    device = [line for line in lines if line["event"] == "device" and line["chosen"]][0]
    assert "runs relu in f32 only" in device["speed_fault"] and "gemm_gflops" not in device, device
    assert device["cases_unsupported"] > 100, device


def waits_for_lock(pid):
    with open("/proc/locks") as file:
        return any("->" in line and f" {pid} " in line for line in file)


@case
def two_doctors_write_down_what_each_found():
    if not os.path.exists(CORRUPT):
        raise Skip("the tests' backends are not built")
    write_state('{"format": 1, "devices": []}')
    folder = os.open(os.path.join(TOOL.cwd, "state"), os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    process = start_doctor("--backend", CORRUPT, "--backend-opt", "op=none", "--device", "0")
    end = time.time() + 300
    while not waits_for_lock(process.pid):
        assert process.poll() is None and time.time() < end, "it does not wait for the other one"
        time.sleep(0.05)
    write_state(json.dumps({"format": 1, "devices": [cpu_entry()]}))
    os.close(folder)
    _, text = process.communicate(timeout=60)
    with open(os.path.join(TOOL.cwd, "state", "devices.json")) as file:
        known = {d["backend"] for d in json.load(file)["devices"]}
    assert process.returncode == 0 and known == {"cpu", "corrupt"}, (known, text)
    write_state('{"format": 1, "devices": []}')


@case
def a_state_folder_that_is_none_costs_a_warning():
    path = os.path.join(TOOL.cwd, "file")
    with open(path, "w") as file:
        file.write("no folder")
    done = TOOL.run("doctor", "--device", "cpu", env={"TENON_STATE_DIR": path})
    assert done.returncode == 0 and "not remembered" in done.stderr and "all is well" in done.stdout, done.stderr


def marked(how):
    mark = os.path.join(TOOL.cwd, "mark-" + how)
    if not os.path.exists(CORRUPT):
        raise Skip("the tests' backends are not built")
    write_state('{"format": 1, "devices": []}')
    # The speed is measured with a matmul: what is examined after it is not there any more.
    rc, lines = doctor("--backend", CORRUPT, "--backend-opt", "op=matmul", "--backend-opt", "how=" + how,
                       "--backend-opt", "mark=" + mark, "--device", "0")
    device = [line for line in lines if line["event"] == "device" and line["backend"] == "corrupt"][0]
    with open(os.path.join(TOOL.cwd, "state", "devices.json")) as file:
        known = [d["uid"] for d in json.load(file)["devices"] if d["backend"] == "corrupt"]
    return rc, device, known


@case
def a_device_that_goes_away_is_faulty_and_its_place_another_matter():
    rc, device, known = marked("vanish")
    assert rc == 1 and device["verdict"] == "faulty" and "not there any more" in device["fault"], device
    assert "lost" in device["speed_fault"] and known == [], (device, known)
    rc, device, known = marked("replace")
    assert rc == 1 and device["verdict"] == "faulty" and "another device has its place" in device["fault"], device
    assert known == [], "what the other one can do is not written down for this one"


def planted(op, how):
    if not os.path.exists(CORRUPT):
        raise Skip("the tests' backends are not built")
    return doctor("--backend", CORRUPT, "--backend-opt", f"op={op}", "--backend-opt", f"how={how}", "--device", "0",
                  "--timeout", "2s")


def is_found(op, how):
    rc, lines = planted(op, how)
    device = [line for line in lines if line["event"] == "device" and line["backend"] == "corrupt"][0]
    assert rc == 1 and device["verdict"] == "faulty", f"{op} {how}: {device}"
    # An operator whose gradient is made of the spoilt one fails with it; the spoilt one is always named.
    assert op in [fault["op"] for fault in device["failed"]], f"{op} {how}: {device['failed']}"
    with open(os.path.join(TOOL.cwd, "state", "devices.json")) as file:
        state = json.load(file)
    kept = [d for d in state["devices"] if d["uid"] == f"corrupt-{op}-{how}"][0]
    assert kept["verdict"] == "faulty" and op in [fault["op"] for fault in kept["failed"]], kept


@case
def a_spoilt_operator_is_named_and_remembered():
    picker = random.Random(SEED)
    picks = [(how, op) for how in ("value", "nan", "past", "hang", "crash")
             for op in picker.sample(OPS, 10 if os.environ.get("TENON_TEST_FULL") else 1)]
    for how, op in picks:
        is_found(op, how)
    return f"seed {SEED}: {picks}"


@case
def a_crash_while_listing_or_opening_is_a_finding():
    if not os.path.exists(CORRUPT):
        raise Skip("the tests' backends are not built")
    done = TOOL.run("doctor", "--backend", CORRUPT, "--backend-opt", "crash=list")
    assert done.returncode == 1 and "listing the devices failed: the driver crashed" in done.stdout, done
    rc, lines = doctor("--backend", CORRUPT, "--backend-opt", "crash=open", "--device", "0")
    device = [line for line in lines if line["event"] == "device" and line["backend"] == "corrupt"][0]
    assert rc == 1 and device["verdict"] == "faulty" and device["fault"], f"exit {rc}: {device}"
    assert lines[-1]["event"] == "done" and lines[-1]["faulty"] == 1, lines[-1]


@case
def training_keeps_off_what_the_doctor_found():
    is_found("conv2d", "value")
    done = TOOL.run("train", *SMALL, "--backend", CORRUPT, "--backend-opt", "op=conv2d", "--backend-opt", "how=value",
                    "--device", "0", "--verify")
    assert done.returncode == 0 and "'conv2d' runs on another device" in done.stderr, done.stderr
    write_state('{"format": 1, "devices": []}')


def write_state(text):
    os.makedirs(os.path.join(TOOL.cwd, "state"), exist_ok=True)
    with open(os.path.join(TOOL.cwd, "state", "devices.json"), "w") as file:
        file.write(text)


def cpu_entry(**more):
    lines = [json.loads(line) for line in TOOL.run("devices", "--json").stdout.splitlines()]
    cpu = [line for line in lines if line.get("backend") == "cpu"]
    if not cpu:
        raise Skip("there is no cpu backend")
    version = TOOL.run("--version").stdout.split()[1]
    return {"backend": "cpu", "backend_version": version, "name": cpu[0]["name"], "uid": cpu[0]["uid"],
            "driver": cpu[0]["driver"], "failed": [{"op": "matmul", "reason": "wrong value in case odd"}], **more}


@case
def training_avoids_what_is_remembered():
    write_state(json.dumps({"format": 1, "devices": [cpu_entry()]}))
    done = TOOL.run("train", *SMALL, "--device", "cpu", "--explain")
    assert done.returncode == 0, done.stderr
    rows = [line for line in done.stdout.splitlines() if " matmul " in line]
    assert rows and all("ref:0" in row and "wrong value in case odd" in row for row in rows), rows
    assert done.stderr.count("'matmul' runs on another device") == 1, done.stderr
    strict = TOOL.run("train", *SMALL, "--device", "cpu", "--strict")
    assert strict.returncode != 0 and "wrong value in case odd" in strict.stderr, strict.stderr
    free = TOOL.run("train", *SMALL, "--device", "cpu", "--explain", "--no-quarantine")
    assert not [line for line in free.stdout.splitlines() if " matmul " in line and "ref:0" in line], free.stdout
    write_state('{"format": 1, "devices": []}')


@case
def each_of_many_faults_is_named_once():
    ops = ["matmul"] + [f"unused_{i}" for i in range(31)] + ["relu"]
    write_state(json.dumps({"format": 1, "devices": [cpu_entry(
        failed=[{"op": op, "reason": "wrong value"} for op in ops])]}))
    done = TOOL.run("train", *SMALL, "--device", "cpu")
    assert done.returncode == 0, done.stderr
    for op in ("matmul", "relu"):
        assert done.stderr.count(f"'{op}' runs on another device") == 1, (op, done.stderr)
    write_state('{"format": 1, "devices": []}')


@case
def an_operator_that_is_right_again_is_given_back():
    write_state(json.dumps({"format": 1, "devices": [cpu_entry(
        failed=[{"op": op, "reason": "wrong value"} for op in ("matmul", "sgd", "dropout", "normal")])]}))
    rc, lines = doctor("--device", "cpu")
    device = [line for line in lines if line["event"] == "device" and line["backend"] == "cpu"][0]
    assert rc == 0 and device["verdict"] == "good", device
    assert device["cases_unsupported"] == 0, f"what is kept from training is examined all the same: {device}"
    with open(os.path.join(TOOL.cwd, "state", "devices.json")) as file:
        assert [d["failed"] for d in json.load(file)["devices"] if d["backend"] == "cpu"] == [[]]


@case
def another_driver_is_looked_at_afresh():
    for key in ("driver", "backend_version", "uid", "name", "backend"):
        write_state(json.dumps({"format": 1, "devices": [cpu_entry(**{key: "of long ago"})]}))
        done = TOOL.run("train", *SMALL, "--device", "cpu", "--strict")
        assert done.returncode == 0, f"an entry of another {key} was held against this device: {done.stderr}"


@case
def a_damaged_or_newer_file_costs_a_warning_and_is_kept():
    for text, word in (("{nonsense", "remove the file"), ('{"format": 99, "devices": []}', "newer Tenon"),
                       ("[]", "no list of devices")):
        write_state(text)
        done = TOOL.run("train", *SMALL, "--device", "cpu")
        assert done.returncode == 0 and word in done.stderr, done.stderr
    done = TOOL.run("doctor", "--device", "cpu")
    assert "not remembered" in done.stderr and word in done.stderr, done.stderr
    with open(os.path.join(TOOL.cwd, "state", "devices.json")) as file:
        assert file.read() == text, "the doctor overwrote what it could not read"
    write_state('{"format": 1, "devices": []}')


if __name__ == "__main__":
    sys.exit(harness.main())
