#!/usr/bin/env python3
"""Makes conv2d.h, pool2d.h, batch_norm.h, updates.h and dropout.h in this folder: values that the references
in core/ops must give, from PyTorch in double (made with 1.13) and, for dropout, from a Philox written
here from the paper. Run it in this folder; it is seeded, so that a second run changes nothing."""
import math
import torch
import torch.nn.functional as F

torch.manual_seed(20240229)
torch.set_default_dtype(torch.float64)


def number(v, is_float):
    if not is_float:
        assert abs(v) <= 2**53  # tables hold doubles
        return "%d" % v
    if math.isnan(v):
        return "NAN"
    return "%.17g" % v


def rand(*shape):
    """Normal numbers in sixteenths: short to print, exact in every float dtype, and at times equal."""
    return (torch.randn(*shape) * 16).round() / 16


class Header:
    """Cases of one header, in the form of tests/ops/cases.h. Floats are stored as f32 cases."""

    def __init__(self, name):
        self.name, self.arrays, self.cases = name, [], []

    def array(self, values, c_type):
        name = "d%d" % len(self.arrays)
        lines, line = [], ""
        for v in values or ["0"]:  # no elements: C wants an initialiser still
            if len(line) + len(v) + 2 > 94:
                lines.append("    " + line.rstrip())
                line = ""
            line += v + ", "
        lines.append("    " + line.rstrip().rstrip(","))
        self.arrays.append("static const %s %s[] = {\n%s};" % (c_type, name, "\n".join(lines)))
        return name

    def values(self, t):
        return self.array([number(v, t.dtype.is_floating_point) for v in t.reshape(-1).tolist()], "double")

    def input(self, t):
        if t is None:
            return "{0}"
        t, dtype = t if isinstance(t, tuple) else (t, "TN_F32" if t.dtype.is_floating_point else "TN_I64")
        if t.dim() == 0:
            return "LIT_S(%s, %s)" % (dtype, self.values(t))
        return "LIT(%s, %s, %s)" % (dtype, self.values(t), ", ".join(map(str, t.shape)))

    def attr(self, name, value):
        if isinstance(value, (list, tuple)):
            return 'AV("%s", %s)' % (name, ", ".join(map(str, value))) if value else 'AV_EMPTY("%s")' % name
        if isinstance(value, float):
            return 'AF("%s", %.17g)' % (name, value)
        return 'AI("%s", %s)' % (name, "INT64_MIN" if value == -2**63 else value)

    def add(self, op, title, attrs, inputs, outputs, grad=0, tol="TOL_ELEMENTWISE"):
        """Tensors, None, or (tensor, dtype); grad: mask of the inputs whose gradient is checked."""
        parts = ['.op = "%s"' % op, '.name = "golden: %s"' % title]
        if attrs:
            parts.append(".attrs = {%s}" % ", ".join(self.attr(k, v) for k, v in attrs.items()))
        parts.append(".in = {%s}" % ", ".join(map(self.input, inputs)))
        types, wants = [], []
        for t in outputs:
            t, dtype = t if isinstance(t, tuple) else (t, "TN_F32")
            wants.append(self.values(t))
            types.append("OUT(%s, %s)" % (dtype, ", ".join(map(str, t.shape))))
        parts += [".out = {%s}" % ", ".join(types), ".want = {%s}" % ", ".join(wants), ".want_tol = 1e-12"]
        if grad:
            parts.append(".grad = %d" % grad)
        parts.append(".tol = %s" % tol)
        self.cases.append("    {%s}," % ",\n     ".join(parts))

    def write(self):
        with open(self.name + ".h", "w") as f:
            f.write("/* Made by make_ops.py with PyTorch %s: do not edit. */\n" % torch.__version__)
            f.write("/* clang-format off */\n")
            f.write("\n".join(self.arrays))
            f.write("\n\nstatic const struct op_case golden[] = {\n%s\n};\n" % "\n".join(self.cases))


