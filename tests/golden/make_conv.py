#!/usr/bin/env python3
"""Makes conv_nd.h: convolutions over one and three axes and transposed convolutions, with their
gradients, from PyTorch in double (made with 1.13). Seeded; run it in this folder."""
import numpy as np
import torch
import torch.nn.functional as F

from emit import Table, grid

rng = np.random.default_rng(31)
table = Table('conv_nd', 'make_conv.py')
CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
TRANSPOSE = {1: F.conv_transpose1d, 2: F.conv_transpose2d}


def tensor(*shape):
    return torch.tensor(grid(rng, shape)).requires_grad_(True)


def plain(t):
    return t.detach().numpy()


def pad(x, pads):
    n = len(pads) // 2
    order = [p for a in reversed(range(n)) for p in (pads[a], pads[n + a])]
    return F.pad(x, order)


def conv(axes, title, xs, ws, has_bias, strides, pads, dilations, groups):
    x, w = tensor(*xs), tensor(*ws)
    b = tensor(ws[0]) if has_bias else None
    y = CONV[axes](pad(x, pads), w, b, strides, 0, dilations, groups)
    dy = tensor(*y.shape).detach()
    y.backward(dy)
    attrs = dict(strides=strides, pads=pads, dilations=dilations, groups=groups)
    name = f'conv{axes}d'
    title = 'golden: ' + title
    table.case(name, title, [plain(x), plain(w)] + ([plain(b)] if has_bias else []), [plain(y)], 1e-12,
               f'.grad = {7 if has_bias else 3}, .tol = TOL_SUM', **attrs)
    table.case(name + '_grad_input', title, [plain(dy), plain(w)], [plain(x.grad)], 1e-12,
               '.grad = 3, .tol = TOL_SUM', input_shape=xs, **attrs)
    table.case(name + '_grad_weight', title, [plain(x), plain(dy)], [plain(w.grad)], 1e-12,
               '.grad = 3, .tol = TOL_SUM', kernel=ws[2:], **attrs)


def transpose(axes, title, xs, ws, has_bias, strides, pads, dilations, groups, extra):
    x, w = tensor(*xs), tensor(*ws)
    b = tensor(ws[1] * groups) if has_bias else None
    full = TRANSPOSE[axes](x, w, None, strides, 0, 0, groups, dilations)
    y = pad(full, [-p for p in pads[:axes]] + [e - p for e, p in zip(extra, pads[axes:])])
    if has_bias:
        y = y + b.reshape([1, -1] + [1] * axes)
    table.case(f'conv_transpose{axes}d', 'golden: ' + title,
               [plain(x), plain(w)] + ([plain(b)] if has_bias else []), [plain(y)], 1e-12,
               f'.grad = {7 if has_bias else 3}, .tol = TOL_SUM', strides=strides, pads=pads,
               dilations=dilations, groups=groups, output_padding=extra)


for title, xs, ws, bias, s, p, d, g in [
        ('plain', (2, 2, 9), (3, 2, 3), True, [1], [0, 0], [1], 1),
        ('asymmetric pads and stride', (1, 3, 8), (2, 3, 4), False, [2], [1, 3], [1], 1),
        ('dilation', (2, 1, 11), (2, 1, 3), True, [1], [2, 0], [3], 1),
        ('groups', (1, 4, 7), (6, 2, 2), True, [1], [0, 1], [1], 2),
        ('depthwise', (2, 3, 6), (3, 1, 3), False, [1], [1, 1], [1], 3),
        ('depthwise, two filters a channel', (1, 3, 7), (6, 1, 2), True, [3], [0, 2], [2], 3),
        ('stride beyond the kernel', (1, 2, 10), (2, 2, 2), False, [4], [0, 0], [1], 1),
        ('one cell', (3, 2, 1), (2, 2, 1), True, [1], [0, 0], [1], 1),
        ('a window of padding alone', (1, 1, 2), (1, 1, 2), True, [2], [2, 3], [1], 1)]:
    conv(1, title, xs, ws, bias, s, p, d, g)

