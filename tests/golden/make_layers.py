#!/usr/bin/python3
"""Makes layers.h in this folder: layers with weights that are neither zeros nor ones, and what PyTorch 1.13
computes with them in double.

    /usr/bin/python3 make_layers.py

PyTorch's rows of an LSTM's weights are i, f, g, o, ours i, o, f, g; of a GRU's r, z, n, ours z, r, n.
"""
import os
import sys

import numpy as np
import torch
import torch.nn.functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import emit

torch.set_default_dtype(torch.float64)
rng = np.random.default_rng(23)
CASES = []


def t(shape, lo=-1, hi=1):
    return torch.tensor(emit.grid(rng, shape, lo, hi))


def case(what, layer, options, x, y, weights=None, second=None):
    """weights: by their names, in our layout; second: a tensor, or lengths where it is a list."""
    CASES.append((what, layer, options, x, y, weights or {}, second))


# --- dense, embedding, add, op ---

x, k, b = t((3, 4)), t((4, 3)), t((3,))
case('activation and bias', 'dense', dict(units=3, activation='tanh'), x, torch.tanh(x @ k + b), dict(kernel=k, bias=b))
case('no bias', 'dense', dict(units=3, use_bias=False), x, x @ k, dict(kernel=k))
table = t((5, 3))
ids = torch.tensor([[4, 0, 3], [1, 4, 2]])
case('rows', 'embedding', dict(input_dim=5, output_dim=3), ids, F.embedding(ids, table), dict(embeddings=table))
x, x2 = t((2, 5)), t((2, 5))
case('activation of the sum', 'add', dict(activation='relu'), x, torch.relu(x + x2), second=x2)
x = t((2, 3))
case('attributes', 'op', dict(op='clip', attrs='min=-0.25; max=0.5'), x, x.clamp(-0.25, 0.5))
case('whole numbers', 'op', dict(op='sum', attrs='axes=-1; keepdims=1'), x, x.sum(-1, keepdim=True))

# --- convolutions ---

x, k, b = t((2, 4, 7, 6)), t((4, 2, 3, 2)), t((4,))
case('every option', 'conv2d', dict(filters=4, kernel_size=(3, 2), strides=(2, 1), padding=(1, 0, 2, 1), dilation_rate=(1, 2),
                                    groups=2, activation='relu'),
     x, torch.relu(F.conv2d(F.pad(x, (0, 1, 1, 2)), k, b, (2, 1), 0, (1, 2), 2)), dict(kernel=k, bias=b))
x, k, b = t((2, 4, 9)), t((4, 2, 3)), t((4,))
case('every option', 'conv1d', dict(filters=4, kernel_size=3, strides=2, padding=(1, 2), dilation_rate=2, groups=2,
                                    activation='tanh'),
     x, torch.tanh(F.conv1d(F.pad(x, (1, 2)), k, b, 2, 0, 2, 2)), dict(kernel=k, bias=b))
k = t((4, 4, 2))
case('same: the odd cell at the end', 'conv1d', dict(filters=4, kernel_size=2, padding='same'),
     x, F.conv1d(F.pad(x, (0, 1)), k, b), dict(kernel=k, bias=b))
x, k, b = t((2, 4, 3, 4)), t((4, 3, 3, 2)), t((6,))
case('every option', 'conv_transpose2d', dict(filters=6, kernel_size=(3, 2), strides=(2, 3), padding=(1, 1, 1, 1),
                                              output_padding=(1, 0), dilation_rate=(1, 2), groups=2, activation='tanh'),
     x, torch.tanh(F.conv_transpose2d(x, k, b, (2, 3), (1, 1), (1, 0), 2, (1, 2))), dict(kernel=k, bias=b))

# --- pools ---

x = t((2, 3, 7))
case('strides and padding', 'max_pool1d', dict(pool_size=3, strides=2, padding=1), x, F.max_pool1d(x, 3, 2, 1))
case('strides and padding', 'avg_pool1d', dict(pool_size=3, strides=2, padding=1), x,
     F.avg_pool1d(x, 3, 2, 1, count_include_pad=False))
case('padding counts', 'avg_pool1d', dict(pool_size=3, strides=2, padding=1, count_include_pad=True), x, F.avg_pool1d(x, 3, 2, 1))
case('mean', 'global_avg_pool1d', {}, x, x.mean(2))
case('largest', 'global_max_pool1d', {}, x, x.amax(2))
x = t((2, 3, 5, 6))
case('window and strides', 'max_pool2d', dict(pool_size=(3, 2), strides=(1, 2)), x, F.max_pool2d(x, (3, 2), (1, 2)))
case('padding', 'avg_pool2d', dict(pool_size=2, strides=(2, 1), padding=(1, 1, 1, 1)), x,
     F.avg_pool2d(x, 2, (2, 1), 1, count_include_pad=False))
