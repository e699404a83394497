"""ONNX's own one-operator tests, on each device.

    test_onnx_nodes.py GRAPH_RUNNER [DEVICE...] [--only GLOB] [--verbose]

$TENON_DATA/onnx-node-tests.tar.gz holds them: a model, its inputs, and what the outputs must be. The
operators are mapped to Tenon's by onnx_map.py, once, with constants worked out on the reference;
graph-runner then runs the graph on each device. A device runs every node itself, but for f64 where it
lacks that type. A test is left out only for a reason of onnx_map.py or of Builder.
"""

import fnmatch
import math
import os
import struct
import subprocess
import sys
import tarfile
import time
from collections import Counter

import onnx_map
import onnx_read
from onnx_map import Skip
from onnx_read import LAYOUT, Tensor

DTYPES = ["f32", "f16", "bf16", "f64", "i32", "i64", "u8", "bool"]
# Relative and absolute error that is allowed. ONNX's own runner allows 1e-3; its expected values are
# rounded to the element type, and those of f16 worked out in it.
TOLERANCE = {"f32": (1e-5, 1e-6), "f64": (1e-6, 1e-7), "f16": (2e-3, 1e-3), "bf16": (1e-2, 1e-2)}
# Expected values that were written down with four digits.
FOUR_DIGITS = ["test_averagepool_2d_ceil_last_window_starts_on_pad"]