for title, xs, ws, bias, s, p, d, g in [
        ('plain', (1, 2, 3, 4, 3), (2, 2, 2, 2, 2), True, [1, 1, 1], [0] * 6, [1, 1, 1], 1),
        ('asymmetric pads', (1, 1, 3, 2, 4), (2, 1, 2, 3, 2), False, [1, 1, 1], [1, 0, 2, 0, 1, 1], [1, 1, 1], 1),
        ('strides', (1, 1, 5, 4, 6), (1, 1, 2, 2, 3), True, [2, 3, 1], [0, 1, 0, 1, 1, 0], [1, 1, 1], 1),
        ('dilation', (1, 1, 5, 3, 5), (2, 1, 2, 2, 3), False, [1, 1, 1], [0, 1, 1, 0, 0, 0], [3, 1, 2], 1),
        ('groups', (2, 4, 2, 2, 3), (2, 2, 1, 2, 2), True, [1, 1, 1], [0] * 6, [1, 1, 1], 2),
        ('depthwise', (1, 3, 3, 3, 3), (3, 1, 2, 2, 2), True, [1, 2, 1], [1, 0, 0, 0, 1, 0], [1, 1, 1], 3),
        ('one by one by one', (2, 2, 1, 2, 2), (3, 2, 1, 1, 1), True, [1, 1, 1], [0] * 6, [1, 1, 1], 1),
        ('kernel as large as the input', (1, 2, 2, 3, 2), (2, 2, 2, 3, 2), False, [1, 1, 1], [0] * 6, [1, 1, 1], 1),
        ('all at once', (1, 4, 4, 3, 5), (2, 2, 2, 2, 2), True, [2, 1, 3], [1, 2, 0, 0, 1, 2], [2, 1, 2], 2)]:
    conv(3, title, xs, ws, bias, s, p, d, g)

for title, xs, ws, bias, s, p, d, g, e in [
        ('plain', (2, 2, 4), (2, 3, 3), True, [1], [0, 0], [1], 1, [0]),
        ('stride', (1, 2, 5), (2, 1, 3), False, [2], [0, 0], [1], 1, [0]),
        ('stride beyond the kernel leaves gaps', (1, 1, 3), (1, 2, 2), True, [4], [0, 0], [1], 1, [3]),
        ('pads are cut off', (1, 2, 5), (2, 2, 4), True, [2], [1, 2], [1], 1, [0]),
        ('output padding', (1, 3, 4), (3, 2, 3), False, [3], [1, 1], [1], 1, [2]),
        ('dilation', (2, 1, 4), (1, 2, 3), True, [1], [2, 0], [3], 1, [0]),
        ('groups', (1, 4, 3), (4, 3, 2), True, [2], [0, 1], [1], 2, [1]),
        ('depthwise', (1, 3, 4), (3, 1, 3), False, [1], [1, 1], [1], 3, [0]),
        ('output padding beyond the stride', (1, 2, 4), (2, 2, 3), True, [1], [0, 1], [3], 1, [2]),
        ('output padding and large pads', (1, 1, 5), (1, 1, 3), False, [2], [2, 3], [4], 1, [3]),
        ('one cell', (2, 2, 1), (2, 1, 1), True, [1], [0, 0], [1], 1, [0])]:
    transpose(1, title, xs, ws, bias, s, p, d, g, e)

for title, xs, ws, bias, s, p, d, g, e in [
        ('plain', (1, 2, 3, 4), (2, 2, 2, 3), True, [1, 1], [0] * 4, [1, 1], 1, [0, 0]),
        ('stride two', (2, 2, 3, 2), (2, 1, 3, 3), False, [2, 2], [1, 1, 1, 1], [1, 1], 1, [1, 1]),
        ('asymmetric pads and strides', (1, 1, 4, 3), (1, 2, 3, 2), True, [3, 1], [2, 0, 1, 1], [1, 1], 1, [0, 0]),
        ('dilation', (1, 1, 3, 3), (1, 2, 2, 3), False, [1, 2], [1, 0, 0, 3], [2, 3], 1, [0, 0]),
        ('groups', (1, 4, 2, 3), (4, 2, 2, 2), True, [1, 2], [0, 0, 1, 0], [1, 1], 2, [0, 1]),
        ('depthwise', (1, 3, 3, 3), (3, 1, 2, 2), True, [2, 2], [0] * 4, [1, 1], 3, [0, 0]),
        ('stride beyond the kernel', (1, 1, 2, 3), (1, 1, 2, 1), False, [3, 2], [0] * 4, [1, 1], 1, [2, 1]),
        ('output padding beyond the stride', (1, 2, 3, 2), (2, 1, 2, 2), True, [1, 2], [0, 0, 0, 1], [3, 2], 1, [2, 1]),
        ('all at once', (2, 4, 3, 4), (4, 1, 3, 2), True, [2, 3], [1, 0, 2, 1], [2, 4], 2, [1, 3]),
        ('one by one', (2, 3, 2, 2), (3, 2, 1, 1), True, [1, 1], [0] * 4, [1, 1], 1, [0, 0])]:
    transpose(2, title, xs, ws, bias, s, p, d, g, e)

table.write('conv_nd.h')
