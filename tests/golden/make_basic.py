#!/usr/bin/env python3
"""Golden values of the elementwise, shape, reduction, matrix, softmax and loss operators: PyTorch in
double on inputs drawn by NumPy's default_rng([20240601, family]). Run from anywhere; needs numpy and torch.
Gradient operators are checked against torch.autograd through the forward operator."""
import os

import numpy as np
import torch
import torch.nn.functional as F

from emit import Table, grid

HERE = os.path.dirname(os.path.abspath(__file__))
rng = None  # set for each family below
SCRIPT = 'make_basic.py'
EXACT = '.tol = TOL_EXACT'


def t(a):
    return torch.tensor(np.asarray(a), dtype=torch.float64, requires_grad=True)


def grad(y, x, dy):
    return torch.autograd.grad(y, x, torch.tensor(np.asarray(dy), dtype=torch.float64))[0].numpy()


def away(shape):
    """Values at least 1/8 from zero."""
    a = grid(rng, shape, 0.125, 2.0)
    return a * rng.choice([-1.0, 1.0], shape)


def n(x):
    return x.detach().numpy()


def elementwise():
    tab = Table('elementwise', SCRIPT)
    inf, nan = np.inf, np.nan
    binary = {'add': torch.add, 'sub': torch.sub, 'mul': torch.mul, 'div': torch.div,
              'maximum': torch.maximum, 'minimum': torch.minimum}
    shapes = [((2, 3), (2, 3)), ((3, 1, 2), (5, 1)), ((4,), ()), ((), (2, 2))]
    for op, f in binary.items():
        for i, (sa, sb) in enumerate(shapes):
            a, b = away(sa), away(sb)
            tab.case(op, f'torch_{i}', [a, b], [n(f(t(a), t(b)))])
        a = np.array([nan, 1, inf, -inf, inf, 0, 1, -1, nan])
        b = np.array([1, nan, inf, inf, 0, 0, 0, 0, nan])
        tab.case(op, 'torch_special', [a, b], [n(f(t(a), t(b)))])
    for op, f in (('add', np.add), ('sub', np.subtract), ('mul', np.multiply)):
        tab.case(op, 'numpy_i64', [(np.array([5, -4, 7, 0]), 'i64'), (np.array([1, -1, 3, 9]), 'i64')],
                 [(f(np.array([5, -4, 7, 0]), np.array([1, -1, 3, 9])), 'i64')])
        a = np.array([2**31 - 1, -2**31, 65536, 3], dtype=np.int32)
        b = np.array([1, -1, 65536, -5], dtype=np.int32)
        with np.errstate(over='ignore'):
            tab.case(op, 'numpy_i32_wrap', [(a, 'i32'), (b, 'i32')], [(f(a, b), 'i32')])
    for op, f in (('equal', torch.eq), ('greater', torch.gt)):
        a, b = np.array([1, 2, 3, nan, nan, inf, -0.0]), np.array([1, 3, 2, nan, 1, inf, 0.0])
        tab.case(op, 'torch_special', [a, b], [(n(f(t(a), t(b))), 'bool')])
        a, b = rng.integers(-2, 3, (3, 1)), rng.integers(-2, 3, (4,))
        tab.case(op, 'torch_i32_broadcast', [(a, 'i32'), (b, 'i32')],
                 [(n(f(torch.tensor(a), torch.tensor(b))), 'bool')])
    unary = {'neg': torch.neg, 'exp': torch.exp, 'log': torch.log, 'sqrt': torch.sqrt,
             'square': torch.square, 'tanh': torch.tanh, 'sigmoid': torch.sigmoid,
             'relu': torch.relu, 'leaky_relu': lambda x: F.leaky_relu(x, 0.01)}
    for op, f in unary.items():
        x = grid(rng, (3, 5), 0.0625, 3.0) if op in ('log', 'sqrt') else away((3, 5))
        tab.case(op, 'torch', [x], [n(f(t(x)))])
        x = np.array([nan, inf, -inf, 0.0, -0.0, 50.0, -50.0])
        tab.case(op, 'torch_special', [x], [n(f(t(x)))])
    x = away((2, 4))
    tab.case('leaky_relu', 'torch_alpha', [x], [n(F.leaky_relu(t(x), 0.25))], alpha=0.25)
    for op, f in (('relu', torch.relu), ('sigmoid', torch.sigmoid), ('tanh', torch.tanh)):
        x, dy = t(away((3, 4))), grid(rng, (3, 4))
        y = np.round(n(f(x)) * 64) / 64  # the operator sees only y: take the derivative there
        x = t(y) if op == 'relu' else t(np.log(y / (1 - y)) if op == 'sigmoid' else np.arctanh(y))
        tab.case(op + '_grad', 'torch', [y, dy], [grad(f(x), x, dy)])
    x, dy = t(np.append(away((7,)), 0.0)), grid(rng, (8,))
    tab.case('leaky_relu_grad', 'torch', [n(x), dy], [grad(F.leaky_relu(x, 0.25), x, dy)], alpha=0.25)
    c, a, b = rng.integers(0, 2, (2, 1, 3)).astype(bool), grid(rng, (4, 1)), grid(rng, (3,))
    tab.case('where', 'torch', [(c, 'bool'), a, b], [n(torch.where(torch.tensor(c), t(a), t(b)))])
    tab.case('where', 'scalar_f32', [np.array(0.5), grid(rng, (3,)) * 0 + [1, 2, 3], np.array(9.0)],
             [np.array([1.0, 2, 3])])
    tab.case('where', 'numpy_f32_cond', [np.array([0, -0.0, 1, nan, -2]), (np.arange(5), 'i64'),
                                         (np.arange(5) * -10, 'i64')],
             [(np.array([0, -10, 2, 3, 4]), 'i64')])
    x = np.array([1.75, -1.75, 0.5, -0.5, nan, 1e20, -1e20, inf, -inf, 300, -3])
    i32 = np.array([1, -1, 0, 0, 0, 2**31 - 1, -2**31, 2**31 - 1, -2**31, 300, -3])
    u8 = np.array([1, 0, 0, 0, 0, 255, 0, 255, 0, 255, 0])
    tab.case('cast', 'f32_i32', [x], [(i32, 'i32')], dtype='i32')
    tab.case('cast', 'f32_u8', [x], [(u8, 'u8')], dtype='u8')
    tab.case('cast', 'f32_bool', [np.array([0, -0.0, 0.25, nan, inf])],
             [(np.array([0, 0, 1, 1, 1]), 'bool')], dtype='bool')
    a = np.array([300, -1, 255, 256, -2**31], dtype=np.int64)
    tab.case('cast', 'i64_u8', [(a, 'i64')], [(a.astype(np.uint8), 'u8')], dtype='u8')
    a = np.array([2**31, -2**31 - 1, 2**32 + 5, 7], dtype=np.int64)
    tab.case('cast', 'i64_i32', [(a, 'i64')], [(a.astype(np.int32), 'i32')], dtype='i32')
    tab.case('cast', 'i32_bool', [(np.array([0, 1, -5]), 'i32')], [(np.array([0, 1, 1]), 'bool')],
             dtype='bool')
    tab.case('cast', 'u8_f32', [(np.array([0, 7, 255]), 'u8')], [np.array([0.0, 7, 255])], dtype='f32')
    tab.case('cast', 'bool_i64', [(np.array([0, 1, 1]), 'bool')], [(np.array([0, 1, 1]), 'i64')],
             dtype='i64')
    tab.write(os.path.join(HERE, 'elementwise.h'))


