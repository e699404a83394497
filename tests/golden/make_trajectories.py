#!/usr/bin/python3
"""Makes trajectories.h in this folder: a small net trained for 15 steps by each optimizer, by PyTorch
1.13 in double (seed 11); lion, lamb and nadam by optimizers.py.

    /usr/bin/python3 make_trajectories.py

The net is tanh(x w1 + b1) w2 + b2 on 8 samples; the loss of a step is the mean over samples of the sum of
squared errors, before the step's update.
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
rng = np.random.default_rng(11)
N_STEPS, N = 15, 8
SHAPES = [(3, 4), (4,), (4, 2), (2,)]
x, target = emit.grid(rng, (N, 3)), emit.grid(rng, (N, 2))
start = [emit.grid(rng, s, -1, 1) for s in SHAPES]
O = torch.optim
BETAS = lambda o: (o.get('beta_1', 0.9), o.get('beta_2', 0.999))


def moments(cls, **more):
    return lambda ps, o: cls(ps, lr=o['lr'], betas=BETAS(o), eps=o.get('epsilon', 1e-7),
                             weight_decay=o.get('weight_decay', 0.0), **more)


MAKE = {
    'sgd': lambda ps, o: O.SGD(ps, lr=o['lr'], momentum=o.get('momentum', 0.0), nesterov=o.get('nesterov', False),
                               weight_decay=o.get('weight_decay', 0.0)),
    'adam': moments(O.Adam),
    'adamw': moments(O.AdamW),
    'amsgrad': moments(O.Adam, amsgrad=True),
    'nadam': lambda ps, o: NAdam(ps, lr=o['lr'], betas=BETAS(o), eps=o.get('epsilon', 1e-7),
                                 weight_decay=o.get('weight_decay', 0.0),
                                 momentum_decay=o.get('momentum_decay', 0.004)),
    'rmsprop': lambda ps, o: O.RMSprop(ps, lr=o['lr'], alpha=o.get('rho', 0.9), eps=o.get('epsilon', 1e-7),
                                       momentum=o.get('momentum', 0.0), centered=o.get('centered', False),
                                       weight_decay=o.get('weight_decay', 0.0)),
    'adagrad': lambda ps, o: O.Adagrad(ps, lr=o['lr'], eps=o.get('epsilon', 1e-7),
                                       initial_accumulator_value=o.get('initial_accumulator_value', 0.0),
                                       weight_decay=o.get('weight_decay', 0.0)),
    'adadelta': lambda ps, o: O.Adadelta(ps, lr=o['lr'], rho=o.get('rho', 0.9), eps=o.get('epsilon', 1e-6),
                                         weight_decay=o.get('weight_decay', 0.0)),
    'lion': lambda ps, o: Lion(ps, lr=o['lr'], betas=(o.get('beta_1', 0.9), o.get('beta_2', 0.99)),
                               weight_decay=o.get('weight_decay', 0.0)),
    'lamb': lambda ps, o: Lamb(ps, lr=o['lr'], betas=BETAS(o), eps=o.get('epsilon', 1e-6),
                               weight_decay=o.get('weight_decay', 0.0)),
}
RUNS = [
    ('sgd', dict(lr=0.05)),
    ('sgd', dict(lr=0.05, momentum=0.875, weight_decay=0.125)),
    ('sgd', dict(lr=0.05, momentum=0.75, nesterov=True)),
    ('sgd', dict(lr=0.25, clip_norm=0.5)),
    ('sgd', dict(lr=0.25, momentum=0.5, clip_value=0.125)),
    ('adam', dict(lr=0.0625)),
    ('adam', dict(lr=0.0625, weight_decay=0.125, clip_norm=1.0)),
    ('adamw', dict(lr=0.0625, beta_1=0.75, beta_2=0.9375, weight_decay=0.25)),
    ('amsgrad', dict(lr=0.125, beta_2=0.75)),
    ('nadam', dict(lr=0.0625)),
    ('nadam', dict(lr=0.0625, momentum_decay=0.25, weight_decay=0.0625)),
    ('rmsprop', dict(lr=0.015625, rho=0.875)),
    ('rmsprop', dict(lr=0.015625, epsilon=0.0625, momentum=0.5, centered=True, weight_decay=0.0625)),
    ('adagrad', dict(lr=0.125)),
    ('adagrad', dict(lr=0.125, initial_accumulator_value=0.25, clip_value=0.5)),
    ('adadelta', dict(lr=1.0, epsilon=0.001)),
    ('lion', dict(lr=0.015625, weight_decay=0.25)),
    ('lamb', dict(lr=0.0625, weight_decay=0.0625)),
    ('lamb', dict(lr=0.03125, clip_norm=0.5)),
    # What is left of each one's options.
    ('adam', dict(lr=0.0625, beta_1=0.75, beta_2=0.9375, epsilon=0.0625, clip_value=0.25)),
    ('adamw', dict(lr=0.0625, epsilon=0.0625, weight_decay=0.0, clip_value=0.25)),
    ('adamw', dict(lr=0.0625, weight_decay=0.125, clip_norm=0.5)),
    ('amsgrad', dict(lr=0.125, beta_1=0.75, epsilon=0.0625, weight_decay=0.125, clip_value=0.25)),
    ('amsgrad', dict(lr=0.125, weight_decay=0.25, decoupled=True, clip_norm=0.5)),
    ('nadam', dict(lr=0.0625, beta_1=0.75, beta_2=0.9375, epsilon=0.0625, clip_value=0.25)),
    ('nadam', dict(lr=0.0625, weight_decay=0.25, decoupled=True, clip_norm=0.5)),
    ('rmsprop', dict(lr=0.015625, weight_decay=0.25, decoupled=True, clip_value=0.25)),
    ('rmsprop', dict(lr=0.015625, momentum=0.5, clip_norm=0.5)),
    ('adagrad', dict(lr=0.0625, epsilon=0.125, weight_decay=0.0625, clip_norm=0.75)),
    ('adagrad', dict(lr=0.125, weight_decay=0.25, decoupled=True)),
    ('adadelta', dict(lr=1.0, rho=0.75, epsilon=0.01, weight_decay=0.125, clip_value=0.25)),
    ('adadelta', dict(lr=1.0, weight_decay=0.0625, decoupled=True, epsilon=0.01, clip_norm=0.5)),
    ('lion', dict(lr=0.015625, beta_1=0.75, beta_2=0.9375, clip_value=0.125)),
    ('lion', dict(lr=0.015625, clip_norm=0.5)),
    ('lamb', dict(lr=0.0625, beta_1=0.75, beta_2=0.9375, epsilon=0.0625, clip_value=0.25)),
]


def run(name, options):
    params = [torch.nn.Parameter(torch.tensor(s)) for s in start]
    # Decoupled, as AdamW has it: off the weight before the step, which then knows of no decay.
    shrink = 1 - options['lr'] * options['weight_decay'] if options.get('decoupled') else 1
    opt = MAKE[name](params, dict(options, weight_decay=0.0) if shrink != 1 else options)
    losses = []
    for _ in range(N_STEPS):
        opt.zero_grad()
        w1, b1, w2, b2 = params
        y = torch.tanh(torch.tensor(x) @ w1 + b1) @ w2 + b2
        loss = ((y - torch.tensor(target)) ** 2).sum() / N
        loss.backward()
        losses.append(loss.item())
        if 'clip_norm' in options:
            torch.nn.utils.clip_grad_norm_(params, options['clip_norm'])
        if 'clip_value' in options:
            torch.nn.utils.clip_grad_value_(params, options['clip_value'])
        with torch.no_grad():
            for p in params:
                p *= shrink
        opt.step()
    return losses, [p.detach().numpy() for p in params]


def row(values):
    return ', '.join(emit.number(v) for v in np.asarray(values).reshape(-1))


with open(os.path.join(HERE, 'trajectories.h'), 'w') as f:
    f.write('/* Made by tests/golden/make_trajectories.py: do not edit. */\n/* clang-format off */\n')
    f.write(f'enum {{ N_STEPS = {N_STEPS}, N_SAMPLES = {N} }};\n')
    f.write(f'static const float data_x[] = {{{row(x)}}};\nstatic const float data_y[] = {{{row(target)}}};\n')
    for i, s in enumerate(start):
        f.write(f'static const float start_{i}[] = {{{row(s)}}};\n')
    f.write('static const struct trajectory trajectories[] = {\n')
    for name, options in RUNS:
        losses, end = run(name, options)
        print(name, options, losses[0], losses[-1])
        given = ', '.join(f'{{"{k}", {float(v)!r}}}' for k, v in options.items())
        f.write(f'    {{"{name}", {{{given}}},\n     {{{row(losses)}}},\n     {{{row(np.concatenate([e.reshape(-1) for e in end]))}}}}},\n')
    f.write('};\n/* clang-format on */\n')
