"""Golden values of layer_norm, group_norm, instance_norm, rms_norm and local_response_norm: PyTorch (made with 1.13) in
double, on inputs drawn by NumPy's default_rng([20240711]). Run from anywhere; needs numpy and torch. rms_norm, which that
PyTorch lacks, is written out here; its gradient is autograd's."""
import os

import numpy as np
import torch
import torch.nn.functional as F

from emit import Table, grid

HERE = os.path.dirname(os.path.abspath(__file__))
rng = np.random.default_rng([20240711])
tab = Table('norm', 'make_norm.py')
HOW = '.tol = TOL_COMPOSITE'


def t(a):
    return torch.tensor(np.asarray(a), dtype=torch.float64, requires_grad=True)


def n(x):
    return x.detach().numpy()


def both(op, name, x, scale, bias, y, mean, inv, **attrs):
    """Forward, and the gradient with the statistics rounded to f32, as a device hands them on."""
    params = [p for p in (scale, bias) if p is not None]
    stats = [s for s in (mean, inv) if s is not None]
    epsilon = attrs.pop('epsilon')
    tab.case(op, name, [n(x)] + [n(p) for p in params], [n(y)] + [n(s) for s in stats], extra=HOW, epsilon=epsilon, **attrs)
    dy = grid(rng, x.shape)
    grads = torch.autograd.grad(y, [x] + params, torch.tensor(dy))
    rounded = [n(s).astype(np.float32).astype(np.float64) for s in stats]
    tab.case(op + '_grad', name, [n(x), n(scale)] + rounded + [dy], [n(g) for g in grads], tol=2e-6, extra=HOW, **attrs)


def stats(x, axes, epsilon, shape):
    mean, var = x.mean(axes), x.var(axes, unbiased=False)
    return mean.reshape(shape), (1 / (var + epsilon).sqrt()).reshape(shape)


for i, (s, axis, epsilon) in enumerate([((4, 7), -1, 1e-5), ((2, 3, 5), 1, 0.125), ((6,), 0, 1e-3), ((2, 1, 3, 2), -2, 1e-5)]):
    axis %= len(s)
    x, scale, bias = t(grid(rng, s, 1, 4)), t(grid(rng, s[axis:])), t(grid(rng, s[axis:]))
    y = F.layer_norm(x, s[axis:], scale, bias, epsilon)
    axes, shape = list(range(axis, len(s))), s[:axis] + (1,) * (len(s) - axis)
    both('layer_norm', f'torch_{i}', x, scale, bias, y, *stats(x, axes, epsilon, shape), axis=axis, epsilon=epsilon)
    x = t(n(x))
    inv = 1 / ((x * x).mean(axes, keepdim=True) + epsilon).sqrt()
    both('rms_norm', f'torch_{i}', x, scale, None, x * inv * scale, None, inv, axis=axis, epsilon=epsilon)
for i, (s, groups, epsilon) in enumerate([((2, 6), 2, 1e-5), ((2, 6, 4), 3, 0.125), ((3, 4, 2, 3), 1, 1e-5), ((2, 3, 2, 2, 2), 3, 1e-3)]):
    x, scale, bias = t(grid(rng, s, -1, 4)), t(grid(rng, s[1])), t(grid(rng, s[1]))
    y = F.group_norm(x, groups, scale, bias, epsilon)
    st = stats(x.reshape(s[0], groups, -1), 2, epsilon, (s[0], groups))
    both('group_norm', f'torch_{i}', x, scale, bias, y, *st, num_groups=groups, epsilon=epsilon)
for i, (s, epsilon) in enumerate([((2, 3, 5), 1e-5), ((2, 2, 3, 4), 0.125), ((1, 3, 2, 2, 2), 1e-3)]):
    x, scale, bias = t(grid(rng, s, -1, 4)), t(grid(rng, s[1])), t(grid(rng, s[1]))
    y = F.instance_norm(x, None, None, scale, bias, True, 0.1, epsilon)
    st = stats(x.reshape(s[0], s[1], -1), 2, epsilon, s[:2])
    both('instance_norm', f'torch_{i}', x, scale, bias, y, *st, epsilon=epsilon)
for i, (s, size, alpha, beta, k) in enumerate([((2, 7, 3), 3, 0.5, 0.75, 1.0), ((1, 6, 2, 2), 5, 1e-2, 0.5, 2.0),
                                               ((2, 5, 3), 4, 1.0, 0.75, 1.0), ((2, 3, 4), 8, 2.0, 1.25, 0.5)]):
    x = t(grid(rng, s))
    # an even window of PyTorch's has its odd channel before, of ONNX's after: seen from the other end they are one
    y = F.local_response_norm(x.flip(1), size, alpha, beta, k).flip(1)
    a = dict(size=size, alpha=alpha, beta=beta)
    norm = (n(x) / n(y)) ** (1 / beta) if np.all(n(x) != 0) else None
    tab.case('local_response_norm', f'torch_{i}', [n(x)], [n(y), norm], extra=HOW, bias=k, **a)
    dy = grid(rng, s)
    if norm is not None:
        tab.case('local_response_norm_grad', f'torch_{i}', [n(x), norm.astype(np.float32).astype(np.float64), dy],
                 [n(torch.autograd.grad(y, x, torch.tensor(dy))[0])], tol=2e-6, extra=HOW, **a)
tab.write(os.path.join(HERE, 'norm.h'))
