#!/usr/bin/env python3
"""tools/gpu-check: finding a driver in a made-up root, .icd files, packages, a run on PoCL.

    tests/cli/test_gpu_check.py [BUILDDIR]
"""

import importlib.machinery
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile

import harness
from harness import Skip, Tool, case

BUILD = os.path.abspath(harness.build_folder())
TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
# Without TENON_DATA the net is the small one.
TOOL = Tool(BUILD, {"TENON_BACKEND_PATH": f"{BUILD}/backends/cpu:{BUILD}/backends/opencl",
                    "TENON_RECIPE_PATH": os.path.join(TOP, "recipes"), "TENON_DATA": ""})
SCRIPT = os.path.join(TOP, "tools", "gpu-check")
sys.dont_write_bytecode = True
loader = importlib.machinery.SourceFileLoader("gpu_check", SCRIPT)
gpu_check = importlib.util.module_from_spec(importlib.util.spec_from_loader("gpu_check", loader))
loader.exec_module(gpu_check)


def touch(*parts):
    path = os.path.join(*parts)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w"):
        pass
    return path


def run(*args, env=None):
    return subprocess.run([sys.executable, SCRIPT, *args], capture_output=True, text=True, timeout=600,
                          env=dict(TOOL.env(), **(env or {})))


@case
def finds_one_library_of_each_driver():
    with tempfile.TemporaryDirectory() as root:
        touch(root, "usr/local/nvidia/lib64/libnvidia-opencl.so.580.159.04")
        want = touch(root, "usr/local/nvidia/lib64/libnvidia-opencl.so.1")
        amd = touch(root, "opt/rocm/lib/libamdocl64.so")
        touch(root, "usr/lib/libnvidia-ml.so.1")
        os.symlink("gone.so", os.path.join(root, "usr/lib/libnvidia-opencl.so.1"))
        found = gpu_check.find_drivers(root)
        assert found == [amd, want], found
        assert gpu_check.find_drivers(os.path.join(root, "usr/lib")) == []
    return "NVIDIA's .so.1 before its versioned name; a broken link is none"


@case
def icd_files_keep_the_machines_own():
    with tempfile.TemporaryDirectory() as root:
        vendors = os.path.join(root, "vendors")
        touch(vendors, "pocl.icd")
        driver = touch(root, "libnvidia-opencl.so.1") # no ELF file: must be told as not loading
        env = {"PATH": os.environ["PATH"]}
        notes = gpu_check.write_icds([driver], os.path.join(root, "own"), env, vendors)
        names = sorted(os.listdir(os.path.join(root, "own")))
        assert names == ["pocl.icd", "tenon-gpu-0.icd"], names
        with open(os.path.join(root, "own", "tenon-gpu-0.icd")) as file:
            assert file.read() == driver + "\n"
        assert env["OCL_ICD_VENDORS"] == os.path.join(root, "own"), env
        assert "does not load" in notes[0] and "LD_LIBRARY_PATH" not in env, (notes, env)
    return notes[0][-60:]


@case
def a_driver_with_needs_beside_it_gets_its_folder():
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        raise Skip("no C compiler")
    with tempfile.TemporaryDirectory() as root:
        need, driver = os.path.join(root, "libneed-x.so"), os.path.join(root, "libnvidia-opencl.so.1")
        for source, args in (("int n(void) { return 1; }", ["-o", need]),
                             ("int n(void); int d(void) { return n(); }", ["-o", driver, need])):
            subprocess.run([compiler, "-shared", "-fPIC", "-x", "c", "-", "-x", "none", *args[2:], *args[:2],
                            "-Wl,--no-as-needed", "-Wl,-soname," + os.path.basename(args[1])],
                           input=source, text=True, check=True, cwd=root)
        env = {"PATH": os.environ["PATH"]}
        notes = gpu_check.write_icds([driver], os.path.join(root, "own"), env, os.path.join(root, "none"))
        assert notes == [driver + ": loads"], notes
        assert env.get("LD_LIBRARY_PATH") == root, env
    return "LD_LIBRARY_PATH got the driver's folder"


