#!/usr/bin/env python3
"""Golden values of attention and attention_grad: PyTorch in double, written out as softmax of masked
scores (PyTorch 1.13's own function has no scale, grouped heads or key lengths; where its arguments
suffice, its result is asserted to be the same). Gradients come from torch.autograd. Inputs:
NumPy's default_rng([20240601, 40]). Run from anywhere; needs numpy and torch."""
import os

import numpy as np
import torch

from emit import Table, grid

HERE = os.path.dirname(os.path.abspath(__file__))
rng = np.random.default_rng([20240601, 40])
tab = Table('attention', 'make_attention.py')


def t(a):
    return torch.tensor(np.asarray(a), dtype=torch.float64, requires_grad=True)


def n(x):
    return x.detach().numpy()


def forward(q, k, v, mask, kv_len, scale, causal):
    """y, lse; a row without keys gives 0."""
    group = q.shape[1] // k.shape[1]
    k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
    lq, lk = q.shape[2], k.shape[2]
    scores = (q @ k.transpose(-1, -2)) * (scale or q.shape[3] ** -0.5)
    if mask is not None and mask.dtype != torch.bool:
        scores = scores + mask
    seen = torch.ones(q.shape[0], q.shape[1], lq, lk, dtype=torch.bool)
    if mask is not None and mask.dtype == torch.bool:
        seen = seen & mask
    lens = torch.full((q.shape[0],), lk) if kv_len is None else torch.as_tensor(kv_len).expand(q.shape[0])
    for b, length in enumerate(lens.tolist()):
        seen[b, :, :, length:] = False
        for i in range(lq if causal else 0):
            seen[b, :, i, max(0, i + length - lq + 1):] = False
    some = seen.any(-1, keepdim=True)
    p = torch.softmax(torch.where(seen | ~some, scores, torch.tensor(-np.inf, dtype=torch.float64)), -1)
    lse = torch.where(seen, scores, torch.tensor(-np.inf, dtype=torch.float64)).detach().logsumexp(-1)
    return torch.where(some, p, torch.zeros_like(p)) @ v, lse


def case(name, b, h, hkv, lq, lk, d, dv, mask=None, kv_len=None, scale=0.0, causal=0, len_type='i64'):
    q, k, v = grid(rng, (b, h, lq, d)), grid(rng, (b, hkv, lk, d)), grid(rng, (b, hkv, lk, dv))
    tq, tk, tv = t(q), t(k), t(v)
    added = mask is not None and mask.dtype != bool
    tm = None if mask is None else t(mask) if added else torch.tensor(mask)
    y, lse = forward(tq, tk, tv, tm, kv_len, scale, causal)
    if h == hkv and kv_len is None and not scale and not (causal and lq != lk) and not (causal and tm is not None):
        own = torch.nn.functional._scaled_dot_product_attention(tq, tk, tv, tm, 0.0, False, bool(causal))[0]
        assert torch.allclose(own, y, 1e-12, 1e-12) or name.endswith('nothing_seen'), name
    dy = grid(rng, y.shape)
    y.backward(torch.tensor(dy))
    m = None if mask is None else (mask, 'f32' if added else 'bool')
    ln = None if kv_len is None else (np.asarray(kv_len), len_type)
    attrs = dict(causal=causal, scale=float(scale))
    tab.case('attention', 'torch_' + name, [q, k, v, m, ln], [n(y), n(lse)], extra='.tol = TOL_COMPOSITE', **attrs)
    full = None
    if added:  # dmask as attention_grad gives it, before it is summed: the mask spread out
        wide = t(np.broadcast_to(mask, (b, h, lq, lk)).copy())
        forward(t(q), t(k), t(v), wide, kv_len, scale, causal)[0].backward(torch.tensor(dy))
        full = n(wide.grad)
        assert np.allclose(full.sum(), n(tm.grad).sum())
    # y and lse are inputs there, given in full double precision; on a device they are rounded
    tab.case('attention_grad', 'torch_' + name, [q, k, v, m, ln, n(y), n(lse), dy],
             [n(tq.grad), n(tk.grad), n(tv.grad), np.zeros(0) if full is None else full],
             tol=1e-6, extra='.tol = TOL_COMPOSITE', mask_grad=int(added), **attrs)


case('plain', 1, 2, 2, 3, 4, 3, 2)
case('causal', 1, 2, 2, 4, 4, 2, 2, causal=1)
case('causal_past', 1, 1, 1, 2, 5, 2, 2, causal=1)
case('grouped', 1, 4, 2, 2, 3, 2, 2, causal=1)
case('scale', 1, 1, 1, 2, 3, 3, 1, scale=0.375)
case('kv_len', 3, 1, 1, 2, 4, 2, 2, kv_len=[1, 3, 4])
case('kv_len_causal', 2, 2, 1, 3, 5, 2, 2, kv_len=[4, 2], causal=1, len_type='i32')
case('padding', 2, 2, 2, 2, 3, 2, 2, mask=np.array([[1, 1, 0], [1, 0, 0]], dtype=bool).reshape(2, 1, 1, 3))
case('nothing_seen', 1, 1, 1, 3, 3, 2, 2, mask=np.array([[1, 0, 1], [0, 0, 0], [0, 1, 0]], dtype=bool))
case('added', 1, 2, 2, 3, 3, 2, 2, mask=grid(rng, (1, 2, 3, 3)))
case('added_to_heads', 2, 2, 1, 2, 3, 2, 2, mask=grid(rng, (2, 1, 3)), causal=1)
case('added_all', 2, 4, 2, 3, 5, 3, 2, mask=grid(rng, (2, 1, 3, 5)), kv_len=[5, 3], causal=1, scale=0.5)
tab.write(os.path.join(HERE, 'attention.h'))