case('padding counts', 'avg_pool2d', dict(pool_size=2, strides=(2, 1), padding=(1, 1, 1, 1), count_include_pad=True), x,
     F.avg_pool2d(x, 2, (2, 1), 1))
case('mean', 'global_avg_pool2d', {}, x, x.mean((2, 3)))
case('largest', 'global_max_pool2d', {}, x, x.amax((2, 3)))

# --- norms ---

x, g, b = t((2, 4, 3, 2)), t((3, 2)), t((3, 2))
case('two axes', 'layer_norm', dict(axis=-2, epsilon=0.125), x, F.layer_norm(x, (3, 2), g, b, 0.125), dict(gamma=g, beta=b))
case('two axes', 'rms_norm', dict(axis=2, epsilon=0.125), x,
     x / torch.sqrt((x * x).mean((2, 3), keepdim=True) + 0.125) * g, dict(gamma=g))
g, b = t((4,)), t((4,))
case('two groups', 'group_norm', dict(groups=2, epsilon=0.125), x, F.group_norm(x, 2, g, b, 0.125), dict(gamma=g, beta=b))
case('channels', 'instance_norm', dict(epsilon=0.125), x, F.instance_norm(x, weight=g, bias=b, eps=0.125),
     dict(gamma=g, beta=b))
mean, variance = t((4,)), t((4,), 0.25, 2)
case('inference', 'batch_norm', dict(epsilon=0.125), x, F.batch_norm(x, mean, variance, g, b, eps=0.125),
     dict(gamma=g, beta=b, moving_mean=mean, moving_variance=variance))

# --- sequences ---

GATES = {'rnn': [0], 'lstm': [0, 3, 1, 2], 'gru': [1, 0, 2]}
MODULES = {'rnn': torch.nn.RNN, 'lstm': torch.nn.LSTM, 'gru': torch.nn.GRU}


def ours(kind, tensors, units):
    rows = [torch.cat([w[g * units:(g + 1) * units] for g in GATES[kind]]) for w in tensors]
    return torch.stack(rows)


def recurrent(what, kind, units, both, sequences, lengths=None, **more):
    x = t((3, 4, 2))
    net = MODULES[kind](2, units, batch_first=True, bidirectional=both)
    for p in net.parameters():
        p.data = t(p.shape)
    inputs = x if lengths is None else torch.nn.utils.rnn.pack_padded_sequence(x, lengths, True, enforce_sorted=False)
    y, last = net(inputs)
    last = last[0] if kind == 'lstm' else last
    if lengths is not None:
        y = torch.nn.utils.rnn.pad_packed_sequence(y, True, total_length=4)[0]
    if not sequences:
        y = last.transpose(0, 1).reshape(3, -1)
    ends = ['', '_reverse'][:2 if both else 1]
    get = lambda name: [getattr(net, name + '_l0' + end).data for end in ends]
    bias = torch.cat([ours(kind, get('bias_ih'), units), ours(kind, get('bias_hh'), units)], 1)
    case(what, kind, dict(units=units, bidirectional=both, return_sequences=sequences, **more), x, y.detach(),
         dict(kernel=ours(kind, get('weight_ih'), units), recurrent_kernel=ours(kind, get('weight_hh'), units), bias=bias),
         lengths)


for kind in ('rnn', 'lstm', 'gru'):
    recurrent('forward, every step', kind, 3, False, True)
    recurrent('forward, the last step', kind, 2, False, False)
    recurrent('both ways, with lengths', kind, 2, True, True, [4, 1, 3])
    recurrent('both ways, the last of lengths', kind, 2, True, False, [2, 4, 1])


