#!/usr/bin/env python3
"""Backends are plugins: what is linked, what is exported, what goes when a file goes, what is installed.

    tests/cli/test_plugins.py [BUILDDIR]
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

import harness
from harness import Skip, Tool, case

TOOL = Tool(harness.build_folder())
LIBRARY = os.path.join(TOOL.build, "core", "libtenon.so")
FOREIGN = ("opencl", "clblast", "blas", "dnnl", "mkl", "gomp", "omp", "sqlite", "pocl", "llvm", "stdc++")
SMALL = ["--set", "data.train=300", "--set", "data.test=100", "--max-steps", "3", "--no-save"]
PROGRAM = r"""
#include <stdio.h>
#include <string.h>
#include <tenon/tenon.h>

int main(void)
{
    struct tn_error err = {TN_OK, ""};
    tn_runtime *runtime = NULL;
    if (tn_runtime_create(&(struct tn_runtime_params){.backend = NULL}, &runtime, &err)) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    for (size_t i = 0; i < tn_runtime_device_count(runtime); i++)
        printf("%s\n", tn_device_info(tn_runtime_device(runtime, i))->backend);
    tn_runtime_destroy(&runtime);
    return 0;
}
"""


def built():
    """Built plugins by backend."""
    found = {}
    for name in ("cpu", "opencl"):
        path = os.path.join(TOOL.build, "backends", name, f"libtenon-backend-{name}.so")
        if os.path.exists(path):
            found[name] = path
    return found


def need(program):
    path = shutil.which(program)
    if not path:
        raise Skip(f"{program} is not installed")
    return path


def output(*command, **kwargs):
    done = subprocess.run(command, capture_output=True, text=True, **kwargs)
    assert done.returncode == 0, f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def temp():
    return tempfile.mkdtemp(dir=TOOL.cwd)


def backends(env):
    return {d["backend"] for d in TOOL.devices(env=env)}


@case
def the_tool_and_the_library_link_no_compute_library():
    for path in (TOOL.exe, LIBRARY):
        linked = output(need("ldd"), path)
        names = [line.split()[0].lower() for line in linked.splitlines() if line.strip()]
        bad = [n for n in names if any(word in os.path.basename(n) for word in FOREIGN)]
        assert not bad, f"{path} links {bad}"
    assert "libtenon.so.0" in output("ldd", TOOL.exe)


@case
def the_library_has_a_versioned_name_and_exports_its_api_alone():
    assert re.search(r"SONAME.*\[libtenon\.so\.0\]", output(need("readelf"), "-d", LIBRARY))
    symbols = [line.split()[-1] for line in output(need("nm"), "-D", "--defined-only", LIBRARY).splitlines()]
    assert "tn_runtime_create" in symbols
    others = [s for s in symbols if not s.startswith("tn_")]
    assert not others, f"exported besides tn_...: {others[:10]}"


@case
def plugins_export_one_symbol_and_import_nothing_from_the_host():
    for name, path in built().items():
        defined = [line.split()[-1] for line in output(need("nm"), "-D", "--defined-only", path).splitlines()]
        assert defined == ["tenon_backend_entry_v0"], f"{name} exports {defined}"
        wanted = [line.split()[-1] for line in output("nm", "-D", "--undefined-only", path).splitlines()]
        host = [s for s in wanted if s.startswith(("tn_", "tnb_", "tenon_"))]
        assert not host, f"{name} imports {host}"
        assert "libtenon.so" not in output("readelf", "-d", path)


@case
def removing_a_plugin_removes_that_backend_and_nothing_else():
    plugins = built()
    folder = temp()
    for path in plugins.values():
        shutil.copy(path, folder)
    env = {"TENON_BACKEND_PATH": folder}
    whole = backends(env)
    assert whole == backends({}), "a copy offers what the build tree offers"
    assert "ref" in whole and len(whole) > 1
    for name, path in plugins.items():
        copy = os.path.join(folder, os.path.basename(path))
        os.remove(copy)
        assert backends(env) == whole - {name}, f"without {name}: {backends(env)}"
        done = TOOL.run("devices", "--backend", name, env=env)
        assert done.returncode == 2 and f"no backend '{name}'" in done.stderr and folder in done.stderr, done.stderr
        for other in (whole - {name}) & {"cpu", "ref"}:
            TOOL.ok("train", "digits-cnn", "--device", other, *SMALL, env=env)
        shutil.copy(path, folder)
    for path in plugins.values():
        os.remove(os.path.join(folder, os.path.basename(path)))
    assert backends(env) == {"ref"}
    done = TOOL.ok("train", "digits-cnn", *SMALL, env=env)
    assert "device: ref:0" in done.stdout, done.stdout


@case
def a_plugin_by_its_path():
    path = built().get("cpu")
    if not path:
        raise Skip("the cpu backend is not built")
    folder, name = os.path.split(path)
    above, last = os.path.split(TOOL.build)
    for spelled, cwd in ((path, TOOL.cwd), ("./" + name, folder), ("../cpu/" + name, folder),
                         (f"./{last}/backends/cpu/{name}", above)):
        done = TOOL.ok("train", "digits-cnn", "--backend", spelled, "--strict", *SMALL, cwd=cwd)
        assert "device: cpu:0" in done.stdout, done.stdout
    other = os.path.join(temp(), "any-name.so")
    shutil.copy(path, other)
    done = TOOL.ok("train", "digits-cnn", "--backend", other, "--device", "0", *SMALL)
    assert "device: cpu:0" in done.stdout, "the name of a file given by its path does not matter"


@case
def the_working_directory_is_never_searched():
    fake = os.path.join(TOOL.build, "tests", "runtime", "libtenon-backend-fake.so")
    if not os.path.exists(fake):
        raise Skip("the plugin for tests is not built")
    folder = temp()
    shutil.copy(fake, folder)
    done = TOOL.run("devices", "--backend", "fake", cwd=folder)
    assert done.returncode == 2 and "no backend 'fake'" in done.stderr, done.stderr
    done = TOOL.run("devices", "--backend", "libtenon-backend-fake.so", cwd=folder)
    assert done.returncode == 2 and "./FILE.so" in done.stderr, done.stderr
    done = TOOL.ok("devices", "--json", cwd=folder, env={"TENON_BACKEND_PATH": "."})
    assert '"backend":"fake"' not in done.stdout and "must be absolute" in done.stdout, done.stdout
    assert TOOL.run("devices", "--backend", "./libtenon-backend-fake.so", cwd=folder,
                    env={"FAKE_DEVICES_fake": "gpu/A/u/1/"}).returncode == 0


# --- the installed tree ---


def install():
    """Installs below a folder; returns that folder and the prefix."""
    root = temp()
    output(need("meson"), "install", "-C", TOOL.build, "--no-rebuild", "--destdir", root)
    for base, _, files in os.walk(root):
        if "tenon" in files and os.path.basename(base) == "bin":
            return root, os.path.dirname(base)[len(root):]
    raise AssertionError(f"bin/tenon was not installed below {root}")


def find_below(root, name):
    for base, folders, files in os.walk(root):
        if name in files or name in folders:
            return os.path.join(base, name)
    raise AssertionError(f"{name} was not installed")


def run_installed(root, prefix, *command, **kwargs):
    """Runs with the installed tree at the place it was made for; needs a mount namespace of its own."""
    script = 'mount --bind "$1$2" "$2" || exit 99; shift 2; exec "$@"'
    os.makedirs(prefix, exist_ok=True)
    done = subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", root, prefix, *command],
                          capture_output=True, text=True, **kwargs) if shutil.which("unshare") else None
    if done is None or done.returncode == 99 or done.stderr.startswith("unshare:"):
        raise Skip("this user cannot mount the installed tree at its place")
    assert done.returncode == 0, f"{command}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@case
def what_is_installed():
    root, prefix = install()
    found = {os.path.relpath(os.path.join(base, name), root + prefix)
             for base, _, files in os.walk(root + prefix) for name in files}
    headers = {f for f in found if f.startswith("include/")}
    assert {f"include/tenon/{h}.h" for h in ("tenon", "status", "tensor", "graph", "model", "data", "train",
                                             "runtime", "recipe", "backend", "custom_op",
                                             "normal_table")} == headers, headers
    assert any(f.endswith("recipes/mnist-cnn.yaml") for f in found), found
    assert any(f.endswith("tenon/backends/libtenon-backend-cpu.so") for f in found) == ("cpu" in built())
    assert not [f for f in found if f.endswith(".a") or "test" in f], found


@case
def the_installed_tool_finds_its_plugins_and_recipes():
    root, prefix = install()
    env = {k: v for k, v in TOOL.env().items() if not k.startswith("TENON_") or k == "TENON_CACHE_DIR"}
    tenon = prefix + "/bin/tenon"
    devices = run_installed(root, prefix, tenon, "devices", env=env, cwd=TOOL.cwd)
    for name in backends({}):
        assert f"{name}:0" in devices, devices
    out = run_installed(root, prefix, tenon, "train", "digits-cnn", *SMALL, env=env, cwd=TOOL.cwd)
    assert "test:  loss" in out, out
    out = run_installed(root, prefix, tenon, "summary", "mnist-cnn", env=env, cwd=TOOL.cwd)
    assert "347,146" in out


@case
def a_program_builds_against_the_installed_package():
    root, prefix = install()
    compiler, pkg_config = need("cc"), need("pkg-config")
    env = dict(TOOL.env(), PKG_CONFIG_PATH=os.path.dirname(find_below(root, "tenon.pc")),
               PKG_CONFIG_SYSROOT_DIR=root)
    flags = output(pkg_config, "--cflags", "--libs", "tenon", env=env).split()
    assert any(f.startswith("-I" + root) for f in flags) or prefix in ("/usr",), flags
    source, exe = os.path.join(TOOL.cwd, "program.c"), os.path.join(TOOL.cwd, "program")
    with open(source, "w") as file:
        file.write(PROGRAM)
    output(compiler, "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", source, "-o", exe, *flags)
    library = os.path.dirname(find_below(root, "libtenon.so.0"))
    plugins = output(pkg_config, "--variable=plugindir", "tenon", env=env).strip()
    plugins = plugins if plugins.startswith(root) else root + plugins
    assert os.path.isdir(plugins), f"{plugins}: pkg-config's plugindir is not where plugins are"
    found = output(exe, env=dict(env, LD_LIBRARY_PATH=library, TENON_BACKEND_PATH=plugins)).split()
    assert set(found) == backends({}), found


@case
def a_plugin_builds_against_the_installed_header_alone():
    root, prefix = install()
    example = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "example-backend.c")
    header = os.path.dirname(os.path.dirname(find_below(root, "backend.h")))
    path = os.path.join(temp(), "libtenon-backend-example.so")
    output(need("cc"), "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Wno-unused-parameter", "-shared", "-fPIC",
           "-I", header, example, "-o", path)
    done = TOOL.ok("train", "digits-cnn", "--backend", path, *SMALL)
    assert "device: example:0" in done.stdout, done.stdout


GATED = """
tenon: 1
name: gated
data: {reader: digits, train: 300, test: 100, validation: {split: 0.2}}
model:
  - flatten
  - {layer: dense, units: 16}
  - {layer: op, op: acme.gate, attrs: "%s"}
  - {layer: dense, name: logits, units: 10}