def conv_cases(h):
    cases = [  # title, x, w, bias, strides, pads (top, left, bottom, right), dilations, groups
        ("plain", (1, 2, 5, 6), (3, 2, 3, 2), True, (1, 1), (0, 0, 0, 0), (1, 1), 1),
        ("asymmetric pads and strides", (2, 1, 4, 5), (2, 1, 3, 3), False, (2, 1), (1, 0, 2, 1), (1, 1), 1),
        ("dilation", (1, 1, 7, 5), (2, 1, 3, 2), True, (1, 1), (0, 0, 0, 0), (2, 3), 1),
        ("groups", (2, 4, 3, 3), (6, 2, 2, 2), True, (1, 1), (0, 0, 0, 0), (1, 1), 2),
        ("depthwise, two filters a channel", (1, 3, 4, 4), (6, 1, 2, 3), False, (1, 1), (0, 1, 0, 1), (1, 1), 3),
        ("stride beyond the kernel", (1, 2, 7, 8), (1, 2, 2, 2), False, (3, 4), (0, 0, 0, 0), (1, 1), 1),
        ("one by one", (2, 3, 2, 2), (2, 3, 1, 1), True, (1, 1), (0, 0, 0, 0), (1, 1), 1),
        ("a window of padding alone", (1, 1, 2, 2), (1, 1, 2, 2), True, (2, 2), (2, 0, 0, 3), (1, 1), 1),
        ("all at once", (2, 4, 5, 6), (4, 2, 2, 3), True, (2, 3), (0, 2, 1, 3), (3, 2), 2),
    ]
    for title, xs, ws, has_bias, strides, pads, dilations, groups in cases:
        x, w = rand(xs).requires_grad_(True), rand(ws).requires_grad_(True)
        bias = rand(ws[0]) if has_bias else None
        top, left, bottom, right = pads
        y = F.conv2d(F.pad(x, (left, right, top, bottom)), w, bias, strides, 0, dilations, groups)
        dy = rand(y.shape)
        y.backward(dy)
        attrs = dict(strides=strides, pads=pads, dilations=dilations, groups=groups)
        h.add("conv2d", title, attrs, [x.detach(), w.detach(), bias], [y.detach()],
              7 if has_bias else 3, "TOL_SUM")
        h.add("conv2d_grad_input", title, dict(input_shape=xs, **attrs), [dy, w.detach()], [x.grad], 3, "TOL_SUM")
        h.add("conv2d_grad_weight", title, dict(kernel=ws[2:], **attrs), [x.detach(), dy], [w.grad], 3, "TOL_SUM")


def max_pool_cases(h):
    cases = [  # title, x, kernel, strides, pads, dilations, ceil_mode
        ("two by two", (1, 2, 4, 6), (2, 2), (), (0, 0, 0, 0), (1, 1), 0),
        ("what floor leaves over", (1, 1, 5, 7), (2, 3), (2, 3), (0, 0, 0, 0), (1, 1), 0),
        ("overlapping windows", (2, 1, 5, 5), (3, 2), (1, 1), (0, 0, 0, 0), (1, 1), 0),
        ("symmetric pads", (1, 2, 5, 5), (3, 3), (2, 2), (1, 1, 1, 1), (1, 1), 0),
        ("asymmetric pads", (1, 1, 4, 5), (3, 2), (2, 2), (1, 0, 2, 1), (1, 1), 0),
        ("ceil_mode", (1, 1, 6, 7), (3, 3), (2, 2), (0, 0, 0, 0), (1, 1), 1),
        ("ceil_mode, last window would begin in the padding", (1, 1, 2, 5), (2, 2), (3, 3), (1, 1, 1, 1), (1, 1), 1),
        ("dilation", (1, 2, 6, 7), (2, 3), (1, 2), (0, 0, 0, 0), (3, 2), 0),
        ("dilation, pads and ceil_mode", (1, 1, 6, 5), (3, 2), (2, 3), (1, 1, 1, 1), (2, 3), 1),
        ("stride beyond the kernel", (1, 1, 7, 7), (2, 2), (3, 4), (0, 0, 0, 0), (1, 1), 0),
    ]
    for title, xs, kernel, strides, pads, dilations, ceil_mode in cases:
        x = (rand(xs) - 2).requires_grad_(True)  # mostly negative: padding of 0 would win
        top, left, bottom, right = pads
        steps = strides or kernel
        if top == bottom and left == right:
            y, index = F.max_pool2d(x, kernel, steps, (top, left), dilations, bool(ceil_mode), True)
        else:
            padded = F.pad(x, (left, right, top, bottom), value=-math.inf)
            y, index = F.max_pool2d(padded, kernel, steps, 0, dilations, False, True)
            rows = torch.div(index, padded.shape[3], rounding_mode="floor") - top
            index = rows * xs[3] + index % padded.shape[3] - left
        dy = rand(y.shape)
        y.backward(dy)
        attrs = dict(kernel=kernel, strides=strides, pads=pads, dilations=dilations)
        h.add("max_pool2d", title, dict(ceil_mode=ceil_mode, **attrs), [x.detach()],
              [y.detach(), (index, "TN_I32")], 0, "TOL_EXACT")
        h.add("max_pool2d_grad", title, dict(input_shape=xs, **attrs), [dy, (index, "TN_I32")], [x.grad])


