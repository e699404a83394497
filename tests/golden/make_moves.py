#!/usr/bin/env python3
"""Golden values of the operators that join, arrange, index and resize: NumPy and PyTorch in double on
inputs drawn by NumPy's default_rng([20261122, family]). Run from anywhere; needs numpy and torch.
Gradient operators are checked against torch.autograd through the forward operator."""
import os

import numpy as np
import torch
import torch.nn.functional as F

from emit import Table, grid

HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPT = 'make_moves.py'
EXACT = '.tol = TOL_EXACT'
SUM = '.tol = TOL_SUM'


def t(a):
    return torch.tensor(np.asarray(a), dtype=torch.float64, requires_grad=True)


def n(x):
    return x.detach().numpy()


def grad(y, x, dy):
    return torch.autograd.grad(y, x, torch.tensor(np.asarray(dy), dtype=torch.float64))[0].numpy()


def parts8(parts, x, axis):
    """split's eight outputs, the last ones empty."""
    empty = np.zeros([0 if d == axis % x.ndim else s for d, s in enumerate(x.shape)])
    return list(parts) + [empty] * (8 - len(parts))


def join(rng):
    tab = Table('join', SCRIPT)
    for i, (shapes, axis) in enumerate([([(2, 3), (1, 3)], 0), ([(2, 3), (2, 1), (2, 2)], 1),
                                        ([(2, 2, 2), (2, 2, 3)], -1), ([(4,)], 0)]):
        xs = [grid(rng, s) for s in shapes]
        tab.case('concat', f'torch_{i}', xs, [n(torch.cat([t(x) for x in xs], axis))], extra=EXACT, axis=axis)
    xs = [(rng.integers(0, 9, (2, k)), 'u8') for k in (1, 2, 3)]
    tab.case('concat', 'numpy_u8', xs, [(np.concatenate([x[0] for x in xs], 1), 'u8')], axis=1)
    x = grid(rng, (3, 7))
    for name, axis, sizes in (('columns', 1, [2, 4, 1]), ('rows', 0, [1, 2]), ('zero', -1, [0, 7])):
        parts = [n(p) for p in torch.split(t(x), sizes, axis)]
        tab.case('split', f'torch_{name}', [x], parts8(parts, x, axis), extra=EXACT, axis=axis, sizes=sizes)
    parts = [n(p) for p in torch.chunk(t(x), 4, 1)]
    tab.case('split', 'torch_chunk', [x], parts8(parts, x, 1), extra=EXACT, axis=1, parts=4)
    parts = [n(p) for p in torch.split(t(x), 1, 1)]
    tab.case('split', 'torch_from_third', [x], parts8(parts[2:], x, 1), extra=EXACT, axis=1, parts=7, first=2)
    x = grid(rng, (1, 3, 1, 2))
    tab.case('squeeze', 'numpy_all', [x], [np.squeeze(x)], extra=EXACT)
    tab.case('squeeze', 'numpy_one', [x], [np.squeeze(x, 2)], extra=EXACT, axes=[-2])
    x = grid(rng, (3, 2))
    tab.case('unsqueeze', 'numpy_two', [x], [np.expand_dims(x, (0, 2))], extra=EXACT, axes=[0, 2])
    tab.case('unsqueeze', 'numpy_last', [x], [np.expand_dims(x, -1)], extra=EXACT, axes=[-1])
    tab.write(os.path.join(HERE, 'join.h'))


