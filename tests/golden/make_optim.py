#!/usr/bin/python3
"""Makes optim.h in this folder: single steps of optimizers, with their state before and after, by
PyTorch 1.13 in double (seed 3). lion and lamb are written out in optimizers.py from their papers'
algorithms, nadam from PyTorch's documentation.

    /usr/bin/python3 make_optim.py
"""
import os
import sys

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import emit
from optimizers import Lamb, Lion, NAdam

torch.set_default_dtype(torch.float64)
rng = np.random.default_rng(3)
N_STEPS = 3
BETA1, BETA2 = 0.875, 0.96875
TABLE = emit.Table('optim', 'make_optim.py')


def rand(*shape):
    return torch.tensor(emit.grid(rng, shape))


def add(op, title, attrs, tensors, scalars, outputs):
    """scalars stay f32 when the case runs in another precision."""
    fixed = [(np.asarray(s), 'f32 fixed') for s in scalars]
    TABLE.case(op, title, [t if t is None else t.numpy() for t in tensors] + fixed,
               [o.numpy() for o in outputs], 1e-11, '.tol = TOL_COMPOSITE', **attrs)


def decayed(p, grad, decay, decoupled):
    """PyTorch 1.13 knows only the L2 penalty for these; decoupled is lr * decay * p beside the step."""
    return grad if decoupled else grad + decay * p


def steps(op, title, make, slots, attrs, decay=0.0, decoupled=False, correction=None, lr=0.0625, clip=0.0):
    """slots: names in PyTorch's state; None: absent. The gradient given to the operator is four
    times the one that PyTorch sees, grad_mul a quarter."""
    p = torch.nn.Parameter(rand(5))
    opt = make([p], lr, 0.0 if decoupled else decay)
    state = [None if s is None else torch.zeros(5) for s in slots]
    attrs = dict(attrs)
    if decay:
        attrs['weight_decay'] = decay
    if decoupled:
        attrs['decoupled'] = 1
    if clip:
        attrs['clip_value'] = clip
    for step in range(1, N_STEPS + 1):
        before, grad = p.detach().clone(), rand(5)
        p.grad = grad.clamp(-clip, clip) if clip else grad.clone()
        opt.step()
        if decoupled:
            p.data.sub_(lr * decay * before)
        after = [None if s is None else opt.state[p][s].clone() for s in slots]
        extra = [correction(step)] if correction else []
        add(op, f'{title}, step {step}', attrs, [before, grad * 4] + state, extra + [lr, 0.25, 1.0],
            [p.detach().clone()] + [torch.zeros(0) if a is None else a for a in after])
        state = after


def adam_correction(step):
    return np.array([1 - BETA1 ** step, 1 - BETA2 ** step])


def nadam_correction(step, psi):
    mu = [BETA1 * (1 - 0.5 * 0.96 ** (t * psi)) for t in range(1, step + 2)]
    product = float(np.prod(mu[:step]))
    return np.array([(1 - mu[step - 1]) / (1 - product), mu[step] / (1 - product * mu[step]), 1 - BETA2 ** step])


MOMENTS = dict(beta1=BETA1, beta2=BETA2, epsilon=1e-6)
for decay, decoupled, clip in [(0.0, False, 0.0), (0.125, False, 0.0), (0.25, True, 0.5)]:
    name = ('decoupled decay, clipped' if decoupled else 'weight decay') if decay else 'plain'
    steps('amsgrad', name,
          lambda ps, lr, wd: torch.optim.Adam(ps, lr=lr, betas=(BETA1, BETA2), eps=1e-6, weight_decay=wd,
                                              amsgrad=True),
          ['exp_avg', 'exp_avg_sq', 'max_exp_avg_sq'], MOMENTS, decay, decoupled, adam_correction, clip=clip)
    steps('nadam', name,
          lambda ps, lr, wd: NAdam(ps, lr=lr, betas=(BETA1, BETA2), eps=1e-6, weight_decay=wd,
                                               momentum_decay=0.5),
          ['exp_avg', 'exp_avg_sq'], MOMENTS, decay, decoupled, lambda t: nadam_correction(t, 0.5), clip=clip)
