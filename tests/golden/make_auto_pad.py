#!/usr/bin/env python3
"""Makes auto_pad.h: SAME_UPPER, SAME_LOWER and VALID of every windowed operator, with their gradients, from
PyTorch in double (made with 1.13). Where the stride is 1, PyTorch's own padding='same' gives the convolutions
(its odd cell is at the end; LOWER is that on flipped axes). Elsewhere the window is moved to what ONNX's texts
(opset 21) say of the output: in / stride rounded up, and as many cells as that needs. Seeded; run it in this
folder."""
import math

import numpy as np
import torch
import torch.nn.functional as F

from emit import Table
from tensors import plain, tensor

rng = np.random.default_rng(97)
table = Table('auto_pad', 'make_auto_pad.py')
CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
TRANSPOSE = {1: F.conv_transpose1d, 2: F.conv_transpose2d}
UPPER, LOWER, VALID = 'SAME_UPPER', 'SAME_LOWER', 'VALID'


def halves(total, mode):
    total = max(total, 0)
    return (total // 2, total - total // 2) if mode == UPPER else (total - total // 2, total // 2)


def axis_pads(size, k, s, d, mode):
    if mode == VALID:
        return 0, 0
    return halves((-(-size // s) - 1) * s + d * (k - 1) + 1 - size, mode)


def all_pads(sizes, kernel, strides, dilations, mode):
    return [axis_pads(*v, mode) for v in zip(sizes, kernel, strides, dilations)]


def pad(x, pads, value=0.0):
    return F.pad(x, [p for pair in reversed(pads) for p in pair], value=value)


def conv(title, xs, ws, strides, dilations, groups, mode):
    axes = len(strides)
    x, w, b = tensor(rng, xs), tensor(rng, ws), tensor(rng, ws[:1])
    y = CONV[axes](pad(x, all_pads(xs[2:], ws[2:], strides, dilations, mode)), w, b, strides, 0, dilations, groups)
    if mode != VALID and all(s == 1 for s in strides):
        spatial = list(range(2, 2 + axes))
        turn = (lambda t: t.flip(spatial)) if mode == LOWER else (lambda t: t)
        same = turn(CONV[axes](turn(x), turn(w), b, 1, 'same', dilations, groups))
        assert torch.allclose(same, y, rtol=1e-14, atol=1e-14)
        y = same
    if mode != VALID:
        assert list(y.shape[2:]) == [-(-n // s) for n, s in zip(xs[2:], strides)]
    dy = tensor(rng, y.shape).detach()
    y.backward(dy)
    attrs = dict(strides=strides, dilations=dilations, groups=groups, auto_pad=mode)
    name, title = f'conv{axes}d', f'golden: {title}, {mode}'
    table.case(name, title, [plain(x), plain(w), plain(b)], [plain(y)], 1e-12, '.grad = 7, .tol = TOL_SUM', **attrs)
    table.case(name + '_grad_input', title, [plain(dy), plain(w)], [plain(x.grad)], 1e-12,
               '.grad = 3, .tol = TOL_SUM', input_shape=xs, **attrs)
    table.case(name + '_grad_weight', title, [plain(x), plain(dy)], [plain(w.grad)], 1e-12,
               '.grad = 3, .tol = TOL_SUM', kernel=ws[2:], **attrs)


def transpose(title, xs, ws, strides, dilations, groups, extra, mode):
    axes = len(strides)
    x, w, b = tensor(rng, xs), tensor(rng, ws), tensor(rng, (ws[1] * groups,))
    full = TRANSPOSE[axes](x, w, None, strides, 0, 0, groups, dilations)
    cut = []
    for n, k, s, d, e in zip(xs[2:], ws[2:], strides, dilations, extra):
        over = (n - 1) * s + d * (k - 1) + 1 + e - n * s
        begin, end = (0, 0) if mode == VALID else halves(over, mode)
        cut.append((-begin, e - end if mode == VALID or over >= 0 else e - over))
    y = pad(full, cut) + b.reshape([1, -1] + [1] * axes)
    if mode != VALID:
        assert list(y.shape[2:]) == [n * s for n, s in zip(xs[2:], strides)]
    table.case(f'conv_transpose{axes}d', f'golden: {title}, {mode}', [plain(x), plain(w), plain(b)], [plain(y)],
               1e-12, '.grad = 7, .tol = TOL_SUM', strides=strides, dilations=dilations, groups=groups,
               output_padding=extra, auto_pad=mode)


def windows(x, kernel, strides, pads, dilations, fill):
    """[N, C, cells of the window, OH, OW] of images; padding holds `fill`."""
    u = F.unfold(pad(x, pads, fill), kernel, dilations, 0, strides)
    padded = [n + sum(p) for n, p in zip(x.shape[2:], pads)]
    out = [(n - d * (k - 1) - 1) // s + 1 for n, k, s, d in zip(padded, kernel, strides, dilations)]
    return u.reshape(x.shape[0], x.shape[1], kernel[0] * kernel[1], *out)


def pool(title, xs, kernel, strides, dilations, ceil, mode):
    """1-D is 2-D with a height of 1."""
    axes = len(kernel)
    lift = (lambda t: t) if axes == 2 else (lambda t: t.unsqueeze(2))
    drop = (lambda t: t) if axes == 2 else (lambda t: t.squeeze(2))
    k, s, d = ([1] * (2 - axes) + list(v) for v in (kernel, strides or kernel, dilations))
    p = all_pads([1] * (2 - axes) + list(xs[2:]), k, s, d, mode)
    view = lambda t, fill: windows(lift(t), k, s, p, d, fill)
    # ONNX's output sizes, with ceil_mode and without: they are one.
    for n, a, b, c, o in zip(lift(torch.zeros(xs)).shape[2:], k, s, d, view(torch.zeros(xs), 0.0).shape[3:]):
        extent = c * (a - 1) + 1
        assert o == (math.ceil((n - extent + 1) / b) if mode == VALID else math.ceil(n / b))
        assert o == (math.floor((n - extent) / b) + 1 if mode == VALID else math.floor((n - 1) / b) + 1)
    attrs = dict(kernel=kernel, strides=strides, dilations=dilations, auto_pad=mode)
    title = f'golden: {title}, {mode}'

    x = torch.tensor((rng.permutation(int(np.prod(xs))).reshape(xs) - 9) / 8).requires_grad_(True)
    places = torch.arange(float(np.prod(xs[2:]))).double().reshape([1, 1] + list(xs[2:])).expand(xs)
    u = view(x, -math.inf)
    best = u.argmax(2, keepdim=True)
    y = drop(u.gather(2, best).squeeze(2))
    index = drop(view(places, -1.0).gather(2, best).squeeze(2)).long()
    dy = tensor(rng, y.shape).detach()
    y.backward(dy)
    table.case(f'max_pool{axes}d', title, [plain(x)], [plain(y), (plain(index), 'i32')], 1e-12,
               '.grad = 1, .tol = TOL_EXACT', ceil_mode=ceil, **attrs)
    table.case(f'max_pool{axes}d_grad', title, [plain(dy), (plain(index), 'i32')], [plain(x.grad)], 1e-12,
               input_shape=xs, **attrs)

    for include in (0, 1):
        x = tensor(rng, xs)
        size = view(torch.ones(xs, dtype=torch.float64), float(include)).sum(2)
        y = drop(view(x, 0.0).sum(2) / size)
        dy = tensor(rng, y.shape).detach()
        y.backward(dy)
        more = dict(ceil_mode=ceil, count_include_pad=include, **attrs)
        what = title + (', padding counts' if include else '')
        table.case(f'avg_pool{axes}d', what, [plain(x)], [plain(y)], 1e-12, '.grad = 1', **more)
        table.case(f'avg_pool{axes}d_grad', what, [plain(dy)], [plain(x.grad)], 1e-12, '.grad = 1', input_shape=xs,
                   **more)

    order = {0: 2.0, 1: 1.0, 2: 3.0}[len(title) % 3]
    x = tensor(rng, xs, away=True)
    y = drop(view(x.abs(), 0.0).pow(order).sum(2).pow(1 / order))
    dy = tensor(rng, y.shape).detach()
    y.backward(dy)
    more = dict(ceil_mode=ceil, p=order, **attrs)
    table.case(f'lp_pool{axes}d', title, [plain(x)], [plain(y)], 1e-12, '.grad = 1, .tol = TOL_COMPOSITE', **more)
    table.case(f'lp_pool{axes}d_grad', title, [plain(x), plain(y), plain(dy)], [plain(x.grad)], 1e-11,
               '.tol = TOL_COMPOSITE', **more)


for title, xs, ws, s, d, g, modes in [
        ('odd total', (2, 2, 7), (3, 2, 4), [1], [1], 1, (UPPER, LOWER, VALID)),
        ('stride', (1, 2, 9), (2, 2, 4), [2], [1], 1, (UPPER, LOWER, VALID)),
        ('stride beyond the kernel', (1, 1, 10), (2, 1, 2), [4], [1], 1, (UPPER, LOWER)),
        ('dilation and groups', (1, 4, 8), (2, 2, 2), [3], [3], 2, (UPPER, LOWER)),
        ('kernel beyond the input', (1, 1, 2), (1, 1, 6), [1], [1], 1, (UPPER, LOWER)),
        ('each axis its own', (1, 2, 5, 6), (2, 2, 2, 3), [2, 1], [1, 1], 1, (UPPER, LOWER, VALID)),
        ('stride 1', (2, 1, 4, 5), (2, 1, 4, 2), [1, 1], [1, 3], 1, (UPPER, LOWER)),
        ('one axis without', (1, 2, 7, 4), (2, 1, 2, 4), [4, 2], [2, 1], 2, (UPPER, LOWER)),
        ('each axis its own', (1, 1, 3, 4, 5), (2, 1, 2, 3, 2), [1, 2, 3], [1, 1, 2], 1, (UPPER, LOWER, VALID)),
        ('stride 1', (1, 2, 2, 3, 3), (2, 1, 2, 4, 1), [1, 1, 1], [1, 1, 1], 2, (UPPER, LOWER))]:
    for mode in modes:
        conv(title, xs, ws, s, d, g, mode)

for title, xs, ws, s, d, g, e, modes in [
        ('odd total', (2, 2, 4), (2, 3, 4), [1], [1], 1, [0], (UPPER, LOWER, VALID)),
        ('stride', (1, 2, 3), (2, 1, 5), [2], [1], 1, [0], (UPPER, LOWER, VALID)),
        ('output padding', (1, 1, 4), (1, 2, 4), [2], [1], 1, [1], (UPPER, LOWER, VALID)),
        ('stride beyond the kernel', (1, 2, 3), (2, 1, 2), [4], [1], 1, [1], (UPPER, LOWER)),
        ('output padding beyond the stride', (1, 1, 4), (1, 1, 2), [2], [4], 1, [3], (UPPER, LOWER)),
        ('each axis its own', (1, 2, 3, 2), (2, 1, 2, 4), [1, 3], [1, 1], 1, [0, 0], (UPPER, LOWER, VALID)),
        ('dilation and groups', (1, 4, 2, 3), (4, 1, 2, 3), [2, 1], [2, 3], 2, [1, 0], (UPPER, LOWER)),
        ('gaps along one axis', (2, 1, 2, 3), (1, 2, 1, 3), [3, 2], [1, 1], 1, [0, 0], (UPPER, LOWER))]:
    for mode in modes:
        transpose(title, xs, ws, s, d, g, e, mode)

for title, xs, k, s, d, ceil, modes in [
        ('odd total', (2, 2, 7), [4], [1], [1], 0, (UPPER, LOWER, VALID)),
        ('stride is the kernel', (1, 2, 8), [3], [], [1], 0, (UPPER, LOWER, VALID)),
        ('stride and ceil_mode', (1, 2, 9), [4], [2], [1], 1, (UPPER, LOWER, VALID)),
        ('dilation', (1, 1, 8), [2], [3], [3], 0, (UPPER, LOWER)),
        ('stride beyond the kernel, ceil_mode', (1, 2, 10), [2], [4], [1], 1, (UPPER, LOWER, VALID)),
        ('each axis its own', (1, 2, 5, 6), [2, 3], [2, 1], [1, 1], 0, (UPPER, LOWER, VALID)),
        ('ceil_mode and dilation', (1, 1, 6, 7), [3, 2], [2, 3], [1, 2], 1, (UPPER, LOWER, VALID)),
        ('stride beyond the kernel', (2, 1, 7, 4), [2, 4], [4, 2], [1, 1], 0, (UPPER, LOWER))]:
    for mode in modes:
        pool(title, xs, k, s, d, ceil, mode)

table.write('auto_pad.h')