def arrange(rng):
    tab = Table('arrange', SCRIPT)
    for i, (s, r) in enumerate([((3,), [2]), ((2, 3), [1, 3]), ((2, 3), [3, 1]), ((2, 1, 3), [2, 4, 2])]):
        x = t(grid(rng, s))
        y = x.repeat(*r)
        dy = grid(rng, y.shape)
        tab.case('tile', f'torch_{i}', [n(x)], [n(y)], extra=EXACT, repeats=r)
        tab.case('tile_grad', f'torch_{i}', [dy], [grad(y, x, dy)], extra=SUM, repeats=r)
    x = grid(rng, (2, 3, 4))
    for i, axes in enumerate([[0], [-1], [0, 2], [0, 1, 2]]):
        tab.case('flip', f'torch_{i}', [x], [n(torch.flip(t(x), axes))], extra=EXACT, axes=axes)
    for i, (s, o, a, b) in enumerate([((4, 4), 0, 0, 1), ((3, 5), 1, 0, 1), ((5, 3), -2, 0, 1),
                                      ((2, 3, 4), 0, 1, 2), ((3, 2, 4), -1, 2, 0), ((3, 4, 2, 3), 1, 0, -1)]):
        x = t(grid(rng, s))
        y = torch.diagonal(x, o, a, b)
        dy = grid(rng, y.shape)
        tab.case('diagonal', f'torch_{i}', [n(x)], [n(y)], extra=EXACT, offset=o, axis1=a, axis2=b)
        tab.case('diagonal_grad', f'torch_{i}', [dy], [grad(y, x, dy)], extra=EXACT, input_shape=list(s),
                 offset=o, axis1=a, axis2=b)
    for i, (s, k) in enumerate([((3, 5), 0), ((5, 3), 1), ((2, 4, 4), -2)]):
        x = grid(rng, s)
        tab.case('trilu', f'torch_upper_{i}', [x], [n(torch.triu(t(x), k))], extra=EXACT, k=k)
        tab.case('trilu', f'torch_lower_{i}', [x], [n(torch.tril(t(x), k))], extra=EXACT, upper=0, k=k)
    x = grid(rng, (1, 8, 2, 3))
    tab.case('depth_to_space', 'torch_crd', [x], [n(F.pixel_shuffle(t(x), 2))], extra=EXACT, block=2, mode='CRD')
    y = x.reshape(1, 2, 2, 2, 2, 3).transpose(0, 3, 4, 1, 5, 2).reshape(1, 2, 4, 6)  # ONNX's definition
    tab.case('depth_to_space', 'onnx_dcr', [x], [y], extra=EXACT, block=2)
    tab.case('space_to_depth', 'onnx', [y], [x], extra=EXACT, block=2)
    x = grid(rng, (2, 1, 4, 6))
    tab.case('space_to_depth', 'torch_crd', [x], [n(F.pixel_unshuffle(t(x), 2))], extra=EXACT, block=2, mode='CRD')
    x = grid(rng, (3, 4))
    tab.case('pad', 'torch_constant', [x], [n(F.pad(t(x), (1, 2, 3, 0), value=1.5))], extra=EXACT,
             pads=[3, 1, 0, 2], value=1.5)
    tab.case('pad', 'torch_crop', [x], [n(F.pad(t(x), (-1, 2, 1, -2)))], extra=EXACT, pads=[1, -1, -2, 2])
    for mode in ('edge', 'reflect', 'wrap'):
        tab.case('pad', f'numpy_{mode}', [x], [np.pad(x, ((1, 2), (2, 1)), mode)], extra=EXACT,
                 pads=[1, 2, 2, 1], mode=mode)
        tab.case('pad', f'numpy_{mode}_long', [x], [np.pad(x, ((0, 0), (9, 11)), mode)], extra=EXACT,
                 pads=[9, 11], axes=[1], mode=mode)
    for mode, torch_mode in (('edge', 'replicate'), ('reflect', 'reflect'), ('wrap', 'circular')):
        x = t(grid(rng, (1, 2, 5)))
        y = F.pad(x, (2, 3), torch_mode)
        dy = grid(rng, y.shape)
        tab.case('pad_grad', f'torch_{mode}', [dy], [grad(y, x, dy)], extra=SUM, axis=2, size=5, before=2,
                 after=3, mode=mode)
    x = t(grid(rng, (3, 2)))
    y = F.pad(x, (0, 0, 2, 1))
    dy = grid(rng, y.shape)
    tab.case('pad_grad', 'torch_constant', [dy], [grad(y, x, dy)], extra=SUM, axis=0, size=3, before=2, after=1)
    tab.write(os.path.join(HERE, 'arrange.h'))