def shape():
    tab = Table('shape', SCRIPT)
    x = grid(rng, (2, 3, 4))
    tab.case('reshape', 'numpy', [x], [x.reshape(4, 6)], extra=EXACT, shape=[4, 6])
    tab.case('reshape', 'numpy_infer', [x], [x.reshape(3, 8)], extra=EXACT, shape=[3, -1])
    tab.case('reshape', 'numpy_scalar', [np.array([[2.5]])], [np.array(2.5)], extra=EXACT, shape=[])
    for op in ('identity', 'stop_gradient'):
        tab.case(op, 'same', [x], [x], extra=EXACT)
    for i, (s, to) in enumerate([((3, 1), (3, 4)), ((2,), (3, 2)), ((), (2, 2)), ((1, 3, 1), (2, 2, 3, 5))]):
        a = grid(rng, s)
        tab.case('expand', f'numpy_{i}', [a], [np.broadcast_to(a, to)], extra=EXACT, shape=list(to))
    a = rng.integers(0, 9, (1, 3))
    tab.case('expand', 'numpy_i32', [(a, 'i32')], [(np.broadcast_to(a, (2, 3)), 'i32')], shape=[2, 3])
    for i, perm in enumerate([(2, 0, 1), (0, 2, 1), (1, 0, 2), (-1, 0, -2)]):
        tab.case('transpose', f'numpy_{i}', [x], [np.transpose(x, perm)], extra=EXACT, perm=list(perm))
    tab.case('transpose', 'numpy_reverse', [x], [x.T], extra=EXACT)
    a = rng.integers(0, 9, (2, 3))
    tab.case('transpose', 'numpy_i64', [(a, 'i64')], [(a.T, 'i64')])
    big, small = 2**63 - 1, '-9223372036854775807 - 1'
    y = grid(rng, (5, 7))
    tries = [('plain', y[1:4, 2:6], dict(starts=[1, 2], ends=[4, 6])),
             ('negative', y[-3:-1, -4:], dict(starts=[-3, -4], ends=[-1, big])),
             ('steps', y[::2, 1::3], dict(starts=[0, 1], ends=[big, big], steps=[2, 3])),
             ('reverse', y[::-1, ::-2], dict(starts=[-1, -1], ends=[small, small], steps=[-1, -2])),
             ('clamped', y[-99:99, 99:], dict(starts=[-99, 99], ends=[99, big])),
             ('axis', y[:, 5:2:-1], dict(starts=[5], ends=[2], axes=[-1], steps=[-1])),
             ('crossed', y[4:1], dict(starts=[4], ends=[1])),
             ('reverse_clamped', y[99:1:-1, 99:-99:-3],
              dict(starts=[99, 99], ends=[1, -99], steps=[-1, -3])),
             ('huge_step', y[1::100], dict(starts=[1], ends=[big], steps=[100]))]
    tries += [('largest_step', y[1::big, ::-big],
               dict(starts=[1, -1], ends=[big, small], steps=[big, small]))]
    for name, want, attrs in tries:
        tab.case('slice', f'numpy_{name}', [y], [want], extra=EXACT, **attrs)
        if want.size:
            x = t(np.zeros((5, 7)))
            dy, flat = grid(rng, want.shape), np.zeros((5, 7))
            index = np.arange(35).reshape(5, 7)
            sel = {'plain': index[1:4, 2:6], 'negative': index[-3:-1, -4:], 'steps': index[::2, 1::3],
                   'reverse': index[::-1, ::-2], 'reverse_clamped': index[99:1:-1, 99:-99:-3], 'axis': index[:, 5:2:-1],
                   'huge_step': index[1::100], 'largest_step': index[1::big, ::-big]}[name]
            flat.reshape(-1)[sel.reshape(-1)] = dy.reshape(-1)
            tab.case('slice_grad', f'numpy_{name}', [dy], [flat], extra=EXACT, input_shape=[5, 7], **attrs)
    a = rng.integers(0, 99, (6,))
    tab.case('slice', 'numpy_i32', [(a, 'i32')], [(a[4:0:-2], 'i32')], starts=[4], ends=[0], steps=[-2])
    for name, start in (('inside', (1, 2)), ('clamped_high', (4, 9)), ('clamped_low', (-3, 1))):
        s = np.clip(start, 0, [5 - 2, 7 - 3])
        part = y[s[0]:s[0] + 2, s[1]:s[1] + 3]
        tab.case('dynamic_slice', name, [y, (np.array(start), 'i64')], [part], extra=EXACT, size=[2, 3])
        u, z = grid(rng, (2, 3)), y.copy()
        z[s[0]:s[0] + 2, s[1]:s[1] + 3] = u
        tab.case('dynamic_update_slice', name, [y, u, (np.array(start), 'i64')], [z], extra=EXACT)
    tab.case('fill', 'f32', [], [np.full((2, 3), 1.5)], extra=EXACT, shape=[2, 3], value=1.5)
    tab.case('fill', 'scalar_i64', [], [(np.array(-7), 'i64')], shape=[], value=-7.9, dtype='i64')
    tab.case('fill', 'bool', [], [(np.array([1, 1]), 'bool')], shape=[2], value=0.5, dtype='bool')
    tab.case('dim_size', 'all', [grid(rng, (2, 3, 4))], [np.array(24.0)], extra=EXACT)
    tab.case('dim_size', 'some', [grid(rng, (2, 3, 4))], [np.array(8.0)], extra=EXACT, axes=[0, -1])
    tab.write(os.path.join(HERE, 'shape.h'))