@case
def packages_are_unpacked_and_their_pc_files_moved():
    if not shutil.which("dpkg-deb"):
        raise Skip("no dpkg-deb")
    with tempfile.TemporaryDirectory() as root:
        tree = os.path.join(root, "tree")
        lib = "usr/lib/x86_64-linux-gnu"
        touch(tree, lib, "libfoo.so.1")
        touch(tree, "usr/include/foo.h")
        with open(touch(tree, lib, "pkgconfig/foo.pc"), "w") as file:
            file.write("prefix=/usr\nlibdir=/usr/lib/x86_64-linux-gnu\nName: foo\n")
        with open(touch(tree, "DEBIAN/control"), "w") as file:
            file.write("Package: foo\nVersion: 1\nArchitecture: all\nMaintainer: x <x@x>\nDescription: x\n")
        debs = os.path.join(root, "debs")
        os.makedirs(debs)
        subprocess.run(["dpkg-deb", "-b", tree, os.path.join(debs, "foo_1_all.deb")], check=True,
                       stdout=subprocess.DEVNULL)
        shutil.copy(os.path.join(debs, "foo_1_all.deb"), os.path.join(debs, "libc6_2_amd64.deb"))
        prefix, env = os.path.join(root, "prefix"), {"PATH": "/bin"}
        gpu_check.unpack_debs(debs, prefix)
        gpu_check.use_prefix(env, prefix)
        with open(os.path.join(prefix, lib, "pkgconfig/foo.pc")) as file:
            assert file.read().startswith(f"prefix={prefix}/usr\nlibdir={prefix}/usr/lib/"), prefix
        assert env["LIBRARY_PATH"] == env["LD_LIBRARY_PATH"] == os.path.join(prefix, lib), env
        assert env["PKG_CONFIG_PATH"] == os.path.join(prefix, lib, "pkgconfig"), env
        assert env["C_INCLUDE_PATH"] == os.path.join(prefix, "usr/include"), env
        assert env["PATH"] == os.path.join(prefix, "usr/bin") + ":/bin", env
    return "libraries, headers, .pc files, programs"


@case
def without_a_gpu_it_says_what_is_there_and_fails():
    with tempfile.TemporaryDirectory() as root:
        out = os.path.join(root, "out")
        done = run("--build", TOOL.build, "--root", root, "--out", out)
        if any(d["kind"] == "GPU" for d in TOOL.events("devices") if d["event"] == "device"):
            raise Skip("this machine has a GPU")
        assert done.returncode == 1 and "no device 'gpu'" in done.stdout, done.stdout + done.stderr
        assert done.stdout.endswith("0 passed, 1 failed, 0 skipped\n"), done.stdout
        with open(os.path.join(out, "results.json")) as file:
            results = json.load(file)
        assert results["about"]["device"] is None and results["parts"]["select"]["status"] == "failed"
        assert any(d.get("backend") == "ref" for d in results["about"]["listed"])
    return "exit 1, results written"


@case
def a_run_on_pocl_writes_results():
    selector = TOOL.find_device("pocl")
    if not os.path.exists(os.path.join(TOOL.build, "bench", "bench_ops")):
        raise Skip("bench_ops is not built")
    with tempfile.TemporaryDirectory() as out:
        done = run("--build", TOOL.build, "--device", selector, "--out", out,
                   "--parts", "devices,losses,bench", "--bench-args", "--filter relu --rounds 1 --ms 1")
        assert done.returncode == 0, done.stdout + done.stderr
        with open(os.path.join(out, "results.json")) as file:
            results = json.load(file)
        parts = results["parts"]
        assert list(parts) == ["devices", "losses", "bench"], list(parts)
        assert len(parts["losses"]["facts"]["losses"]["ref"]) == 20
        assert 0 < parts["losses"]["facts"]["worst_relative"]["ref"] <= 1e-4
        cases = {r["case"] for r in parts["bench"]["facts"]["results"]}
        assert cases == {"relu 1 M"}, cases
        about = results["about"]
        assert "Portable" in about["device"]["driver"] and about["date"].endswith("+00:00"), about
        with open(os.path.join(out, "report.txt")) as file:
            report = file.read()
        assert "losses: passed" in report and about["device"]["name"] in report, report
    return report.splitlines()[-4][:100]


if __name__ == "__main__":
    sys.exit(harness.main())