def attention(what, options, memory_width, lengths):
    heads, width = options['heads'], 4
    kv, size = options.get('kv_heads', heads), options.get('head_size', width // heads)
    x, memory = t((2, 3, width)), t((2, 5, memory_width)) if memory_width else None
    source = x if memory is None else memory
    w = {}
    def project(name, v, n):
        w[name + '_kernel'], w[name + '_bias'] = t((v.shape[-1], n)), t((n,))
        return v @ w[name + '_kernel'] + w[name + '_bias']
    def split(v, n):
        return v.reshape(2, -1, n, size).transpose(1, 2)
    q = split(project('query', x, heads * size), heads)
    k = split(project('key', source, kv * size), kv).repeat_interleave(heads // kv, 1)
    v = split(project('value', source, kv * size), kv).repeat_interleave(heads // kv, 1)
    scores = q @ k.transpose(-1, -2) / size ** 0.5
    for i, n in enumerate(lengths or []):
        scores[i, :, :, n:] = float('-inf')
    joined = (torch.softmax(scores, -1) @ v).transpose(1, 2).reshape(2, 3, heads * size)
    y = project('output', joined, width)
    case(what, 'multi_head_attention', options, x, y, w, memory if memory is not None else lengths)


attention('fewer heads of keys', dict(heads=4, kv_heads=2, head_size=3), 0, None)
attention('another memory', dict(heads=2), 3, None)
attention('lengths', dict(heads=2), 0, [1, 3])


# --- convolutions over one and three axes, at the end so that the numbers above stay ---

x, k, b = t((2, 4, 5)), t((4, 3, 3)), t((6,))
case('every option', 'conv_transpose1d', dict(filters=6, kernel_size=3, strides=3, padding=(1, 1), output_padding=2, dilation_rate=2,
                                              groups=2, activation='tanh'),
     x, torch.tanh(F.conv_transpose1d(x, k, b, 3, 1, 2, 2, 2)), dict(kernel=k, bias=b))
k = t((4, 2, 4))
case('same: the odd cell cut off the end', 'conv_transpose1d', dict(filters=2, kernel_size=4, use_bias=False, padding='same'),
     x, F.conv_transpose1d(x, k)[:, :, 1:-2], dict(kernel=k))
x, k, b = t((2, 2, 3, 4, 5)), t((4, 1, 2, 3, 2)), t((4,))
case('every option', 'conv3d', dict(filters=4, kernel_size=(2, 3, 2), strides=(1, 2, 1), padding=(1, 0, 2, 0, 1, 1),
                                    dilation_rate=(2, 1, 3), groups=2, activation='tanh'),
     x, torch.tanh(F.conv3d(F.pad(x, (2, 1, 0, 1, 1, 0)), k, b, (1, 2, 1), 0, (2, 1, 3), 2)), dict(kernel=k, bias=b))
k = t((2, 2, 2, 1, 3))
case('same: the odd cell at the end', 'conv3d', dict(filters=2, kernel_size=(2, 1, 3), use_bias=False, padding='same'),
     x, F.conv3d(F.pad(x, (1, 1, 0, 0, 0, 1)), k), dict(kernel=k))

# --- the file ---

def row(a):
    return ', '.join(emit.number(v) for v in np.asarray(a).reshape(-1))


def attr(key, v):
    if isinstance(v, str):
        return f'{{.name = "{key}", .type = TN_ATTR_STRING, .u.s = "{v}"}}'
    if isinstance(v, float):
        return f'{{.name = "{key}", .type = TN_ATTR_FLOAT, .u.f = {v!r}}}'
    if isinstance(v, tuple):
        return f'{{.name = "{key}", .type = TN_ATTR_INTS, .count = {len(v)}, .u.ints = (const int64_t[]){{{row(v)}}}}}'
    return f'{{.name = "{key}", .type = TN_ATTR_INT, .u.i = {int(v)}}}'


def tensor(a):
    return f'{{{{{len(a.shape)}, {{{row(a.shape)}}}}}, (const double[]){{{row(a)}}}}}'


with open(os.path.join(HERE, 'layers.h'), 'w') as f:
    f.write('/* Made by tests/golden/make_layers.py: do not edit. */\n/* clang-format off */\n')
    f.write('static const struct layer_values layer_values[] = {\n')
    for what, layer, options, x, y, weights, second in CASES:
        f.write(f'    {{"{layer}", "{what}", {{{", ".join(attr(k, v) for k, v in options.items()) or "{NULL}"}}}, {len(options)},\n')
        f.write(f'     .x = {tensor(x)},\n')
        if isinstance(second, list):
            f.write(f'     .lengths = (const int64_t[]){{{row(second)}}},\n')
        elif second is not None:
            f.write(f'     .second = {tensor(second)},\n')
        for i, (name, w) in enumerate(weights.items()):
            f.write(f'     .weights[{i}] = {{"{name}", {tensor(w)}}},\n')
        f.write(f'     .y = {tensor(y)}}},\n')
    f.write('};\n/* clang-format on */\n')
