"""Golden values of the losses: PyTorch (made with 1.13) in double, on inputs drawn by NumPy's default_rng([20240712]). Writes
term_loss.h and class_loss.h. Run from anywhere; needs numpy and torch. Row weights, which PyTorch's cross_entropy lacks, are
multiplied in here; gradient operators are checked against torch.autograd through the forward operator."""
import os

import numpy as np
import torch
import torch.nn.functional as F

from emit import Table, grid

HERE = os.path.dirname(os.path.abspath(__file__))
rng = np.random.default_rng([20240712])
HOW = '.tol = TOL_COMPOSITE'


def t(a):
    return torch.tensor(np.asarray(a), dtype=torch.float64, requires_grad=True)


def n(x):
    return x.detach().numpy()


def grad(y, x, dy):
    return torch.autograd.grad(y, x, torch.tensor(np.asarray(dy), dtype=torch.float64), retain_graph=True)[0].numpy()


def reduced(v, how):
    return {'none': v, 'sum': v.sum(), 'mean': v.mean(), 'samples': v.reshape(v.shape[0], -1).mean(1)}[how]


terms = Table('term_loss', 'make_losses.py')
unit = lambda s: grid(rng, s, 0.03125, 0.96875)
logs = lambda s: np.round(np.log(unit(s)) * 64) / 64
forms = {
    'mse': (grid, lambda p, q, **k: F.mse_loss(p, q, reduction='none'), [{}]),
    'mae': (grid, lambda p, q, **k: F.l1_loss(p, q, reduction='none'), [{}]),
    'huber': (grid, lambda p, q, delta=1.0: F.huber_loss(p, q, reduction='none', delta=delta), [{}, dict(delta=0.5)]),
    'hinge': (grid, lambda p, q, margin=1.0: torch.clamp(margin - p * q, min=0), [{}, dict(margin=0.25)]),
    'bce': (None, lambda p, q: F.binary_cross_entropy(p, q, reduction='none'), [{}]),
    'bce_with_logits': (grid, lambda p, q: F.binary_cross_entropy_with_logits(p, q, reduction='none'), [{}]),
    'kl_div': (grid, lambda p, q, log_target=0: F.kl_div(p, q, reduction='none', log_target=bool(log_target)), [{}, dict(log_target=1)]),
}
for op, (draw, f, options) in forms.items():
    for option in options:
        for how, s, per_term in [('samples', (3, 4), None), ('none', (2, 3), False), ('sum', (4, 3), True), ('mean', (3, 2, 2), False)]:
            x = t(unit(s) if draw is None else grid(rng, s, -3, 3))
            target = logs(s) if option.get('log_target') else unit(s)
            if op == 'hinge':
                target = rng.integers(0, 2, s) * 2.0 - 1
            w = [] if per_term is None else [grid(rng, s if per_term else s[:1], 0, 2)]
            v = f(x, torch.tensor(target), **option)
            if w:
                v = v * torch.tensor(w[0]).reshape(s if per_term else s[:1] + (1,) * (len(s) - 1))
            y = reduced(v, how)
            name = f'torch_{how}' + ''.join(f'_{k}_{o}' for k, o in option.items())
            terms.case(op, name, [n(x), target] + w, [n(y)], extra=HOW, reduction=how, **option)
            dl = grid(rng, tuple(y.shape))
            terms.case(op + '_grad', name, [n(x), target, dl] + w, [grad(y, x, dl)], extra=HOW, reduction=how, **option)
for i, (how, s) in enumerate([('none', (3, 4)), ('mean', (2, 3, 5)), ('sum', (7,))]):
    x, target, w, pos = t(grid(rng, s, -3, 3)), unit(s), grid(rng, s, 0, 2), grid(rng, s[-1:], 0.25, 4)
    y = F.binary_cross_entropy_with_logits(x, torch.tensor(target), torch.tensor(w), reduction=how, pos_weight=torch.tensor(pos))
    terms.case('bce_with_logits', f'torch_pos_{i}', [n(x), target, w, pos], [n(y)], extra=HOW, reduction=how)
    dl = grid(rng, tuple(y.shape))
    terms.case('bce_with_logits_grad', f'torch_pos_{i}', [n(x), target, dl, w, pos], [grad(y, x, dl)], extra=HOW, reduction=how)
terms.write(os.path.join(HERE, 'term_loss.h'))

rows = Table('class_loss', 'make_losses.py')


def reduce_rows(loss, total, how):
    return {'none': loss, 'sum': loss.sum(), 'mean': loss.sum() / total.sum()}[how]