def avg_pool_cases(h):
    cases = [  # title, x, kernel, strides, pads, ceil_mode
        ("two by two", (1, 2, 4, 6), (2, 2), (), (0, 0, 0, 0), 0),
        ("overlapping windows", (2, 1, 5, 4), (3, 2), (1, 1), (0, 0, 0, 0), 0),
        ("symmetric pads", (1, 2, 5, 5), (3, 3), (2, 2), (1, 1, 1, 1), 0),
        ("asymmetric pads", (1, 1, 4, 5), (3, 2), (2, 2), (1, 0, 2, 1), 0),
        ("ceil_mode", (1, 1, 6, 7), (3, 3), (2, 2), (0, 0, 0, 0), 1),
        ("ceil_mode and pads", (1, 1, 6, 7), (3, 4), (2, 3), (1, 2, 1, 2), 1),
        ("ceil_mode, last window would begin in the padding", (1, 1, 2, 5), (2, 2), (3, 3), (1, 1, 1, 1), 1),
        ("stride beyond the kernel", (1, 1, 7, 7), (2, 2), (3, 4), (0, 0, 0, 0), 0),
    ]
    for title, xs, kernel, strides, pads, ceil_mode in cases:
        for include in (0, 1):
            x = rand(xs).requires_grad_(True)
            top, left, bottom, right = pads
            steps = strides or kernel
            if top == bottom and left == right:
                y = F.avg_pool2d(x, kernel, steps, (top, left), bool(ceil_mode), bool(include))
            else:
                pad = lambda t: F.pad(t, (left, right, top, bottom))
                y = F.avg_pool2d(pad(x), kernel, steps)
                if not include:
                    y = y / F.avg_pool2d(pad(torch.ones(xs)), kernel, steps)
            dy = rand(y.shape)
            y.backward(dy)
            attrs = dict(kernel=kernel, strides=strides, pads=pads, ceil_mode=ceil_mode, count_include_pad=include)
            title_of = title + (", padding counts" if include else "")
            h.add("avg_pool2d", title_of, attrs, [x.detach()], [y.detach()], 1)
            h.add("avg_pool2d_grad", title_of, dict(input_shape=xs, **attrs), [dy], [x.grad], 1)


def batch_norm_cases(h):
    for title, xs, epsilon in [("rank 2", (5, 3), 1e-3), ("rank 4", (3, 2, 2, 3), 1e-5), ("rank 3, one sample", (1, 2, 4), 1e-3)]:
        x = (rand(xs) * 2 + 3).requires_grad_(True)
        scale, bias = rand(xs[1]).requires_grad_(True), rand(xs[1]).requires_grad_(True)
        y = F.batch_norm(x, None, None, scale, bias, True, 0.1, epsilon)
        dy = rand(xs)
        y.backward(dy)
        axes = [0] + list(range(2, len(xs)))
        mean, var = x.detach().mean(axes), x.detach().var(axes, unbiased=False)
        inv_std = 1 / (var + epsilon).sqrt()
        h.add("batch_norm", title, dict(epsilon=epsilon), [x.detach(), scale.detach(), bias.detach()],
              [y.detach(), mean, inv_std, var], 7, "TOL_COMPOSITE")
        h.add("batch_norm_grad", title, {}, [x.detach(), scale.detach(), mean, inv_std, dy],
              [x.grad, scale.grad, bias.grad], 0, "TOL_COMPOSITE")
        mean, var = rand(xs[1]), torch.rand(xs[1]) + 0.1
        y = F.batch_norm(x, mean, var, scale, bias, False, 0.1, epsilon)
        h.add("batch_norm_inference", title, dict(epsilon=epsilon),
              [x.detach(), scale.detach(), bias.detach(), mean, var], [y.detach()], 7, "TOL_COMPOSITE")


