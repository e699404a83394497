"""Reads ONNX models and tensors: as much of the protobuf wire format and of onnx.proto as one-operator
tests need. No packages besides Python's own.

Numbers of fields and of element types are those of onnx.proto (https://github.com/onnx/onnx).
"""

import struct
from collections import namedtuple

Tensor = namedtuple("Tensor", "dtype dims data")  # dtype as Tenon names it, data row-major bytes
Node = namedtuple("Node", "op domain inputs outputs attrs")
Model = namedtuple("Model", "opsets nodes inputs outputs initializers only_tensors")

# ONNX's number of an element type -> its name, as Tenon has it where Tenon has the type.
DTYPES = {1: "f32", 2: "u8", 3: "int8", 4: "uint16", 5: "int16", 6: "i32", 7: "i64", 8: "string",
          9: "bool", 10: "f16", 11: "f64", 12: "uint32", 13: "uint64", 14: "complex64",
          15: "complex128", 16: "bf16"}
# name -> (bytes, struct's letter for the values as they are stored)
LAYOUT = {"f32": (4, "f"), "u8": (1, "B"), "i32": (4, "i"), "i64": (8, "q"), "bool": (1, "B"),
          "f16": (2, "e"), "f64": (8, "d"), "bf16": (2, "H"), "int8": (1, "b"), "int16": (2, "h"),
          "uint16": (2, "H"), "uint32": (4, "I"), "uint64": (8, "Q")}


def varint(buf, at):
    value = shift = 0
    while True:
        byte = buf[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def signed(value):
    return value - (1 << 64) if value >> 63 else value


def fields(buf):
    """Number -> list of raw values: ints for varints, bytes for everything else."""
    out, at = {}, 0
    while at < len(buf):
        key, at = varint(buf, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(buf, at)
        else:
            if kind == 2:
                size, at = varint(buf, at)
            else:
                size = {1: 8, 5: 4}[kind]
            value = bytes(buf[at:at + size])
            at += size
        out.setdefault(key >> 3, []).append(value)
    return out


def text(message, number):
    return message.get(number, [b""])[0].decode()


def whole_numbers(values):
    """A repeated integer, packed or not."""
    out = []
    for value in values:
        if isinstance(value, int):
            out.append(signed(value))
            continue
        at = 0
        while at < len(value):
            number, at = varint(value, at)
            out.append(signed(number))
    return out


def floats(values):
    joined = b"".join(values)
    return list(struct.unpack(f"<{len(joined) // 4}f", joined))


def tensor(buf):
    m = fields(buf)
    dims, dtype = whole_numbers(m.get(1, [])), DTYPES.get(m.get(2, [0])[0], "another type")
    if 9 in m or dtype not in LAYOUT:
        return Tensor(dtype, dims, m.get(9, [b""])[0])
    if dtype == "f32":
        return Tensor(dtype, dims, b"".join(m.get(4, [])))
    if dtype == "f64":
        return Tensor(dtype, dims, b"".join(m.get(10, [])))
    # int32_data holds the narrow types too, f16 and bf16 as their bits.
    numbers = whole_numbers(m.get({"i64": 7, "uint32": 11, "uint64": 11}.get(dtype, 5), []))
    letter = "H" if dtype in ("f16", "bf16") else LAYOUT[dtype][1]
    return Tensor(dtype, dims, struct.pack(f"<{len(numbers)}{letter}", *numbers))


def attribute(buf):
    m = fields(buf)
    kind = m.get(20, [0])[0]
    read = {1: lambda: floats(m[2])[0], 2: lambda: signed(m.get(3, [0])[0]),
            3: lambda: m.get(4, [b""])[0].decode(), 4: lambda: tensor(m[5][0]),
            6: lambda: floats(m.get(7, [])), 7: lambda: whole_numbers(m.get(8, [])),
            8: lambda: [s.decode() for s in m.get(9, [])]}
    if kind not in read:
        raise ValueError(f"an attribute of kind {kind}")
    return text(m, 1), read[kind]()


def model(buf):
    m = fields(buf)
    graph = fields(m[7][0])
    nodes = []
    for raw in graph.get(1, []):
        n = fields(raw)
        nodes.append(Node(text(n, 4), text(n, 7), [s.decode() for s in n.get(1, [])],
                          [s.decode() for s in n.get(2, [])], dict(map(attribute, n.get(5, [])))))
    opsets = {text(o, 1): o.get(2, [0])[0] for o in map(fields, m.get(8, []))}
    kept = {text(fields(t), 8): tensor(t) for t in graph.get(5, [])}
    inputs, outputs = ([text(fields(v), 1) for v in graph.get(k, [])] for k in (11, 12))
    # A value's type has field 1 for a tensor; others are for sequences, maps and optional values.
    tensors = all(1 in fields(fields(v)[2][0]) for k in (11, 12) for v in graph.get(k, []))
    return Model(opsets, nodes, [name for name in inputs if name not in kept], outputs, kept, tensors)


def values(t):
    """The elements as Python numbers."""
    size, letter = LAYOUT[t.dtype]
    numbers = struct.unpack(f"<{len(t.data) // size}{letter}", t.data)
    if t.dtype == "bf16":
        return list(struct.unpack(f"<{len(numbers)}f", struct.pack(f"<{len(numbers)}I", *(n << 16 for n in numbers))))
    return list(numbers)