for i, (s, how, smooth, ignore, classes, row) in enumerate([
        ((6, 4), 'none', 0.0, None, True, False), ((6, 4), 'mean', 0.0, 1, True, False), ((6, 4), 'sum', 0.25, None, False, False),
        ((6, 4), 'mean', 0.125, 2, True, False), ((2, 3, 5), 'mean', 0.5, 0, True, True), ((5, 3), 'none', 0.25, 1, True, True)]):
    x, labels = t(grid(rng, s, -3, 3)), rng.integers(0, s[-1], s[:-1])
    cw = grid(rng, s[-1:], 0.25, 2) if classes else None
    rw = grid(rng, s[:-1], 0.25, 2) if row else None
    flat, target = x.reshape(-1, s[-1]), torch.tensor(labels.reshape(-1))
    tcw = None if cw is None else torch.tensor(cw)
    trw = torch.ones(s[:-1], dtype=torch.float64) if rw is None else torch.tensor(rw)
    ig = -100 if ignore is None else ignore
    attrs = dict(reduction=how) if ignore is None else dict(reduction=how, ignore_index=ignore)
    total = (torch.ones_like(trw) if cw is None else tcw[torch.tensor(labels)]) * trw * torch.tensor(labels != ig)
    weights = [cw, rw] if row else [cw] if classes else []
    for op, per_row, extra in [
            ('sparse_softmax_cross_entropy', F.cross_entropy(flat, target, tcw, ignore_index=ig, reduction='none', label_smoothing=smooth),
             dict(label_smoothing=smooth)),
            ('nll', F.nll_loss(flat, target, tcw, ignore_index=ig, reduction='none'), {})]:
        y = reduce_rows(per_row.reshape(s[:-1]) * trw, total, how)
        if rw is None and how == 'mean':  # PyTorch's own mean is what ours must be
            own = (F.nll_loss(flat, target, tcw, ignore_index=ig) if op == 'nll' else
                   F.cross_entropy(flat, target, tcw, ignore_index=ig, label_smoothing=smooth))
            assert torch.allclose(own, y)
        prob = n(torch.softmax(x, -1))
        outs = [n(y)] if op == 'nll' else [n(y), prob]
        rows.case(op, f'torch_{i}', [n(x), (labels, 'i64' if i % 2 else 'i32')] + weights, outs, extra=HOW, **attrs, **extra)
        dl = grid(rng, tuple(y.shape))
        first = n(x) if op == 'nll' else prob.astype(np.float32).astype(np.float64)
        rows.case(op + '_grad', f'torch_{i}', [first, (labels, 'i32'), dl] + weights, [grad(y, x, dl)], tol=1e-6, extra=HOW, **attrs, **extra)
for i, (s, how, smooth, classes) in enumerate([((4, 3), 'none', 0.0, False), ((4, 3), 'mean', 0.25, True), ((5, 4), 'sum', 0.125, True),
                                               ((6, 2), 'mean', 0.0, False)]):
    x, target = t(grid(rng, s, -3, 3)), np.round(rng.dirichlet(np.ones(s[-1]), s[:-1]) * 64) / 64
    cw = grid(rng, s[-1:], 0.25, 2) if classes else None
    y = F.cross_entropy(x, torch.tensor(target), None if cw is None else torch.tensor(cw), reduction=how, label_smoothing=smooth)
    prob, weights = n(torch.softmax(x, -1)), [cw] if classes else []
    attrs = dict(reduction=how, label_smoothing=smooth)
    rows.case('softmax_cross_entropy', f'torch_{i}', [n(x), target] + weights, [n(y), prob], extra=HOW, **attrs)
    dl = grid(rng, tuple(y.shape))
    rows.case('softmax_cross_entropy_grad', f'torch_{i}', [prob.astype(np.float32).astype(np.float64), target, dl] + weights,
              [grad(y, x, dl)], tol=1e-6, extra=HOW, **attrs)
for i, (s, how, margin) in enumerate([((6, 3), 'none', 0.0), ((6, 3), 'mean', 0.25), ((8, 5), 'sum', -0.5)]):
    a, b, target = t(grid(rng, s)), t(grid(rng, s)), rng.integers(0, 2, s[0]) * 2.0 - 1
    y = F.cosine_embedding_loss(a, b, torch.tensor(target), margin=margin, reduction=how)
    attrs = dict(reduction=how, margin=margin)
    rows.case('cosine_embedding', f'torch_{i}', [n(a), n(b), target], [n(y)], tol=1e-8, extra=HOW, **attrs)
    dl = grid(rng, tuple(y.shape))
    rows.case('cosine_embedding_grad', f'torch_{i}', [n(a), n(b), target, dl], [grad(y, a, dl), grad(y, b, dl)], tol=1e-8, extra=HOW, **attrs)
rows.write(os.path.join(HERE, 'class_loss.h'))