class Runner:
    """A graph-runner process: see graph_runner.c for what it is told."""

    def __init__(self, exe, device):
        self.exe, self.device, self.process = exe, device, None

    def send(self, data):
        if self.process is None:
            self.process = subprocess.Popen([self.exe, self.device], stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            self.process.stdin.write(data)
        except BrokenPipeError:
            self.died()

    def died(self):
        said, status = self.process.stderr.read().decode(errors="replace"), self.process.wait()
        self.process = None
        raise AssertionError(f"graph-runner on {self.device} ended with {status}: {said.strip()}")

    def line(self):
        try:
            self.process.stdin.flush()
        except BrokenPipeError:
            self.died()
        line = self.process.stdout.readline().decode().rstrip("\n")
        if not line:
            self.died()
        assert not line.startswith("error "), line[6:]
        return line.split()

    def type(self, value):
        self.send(f"type {value}\n".encode())
        dtype, _, *dims = self.line()
        return dtype, [int(d) for d in dims]

    def run(self, values):
        """The values' tensors, and how many nodes the device refused."""
        self.send(f"run {len(values)} {' '.join(map(str, values))}\n".encode())
        fallbacks, out = int(self.line()[1]), []
        for _ in values:
            dtype, _, *dims = self.line()
            dims = [int(d) for d in dims]
            out.append(Tensor(dtype, dims, self.process.stdout.read(math.prod(dims) * LAYOUT[dtype][0])))
        return out, fallbacks

    def close(self):
        if self.process:
            self.process.stdin.close()
            self.process.wait()


class Builder:
    """One test's graph: told to the reference as it grows, kept for the devices."""

    def __init__(self, ref):
        self.ref, self.script, self.n = ref, b"", 0
        self.values = {"": None}   # ONNX's name -> number
        self.node = self.n_outputs = None
        self.known = {}            # number -> elements
        self.has_f64 = False
        self._add(b"new\n", 0)

    def _add(self, command, n_out):
        self.ref.send(command)
        self.script += command
        self.n += n_out
        return list(range(self.n - n_out, self.n))

    def const(self, tensor):
        if tensor.dtype not in DTYPES:
            raise Skip(f"no such element type: {tensor.dtype}")
        assert len(tensor.data) == math.prod(tensor.dims) * LAYOUT[tensor.dtype][0], "a tensor is cut short"
        self.has_f64 |= tensor.dtype == "f64"
        head = (" ".join(map(str, ["input", tensor.dtype, len(tensor.dims), *tensor.dims])) + "\n").encode()
        value, = self._add(head + tensor.data, 1)
        self.known[value] = onnx_read.values(tensor)
        return value

    def of(self, dtype, number):
        """A scalar, or a list of one axis, of Python's numbers."""
        numbers = number if isinstance(number, list) else [number]
        dims = [len(numbers)] if isinstance(number, list) else []
        if dtype == "bf16":
            return self.cast(self.of("f32", number), dtype)
        return self.const(Tensor(dtype, dims, struct.pack(f"<{len(numbers)}{LAYOUT[dtype][1]}", *numbers)))

    def op(self, name, *inputs, n_out=1, **attrs):
        lines = []
        for key, value in attrs.items():
            if isinstance(value, list):
                lines.append(f"{key} v {len(value)} {' '.join(map(str, value))}")
            else:
                kind = {int: "i", float: "f", str: "s"}[type(value)]
                lines.append(f"{key} {kind} {value!r}" if kind == "f" else f"{key} {kind} {value}")
        words = ["-" if v is None else str(v) for v in inputs]
        head = f"op {name} {n_out} {len(words)} {' '.join(words)} {len(lines)}"
        out = self._add(("\n".join([head, *lines]) + "\n").encode(), n_out)
        return out if n_out > 1 else out[0]

    def einsum(self, equation, *inputs):
        return self._add(f"einsum {equation} {len(inputs)} {' '.join(map(str, inputs))}\n".encode(), 1)[0]

    def gradients(self, y, wrt):
        return self._add(f"gradients {y} {len(wrt)} {' '.join(map(str, wrt))}\n".encode(), len(wrt))

    def cast(self, value, dtype):
        if dtype not in DTYPES:
            raise Skip(f"no such element type: {dtype}")
        self.has_f64 |= dtype == "f64"
        return value if self.dtype(value) == dtype else self.op("cast", value, dtype=dtype)

    def dtype(self, value):
        return self.ref.type(value)[0]

    def shape(self, value):
        return self.ref.type(value)[1]

    def numbers(self, value):
        """A value's elements: what ONNX has as an input and Tenon as an attribute."""
        if value not in self.known:
            self.known[value] = onnx_read.values(self.ref.run([value])[0][0])
        return self.known[value]

    def axes(self, attrs, value):
        return self.numbers(value) if value is not None else attrs.get("axes", [])

    def lower(self, node):
        if node.op in onnx_map.NO_SUCH_OPERATOR:
            raise Skip(f"{node.op}: no such operator")
        assert node.op in onnx_map.OPS, f"{node.op} is not in onnx_map.py"
        self.node, self.n_outputs = node, len(node.outputs)
        inputs = [self.values[name] for name in node.inputs]
        out = onnx_map.OPS[node.op](self, node.attrs, *inputs)
        for name, value in zip(node.outputs, out if isinstance(out, list) else [out]):
            if name:
                self.values[name] = value


class Case:
    """A test of the archive, lowered."""

    def __init__(self, name, files, ref):
        model = onnx_read.model(files["model.onnx"])
        if not model.only_tensors:
            raise Skip("no sequences")
        self.name, self.ops = name, {node.op for node in model.nodes}
        self.want = [onnx_read.tensor(files[f"output_{i}.pb"]) for i in range(len(model.outputs))]
        g = Builder(ref)
        for i, value in enumerate(model.inputs):
            if f"input_{i}.pb" in files:
                g.values[value] = g.const(onnx_read.tensor(files[f"input_{i}.pb"]))
        for value, tensor in model.initializers.items():
            g.values[value] = g.const(tensor)
        for node in model.nodes:
            g.lower(node)
        self.outputs = [g.values[value] for value in model.outputs]
        self.script, self.has_f64 = g.script, g.has_f64

    def check(self, runner):
        runner.send(self.script)
        got, fallbacks = runner.run(self.outputs)
        assert not fallbacks or self.has_f64, f"the device refused {fallbacks} nodes"
        for i, (have, want) in enumerate(zip(got, self.want)):
            self.compare(i, have, want)

    def compare(self, i, have, want):
        assert (have.dtype, have.dims) == (want.dtype, want.dims), \
            f"output {i} is {have.dtype} {have.dims}, not {want.dtype} {want.dims}"
        if have.data == want.data:
            return
        relative, absolute = (0, 0) if self.ops <= onnx_map.EXACT else TOLERANCE.get(want.dtype, (0, 0))
        if self.name in FOUR_DIGITS:
            relative = 5e-4
        for at, (a, b) in enumerate(zip(onnx_read.values(have), onnx_read.values(want))):
            if a != b and not (a != a and b != b) and not abs(a - b) <= absolute + relative * abs(b):
                raise AssertionError(f"output {i}[{at}] is {a!r}, not {b!r}")


def archive(path):
    """Name of a test -> {file name: content}."""
    tests = {}
    with tarfile.open(path) as tar:
        for member in tar:
            parts = member.name.split("/")
            if member.isfile() and parts[1] in ("node", "simple"):
                tests.setdefault(parts[2], {})[parts[-1]] = tar.extractfile(member).read()
    return tests


def missing(runner):
    """Why the device cannot be used, or None."""
    try:
        runner.send(b"new\nop fill 1 0 1\nshape v 0\ntype 0\n")
        runner.line()
    except AssertionError as error:
        return str(error)
    return None


def main(runner, *args):
    verbose = "--verbose" in args
    only = args[args.index("--only") + 1] if "--only" in args else "*"
    devices = [a for a in args if a in ("ref", "cpu") or a.startswith("opencl")] or ["ref", "cpu", "opencl"]
    path = os.path.join(os.environ.get("TENON_DATA", ""), "onnx-node-tests.tar.gz")
    if not os.environ.get("TENON_DATA") or not os.path.exists(path):
        print("TENON_DATA names no folder with onnx-node-tests.tar.gz")
        return 1 if "data" in os.environ.get("TENON_REQUIRE", "").split(",") else 77
    counts, skips, times = Counter(), Counter(), Counter()
    ref = Runner(runner, "ref")
    runners = {device: Runner(runner, device) for device in devices}
    required = os.environ.get("TENON_REQUIRE", "").split(",")
    for device in devices:
        why = missing(runners[device])
        if why:
            must = device == "ref" or device == "opencl" and "pocl" in required
            counts["failed" if must else "skipped"] += 1
            print(f"{'FAIL' if must else 'skip'} {device}: {why}")
            del runners[device]
    devices = list(runners)
    for name, files in sorted(archive(path).items()):
        if not fnmatch.fnmatch(name, only):
            continue
        case = None
        for device in ["lower", *devices]:
            begin = time.time()
            try:
                if device == "lower":
                    case = Case(name, files, ref)
                    continue
                case.check(runners[device])
                counts["passed"] += 1
            except Skip as skip:
                counts["skipped"] += 1
                skips[str(skip)] += 1
                if verbose:
                    print(f"left out {name}: {skip}")
                break
            except AssertionError as error:
                counts["failed"] += 1
                print(f"FAIL {name} on {device}: {error}", flush=True)
                if device == "lower":
                    break
            finally:
                times[device] += time.time() - begin
    for r in [ref, *runners.values()]:
        r.close()
    for reason, n in sorted(skips.items()):
        print(f"skip {n:3} tests: {reason}")
    print(", ".join(f"{device} {seconds:.1f} s" for device, seconds in times.items()))
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return 1 if counts["failed"] or not counts["passed"] else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