def reduce():
    tab = Table('reduce', SCRIPT)
    ops = {'sum': torch.sum, 'mean': torch.mean, 'max': torch.amax, 'min': torch.amin}
    tries = [((7,), [0], 0), ((3, 5), [1], 0), ((3, 5), [0], 1), ((2, 3, 4), [0, 2], 0),
             ((2, 3, 4), [-1, 0], 1), ((2, 3, 4), [1], 0), ((2, 1, 3), [1], 1)]
    for op, f in ops.items():
        how = '.tol = TOL_SUM' if op == 'sum' else '.tol = TOL_COMPOSITE' if op == 'mean' else EXACT
        for i, (s, axes, keep) in enumerate(tries):
            x = grid(rng, s)
            tab.case(op, f'torch_{i}', [x], [n(f(t(x), dim=axes, keepdim=bool(keep)))], extra=how,
                     axes=axes, keepdims=keep)
        x = grid(rng, (3, 4))
        tab.case(op, 'torch_all', [x], [n(f(t(x), dim=[0, 1]))], extra=how)
        tab.case(op, 'torch_scalar', [np.array(1.25)], [np.array(1.25)], extra=how)
        x = np.array([[np.nan, 1, 2], [np.inf, 1, -np.inf], [np.inf, 3, 4], [-np.inf, -np.inf, -np.inf]])
        tab.case(op, 'torch_special', [x], [n(f(t(x), dim=[1]))], extra=how, axes=[1])
    tab.case('sum', 'torch_empty', [np.zeros((2, 0))],
             [np.zeros(2)], axes=[1])
    tab.case('mean', 'torch_empty', [np.zeros((2, 0))], [np.full(2, np.nan)], axes=[1])
    for op, f in (('max', torch.amax), ('min', torch.amin)):
        for i, (s, axes) in enumerate([((3, 4), [1]), ((2, 3, 4), [0, 2]), ((5,), [])]):
            x = t(rng.integers(-1, 2, s).astype(float))
            y = f(x, dim=axes or list(range(len(s))), keepdim=True)
            dy = grid(rng, y.shape)
            tab.case('max_grad', f'torch_{op}_{i}', [n(x), n(y), dy], [grad(y, x, dy)], axes=axes)
    x = np.array([[np.nan, 1.0], [2.0, 2.0]])
    tab.case('max_grad', 'nan_row', [x, np.array([[np.nan], [2.0]]), np.array([[1.0], [3.0]])],
             [np.array([[0, 0], [1.5, 1.5]])], axes=[1])
    for i, (s, axis, keep) in enumerate([((3, 5), 1, 0), ((3, 5), 0, 1), ((2, 3, 4), -2, 0), ((6,), -1, 0)]):
        x = rng.integers(-2, 3, s).astype(float)
        tab.case('argmax', f'numpy_{i}', [x], [(np.argmax(x, axis=axis, keepdims=bool(keep)), 'i64')],
                 axis=axis, keepdims=keep)
    x = np.array([[1, np.nan, 5, np.nan], [np.inf, 2, np.inf, 0], [-np.inf] * 4])
    tab.case('argmax', 'numpy_special', [x], [(np.argmax(x, axis=1), 'i64')])
    tab.write(os.path.join(HERE, 'reduce.h'))