loss: softmax_cross_entropy
optimizer: {type: adam, lr: 0.01}
train: {batch_size: 32, epochs: 2}
"""


@case
def an_operator_of_a_plugin_trains_in_a_recipe():
    acme = os.path.join(TOOL.build, "tests", "runtime", "libtenon-backend-acme.so")
    if not os.path.exists(acme):
        raise Skip("the tests' backends are not built")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        shutil.copy(acme, folder)
        path = {"TENON_BACKEND_PATH": ":".join([os.path.dirname(p) for p in built().values()] + [folder])}

        def train(attrs, *args, env=path):
            recipe = os.path.join(folder, "gated.yaml")
            with open(recipe, "w") as file:
                file.write(GATED % attrs)
            return TOOL.run("train", recipe, "--no-save", *args, env=env)
        for device in built():
            done = train("beta=1.5", "--device", device, "--explain", "--verify")
            assert done.returncode == 0, done.stderr
            rows = [line for line in done.stdout.splitlines() if "acme.gate" in line]
            assert len(rows) == 2 and all("ref:0" in row for row in rows), rows
            assert "verified" in done.stdout, done.stdout
        for attrs, words in (("slope=1", "no attribute 'slope'"), ("beta=steep", "beta of operator 'acme.gate' must be"),
                             ("beta", "not KEY=VALUE")):
            done = train(attrs)
            assert done.returncode and words in done.stderr, done.stderr
        done = train("beta=1", env={"TENON_BACKEND_PATH": ":".join(os.path.dirname(p) for p in built().values())})
        assert done.returncode and "has not been loaded" in done.stderr, done.stderr


if __name__ == "__main__":
    sys.exit(harness.main())
