#!/usr/bin/env python3
"""Makes pool_nd.h: pools over one axis, Lp, dilated, adaptive and global pools, with their gradients,
from PyTorch in double (made with 1.13). Windows that PyTorch's pools do not offer (asymmetric pads,
dilated means) are gathered with its unfold. Seeded; run it in this folder."""
import math

import numpy as np
import torch
import torch.nn.functional as F

from emit import Table
from tensors import plain, tensor

rng = np.random.default_rng(47)
table = Table('pool_nd', 'make_pool.py')


def out_size(size, k, s, b, e, d, ceil):
    room = size + b + e - d * (k - 1) - 1
    out = (-(-room // s) if ceil else room // s) + 1
    if ceil and (out - 1) * s >= size + b:
        out -= 1
    return out


def windows(x, kernel, strides, pads, dilations, ceil, fill):
    """[N, C, cells of the window, OH, OW]; padding, and what lies beyond it, holds `fill`."""
    n, c, h, w = x.shape
    oh = out_size(h, kernel[0], strides[0], pads[0], pads[2], dilations[0], ceil)
    ow = out_size(w, kernel[1], strides[1], pads[1], pads[3], dilations[1], ceil)
    need_h = (oh - 1) * strides[0] + dilations[0] * (kernel[0] - 1) + 1
    need_w = (ow - 1) * strides[1] + dilations[1] * (kernel[1] - 1) + 1
    x = F.pad(x, (pads[1], max(need_w - w - pads[1], 0), pads[0], max(need_h - h - pads[0], 0)), value=fill)
    u = F.unfold(x[:, :, :need_h, :need_w], kernel, dilations, 0, strides)
    return u.reshape(n, c, kernel[0] * kernel[1], oh, ow)


def pool(axes, title, xs, kernel, strides, pads, dilations, ceil):
    """Every windowed pool on one geometry. 1-D is 2-D with a height of 1."""
    def two(v, one):
        return tuple(v) if axes == 2 else (one,) + tuple(v)

    def lift(t):
        return t if axes == 2 else t.unsqueeze(2)

    def drop(t):
        return t if axes == 2 else t.squeeze(2)

    k, s, d = two(kernel, 1), two(strides or kernel, 1), two(dilations, 1)
    p = tuple(pads) if axes == 2 else (0, pads[0], 0, pads[1])
    attrs = dict(kernel=kernel, strides=strides, pads=pads, dilations=dilations)
    title = 'golden: ' + title
    view = lambda t, fill: windows(lift(t), k, s, p, d, ceil, fill)
    real = view(torch.ones(xs, dtype=torch.float64), 0.0)

    x = tensor(rng, xs)
    if axes == 1:  # tests/ops/pool2d.c has 2-D
        places = torch.arange(xs[-1], dtype=torch.float64).expand(xs)
        u = view(x, -math.inf)
        y, best = u.max(2)
        first = (u == y.unsqueeze(2)).double().argmax(2)  # of equals the first
        index = drop(view(places, -1.0).gather(2, first.unsqueeze(2)).squeeze(2)).long()
        y = drop(u.gather(2, first.unsqueeze(2)).squeeze(2))
        dy = tensor(rng, y.shape).detach()
        y.backward(dy)
        table.case('max_pool1d', title, [plain(x)], [plain(y), (plain(index), 'i32')], 1e-12, '.tol = TOL_EXACT',
                   ceil_mode=ceil, **attrs)
        table.case('max_pool1d_grad', title, [plain(dy), (plain(index), 'i32')], [plain(x.grad)], 1e-12,
                   input_shape=xs, **attrs)

    if axes == 1 or any(v != 1 for v in dilations):
        for include in (0, 1):
            x = tensor(rng, xs)
            padded = F.pad(torch.ones_like(lift(x)), (p[1], p[3], p[0], p[2]), value=1.0)
            counted = windows(padded, k, s, (0, 0, 0, 0), d, ceil, 0.0)
            if counted.shape != real.shape:  # ceil_mode seen from the padded input may end one later
                counted = counted[..., :real.shape[3], :real.shape[4]]
            size = (counted if include else real).sum(2)
            y = drop(view(x, 0.0).sum(2) / size)
            dy = tensor(rng, y.shape).detach()
            y.backward(dy)
            more = dict(ceil_mode=ceil, count_include_pad=include, **attrs)
            what = title + (', padding counts' if include else '')
            table.case(f'avg_pool{axes}d', what, [plain(x)], [plain(y)], 1e-12, '.grad = 1', **more)
            table.case(f'avg_pool{axes}d_grad', what, [plain(dy)], [plain(x.grad)], 1e-12, '.grad = 1',
                       input_shape=xs, **more)

    order = {0: 2.0, 1: 1.0, 2: 3.0, 3: 2.5}[len(title) % 4]
    x = tensor(rng, xs, away=True)
    y = drop(view(x.abs(), 0.0).pow(order).sum(2).pow(1 / order))
    dy = tensor(rng, y.shape).detach()
    y.backward(dy)
    more = dict(ceil_mode=ceil, p=order, **attrs)
    table.case(f'lp_pool{axes}d', title, [plain(x)], [plain(y)], 1e-12, '.grad = 1, .tol = TOL_COMPOSITE', **more)
    table.case(f'lp_pool{axes}d_grad', title, [plain(x), plain(y), plain(dy)], [plain(x.grad)], 1e-11,
               '.tol = TOL_COMPOSITE', **more)


for case in [
        ('pairs', (2, 3, 8), [2], [], [0, 0], [1], 0),
        ('what floor leaves over', (1, 2, 7), [3], [3], [0, 0], [1], 0),
        ('overlapping windows', (2, 1, 6), [3], [1], [0, 0], [1], 0),
        ('symmetric pads', (1, 2, 7), [3], [2], [1, 1], [1], 0),
        ('asymmetric pads', (1, 2, 5), [3], [2], [0, 2], [1], 0),
        ('ceil_mode', (1, 2, 8), [3], [2], [0, 0], [1], 1),
        ('ceil_mode and pads', (1, 2, 7), [4], [3], [2, 2], [1], 1),
        ('dilation', (1, 2, 9), [3], [2], [0, 0], [3], 0),
        ('dilation, pads and ceil_mode', (1, 2, 8), [3], [2], [1, 2], [2], 1),
        ('stride beyond the kernel', (1, 2, 9), [2], [4], [0, 0], [1], 0)]:
    pool(1, *case)

for case in [
        ('two by two', (1, 2, 4, 6), [2, 2], [], [0] * 4, [1, 1], 0),
        ('overlapping windows', (2, 1, 5, 4), [3, 2], [1, 1], [0] * 4, [1, 1], 0),
        ('asymmetric pads', (1, 1, 4, 5), [3, 2], [2, 2], [1, 0, 2, 1], [1, 1], 0),
        ('ceil_mode and pads', (1, 1, 6, 7), [3, 4], [2, 3], [1, 2, 1, 2], [1, 1], 1),
        ('dilation', (1, 2, 6, 7), [2, 3], [1, 2], [0] * 4, [3, 2], 0),
        ('dilation and pads', (1, 1, 5, 6), [3, 2], [2, 1], [1, 0, 1, 2], [2, 3], 0),
        ('dilation and ceil_mode', (1, 1, 7, 6), [2, 2], [3, 2], [0] * 4, [2, 3], 1),
        ('dilation, pads and ceil_mode', (1, 2, 6, 5), [3, 2], [2, 3], [1, 1, 1, 1], [2, 3], 1),
        ('stride beyond the kernel', (1, 1, 7, 7), [2, 2], [3, 4], [0] * 4, [1, 1], 0)]:
    pool(2, *case)

for title, xs, size in [
        ('a divisor', (2, 2, 8), [4]), ('overlapping windows', (1, 3, 7), [3]), ('one window', (2, 1, 5), [1]),
        ('as many', (1, 2, 5), [5]), ('more than there are', (1, 2, 3), [7]),
        ('two by two', (1, 2, 4, 6), [2, 2]), ('odd sizes', (2, 1, 7, 5), [3, 2]),
        ('one axis wider, one narrower', (1, 2, 3, 7), [5, 4]), ('a single cell', (2, 2, 1, 1), [1, 1]),
        ('wide', (1, 1, 2, 11), [1, 6])]:
    avg = F.adaptive_avg_pool1d if len(size) == 1 else F.adaptive_avg_pool2d
    best = F.adaptive_max_pool1d if len(size) == 1 else F.adaptive_max_pool2d
    title = 'golden: ' + title
    x = tensor(rng, xs)
    y = avg(x, size)
    dy = tensor(rng, y.shape).detach()
    y.backward(dy)
    table.case('adaptive_avg_pool', title, [plain(x)], [plain(y)], 1e-12, '.grad = 1', output_size=size)
    table.case('adaptive_avg_pool_grad', title, [plain(dy)], [plain(x.grad)], 1e-12, '.grad = 1', input_shape=xs)
    x = torch.tensor((rng.permutation(int(np.prod(xs))).reshape(xs) - 9) / 8).requires_grad_(True)
    y, index = best(x, size, return_indices=True)
    dy = tensor(rng, y.shape).detach()
    y.backward(dy)
    table.case('adaptive_max_pool', title, [plain(x)], [plain(y), (plain(index), 'i32')], 1e-12,
               '.grad = 1, .tol = TOL_EXACT', output_size=size)
    table.case('adaptive_max_pool_grad', title, [plain(dy), (plain(index), 'i32')], [plain(x.grad)], 1e-12,
               input_shape=xs)

for title, xs, order in [
        ('one axis', (2, 3, 5), 2.0), ('two axes', (2, 2, 3, 4), 1.0), ('three axes', (1, 2, 2, 3, 2), 3.0),
        ('four axes', (1, 2, 2, 1, 3, 2), 2.0), ('a single cell', (2, 2, 1, 1), 4.0), ('odd sizes', (3, 1, 7), 1.5),
        ('a tall plane', (1, 2, 11, 1), 2.0), ('one sample, one channel', (1, 1, 3, 5), 2.5)]:
    title = 'golden: ' + title
    axes = list(range(2, len(xs)))
    x = tensor(rng, xs)
    table.case('global_avg_pool', title, [plain(x)], [plain(x.mean(axes, keepdim=True))], 1e-12, '.grad = 1')
    x = torch.tensor((rng.permutation(int(np.prod(xs))).reshape(xs) - 9) / 8)
    flat = x.reshape(xs[0], xs[1], -1)
    keep = list(xs[:2]) + [1] * len(axes)
    table.case('global_max_pool', title, [plain(x)],
               [plain(flat.amax(2).reshape(keep)), (plain(flat.argmax(2).reshape(keep)), 'i32')], 1e-12,
               '.grad = 1, .tol = TOL_EXACT')
    x = tensor(rng, xs, away=True)
    y = x.abs().pow(order).sum(axes, keepdim=True).pow(1 / order)
    dy = tensor(rng, y.shape).detach()
    y.backward(dy)
    table.case('global_lp_pool', title, [plain(x)], [plain(y)], 1e-12, '.grad = 1, .tol = TOL_COMPOSITE', p=order)
    table.case('global_lp_pool_grad', title, [plain(x), plain(y), plain(dy)], [plain(x.grad)], 1e-11,
               '.tol = TOL_COMPOSITE', p=order)

table.write('pool_nd.h')