def matrix():
    tab = Table('matrix', SCRIPT)
    how = '.tol = TOL_SUM'
    tries = [((2, 3), (3, 4)), ((1, 5), (5, 1)), ((3, 1), (1, 3)), ((2, 3, 4), (2, 4, 5)),
             ((2, 1, 3, 4), (3, 4, 2)), ((3, 2), (4, 2, 5)), ((7, 11), (11, 5))]
    for i, (sa, sb) in enumerate(tries):
        a, b = grid(rng, sa), grid(rng, sb)
        for ta in (0, 1):
            for tb in (0, 1):
                x = np.swapaxes(a, -1, -2) if ta else a
                y = np.swapaxes(b, -1, -2) if tb else b
                if i > 1 and ta and tb and i not in (3, 4):
                    continue
                tab.case('matmul', f'torch_{i}_{ta}{tb}', [x, y], [n(t(a) @ t(b))], extra=how,
                         trans_a=ta, trans_b=tb)
    tab.case('matmul', 'empty_k', [np.zeros((2, 0)), np.zeros((0, 3))], [np.zeros((2, 3))], extra=how)
    table = grid(rng, (5, 3))
    for name, ids in (('vector', [4, 0, 2, 2]), ('matrix', [[1, 0], [3, 3], [4, 1]]), ('scalar', 2)):
        w = t(table)
        y = F.embedding(torch.tensor(ids), w)
        dy = grid(rng, y.shape)
        for dt in ('i32', 'i64'):
            tab.case('embedding', f'torch_{name}_{dt}', [table, (np.array(ids), dt)], [n(y)], extra=EXACT)
        tab.case('embedding_grad', f'torch_{name}', [(np.array(ids), 'i64'), dy], [grad(y, w, dy)],
                 extra='.tol = TOL_COMPOSITE', rows=5)
    ids = np.array([-1, 5, 3])
    tab.case('embedding', 'outside', [table, (ids, 'i32')],
             [np.stack([np.zeros(3), np.zeros(3), table[3]])], extra=EXACT)
    dy = grid(rng, (3, 3))
    want = np.zeros((5, 3))
    want[3] = dy[2]
    tab.case('embedding_grad', 'outside', [(ids, 'i32'), dy], [want], rows=5)
    tab.write(os.path.join(HERE, 'matrix.h'))


