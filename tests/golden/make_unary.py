#!/usr/bin/env python3
"""Golden values of the operators of one operand and of the activations: PyTorch in double on inputs drawn
by NumPy's default_rng([20240902, family]). Run from anywhere; needs numpy and torch. Gradient operators are
checked against torch.autograd through the forward operator, kinks included."""
import os

import numpy as np
import torch
import torch.nn.functional as F

from emit import Table, grid

HERE = os.path.dirname(os.path.abspath(__file__))
rng = None  # set for each family below
SCRIPT = 'make_unary.py'
SPECIALS = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 20.0, -20.0, 60.0, -60.0]


def t(a):
    return torch.tensor(np.asarray(a, dtype=np.float64), requires_grad=True)


def n(x):
    return x.detach().numpy()


def unary():
    tab = Table('unary', SCRIPT)
    ranges = {'rsqrt': (0.0625, 3), 'log1p': (-0.9375, 3), 'asin': (-1, 1), 'acos': (-1, 1)}
    for op in 'neg abs square reciprocal rsqrt expm1 log1p erf floor ceil round sin cos tan sinh cosh ' \
              'asin acos atan'.split():
        f = getattr(torch, op)
        x = grid(rng, (3, 5), *ranges.get(op, (-3, 3)))
        x[x == 0] = 0.25
        tab.case(op, 'torch', [x], [n(f(t(x)))])
        tab.case(op, 'torch_special', [SPECIALS], [n(f(t(SPECIALS)))])
    x = np.array([-3, 0, -0.0, 2.5, np.inf, -np.inf])
    tab.case('sign', 'torch', [x], [n(torch.sign(t(x)))])
    for op in ('isfinite', 'isnan', 'isinf'):
        tab.case(op, 'torch_special', [SPECIALS], [(getattr(torch, op)(t(SPECIALS)).numpy(), 'bool')])
    for dt in (torch.int32, torch.int64):
        a = torch.tensor([-7, 0, 9, -1, 100000], dtype=dt)
        name = 'i32' if dt == torch.int32 else 'i64'
        for op in ('neg', 'abs', 'sign'):
            tab.case(op, f'torch_{name}', [(a.numpy(), name)], [(getattr(torch, op)(a).numpy(), name)])
        tab.case('clip', f'torch_{name}', [(a.numpy(), name)], [(torch.clamp(a, -5, 50).numpy(), name)],
                 min=-5.0, max=50.0)
    for name, attrs in (('both', dict(min=-1.0, max=0.5)), ('low', dict(min=0.25)), ('high', dict(max=-0.5)),
                        ('crossed', dict(min=2.0, max=1.0))):
        x = np.append(grid(rng, (7,)), SPECIALS)
        tab.case('clip', f'torch_{name}', [x], [n(torch.clamp(t(x), **attrs))], **attrs)
    tab.write(os.path.join(HERE, 'unary.h'))


def activation():
    tab = Table('activation', SCRIPT)
    forms = [('relu6', F.relu6, {}), ('elu', F.elu, {}),
             ('elu', lambda x: F.elu(x, 0.25), dict(alpha=0.25)),
             ('celu', F.celu, {}), ('celu', lambda x: F.celu(x, 2.0), dict(alpha=2.0)),
             ('selu', F.selu, {}), ('gelu', F.gelu, {}),
             ('gelu', lambda x: F.gelu(x, approximate='tanh'), dict(approximate='tanh')),
             ('silu', F.silu, {}), ('mish', F.mish, {}), ('softplus', F.softplus, {}),
             ('softsign', F.softsign, {}), ('hard_sigmoid', F.hardsigmoid, dict(alpha=1 / 6, beta=0.5)),
             ('hard_swish', F.hardswish, {}), ('sigmoid', torch.sigmoid, {}), ('relu', torch.relu, {}),
             ('leaky_relu', lambda x: F.leaky_relu(x, 0.25), dict(alpha=0.25))]
    for i, (op, f, attrs) in enumerate(forms):
        name = f'torch_{i}' if attrs else 'torch_default'
        # its hard_sigmoid has an f32 1/6; its softplus is linear beyond 20, where the exact function differs by 2e-9 at most
        tol = {'softplus': 1e-8, 'hard_sigmoid': 1e-7}.get(op)
        x = grid(rng, (3, 5), -4, 4)
        tab.case(op, name, [x], [n(f(t(x)))], tol=tol, **attrs)
        tab.case(op, name + '_special', [SPECIALS], [n(f(t(SPECIALS)))], tol=tol, **attrs)
        if op in ('softplus', 'softsign', 'sigmoid', 'relu'):
            continue
        x = t(np.concatenate([grid(rng, (9,), -4, 4), [0, -3, 3, 6, -6, 25, -25]]))
        dy = grid(rng, x.shape)
        dx = torch.autograd.grad(f(x), x, torch.tensor(dy))[0].numpy()
        tab.case(op + '_grad', name, [n(x), dy], [dx], tol=tol, **attrs)
    x, dy = t([-2, -1, -0.5, 0.25, 0.5, 1]), grid(rng, (6,))
    dx = torch.autograd.grad(torch.clamp(x, -1, 0.5), x, torch.tensor(dy))[0].numpy()
    tab.case('clip_grad', 'torch', [n(x), dy], [dx], min=-1.0, max=0.5)
    for i, (sx, sw) in enumerate([((2, 3, 4), (3, 1)), ((5,), (1,)), ((2, 3), (1, 3))]):
        x, w = grid(rng, sx), grid(rng, sw)
        tab.case('prelu', f'torch_{i}', [x, w], [n(torch.where(t(x) > 0, t(x), t(w) * t(x)))])
    x, w = grid(rng, (2, 3, 2)), grid(rng, (3,))
    tab.case('prelu', 'torch_nn', [x, w.reshape(3, 1)], [n(F.prelu(t(x), t(w)))])
    tab.write(os.path.join(HERE, 'activation.h'))


if __name__ == '__main__':
    for number, family in enumerate([unary, activation]):
        rng = np.random.default_rng([20240902, number])  # a new case moves its own family only
        family()