def gather(rng):
    tab = Table('gather', SCRIPT)
    x = grid(rng, (4, 3, 2))
    for i, (axis, s) in enumerate([(0, (5,)), (1, (2, 2)), (-1, (3,)), (0, ())]):
        k = rng.integers(0, x.shape[axis], s)
        y = np.take(x, k, axis)
        tx = t(x)
        ty = torch.index_select(tx, axis, torch.tensor(k.reshape(-1))).reshape(y.shape)
        dy = grid(rng, y.shape)
        tab.case('gather', f'numpy_{i}', [x, (k, 'i64')], [y], extra=EXACT, axis=axis)
        tab.case('gather_grad', f'torch_{i}', [(k, 'i64'), dy], [grad(ty, tx, dy)], extra=SUM, axis=axis,
                 size=x.shape[axis])
    k = np.array([-1, 3, -4, 0])
    tab.case('gather', 'numpy_negative', [x, (k, 'i32')], [np.take(x, k, 0)], extra=EXACT)
    for i, (axis, s) in enumerate([(0, (3, 3, 2)), (1, (4, 5, 2)), (2, (4, 3, 1)), (0, (2, 2, 1))]):
        k = rng.integers(0, x.shape[axis], s)
        tx = t(x)
        ty = torch.gather(tx, axis, torch.tensor(k))
        tab.case('take_along_axis', f'torch_{i}', [x, (k, 'i64')], [n(ty)], extra=EXACT, axis=axis)
        u = grid(rng, s)
        tab.case('scatter_add', f'torch_{i}', [x, (k, 'i64'), u],
                 [n(torch.scatter_add(t(x), axis, torch.tensor(k), t(u)))], extra=SUM, axis=axis)
    a = rng.integers(-9, 9, (5,))
    k, u = np.array([4, 0, 4, -5]), rng.integers(-9, 9, (4,))
    want = a.copy()
    np.add.at(want, k, u)
    tab.case('scatter_add', 'numpy_i32', [(a, 'i32'), (k, 'i32'), (u, 'i32')], [(want, 'i32')])
    x = grid(rng, (3, 4, 2))
    for i, k in enumerate([np.array([[0], [2], [2]]), np.array([[0, 3], [2, -1], [0, 3]]),
                           np.array([[[1, 1, 0]], [[2, 3, 1]]]), np.array([1, 2])]):
        index = tuple(np.moveaxis(k, -1, 0))
        y = x[index]
        u = grid(rng, y.shape)
        tab.case('gather_nd', f'numpy_{i}', [x, (k, 'i64')], [y], extra=EXACT)
        added = x.copy()
        np.add.at(added, index, u)
        tab.case('scatter_nd', f'numpy_add_{i}', [x, (k, 'i64'), u], [added], extra=SUM, reduction='add')
        put = x.copy()
        for p in np.ndindex(k.shape[:-1]):
            put[tuple(k[p])] = u[p]
        tab.case('scatter_nd', f'in_order_{i}', [x, (k, 'i64'), u], [put], extra=EXACT)
    k = rng.integers(0, 4, (3, 2, 1))
    y = np.stack([x[b][k[b, :, 0]] for b in range(3)])
    tab.case('gather_nd', 'numpy_batch', [x, (k, 'i32')], [y], extra=EXACT, batch_dims=1)
    k = rng.integers(0, 4, (2, 3))
    tab.case('one_hot', 'torch', [(k, 'i64')], [n(F.one_hot(torch.tensor(k), 5)).astype(float)], depth=5)
    tab.case('one_hot', 'torch_first', [(k, 'i32')],
             [(np.moveaxis(n(F.one_hot(torch.tensor(k), 4)), -1, 0), 'i64')], depth=4, axis=0, dtype='i64')
    tab.case('range', 'numpy_f32', [], [np.arange(7) * 0.5 - 1.25], start=-1.25, step=0.5, count=7)
    tab.case('range', 'numpy_i64', [], [(np.arange(10, -11, -3), 'i64')], start=10.0, step=-3.0, count=7,
             dtype='i64')
    tab.write(os.path.join(HERE, 'gather.h'))