def softmax():
    tab = Table('softmax', SCRIPT)
    for op, f in (('softmax', torch.softmax), ('log_softmax', torch.log_softmax)):
        for i, (s, axis) in enumerate([((5,), 0), ((3, 7), -1), ((3, 7), 0), ((2, 3, 4), 1), ((4, 1), 1)]):
            x = grid(rng, s, -4, 4)
            tab.case(op, f'torch_{i}', [x], [n(f(t(x), axis))], axis=axis)
            if op == 'softmax':  # y on a grid need not sum to one: the formula itself is the contract
                y, dy = grid(rng, s, 0, 1), grid(rng, s)
                tab.case(op + '_grad', f'numpy_{i}', [y, dy],
                         [y * (dy - (dy * y).sum(axis, keepdims=True))],
                         extra='.tol = TOL_COMPOSITE', axis=axis)
            else:
                y, dy = grid(rng, s, -4, 0), grid(rng, s)
                tab.case(op + '_grad', f'numpy_{i}', [y, dy],
                         [dy - np.exp(y) * dy.sum(axis, keepdims=True)],
                         extra='.tol = TOL_COMPOSITE', axis=axis)
        x = np.array([[1000.0, 0, -1000], [-np.inf, 0, 1], [np.nan, 0, 1], [np.inf, 0, 1], [-np.inf] * 3])
        tab.case(op, 'torch_special', [x], [n(f(t(x), 1))])
        x, dy = t(grid(rng, (3, 5), -3, 3)), grid(rng, (3, 5))
        y = f(x, -1)
        y32 = n(y).astype(np.float32).astype(np.float64)
        tab.case(op + '_grad', 'torch', [y32, dy], [grad(y, x, dy)], tol=2e-6,
                 extra='.tol = TOL_COMPOSITE')
    tab.write(os.path.join(HERE, 'softmax.h'))


