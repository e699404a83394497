#!/usr/bin/env python3
"""Golden values of powers, remainders, angles, comparisons, logic and integer arithmetic: PyTorch on inputs
drawn by NumPy's default_rng(20240903). Run from anywhere; needs numpy and torch."""
import os

import numpy as np
import torch

from emit import Table, grid

HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPT = 'make_binary.py'
rng = np.random.default_rng(20240903)
inf, nan = np.inf, np.nan
PAIRS = np.array([[x, y] for x in (nan, inf, -inf, 0.0, 1.0, -1.0, 2.5) for y in (nan, inf, -inf, 0.0, 1.0, -2.0)])
SHAPES = [((2, 3), (2, 3)), ((3, 1, 2), (5, 1)), ((4,), ()), ((1, 3), (2, 1))]
DTYPES = {'i32': torch.int32, 'i64': torch.int64, 'u8': torch.uint8}


def t(a):
    return torch.tensor(np.asarray(a, dtype=np.float64))


def floats(tab):
    for op, f, attrs in (('pow', torch.pow, {}), ('atan2', torch.atan2, {}), ('mod', torch.remainder, {}),
                         ('mod', torch.fmod, dict(fmod=1))):
        name = 'torch_fmod' if attrs else 'torch'
        for i, (sa, sb) in enumerate(SHAPES):
            a, b = grid(rng, sa, 0.0625 if op == 'pow' else -3, 3), grid(rng, sb, 0.125, 2)
            b = b * rng.choice([-1.0, 1.0], sb)
            tab.case(op, f'{name}_{i}', [a, b], [f(t(a), t(b)).numpy()], **attrs)
        # an infinite divisor and the sign of a zero are left to the case tables
        p = PAIRS[np.isfinite(PAIRS[:, 1])] if op == 'mod' else PAIRS
        tab.case(op, f'{name}_special', [p[:, 0], p[:, 1]], [f(t(p[:, 0]), t(p[:, 1])).numpy()], **attrs)
    tab.case('pow', 'torch_negative_base', [[-2.0, -0.5, -3], [3.0, 2, -1]],
             [torch.pow(t([-2.0, -0.5, -3]), t([3.0, 2, -1])).numpy()])


def comparisons(tab):
    for op, f in (('not_equal', torch.ne), ('less', torch.lt), ('less_equal', torch.le),
                  ('greater_equal', torch.ge), ('equal', torch.eq), ('greater', torch.gt)):
        a, b = PAIRS[:, 0], PAIRS[:, 1]
        tab.case(op, 'torch_pairs', [a, b], [(f(t(a), t(b)).numpy(), 'bool')])
        for dt, kind in DTYPES.items():
            a, b = rng.integers(0, 4, (3, 1)), rng.integers(0, 4, (5,))
            want = f(torch.tensor(a, dtype=kind), torch.tensor(b, dtype=kind)).numpy()
            tab.case(op, f'torch_{dt}', [(a, dt), (b, dt)], [(want, 'bool')])
    for op in ('logical_and', 'logical_or', 'logical_xor'):
        a, b = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
        want = getattr(torch, op)(torch.tensor(a), torch.tensor(b)).numpy()
        tab.case(op, 'torch', [(a, 'bool'), (b, 'bool')], [(want, 'bool')])
        a, b = rng.integers(0, 2, (2, 1, 3)), rng.integers(0, 2, (4, 1))
        want = getattr(torch, op)(torch.tensor(a), torch.tensor(b)).numpy()
        tab.case(op, 'torch_broadcast', [(a, 'bool'), (b, 'bool')], [(want, 'bool')])
    a = np.array([0, 1, 1, 0])
    tab.case('logical_not', 'torch', [(a, 'bool')], [(torch.logical_not(torch.tensor(a)).numpy(), 'bool')])


def integers(tab):
    forms = [('add', torch.add, {}), ('sub', torch.sub, {}), ('mul', torch.mul, {}),
             ('div', lambda a, b: torch.div(a, b, rounding_mode='trunc'), {}),
             ('maximum', torch.maximum, {}), ('minimum', torch.minimum, {}),
             ('mod', torch.remainder, {}), ('mod', torch.fmod, dict(fmod=1)), ('pow', torch.pow, {})]
    for op, f, attrs in forms:
        for dt, kind in DTYPES.items():
            low = 0 if dt == 'u8' else -9
            a, b = rng.integers(low, 10, (4, 1)), rng.integers(1, 10, (5,))
            if dt != 'u8' and op != 'pow':
                b = b * rng.choice([-1, 1], (5,))
            want = f(torch.tensor(a, dtype=kind), torch.tensor(b, dtype=kind)).numpy()
            tab.case(op, f'torch_{dt}' + ('_fmod' if attrs else ''), [(a, dt), (b, dt)], [(want, dt)], **attrs)


if __name__ == '__main__':
    table = Table('binary', SCRIPT)
    floats(table)
    comparisons(table)
    integers(table)
    table.write(os.path.join(HERE, 'binary.h'))