def resize(rng):
    tab = Table('resize', SCRIPT)
    x4, x3 = grid(rng, (1, 2, 4, 5)), grid(rng, (2, 1, 6))
    size4 = [(7, 3), (8, 10), (4, 5), (1, 9)]
    for i, s in enumerate(size4):
        for name, align in (('half_pixel', False), ('align_corners', True)):
            x = t(x4)
            y = F.interpolate(x, size=s, mode='bilinear', align_corners=align)
            dy = grid(rng, y.shape)
            how = dict(mode='linear', coordinates=name)
            tab.case('resize', f'torch_{name}_{i}', [x4], [n(y)], extra='.tol = TOL_COMPOSITE', sizes=list(s), **how)
            tab.case('resize_grad', f'torch_{name}_{i}', [dy], [grad(y, x, dy)], extra='.tol = TOL_COMPOSITE',
                     input_size=[4, 5], **how)
        x = t(x4)
        y = F.interpolate(x, size=s, mode='nearest')
        dy = grid(rng, y.shape)
        how = dict(coordinates='asymmetric', nearest_mode='floor')
        tab.case('resize', f'torch_nearest_{i}', [x4], [n(y)], extra=EXACT, sizes=list(s), **how)
        tab.case('resize_grad', f'torch_nearest_{i}', [dy], [grad(y, x, dy)], extra='.tol = TOL_COMPOSITE',
                 input_size=[4, 5], **how)
    for m in (3, 11):
        y = F.interpolate(t(x3), size=m, mode='linear', align_corners=False)
        tab.case('resize', f'torch_1d_{m}', [x3], [n(y)], extra='.tol = TOL_COMPOSITE', sizes=[m], mode='linear')
    y = F.interpolate(t(x4), scale_factor=(1.6, 0.7), mode='bilinear', align_corners=False,
                      recompute_scale_factor=False)
    tab.case('resize', 'torch_scales', [x4], [n(y)], extra='.tol = TOL_COMPOSITE', mode='linear', scale_h=1.6,
             scale_w=0.7)
    y = F.interpolate(t(x4), size=(3, 4), mode='nearest-exact')  # half_pixel, ties upwards
    tab.case('resize', 'torch_exact', [x4], [n(y)], extra=EXACT, sizes=[3, 4], nearest_mode='round_prefer_ceil')
    # The examples of ONNX's own documentation of Resize.
    x = np.arange(1.0, 5).reshape(1, 1, 2, 2)
    tab.case('resize', 'onnx_upsample_nearest', [x],
             [np.array([[[[1, 1, 1, 2, 2, 2], [1, 1, 1, 2, 2, 2], [3, 3, 3, 4, 4, 4], [3, 3, 3, 4, 4, 4]]]])],
             scale_h=2.0, scale_w=3.0)
    x = np.arange(1.0, 9).reshape(1, 1, 2, 4)
    tab.case('resize', 'onnx_downsample_nearest', [x], [np.array([[[[1.0, 3]]]])], scale_h=0.6, scale_w=0.6)
    tab.case('resize', 'onnx_downsample_linear', [x], [np.array([[[[2.6666665, 4.3333331]]]])], tol=1e-6,
             extra='.tol = TOL_COMPOSITE', mode='linear', scale_h=0.6, scale_w=0.6)
    tab.case('resize', 'onnx_downsample_align', [x], [np.array([[[[1.0, 3.142857]]]])], tol=1e-6,
             extra='.tol = TOL_COMPOSITE', mode='linear', coordinates='align_corners', scale_h=0.6, scale_w=0.6)
    x = np.arange(1.0, 17).reshape(1, 1, 4, 4)
    tab.case('resize', 'onnx_pytorch_half_pixel', [x], [np.array([[[[1.6666666], [7.0], [12.333333]]]])], tol=1e-6,
             extra='.tol = TOL_COMPOSITE', mode='linear', coordinates='pytorch_half_pixel', sizes=[3, 1])
    for mode in ('floor', 'ceil'):
        coordinates = 'half_pixel' if mode == 'ceil' else 'align_corners'
        want = {'floor': [1, 1, 1, 2, 2, 3, 3, 4], 'ceil': [1, 2, 2, 3, 3, 4, 4, 4]}[mode]
        rows = [x[0, 0, i - 1] for i in want]
        y = np.stack([[r[j - 1] for j in want] for r in rows])[None, None]
        tab.case('resize', f'onnx_nearest_{mode}', [x], [y], extra=EXACT, sizes=[8, 8], coordinates=coordinates,
                 nearest_mode=mode)
    tab.write(os.path.join(HERE, 'resize.h'))


for index, family in enumerate((join, arrange, gather, resize)):
    family(np.random.default_rng([20261122, index]))