def loss():
    tab = Table('loss', SCRIPT)
    how = '.tol = TOL_COMPOSITE'
    op = 'sparse_softmax_cross_entropy'
    for i, s in enumerate([(4, 5), (3, 1), (2, 3, 7), (6,)]):
        x = t(grid(rng, s, -4, 4))
        labels = rng.integers(0, s[-1], s[:-1])
        rows = x.reshape(-1, s[-1])
        y = F.cross_entropy(rows, torch.tensor(labels.reshape(-1)), reduction='none').reshape(s[:-1])
        prob = torch.softmax(x, -1)
        tab.case(op, f'torch_{i}', [n(x), (labels, 'i64' if i % 2 else 'i32')], [n(y), n(prob)], extra=how)
        dl = grid(rng, s[:-1])
        p32 = n(prob).astype(np.float32).astype(np.float64)
        tab.case(op + '_grad', f'torch_{i}', [p32, (labels, 'i64'), dl], [grad(y, x, dl)], tol=1e-6, extra=how)
    x = np.array([[1000.0, 0, -1000], [0.0, 1, 2], [0.0, 1, 2]])
    p = n(torch.softmax(t(x), -1))
    tab.case(op, 'far_and_outside', [x, (np.array([2, -1, 3]), 'i32')],
             [np.array([2000.0, np.nan, np.nan]), p], extra=how)
    p = np.array([[0.25, 0.75], [0.5, 0.5]])
    tab.case(op + '_grad', 'outside', [p, (np.array([-1, 2]), 'i32'), np.array([1.0, 2.0])],
             [p * [[1], [2]]], extra=how)
    forms = {'mse': F.mse_loss, 'bce': F.binary_cross_entropy,
             'bce_with_logits': F.binary_cross_entropy_with_logits}
    for op, f in forms.items():
        for i, s in enumerate([(5,), (3, 4), (2, 3, 5), (1, 7)]):
            x = t(grid(rng, s, 0.03125, 0.96875) if op == 'bce' else grid(rng, s, -4, 4))
            target = grid(rng, s, 0, 1)
            y = f(x, torch.tensor(target), reduction='none').reshape(s[0], -1).mean(1)
            dl = grid(rng, (s[0],))
            tab.case(op, f'torch_{i}', [n(x), target], [n(y)], extra=how)
            tab.case(op + '_grad', f'torch_{i}', [n(x), target, dl], [grad(y, x, dl)], extra=how)
    x, target = np.array([0.0, 1, 0, 1]), np.array([0.0, 1, 1, 0])
    tab.case('bce', 'torch_saturated', [x, target],
             [n(F.binary_cross_entropy(t(x), torch.tensor(target), reduction='none'))], extra=how)
    xs = t(x)
    y = F.binary_cross_entropy(xs, torch.tensor(target), reduction='none')
    # torch's 1e-12 is an f32 constant, ours a double: equal to f32 precision
    tab.case('bce_grad', 'torch_saturated', [x, target, np.ones(4)], [grad(y, xs, np.ones(4))], tol=1e-7, extra=how)
    x, target = np.array([100.0, -100, 1000, -1000, 0]), np.array([1.0, 1, 0, 0, 0.5])
    xs = t(x)
    y = F.binary_cross_entropy_with_logits(xs, torch.tensor(target), reduction='none')
    tab.case('bce_with_logits', 'torch_far', [x, target], [n(y)], extra=how)
    tab.case('bce_with_logits_grad', 'torch_far', [x, target, np.ones(5)], [grad(y, xs, np.ones(5))], extra=how)
    tab.write(os.path.join(HERE, 'loss.h'))


if __name__ == '__main__':
    for number, family in enumerate([elementwise, shape, reduce, matrix, softmax, loss]):
        rng = np.random.default_rng([20240601, number])  # a new case moves its own family only
        family()
