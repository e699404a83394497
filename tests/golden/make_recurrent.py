#!/usr/bin/env python3
"""Golden values of rnn, lstm, gru and their gradients: the steps written out in PyTorch in double,
differentiated by torch.autograd. Wherever torch.nn has the network (all but gru with
linear_before_reset = 0), its outputs and all its gradients, on packed sequences, are asserted to be
the same to 1e-12. Inputs: NumPy's default_rng([20240601, 41]). Run from anywhere; needs numpy and
torch."""
import os

import numpy as np
import torch

from emit import Table, grid

HERE = os.path.dirname(os.path.abspath(__file__))
rng = np.random.default_rng([20240601, 41])
tab = Table('recurrent', 'make_recurrent.py')
GATES = {'rnn': 1, 'lstm': 4, 'gru': 3}
# PyTorch's block for each of ONNX's gates
ORDER = {'rnn': [0], 'lstm': [0, 3, 1, 2], 'gru': [1, 0, 2]}


def t(a):
    return None if a is None else torch.tensor(np.asarray(a), dtype=torch.float64, requires_grad=True)


def n(x):
    return x.detach().numpy()


def cell(op, ax, r, rb, h, c, relu, before):
    """One step: h, c, what `reserve` keeps."""
    size = h.shape[0]
    if op == 'rnn':
        a = ax + r @ h + rb
        h = torch.relu(a) if relu else torch.tanh(a)
        return h, c, a[:0]
    if op == 'lstm':
        i, o, f, g = (ax + r @ h + rb).split(size)
        i, o, f, g = torch.sigmoid(i), torch.sigmoid(o), torch.sigmoid(f), torch.tanh(g)
        c = f * c + i * g
        return o * torch.tanh(c), c, torch.cat([i, o, f, g, c])
    z, rr = torch.sigmoid(ax[:2 * size] + r[:2 * size] @ h + rb[:2 * size]).split(size)
    u = r[2 * size:] @ h + rb[2 * size:] if before else rr * h
    cand = torch.tanh(ax[2 * size:] + (rr * u if before else r[2 * size:] @ u + rb[2 * size:]))
    return (1 - z) * cand + z * h, c, torch.cat([z, rr, cand, u])


def run(op, x, w, r, b, lengths, h0, c0, direction, relu, before):
    steps, batch, dirs, size = x.shape[0], x.shape[1], w.shape[0], r.shape[2]
    gs = GATES[op] * size
    zero = torch.zeros(size, dtype=torch.float64)
    ys, hs, cs, kept = {}, [], [], {}
    for d in range(dirs):
        for e in range(batch):
            h = zero if h0 is None else h0[d, e]
            c = zero if c0 is None else c0[d, e]
            length = steps if lengths is None else lengths[e]
            for s in range(length):
                at = length - 1 - s if direction == 'reverse' or d == 1 else s
                ax = w[d] @ x[at, e] + (b[d, :gs] if b is not None else 0)
                rb = b[d, gs:] if b is not None else torch.zeros(gs, dtype=torch.float64)
                h, c, k = cell(op, ax, r[d], rb, h, c, relu, before)
                ys[at, d, e], kept[d, at, e] = h, k
            hs.append(h)
            cs.append(c)
    width = {'rnn': 0, 'lstm': 5 * size, 'gru': 4 * size}[op]
    y = torch.stack([ys.get((s, d, e), zero) for s in range(steps) for d in range(dirs) for e in range(batch)])
    blank = torch.zeros(width, dtype=torch.float64)
    keep = torch.stack([kept.get((d, s, e), blank) for d in range(dirs) for s in range(steps) for e in range(batch)])
    shape = (dirs, batch, size)
    return (y.reshape(steps, dirs, batch, size), torch.stack(hs).reshape(shape), torch.stack(cs).reshape(shape),
            keep.reshape(dirs, steps, batch, width))


