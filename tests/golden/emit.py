"""Writes case tables (tests/ops/cases.h) whose expected values come from NumPy or PyTorch in double.

A generator script makes a Table, adds cases and writes tests/golden/<family>.h, which the family's
case table includes. The numbers are committed; the scripts say where they came from. Inputs are
multiples of 1/64 (or whole numbers), so they are exact in every precision that a case may run in.
"""
import numpy as np

DTYPES = {'f32': 'TN_F32', 'f64': 'TN_F64', 'i32': 'TN_I32', 'i64': 'TN_I64', 'u8': 'TN_U8',
          'bool': 'TN_BOOL'}


def grid(rng, shape, lo=-2.0, hi=2.0):
    """Random multiples of 1/64 in [lo, hi], as float64."""
    return np.round(rng.uniform(lo, hi, shape) * 64) / 64


def number(v):
    v = float(v)
    if np.isnan(v):
        return 'NAN'
    if np.isinf(v):
        return 'INFINITY' if v > 0 else '-INFINITY'
    return repr(int(v)) if v == int(v) and abs(v) < 1e15 and not (v == 0 and np.signbit(v)) else repr(v)


def values(a):
    text = ', '.join(number(v) for v in np.asarray(a).reshape(-1))
    return f'V({text or 0})'  # C has no empty list: of no elements none is read


def literal(a, dtype):
    """'f32 fixed' stays f32 when a case runs in another precision."""
    a = np.asarray(a)
    if dtype == 'f32 fixed':
        shape = f', .shape = DIMS({", ".join(str(d) for d in a.shape)})' if a.ndim else ''
        return f'{{.dtype = TN_F32, .fill = FILL_LITERAL, .values = {values(a)}{shape}, .keep_dtype = 1}}'
    dims = ', '.join(str(d) for d in a.shape)
    if a.ndim == 0:
        return f'LIT_S({DTYPES[dtype]}, {values(a)})'
    return f'LIT({DTYPES[dtype]}, {values(a)}, {dims})'


def out_type(a, dtype):
    a = np.asarray(a)
    dims = ', '.join(str(d) for d in a.shape)
    return f'OUT({DTYPES[dtype]}, {dims})' if a.ndim else f'OUT_S({DTYPES[dtype]})'


def attr(key, v):
    if isinstance(v, bool) or isinstance(v, (int, np.integer)):
        return f'AI("{key}", {int(v)})'
    if isinstance(v, float):
        return f'AF("{key}", {v!r})'
    if isinstance(v, str):
        return f'AS("{key}", "{v}")'
    return f'AV("{key}", {", ".join(str(i) for i in v)})' if len(v) else f'AV_EMPTY("{key}")'


class Table:
    def __init__(self, family, script):
        self.family, self.script, self.rows = family, script, []

    def case(self, op, name, inputs, outputs, tol=None, extra='', **attrs):
        """inputs, outputs: arrays (f32), (array, dtype) pairs, or None for an absent one.
        extra: more fields of struct op_case, such as '.tol = TOL_SUM'."""
        pairs = [x if x is None or isinstance(x, tuple) else (x, 'f32') for x in inputs]
        outs = [x if x is None or isinstance(x, tuple) else (x, 'f32') for x in outputs]
        fields = [f'.op = "{op}", .name = "{name}"']
        if pairs:
            fields.append('.in = {' + ', '.join('{0}' if p is None else literal(*p) for p in pairs) + '}')
        if attrs:
            fields.append('.attrs = {' + ', '.join(attr(k, v) for k, v in attrs.items()) + '}')
        fields.append('.out = {' + ', '.join('{0}' if p is None else out_type(*p) for p in outs) + '}')
        fields.append('.want = {' + ', '.join('NULL' if p is None else values(p[0]) for p in outs) + '}')
        if tol:
            fields.append(f'.want_tol = {tol!r}')
        if extra:
            fields.append(extra)
        self.rows.append('    {' + ',\n     '.join(fields) + '},')

    def write(self, path):
        with open(path, 'w') as f:
            f.write(f'/* Made by tests/golden/{self.script}: do not edit. */\n'
                    '/* clang-format off */\n'
                    f'static const struct op_case {self.family}_golden[] = {{\n')
            f.write('\n'.join(self.rows) + '\n};\n/* clang-format on */\n')
        print(path, len(self.rows), 'cases')
