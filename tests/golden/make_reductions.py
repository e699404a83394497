#!/usr/bin/env python3
"""Makes moments.h and search.h in this folder: values of the reductions, cumsum and top_k from PyTorch
(made with 1.13) in double. Seeded: a second run changes nothing."""
import os

import numpy as np
import torch

from emit import Table, grid

HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPT = 'make_reductions.py'
AXES = {'all': [], 'rows': [1], 'columns': [0], 'both': [0, 2], 'middle': [-2]}


def tensor(a):
    return torch.tensor(a, dtype=torch.float64)


def gradient(f, x, dy):
    t = tensor(x).requires_grad_()
    f(t).backward(tensor(dy))
    return t.grad.numpy()


def dims(x, axes):
    return tuple(axes) if axes else tuple(range(x.ndim))


def moments():
    rng = np.random.default_rng(31)
    tab = Table('moments', SCRIPT)
    for name, axes in AXES.items():
        x = grid(rng, (3, 5, 4) if name == 'both' else (4, 5))
        d = dims(x, axes)
        t = tensor(x)
        kept = torch.sum(t, d, keepdim=True).shape
        dy = grid(rng, tuple(kept))
        for correction in (0, 1, 2):
            y = torch.var(t, d, correction=correction, keepdim=name == 'both')
            tab.case('var', f'golden: {name} {correction}', [x], [y.numpy()], axes=axes,
                     correction=correction, keepdims=name == 'both', tol=1e-12,
                     extra='.grad = 1, .tol = TOL_COMPOSITE')
        y = torch.logsumexp(t, d)
        tab.case('logsumexp', f'golden: {name}', [x], [y.numpy()], axes=axes, tol=1e-12,
                 extra='.grad = 1, .tol = TOL_COMPOSITE')
        for p in (0.0, 0.5, 1.0, 2.0, 3.0, 4.5, -1.0, float('inf'), -float('inf')):
            if p == float('inf') or p == -float('inf'):
                y = torch.linalg.vector_norm(t, p, d)
                text = 'INFINITY' if p > 0 else '-INFINITY'
                attrs = f'.attrs = {{AV("axes", {", ".join(map(str, d))}), AF("p", {text})}}, '
                tab.case('norm', f'golden: {name} p {p}', [x], [y.numpy()], tol=1e-12,
                         extra=attrs + '.tol = TOL_COMPOSITE')
                continue
            y = torch.linalg.vector_norm(t, p, d)
            tab.case('norm', f'golden: {name} p {p}', [x], [y.numpy()], axes=axes, p=p, tol=1e-12,
                     extra='.tol = TOL_COMPOSITE')
            if p > 0:
                dx = gradient(lambda v: torch.linalg.vector_norm(v, p, d, keepdim=True), x, dy)
                y = torch.linalg.vector_norm(t, p, d, keepdim=True).numpy()
                tab.case('norm_grad', f'golden: {name} p {p}', [x, y, dy], [dx], axes=axes, p=p,
                         tol=1e-12, extra='.tol = TOL_COMPOSITE')
        if len(d) == 1:
            tab.case('prod', f'golden: {name}', [x], [torch.prod(t, d[0]).numpy()], axes=axes,
                     tol=1e-12, extra='.grad = 1, .tol = TOL_COMPOSITE')
            for zeros in range(3):
                z = x.copy()
                z[0, :zeros], z[:zeros, 1] = 0, 0
                dx = gradient(lambda v: torch.prod(v, d[0], keepdim=True), z, dy)
                tab.case('prod_grad', f'golden: {name} with {zeros} zeros', [z, dy], [dx], axes=axes,
                         tol=1e-12, extra='.tol = TOL_COMPOSITE')
    tab.write(os.path.join(HERE, 'moments.h'))


def search():
    rng = np.random.default_rng(32)
    tab = Table('search', SCRIPT)
    for axis in (0, 1, -1):
        x = grid(rng, (4, 5, 3))
        n = rng.integers(-50, 50, (4, 5, 3))
        for dtype, v in (('f32', x), ('i64', n)):
            t = torch.tensor(v)
            tab.case('argmax', f'golden: {dtype} axis {axis}', [(v, dtype)],
                     [(torch.argmax(t, axis).numpy(), 'i64')], axis=axis)
            tab.case('argmin', f'golden: {dtype} axis {axis}', [(v, dtype)],
                     [(torch.argmin(t, axis, keepdim=True).numpy(), 'i64')], axis=axis, keepdims=1)
            c = torch.cumsum(t, axis)
            f = torch.flip(torch.cumsum(torch.flip(t, [axis]), axis), [axis])
            extra = '.grad = 1, .tol = TOL_SUM' if dtype == 'f32' else ''
            tab.case('cumsum', f'golden: {dtype} axis {axis}', [(v, dtype)], [(c.numpy(), dtype)],
                     axis=axis, extra=extra)
            tab.case('cumsum', f'golden: {dtype} exclusive axis {axis}', [(v, dtype)],
                     [((c - t).numpy(), dtype)], axis=axis, exclusive=1, extra=extra)
            tab.case('cumsum', f'golden: {dtype} reverse axis {axis}', [(v, dtype)],
                     [(f.numpy(), dtype)], axis=axis, reverse=1, extra=extra)
            tab.case('cumsum', f'golden: {dtype} reverse exclusive axis {axis}', [(v, dtype)],
                     [((f - t).numpy(), dtype)], axis=axis, reverse=1, exclusive=1, extra=extra)
        distinct = rng.permutation(60).reshape(4, 5, 3) / 8.0 - 3
        for largest in (1, 0):
            t = tensor(distinct).requires_grad_()
            values, indices = torch.topk(t, 2, axis, bool(largest))
            tab.case('top_k', f'golden: axis {axis} largest {largest}', [distinct],
                     [values.detach().numpy(), (indices.numpy(), 'i64')], k=2, axis=axis,
                     largest=largest, extra='.grad = 1')
            dv = grid(rng, tuple(values.shape))
            values.backward(tensor(dv))
            tab.case('top_k_grad', f'golden: axis {axis} largest {largest}',
                     [(indices.numpy(), 'i64'), dv], [t.grad.numpy()], shape=[4, 5, 3], axis=axis)
    tab.write(os.path.join(HERE, 'search.h'))


moments()
search()