def blocks(a, op, axis=0):
    """From ONNX's order of gates to PyTorch's."""
    parts = np.split(a, GATES[op], axis)
    out = [None] * len(parts)
    for onnx, torch_at in enumerate(ORDER[op]):
        out[torch_at] = parts[onnx]
    return np.concatenate(out, axis)


def check_torch(op, arrays, lengths, direction, relu, outs, douts, grads):
    """Against torch.nn; a reverse network is the second half of a bidirectional one."""
    x, w, r, b, h0, c0 = arrays
    if direction == 'reverse':
        twice = lambda a: None if a is None else np.concatenate([a, a])
        w, r, b, h0, c0 = map(twice, (w, r, b, h0, c0))
    dirs, size = w.shape[0], r.shape[2]
    make = {'rnn': torch.nn.RNN, 'lstm': torch.nn.LSTM, 'gru': torch.nn.GRU}[op]
    extra = dict(nonlinearity='relu' if relu else 'tanh') if op == 'rnn' else {}
    net = make(x.shape[2], size, bidirectional=dirs == 2, bias=b is not None, **extra).double()
    gs = GATES[op] * size
    with torch.no_grad():
        for d in range(dirs):
            end = '_l0' + ('_reverse' if d else '')
            getattr(net, 'weight_ih' + end).copy_(torch.tensor(blocks(w[d], op)))
            getattr(net, 'weight_hh' + end).copy_(torch.tensor(blocks(r[d], op)))
            if b is not None:
                getattr(net, 'bias_ih' + end).copy_(torch.tensor(blocks(b[d, :gs], op)))
                getattr(net, 'bias_hh' + end).copy_(torch.tensor(blocks(b[d, gs:], op)))
    tx, th, tc = t(x), t(h0), t(c0)
    if op == 'lstm' and (th is None) != (tc is None):
        full = lambda v: v if v is not None else torch.zeros(dirs, x.shape[1], size, dtype=torch.float64)
        state = (full(th), full(tc))
    else:
        state = None if th is None else (th, tc) if op == 'lstm' else th
    given = tx
    if lengths is not None:
        given = torch.nn.utils.rnn.pack_padded_sequence(tx, torch.tensor(lengths), enforce_sorted=False)
    y, last = net(given, state)
    if lengths is not None:
        y = torch.nn.utils.rnn.pad_packed_sequence(y, total_length=x.shape[0])[0]
    h, c = last if op == 'lstm' else (last, None)
    y = y.reshape(x.shape[0], x.shape[1], dirs, size).transpose(1, 2)
    pick = slice(1, 2) if direction == 'reverse' else slice(None)
    y, h, c = y[:, pick], h[pick], None if c is None else c[pick]
    close = lambda a, e, what: np.testing.assert_allclose(n(a), n(e), 1e-12, 1e-12, err_msg=what)
    close(y, outs[0], 'y')
    close(h, outs[1], 'y_h')
    loss = (y * douts[0]).sum() + (h * douts[1]).sum()
    if op == 'lstm':
        close(c, outs[2], 'y_c')
        loss = loss + (c * douts[2]).sum()
    loss.backward()
    close(tx.grad, grads['x'], 'dx')
    for k, d in enumerate([1] if direction == 'reverse' else range(dirs)):
        end = '_l0' + ('_reverse' if d else '')
        own = lambda name, lo=0, hi=None: torch.tensor(blocks(n(grads[name][k])[lo:hi], op))
        close(getattr(net, 'weight_ih' + end).grad, own('w'), 'dw')
        close(getattr(net, 'weight_hh' + end).grad, own('r'), 'dr')
        if b is not None:
            close(getattr(net, 'bias_ih' + end).grad, own('b', 0, gs), 'dwb')
            close(getattr(net, 'bias_hh' + end).grad, own('b', gs), 'drb')
    if th is not None:
        close(th.grad[pick], grads['h0'], 'dh0')
    if tc is not None:
        close(tc.grad[pick], grads['c0'], 'dc0')