def update_cases(h):
    """Each step is a case of its own; its inputs are PyTorch's state before it."""
    f32 = lambda v: (torch.tensor(v), "TN_F32")
    lr, n_steps = 0.0625, 4
    sgd = [("plain", 0.0, False, 0.0), ("weight decay", 0.0, False, 0.25), ("momentum", 0.75, False, 0.0),
           ("momentum and weight decay", 0.75, False, 0.125), ("nesterov", 0.75, True, 0.0),
           ("nesterov and weight decay", 0.875, True, 0.125)]
    for title, momentum, nesterov, decay in sgd:
        p = torch.nn.Parameter(rand(2, 3))
        velocity = torch.zeros(2, 3) if momentum else None
        opt = torch.optim.SGD([p], lr=lr, momentum=momentum, nesterov=nesterov, weight_decay=decay)
        for step in range(n_steps):
            before, p.grad = p.detach().clone(), rand(2, 3)
            opt.step()
            after = opt.state[p]["momentum_buffer"].clone() if momentum else torch.zeros(0)
            h.add("sgd", "%s, step %d" % (title, step + 1),
                  dict(momentum=momentum, nesterov=int(nesterov), weight_decay=decay),
                  [before, p.grad * 4, velocity, f32(lr), f32(0.25), f32(1.0)],
                  [p.detach().clone(), after], 0, "TOL_COMPOSITE")
            velocity = after if momentum else None
    adam = [("adam", "plain", 0.0), ("adam", "weight decay", 0.125), ("adamw", "default decay", 0.01),
            ("adamw", "strong decay", 0.5)]
    for op, title, decay in adam:
        p = torch.nn.Parameter(rand(5))
        cls = torch.optim.Adam if op == "adam" else torch.optim.AdamW
        beta1, beta2 = 0.875, 0.96875
        opt = cls([p], lr=lr, betas=(beta1, beta2), eps=1e-7, weight_decay=decay)
        m, v = torch.zeros(5), torch.zeros(5)
        for step in range(n_steps):
            before, p.grad = p.detach().clone(), rand(5)
            opt.step()
            s = opt.state[p]
            correction = torch.tensor([1 - beta1 ** (step + 1), 1 - beta2 ** (step + 1)])
            attrs = dict(beta1=beta1, beta2=beta2, epsilon=1e-7, weight_decay=decay)
            if decay == 0.01:
                del attrs["weight_decay"]  # adamw's default
            h.add(op, "%s, step %d" % (title, step + 1), attrs,
                  [before, p.grad * 4, m, v, (correction, "TN_F32"), f32(lr), f32(0.25), f32(1.0)],
                  [p.detach().clone(), s["exp_avg"].clone(), s["exp_avg_sq"].clone()], 0, "TOL_COMPOSITE")
            m, v = s["exp_avg"].clone(), s["exp_avg_sq"].clone()


def mix64(x):
    mask = 2**64 - 1
    x = (x + 0x9E3779B97F4A7C15) & mask
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & mask
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & mask
    return x ^ (x >> 31)


def philox(counter, key):
    """Philox4x32-10 as in Salmon et al., SC11; counter: 4 words, key: 2 words."""
    c, k = list(counter), list(key)
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ k[0], b & 0xFFFFFFFF, (a >> 32) ^ c[3] ^ k[1], a & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def dropout_cases(h):
    # The known answers of Random123.
    assert philox([0] * 4, [0] * 2) == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
    assert philox([0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344], [0xA4093822, 0x299F31D0]) == [
        0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1]
    low = lambda v: v & 0xFFFFFFFF
    for title, xs, samples, rng, path_hash, rate in [
            ("half", (3, 7), [0, 1, 2], 12345, 678, 0.5),
            ("samples beyond 32 bits, in any order", (3, 2, 3), [2**40 + 5, 7, 2**32], -3, 2**62 + 11, 0.25),
            ("negative path hash", (2, 9), [4, 4], 2**52 + 12345, -2**63, 0.75),
            ("rate 0 keeps all", (1, 5), [9], 1, 2, 0.0)]:
        x, y = rand(xs), torch.zeros(xs)
        key = mix64((rng ^ path_hash) & (2**64 - 1))
        for n, sample in enumerate(samples):
            flat_x, flat_y = x[n].reshape(-1), y[n].view(-1)
            for e in range(flat_x.numel()):
                draw = philox([low(e // 4), e // 4 >> 32, low(sample), sample >> 32], [low(key), key >> 32])[e % 4]
                if (draw >> 8) / 2.0**24 >= rate:  # the rates are exact in f32
                    flat_y[e] = flat_x[e] / (1 - rate)
        h.add("dropout", title, dict(rate=rate, path_hash=path_hash),
              [x, torch.tensor(samples), torch.tensor(rng)], [y], 1)


for name, makers in [("conv2d", [conv_cases]), ("pool2d", [max_pool_cases, avg_pool_cases]), ("batch_norm", [batch_norm_cases]),
                     ("updates", [update_cases]), ("dropout", [dropout_cases])]:
    header = Header(name)
    for maker in makers:
        maker(header)
    header.write()
