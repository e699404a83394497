"""A small harness for tests of the tool: each case is a function; the last line counts them.

A case fails by an AssertionError, is skipped by raising Skip. Where TENON_REQUIRE lists what a skip
says is missing, the skip is a failure.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import traceback

CASES = []


class Skip(Exception):
    def __init__(self, reason, needs=None):
        super().__init__(reason)
        self.needs = needs


def case(function):
    CASES.append(function)
    return function


def required():
    return [w for w in os.environ.get("TENON_REQUIRE", "").split(",") if w]


def data_dir():
    path = os.environ.get("TENON_DATA")
    if not path or not os.path.isdir(path):
        raise Skip("TENON_DATA names no folder of data sets", "data")
    return path


class Tool:
    """The tool of a build folder, with caches and working folder of its own."""

    def __init__(self, build, extra_env=None):
        self.exe = os.path.abspath(os.path.join(build, "cli", "tenon"))
        self.build = os.path.abspath(build)
        self.extra_env = extra_env or {}
        self._scratch = tempfile.TemporaryDirectory(prefix="tenon-test-")
        self.cwd = self._scratch.name

    def env(self, **more):
        env = {k: v for k, v in os.environ.items()
               if not k.startswith("TENON_") or k in ("TENON_DATA", "TENON_CACHE_DIR")}
        env.setdefault("TENON_CACHE_DIR", os.path.join(self.cwd, "cache"))
        env["TENON_STATE_DIR"] = os.path.join(self.cwd, "state")  # not what a doctor found on this machine
        env.update(self.extra_env)
        env.update({k: str(v) for k, v in more.items()})
        return env

    def run(self, *args, timeout=600, env=None, cwd=None, **kwargs):
        return subprocess.run([self.exe, *map(str, args)], capture_output=True, text=True,
                              timeout=timeout, env=self.env(**(env or {})), cwd=cwd or self.cwd,
                              **kwargs)

    def ok(self, *args, **kwargs):
        done = self.run(*args, **kwargs)
        assert done.returncode == 0, \
            f"tenon {' '.join(map(str, args))}: exit {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        return done

    def events(self, *args, **kwargs):
        """JSON events of a run that must succeed."""
        return [json.loads(line) for line in self.ok(*args, "--json", **kwargs).stdout.splitlines()]

    def devices(self, env=None):
        return [e for e in self.events("devices", env=env) if e["event"] == "device"]

    def find_device(self, want, env=None):
        """Selector of an OpenCL device by implementation: pocl, rusticl, oclgrind."""
        marks = {"pocl": "portable computing language", "rusticl": "rusticl",
                 "oclgrind": "oclgrind"}
        for device in self.devices(env=env):
            if device["backend"] == "opencl" and marks[want] in (device["driver"] + device["name"]).lower():
                return f"opencl:{device['index']}"
        raise Skip(f"no OpenCL device of {want}", want)


def status_of(pid):
    """State and parent of a process, as /proc has them; None where it is gone."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            state, parent = file.read().rpartition(")")[2].split()[:2]
            return state, int(parent)
    except OSError:
        return None


def descendants(pid):
    """Processes that this one started, and theirs."""
    parents = {int(p): status_of(p) for p in os.listdir("/proc") if p.isdigit()}
    children = [p for p, status in parents.items() if status and status[1] == pid]
    return children + [p for child in children for p in descendants(child)]


def is_running(pid):
    status = status_of(pid)
    return status is not None and status[0] != "Z" # nobody may have asked for how it ended


def expect_gone(pids):
    end = time.time() + 10
    while any(is_running(pid) for pid in pids):
        assert time.time() < end, f"of {pids} some live on"
        time.sleep(0.05)


def main(only=None):
    passed = failed = skipped = 0
    for function in CASES:
        if only and only not in function.__name__:
            continue
        begin = time.time()
        try:
            note = function() or ""
            passed += 1
            word = "ok"
        except Skip as skip:
            if skip.needs in required():
                failed += 1
                word, note = "FAIL", f"skipped, though TENON_REQUIRE lists {skip.needs}: {skip}"
            else:
                skipped += 1
                word, note = "skip", str(skip)
        except Exception as error:  # a crash of one case must not hide the others
            failed += 1
            word = "FAIL"
            note = str(error) if isinstance(error, AssertionError) and str(error) else traceback.format_exc()
        print(f"{word:<4} {function.__name__} ({time.time() - begin:.1f} s) {note}", flush=True)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


def build_folder():
    return sys.argv[1] if len(sys.argv) > 1 else "builddir"