def case(op, name, steps, batch, width, size, direction='forward', lengths=None, bias=True, state=True, relu=0,
         before=1, len_type='i32'):
    dirs = 2 if direction == 'bidirectional' else 1
    gs = GATES[op] * size
    x, w, r = grid(rng, (steps, batch, width)), grid(rng, (dirs, gs, width), -1, 1), grid(rng, (dirs, gs, size), -1, 1)
    b = grid(rng, (dirs, 2 * gs), -1, 1) if bias else None
    h0 = grid(rng, (dirs, batch, size), -1, 1) if state else None
    c0 = grid(rng, (dirs, batch, size), -1, 1) if state and op == 'lstm' else None
    ts = [t(a) for a in (x, w, r, b, h0, c0)]
    tx, tw, tr, tb, th, tc = ts
    y, h, c, kept = run(op, tx, tw, tr, tb, lengths, th, tc, direction, relu, before)
    douts = [torch.tensor(grid(rng, o.shape)) for o in (y, h, c)]
    loss = (y * douts[0]).sum() + (h * douts[1]).sum() + ((c * douts[2]).sum() if op == 'lstm' else 0)
    loss.backward()
    zeros = lambda *shape: torch.zeros(*shape, dtype=torch.float64)
    got = lambda v, *shape: zeros(*shape) if v is None else v.grad
    grads = dict(x=tx.grad, w=tw.grad, r=tr.grad, b=got(tb, dirs, 2 * gs), h0=got(th, dirs, batch, size),
                 c0=got(tc, dirs, batch, size))
    if before:
        check_torch(op, (x, w, r, b, h0, c0), lengths, direction, relu, (y, h, c), douts, grads)
    attrs = dict(direction=direction)
    if op == 'rnn':
        attrs['activation'] = 'relu' if relu else 'tanh'
    if op == 'gru':
        attrs['linear_before_reset'] = before
    ln = None if lengths is None else (np.asarray(lengths), len_type)
    tol = '.tol = TOL_COMPOSITE'
    outs = {'rnn': [y, h], 'lstm': [y, h, c, kept], 'gru': [y, h, kept]}[op]
    inputs = [x, w, r, b, ln, h0] + ([c0] if op == 'lstm' else [])
    tab.case(op, 'torch_' + name, inputs, [n(o) for o in outs], extra=tol, **attrs)
    inputs = [x, w, r, ln, h0, n(y), n(douts[0]), n(douts[1])]
    if op != 'rnn':
        inputs.append(n(kept))
    wants = [n(grads[k]) for k in ('x', 'w', 'r')] + [n(grads['b']) if bias else None, n(grads['h0']) if state else None]
    if op == 'lstm':
        inputs += [c0, n(douts[2])]
        wants.append(n(grads['c0']) if state else None)
    # y and reserve are inputs there, given in full double precision; on a device they are rounded
    tab.case(op + '_grad', 'torch_' + name, inputs, wants, tol=1e-6, extra=tol, **attrs)


for op in ('lstm', 'gru', 'rnn'):
    case(op, 'forward', 3, 2, 3, 2)
    case(op, 'reverse', 3, 2, 2, 2, 'reverse')
    case(op, 'bidirectional', 3, 1, 2, 2, 'bidirectional')
    case(op, 'lengths', 4, 3, 2, 2, lengths=[2, 4, 1])
    case(op, 'lengths_both', 3, 3, 2, 2, 'bidirectional', lengths=[2, 3, 1], len_type='i64')
    case(op, 'no_bias_no_state', 3, 2, 2, 1, bias=False, state=False)
case('rnn', 'relu', 4, 2, 2, 3, 'bidirectional', relu=1)
case('rnn', 'relu_lengths', 3, 2, 2, 2, 'reverse', lengths=[3, 2], relu=1)
case('gru', 'after_reset', 3, 2, 2, 3, before=0)
case('gru', 'after_reset_lengths', 3, 3, 2, 2, 'bidirectional', lengths=[2, 3, 1], before=0)
case('gru', 'after_reset_reverse', 3, 1, 2, 2, 'reverse', before=0)
tab.write(os.path.join(HERE, 'recurrent.h'))