for title, momentum, centered, decay, decoupled in [
        ('plain', 0.0, False, 0.0, False), ('weight decay', 0.0, False, 0.125, False),
        ('momentum', 0.75, False, 0.0, False), ('centered', 0.0, True, 0.0, False),
        ('centered, momentum, decoupled decay', 0.5, True, 0.25, True)]:
    steps('rmsprop', title,
          lambda ps, lr, wd: torch.optim.RMSprop(ps, lr=lr, alpha=0.875, eps=0.0625, weight_decay=wd,
                                                 momentum=momentum, centered=centered),
          ['square_avg', 'grad_avg' if centered else None, 'momentum_buffer' if momentum else None],
          dict(rho=0.875, epsilon=0.0625, momentum=momentum), decay, decoupled)
for title, decay, decoupled, clip in [('plain', 0.0, False, 0.0), ('weight decay', 0.125, False, 0.0),
                                      ('decoupled decay, clipped', 0.25, True, 0.75)]:
    steps('adagrad', title, lambda ps, lr, wd: torch.optim.Adagrad(ps, lr=lr, eps=1e-5, weight_decay=wd),
          ['sum'], dict(epsilon=1e-5), decay, decoupled, clip=clip)
    steps('adadelta', title,
          lambda ps, lr, wd: torch.optim.Adadelta(ps, lr=lr, rho=0.875, eps=1e-5, weight_decay=wd),
          ['square_avg', 'acc_delta'], dict(rho=0.875, epsilon=1e-5), decay, decoupled, lr=0.5, clip=clip)


for title, decay, clip in [('plain', 0.0, 0.0), ('weight decay', 0.25, 0.0), ('clipped', 0.125, 0.5)]:
    steps('lion', title, lambda ps, lr, wd: Lion(ps, lr=lr, betas=(BETA1, BETA2), weight_decay=wd),
          ['exp_avg'], dict(beta1=BETA1, beta2=BETA2), decay, clip=clip)
    steps('lamb', title, lambda ps, lr, wd: Lamb(ps, lr=lr, betas=(BETA1, BETA2), eps=1e-5, weight_decay=wd),
          ['exp_avg', 'exp_avg_sq'], dict(MOMENTS, epsilon=1e-5), decay, False, adam_correction, clip=clip)
for title, decay, clip, momentum, nesterov in [('clipped', 0.125, 0.5, 0.0, False),
                                               ('clipped, momentum', 0.0, 0.25, 0.5, False),
                                               ('clipped, nesterov', 0.0, 0.25, 0.5, True)]:
    steps('sgd', title,
          lambda ps, lr, wd: torch.optim.SGD(ps, lr=lr, momentum=momentum, nesterov=nesterov, weight_decay=wd),
          ['momentum_buffer' if momentum else None], dict(momentum=momentum, nesterov=int(nesterov)), decay,
          clip=clip)
for op, cls in [('adam', torch.optim.Adam), ('adamw', torch.optim.AdamW)]:
    steps(op, 'clipped',
          lambda ps, lr, wd: cls(ps, lr=lr, betas=(BETA1, BETA2), eps=1e-6, weight_decay=wd),
          ['exp_avg', 'exp_avg_sq'], MOMENTS, 0.25, False, adam_correction, clip=0.5)

for title, shapes in [('one', [(7,)]), ('two', [(3, 5), (4,)]), ('with a scalar', [(2, 2), ()]),
                      ('sixteen', [(i + 1,) for i in range(16)]), ('prime', [(17, 13), (101,)])]:
    xs = [rand(*s) for s in shapes]
    norm = torch.sqrt(sum((x * x).sum() for x in xs))
    params = [torch.nn.Parameter(torch.zeros_like(x)) for x in xs]
    for q, x in zip(params, xs):
        q.grad = x.clone()
    assert torch.allclose(norm, torch.nn.utils.clip_grad_norm_(params, 1.0))
    TABLE.case('global_norm', title, [x.numpy() for x in xs], [norm.numpy()], 1e-12)

for psi in (0.004, 0.5):
    product = 1.0
    for step in (1, 2, 3, 4):
        mu = BETA1 * (1 - 0.5 * 0.96 ** (step * psi))
        TABLE.case('nadam_correction', f'psi {psi}, step {step}',
                   [(np.asarray(product), 'f32 fixed'), (np.asarray(step), 'i64'),
                    (np.asarray(1.0), 'f32 fixed')],
                   [nadam_correction(step, psi), np.asarray(product * mu)], 1e-12, '.tol = TOL_COMPOSITE',
                   beta1=BETA1, beta2=BETA2, momentum_decay=psi)
        product *= mu
TABLE.write(os.path.join(HERE, 'optim.h'))
