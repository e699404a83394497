#!/usr/bin/env python3
"""Makes random.h in this folder: draws of uniform, normal, bernoulli, permutation and of dropout with a
shared mask, from a Philox written here from the paper (Salmon et al., SC11), normal numbers from the
quantiles of Python's statistics.NormalDist. Run by any Python 3.8 with NumPy."""
import os
from statistics import NormalDist

import numpy as np

from emit import Table, grid

HERE = os.path.dirname(os.path.abspath(__file__))
MASK = 2**64 - 1


def mix64(x):
    x = (x + 0x9E3779B97F4A7C15) & MASK
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB & MASK
    return x ^ (x >> 31)


def philox(key, block, sample):
    c = [block & 0xffffffff, block >> 32, sample & 0xffffffff, sample >> 32]
    k = [key & 0xffffffff, key >> 32]
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k[0], p1 & 0xffffffff, (p0 >> 32) ^ c[3] ^ k[1], p0 & 0xffffffff]
        k = [(k[0] + 0x9E3779B9) & 0xffffffff, (k[1] + 0xBB67AE85) & 0xffffffff]
    return c


def draws(rng, path_hash, samples, n):
    key = mix64((rng ^ path_hash) & MASK)
    return np.array([[philox(key, e // 4, s & MASK)[e % 4] for e in range(n)] for s in samples],
                    dtype=np.uint64)


def unit(d):
    return (d >> np.uint64(8)).astype(np.float64) / 2**24


def normal(d):
    inv = NormalDist().inv_cdf
    f = np.vectorize(lambda v: (1 if int(v) & 1 else -1) * inv(((int(v) >> 1) + 0.5) / 2**32))
    return f(d)


# Samples below 2^27 that have a draw of less than 96 under rng 5 and path hash 0: deep in a tail.
TAILS = [6123810, 52096292, 76970680, 93271865, 95116444]

# name, rng, path_hash, samples, shape
PLACES = [
    ('a batch', 987654321, -1234567890123456789, [3, 0, 2**40 + 7], [2, 5]),
    ('one element a sample', -1, 99, list(range(100, 111)), []),
    ('no samples', 42, 0, None, [3, 7]),
    ('tails', 5, 0, TAILS, [4]),
]


def main():
    tab = Table('random', 'make_random.py')
    f32 = np.float32
    for name, rng, path_hash, samples, shape in PLACES:
        inputs = [(np.array(rng), 'i64')]
        if samples is not None:
            inputs.append((np.array(samples), 'i64'))
        n = int(np.prod(shape, dtype=np.int64))
        d = draws(rng, path_hash, samples if samples is not None else [0], n)
        full = shape if samples is None else [len(samples)] + shape
        u, z = unit(d).reshape(full), normal(d).reshape(full)
        exact = '.tol = TOL_EXACT'
        tab.case('uniform', f'golden: {name}', inputs, [u], shape=shape, path_hash=path_hash,
                 extra=exact)
        # (high - low) u has 26 bits at most: the sum in double is rounded once, to f32
        v = (-1.5 + 4.0 * u).astype(f32).astype(np.float64)
        tab.case('uniform', f'golden: {name} scaled', inputs, [v], shape=shape, low=-1.5, high=2.5,
                 path_hash=path_hash, extra=exact)
        tab.case('normal', f'golden: {name}', inputs, [z], shape=shape, path_hash=path_hash,
                 tol=5e-7, extra=exact)
        tab.case('normal', f'golden: {name} scaled', inputs, [3.0 + 0.5 * z], shape=shape, mean=3.0,
                 std=0.5, path_hash=path_hash, tol=5e-7, extra=exact)
        for dtype in ('f32', 'bool', 'i64'):
            tab.case('bernoulli', f'golden: {name} {dtype}', inputs, [((u < f32(0.3)), dtype)],
                     shape=shape, prob=0.3, dtype=dtype, path_hash=path_hash, extra=exact)
        p = np.abs(grid(np.random.default_rng(7), full)) / 2
        pair = inputs + [None] * (2 - len(inputs)) + [p]
        tab.case('bernoulli', f'golden: {name} of p', pair, [(u < p).astype(float)],
                 path_hash=path_hash, extra=exact)
    for n, rng, path_hash in ((1, 0, 0), (7, 1, 2), (64, -5, 3), (101, 2**40, -7)):
        d = draws(rng, path_hash, [0], n)[0] >> np.uint64(1)
        order = sorted(range(n), key=lambda i: (d[i], i))
        tab.case('permutation', f'golden: {n}', [(np.array(rng), 'i64')], [(np.array(order), 'i64')],
                 n=n, path_hash=path_hash)
    x = grid(np.random.default_rng(8), (2, 3, 4, 2))
    samples = [17, 2**33]
    for name, axes, mask in (('sequence', [1], (2, 1, 4, 2)), ('last', [-1], (2, 3, 4, 1)),
                             ('two', [2, 1], (2, 1, 1, 2)), ('all', [1, 2, 3], (2, 1, 1, 1))):
        d = draws(11, 13, samples, int(np.prod(mask[1:])))
        keep = unit(d).reshape(mask) >= f32(0.25)
        tab.case('dropout', f'golden: one mask along {name}',
                 [x, (np.array(samples), 'i64'), (np.array(11), 'i64')], [np.where(keep, x / 0.75, 0)],
                 rate=0.25, path_hash=13, shared_axes=axes, extra='.grad = 1', tol=1e-12)
    tab.write(os.path.join(HERE, 'random.h'))


main()
