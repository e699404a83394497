"""ONNX operators as Tenon's: which operator, which attributes, and where ONNX's inputs are attributes.

Each entry of OPS is a function (g, attrs, *inputs) -> output or outputs, where `g` is a Builder (see
test_onnx_nodes.py): g.op(name, inputs..., attribute=...) makes a node, g.shape and g.dtype tell a
value's type, g.numbers its elements. An absent input is None. Skip says why a test is left out.
"""

import math

import onnx_read


class Skip(Exception):
    pass


# Not Tenon's: its operators are those of docs/operators.md.
NO_SUCH_OPERATOR = ["EyeLike", "Hardmax", "LpNormalization", "MaxUnpool", "MeanVarianceNormalization",
                    "RotaryEmbedding", "ThresholdedRelu"]
OPS = {}
# Operators that move or pick elements, and round nothing: compared bit for bit.
EXACT = set("""Abs ArgMax ArgMin Ceil Clip Concat Constant ConstantOfShape DepthToSpace Expand Flatten Floor
    Gather GatherElements GatherND GlobalMaxPool Identity Max MaxPool Min Neg OneHot Pad ReduceMax
    ReduceMin Relu Reshape Round Shape Sign Size Slice SpaceToDepth Split Squeeze Tile TopK Transpose
    Trilu Unsqueeze Where""".split())


def onnx(*names):
    def add(function):
        for name in names:
            OPS[name] = function
        return function
    return add


def same(names, *passed):
    """ONNX's name -> Tenon's, one output; attributes of these names are passed on."""
    for pair in names.split():
        onnx_name, name = pair.split(":")
        OPS[onnx_name] = lambda g, attrs, *x, name=name: g.op(
            name, *x, **{k: attrs[k] for k in passed if k in attrs})


same("Abs:abs Neg:neg Sign:sign Reciprocal:reciprocal Sqrt:sqrt Exp:exp Log:log Erf:erf Floor:floor "
     "Ceil:ceil Round:round IsNaN:isnan Sin:sin Cos:cos Tan:tan Sinh:sinh Cosh:cosh Tanh:tanh "
     "Asin:asin Acos:acos Atan:atan Sigmoid:sigmoid Relu:relu PRelu:prelu Mish:mish Softplus:softplus "
     "Softsign:softsign HardSwish:hard_swish Not:logical_not Identity:identity")
same("Add:add Sub:sub Mul:mul Div:div Equal:equal Less:less LessOrEqual:less_equal Greater:greater "
     "GreaterOrEqual:greater_equal And:logical_and Or:logical_or Xor:logical_xor Where:where "
     "MatMul:matmul")
same("LeakyRelu:leaky_relu Elu:elu Celu:celu Selu:selu HardSigmoid:hard_sigmoid", "alpha", "beta", "gamma")
same("Gelu:gelu Mod:mod IsInf:isinf", "approximate", "fmod", "detect_negative", "detect_positive")
same("Softmax:softmax LogSoftmax:log_softmax Gather:gather GatherElements:take_along_axis", "axis")
same("GatherND:gather_nd", "batch_dims")
same("Concat:concat", "axis")
same("Transpose:transpose", "perm")


# --- elementwise ---

def fold(name):
    def lower(g, attrs, *x):
        y = x[0]
        for other in x[1:]:
            y = g.op(name, y, other)
        return y
    return lower


OPS["Sum"], OPS["Max"], OPS["Min"] = fold("add"), fold("maximum"), fold("minimum")


@onnx("Swish")
def swish(g, attrs, x):
    if attrs.get("alpha", 1.0) != 1.0:
        raise Skip("silu has no alpha (Swish is not in opset 21)")
    return g.op("silu", x)


@onnx("Pow")
def power(g, attrs, a, b):
    """ONNX lets the exponent have a type of its own; the result is the base's."""
    base, exponent = g.dtype(a), g.dtype(b)
    if base == exponent:
        return g.op("pow", a, b)
    if onnx_read.LAYOUT[base][1] in "iq" and all(n == int(n) for n in g.numbers(b)):
        return g.op("pow", a, g.cast(b, base))
    wide = exponent if onnx_read.LAYOUT[base][1] in "iq" else base
    return g.cast(g.op("pow", g.cast(a, wide), g.cast(b, wide)), base)


@onnx("Clip")
def clip(g, attrs, x, low=None, high=None):
    bounds = {"min": low, "max": high}
    return g.op("clip", x, **{k: float(g.numbers(v)[0]) for k, v in bounds.items() if v is not None})


@onnx("Cast")
def cast(g, attrs, x):
    return g.cast(x, onnx_read.DTYPES.get(attrs["to"], "another type"))


@onnx("CastLike")
def cast_like(g, attrs, x, like):
    return g.cast(x, g.dtype(like))


# --- constants and shapes ---

@onnx("Constant")
def constant(g, attrs):
    if "value" in attrs:
        return g.const(attrs["value"])
    (key, value), = attrs.items()
    dtype = {"value_int": "i64", "value_ints": "i64", "value_float": "f32", "value_floats": "f32"}[key]
    return g.of(dtype, value)


@onnx("ConstantOfShape")
def constant_of_shape(g, attrs, shape):
    value = attrs.get("value")
    return g.op("fill", shape=g.numbers(shape), dtype=value.dtype if value else "f32",
                value=float(onnx_read.values(value)[0]) if value else 0.0)


@onnx("Shape")
def shape_of(g, attrs, x):
    dims = g.shape(x)
    return g.of("i64", dims[slice(attrs.get("start", 0), attrs.get("end", len(dims)))])


@onnx("Size")
def size(g, attrs, x):
    return g.of("i64", math.prod(g.shape(x)))


@onnx("Range")
def number_range(g, attrs, start, limit, delta):
    first, last, step = (g.numbers(v)[0] for v in (start, limit, delta))
    return g.op("range", start=float(first), step=float(step), dtype=g.dtype(start),
                count=max(0, math.ceil((last - first) / step)))


@onnx("Reshape")
def reshape(g, attrs, x, shape):
    dims, want = g.shape(x), g.numbers(shape)
    if not attrs.get("allowzero"):
        want = [dims[i] if n == 0 else n for i, n in enumerate(want)]
    known = math.prod(n for n in want if n != -1)
    return g.op("reshape", x, shape=[math.prod(dims) // known if n == -1 else n for n in want])


@onnx("Flatten")
def flatten(g, attrs, x):
    dims, axis = g.shape(x), attrs.get("axis", 1)
    return g.op("reshape", x, shape=[math.prod(dims[:axis]), math.prod(dims[axis:])])


@onnx("Expand")
def expand(g, attrs, x, shape):
    """Two-way: a 1 of `shape` keeps x's dim."""
    dims, want = g.shape(x), g.numbers(shape)
    rank = max(len(dims), len(want))
    dims, want = ([1] * (rank - len(s)) + s for s in (dims, want))
    return g.op("expand", x, shape=[a if b == 1 else b for a, b in zip(dims, want)])


@onnx("Squeeze")
def squeeze(g, attrs, x, axes=None):
    return g.op("squeeze", x, axes=g.axes(attrs, axes))


@onnx("Unsqueeze")
def unsqueeze(g, attrs, x, axes=None):
    return g.op("unsqueeze", x, axes=g.axes(attrs, axes))


@onnx("Slice")
def slices(g, attrs, x, starts, ends, axes=None, steps=None):
    lists = {"starts": starts, "ends": ends, "axes": axes, "steps": steps}
    return g.op("slice", x, **{k: g.numbers(v) for k, v in lists.items() if v is not None})


@onnx("Split")
def split(g, attrs, x, sizes=None):
    how = {"sizes": g.numbers(sizes)} if sizes is not None else {"parts": attrs.get("num_outputs", g.n_outputs)}
    return g.op("split", x, n_out=8, axis=attrs.get("axis", 0), **how)


@onnx("Tile")
def tile(g, attrs, x, repeats):
    return g.op("tile", x, repeats=g.numbers(repeats))


@onnx("Trilu")
def trilu(g, attrs, x, k=None):
    return g.op("trilu", x, upper=attrs.get("upper", 1), k=g.numbers(k)[0] if k is not None else 0)


@onnx("DepthToSpace", "SpaceToDepth")
def blocks(g, attrs, x):
    name = "depth_to_space" if g.node.op == "DepthToSpace" else "space_to_depth"
    return g.op(name, x, block=attrs["blocksize"], mode=attrs.get("mode", "DCR"))


@onnx("Pad")
def pad(g, attrs, x, pads, value=None, axes=None):
    more = {"axes": g.numbers(axes)} if axes is not None else {}
    if value is not None:
        more["value"] = float(g.numbers(value)[0])
    return g.op("pad", x, pads=g.numbers(pads), mode=attrs.get("mode", "constant"), **more)


@onnx("OneHot")
def one_hot(g, attrs, indices, depth, values):
    off, on = g.numbers(values)
    return g.op("one_hot", g.cast(indices, "i64"), depth=int(g.numbers(depth)[0]), dtype=g.dtype(values),
                axis=attrs.get("axis", -1), on_value=float(on), off_value=float(off))


@onnx("ScatterND")
def scatter_nd(g, attrs, x, indices, updates):
    return g.op("scatter_nd", x, indices, updates, reduction=attrs.get("reduction", "none"))


@onnx("ScatterElements")
def scatter_elements(g, attrs, x, indices, updates):
    """scatter_nd with every coordinate spelled out: the index along the axis, the place off it."""
    dims, axis = g.shape(indices), attrs.get("axis", 0) % len(g.shape(x))
    places = []
    for d, n in enumerate(dims):
        place = indices
        if d != axis:
            place = g.op("range", count=n, dtype=g.dtype(indices))
            place = g.op("expand", g.op("reshape", place, shape=[n if e == d else 1 for e in range(len(dims))]),
                         shape=dims)
        places.append(g.op("unsqueeze", place, axes=[-1]))
    return scatter_nd(g, attrs, x, g.op("concat", *places, axis=-1), updates)


# --- reductions ---

def reduction(name, before=None, after=None, **fixed):
    def lower(g, attrs, x, axes=None):
        axes = g.axes(attrs, axes)
        if axes or not attrs.get("noop_with_empty_axes"):
            x = g.op(before, x) if before else x
            x = g.op(name, x, axes=axes, keepdims=attrs.get("keepdims", 1), **fixed)
            x = g.op(after, x) if after else x
        return x
    return lower


OPS.update({"ReduceSum": reduction("sum"), "ReduceMean": reduction("mean"), "ReduceProd": reduction("prod"),
            "ReduceMax": reduction("max"), "ReduceMin": reduction("min"),
            "ReduceL1": reduction("norm", p=1.0), "ReduceL2": reduction("norm", p=2.0),
            "ReduceLogSum": reduction("sum", after="log"), "ReduceLogSumExp": reduction("logsumexp"),
            "ReduceSumSquare": reduction("sum", before="square")})


@onnx("ArgMax", "ArgMin")
def arg_extremum(g, attrs, x):
    return g.op(g.node.op.lower(), x, axis=attrs.get("axis", 0), keepdims=attrs.get("keepdims", 1),
                select_last_index=attrs.get("select_last_index", 0))


@onnx("CumSum")
def cumsum(g, attrs, x, axis):
    return g.op("cumsum", x, axis=g.numbers(axis)[0], exclusive=attrs.get("exclusive", 0),
                reverse=attrs.get("reverse", 0))


@onnx("TopK")
def top_k(g, attrs, x, k):
    return g.op("top_k", x, n_out=2, k=g.numbers(k)[0], axis=attrs.get("axis", -1),
                largest=attrs.get("largest", 1), sorted=attrs.get("sorted", 1))


# --- matrices ---

@onnx("Gemm")
def gemm(g, attrs, a, b, c=None):
    return g.op("matmul", a, b, c, trans_a=attrs.get("transA", 0), trans_b=attrs.get("transB", 0),
                alpha=attrs.get("alpha", 1.0), beta=attrs.get("beta", 1.0))


@onnx("Einsum")
def einsum(g, attrs, *x):
    return g.einsum(attrs["equation"].replace(" ", ""), *x)


# --- convolution and pooling ---

def same_pads(auto_pad, totals):
    """The odd cell goes to the end for SAME_UPPER, to the beginning for SAME_LOWER."""
    less, more = [t // 2 for t in totals], [t - t // 2 for t in totals]
    return more + less if auto_pad == "SAME_LOWER" else less + more


def window_pads(attrs):
    """`pads` and `auto_pad` have ONNX's own meaning."""
    return {k: attrs[k] for k in ("pads", "auto_pad") if k in attrs}


@onnx("Conv")
def conv(g, attrs, x, w, bias=None):
    dims = g.shape(x)[2:]
    ones = [1] * len(dims)
    strides, dilations = attrs.get("strides", ones), attrs.get("dilations", ones)
    return g.op(f"conv{len(dims)}d", x, w, bias, strides=strides, dilations=dilations,
                groups=attrs.get("group", 1), **window_pads(attrs))


@onnx("ConvTranspose")
def conv_transpose(g, attrs, x, w, bias=None):
    dims, kernel = g.shape(x)[2:], g.shape(w)[2:]
    if len(dims) > 2:
        raise Skip("conv_transpose in 3-D: no such operator")
    ones = [1] * len(dims)
    strides, dilations = attrs.get("strides", ones), attrs.get("dilations", ones)
    extra, padding = attrs.get("output_padding", [0] * len(dims)), window_pads(attrs)
    mode, want = attrs.get("auto_pad", "NOTSET"), attrs.get("output_shape")
    if want:
        full = [s * (n - 1) + d * (k - 1) + 1 + e
                for n, k, s, d, e in zip(dims, kernel, strides, dilations, extra)]
        extra = [e + max(0, w - f) for e, f, w in zip(extra, full, want)]
        totals = [max(0, f - w) for f, w in zip(full, want)]
        # Unlike the pools' SAME_UPPER, everything else puts the odd cell at the beginning.
        padding = {"pads": same_pads("SAME_UPPER" if mode == "SAME_UPPER" else "SAME_LOWER", totals)}
    return g.op(f"conv_transpose{len(dims)}d", x, w, bias, strides=strides, dilations=dilations,
                groups=attrs.get("group", 1), output_padding=extra, **padding)


@onnx("MaxPool", "AveragePool", "LpPool")
def pool(g, attrs, x):
    dims, kernel = g.shape(x)[2:], attrs["kernel_shape"]
    name, n_out = {"MaxPool": ("max_pool", 2), "AveragePool": ("avg_pool", 1), "LpPool": ("lp_pool", 1)}[g.node.op]
    if len(dims) > 2:
        raise Skip(f"{name} in 3-D: no such operator")
    ones = [1] * len(dims)
    strides, dilations = attrs.get("strides", ones), attrs.get("dilations", ones)
    more = {k: attrs[k] for k in ("ceil_mode", "count_include_pad") if k in attrs}
    if "p" in attrs:
        more["p"] = float(attrs["p"])
    y = g.op(f"{name}{len(dims)}d", x, n_out=n_out, kernel=kernel, strides=strides, dilations=dilations,
             **window_pads(attrs), **more)
    return y[0] if n_out == 2 else y


@onnx("GlobalMaxPool")
def global_max_pool(g, attrs, x):
    return g.op("global_max_pool", x, n_out=2)[0]


same("GlobalAveragePool:global_avg_pool")


@onnx("Resize")
def resize(g, attrs, x, roi=None, scales=None, sizes=None):
    dims = g.shape(x)
    axes = [a % len(dims) for a in attrs.get("axes", range(len(dims)))]
    scale, size = [1.0] * len(dims), list(dims)
    if scales is not None and g.shape(scales) != [0]:
        for a, s in zip(axes, g.numbers(scales)):
            scale[a], size[a] = s, math.floor(dims[a] * s)
    else:
        want = g.numbers(sizes)
        policy = attrs.get("keep_aspect_ratio_policy", "stretch")
        if policy != "stretch":
            of = min if policy == "not_larger" else max
            factor = of(w / dims[a] for a, w in zip(axes, want))
            want = [math.floor(factor * dims[a] + 0.5) for a in axes]
            for a in axes:
                scale[a] = factor
        for a, w in zip(axes, want):
            size[a] = w
    if size[:2] != dims[:2]:
        raise Skip("resize of the channels")
    for unsupported in ("antialias", "exclude_outside"):
        if attrs.get(unsupported):
            raise Skip(f"resize has no {unsupported}")
    if attrs.get("mode") == "cubic":
        raise Skip("resize has no mode cubic")
    more = {"scale_h": scale[-2], "scale_w": scale[-1]} if scales is not None else {"sizes": size[2:]}
    if attrs.get("coordinate_transformation_mode") == "tf_crop_and_resize":
        begin, end = [0.0] * len(dims), [1.0] * len(dims)
        sides = [float(n) for n in g.numbers(roi)]
        for i, a in enumerate(axes):
            begin[a], end[a] = sides[i], sides[i + len(axes)]
        more.update(crop_top=begin[-2], crop_left=begin[-1], crop_bottom=end[-2], crop_right=end[-1],
                    extrapolation=attrs.get("extrapolation_value", 0.0))
    return g.op("resize", x, mode=attrs.get("mode", "nearest"),
                coordinates=attrs.get("coordinate_transformation_mode", "half_pixel"),
                nearest_mode=attrs.get("nearest_mode", "round_prefer_floor"), **more)


# --- normalisation ---

def normalisation(name, n_out, used=1):
    def lower(g, attrs, *x):
        y = g.op(name, *x, n_out=n_out, **{k: attrs[k] for k in ("axis", "epsilon", "num_groups") if k in attrs})
        return y[:used]
    return lower


OPS.update({"LayerNormalization": normalisation("layer_norm", 3, 3), "RMSNormalization": normalisation("rms_norm", 2),
            "InstanceNormalization": normalisation("instance_norm", 3),
            "GroupNormalization": normalisation("group_norm", 3)})


@onnx("BatchNormalization")
def batch_norm(g, attrs, x, scale, bias, mean, var):
    epsilon = attrs.get("epsilon", 1e-5)
    if not attrs.get("training_mode"):
        return g.op("batch_norm_inference", x, scale, bias, mean, var, epsilon=epsilon)
    y, batch_mean, _, batch_var = g.op("batch_norm", x, scale, bias, n_out=4, epsilon=epsilon)
    keep, apply = attrs.get("momentum", 0.9), g.of("f32", 1.0)
    return [y, g.op("ema_update", mean, batch_mean, apply, momentum=keep),
            g.op("ema_update", var, batch_var, apply, momentum=keep)]


@onnx("LRN")
def lrn(g, attrs, x):
    return g.op("local_response_norm", x, n_out=2, **attrs)[0]


@onnx("Dropout")
def dropout(g, attrs, x, ratio=None, training=None):
    trains = training is not None and g.numbers(training)[0]
    rate = g.numbers(ratio)[0] if ratio is not None else attrs.get("ratio", 0.5)
    if trains and rate:
        raise Skip("dropout's random numbers are Tenon's own")
    mask = g.op("fill", shape=g.shape(x), value=1.0, dtype="bool")
    if not trains:
        return [g.op("identity", x), mask]
    samples = g.op("range", count=g.shape(x)[0], dtype="i64")
    return [g.op("dropout", x, samples, g.of("i64", 0), rate=0.0), mask]


# --- attention and recurrent ---

def heads(g, x, n):
    """[B, L, n D] -> [B, n, L, D]; what has four dims already is left."""
    dims = g.shape(x)
    if len(dims) == 4:
        return x
    return g.op("transpose", g.op("reshape", x, shape=[dims[0], dims[1], n, dims[2] // n]), perm=[0, 2, 1, 3])


def causal_mask(g, n_q, n_k, first, mask, dtype):
    """ONNX's query i sees the keys up to first + i."""
    seen = g.op("trilu", g.op("fill", shape=[n_q, n_k], value=1.0, dtype="bool"), upper=0, k=first)
    if mask is None:
        return seen
    if g.dtype(mask) == "bool":
        return g.op("logical_and", seen, mask)
    return g.op("where", seen, mask, g.of(dtype, -math.inf))


@onnx("Attention")
def attention(g, attrs, q, k, v, mask=None, past_k=None, past_v=None, kv_len=None):
    if attrs.get("softcap"):
        raise Skip("attention has no softcap (Attention is not in opset 21)")
    flat = len(g.shape(q)) == 3
    n_heads, n_kv = attrs.get("q_num_heads"), attrs.get("kv_num_heads")
    q, k, v = heads(g, q, n_heads), heads(g, k, n_kv), heads(g, v, n_kv)
    first = 0
    if past_k is not None:
        first = g.shape(past_k)[2]
        k, v = g.op("concat", past_k, k, axis=2), g.op("concat", past_v, v, axis=2)
    (batch, n, n_q, depth), n_k = g.shape(q), g.shape(k)[2]
    if mask is not None and g.shape(mask)[-1] < n_k:  # keys beyond the mask are not seen
        axis = len(g.shape(mask)) - 1
        mask = g.op("pad", mask, pads=[0, n_k - g.shape(mask)[-1]], axes=[axis],
                    value=0.0 if g.dtype(mask) == "bool" else -math.inf)
    causal = attrs.get("is_causal", 0)
    if causal and n_k - n_q != first:  # Tenon's causal has the last query see the last key
        mask, causal = causal_mask(g, n_q, n_k, first, mask, g.dtype(q)), 0
    scale = attrs.get("scale", 1 / math.sqrt(depth))
    y, _ = g.op("attention", q, k, v, mask, kv_len, n_out=2, causal=causal, scale=scale)
    if flat:
        dims = g.shape(y)
        y = g.op("reshape", g.op("transpose", y, perm=[0, 2, 1, 3]), shape=[batch, n_q, dims[1] * dims[3]])
    out = [y, k, v]
    if g.n_outputs > 3:
        if causal:
            mask = causal_mask(g, n_q, n_k, first, mask, g.dtype(q))
        out.append(scores(g, q, k, mask, scale, n, attrs.get("qk_matmul_output_mode", 0)))
    return out


def scores(g, q, k, mask, scale, n, mode):
    """What attention works on, for ONNX's fourth output: the products, with the mask added (from 1 on),
    as weights (3)."""
    dims = g.shape(k)
    if dims[1] != n:
        k = g.op("reshape", g.op("expand", g.op("unsqueeze", k, axes=[2]), shape=[dims[0], dims[1], n // dims[1], *dims[2:]]),
                 shape=[dims[0], n, *dims[2:]])
    s = g.op("matmul", q, k, trans_b=1, alpha=scale)
    if mode and mask is not None:
        if g.dtype(mask) == "bool":
            s = g.op("where", mask, s, g.of(g.dtype(q), -math.inf))
        else:
            s = g.op("add", s, mask)
    return g.op("softmax", s) if mode == 3 else s


@onnx("RNN", "GRU", "LSTM")
def recurrent(g, attrs, x, w, r, bias=None, lengths=None, h0=None, c0=None, peepholes=None):
    if "clip" in attrs or peepholes is not None:
        raise Skip("rnn, lstm and gru have no clip and no peepholes")
    name, n_out = {"RNN": ("rnn", 2), "GRU": ("gru", 3), "LSTM": ("lstm", 4)}[g.node.op]
    kept = {"direction": attrs.get("direction", "forward")}
    activations = [a.lower() for a in attrs.get("activations", [])]
    if name == "rnn" and activations:
        kept["activation"] = activations[0]
    elif activations and set(activations[1:]) | {activations[0]} != {"sigmoid", "tanh"}:
        raise Skip("lstm and gru have their usual activations alone")
    if name == "gru":
        kept["linear_before_reset"] = attrs.get("linear_before_reset", 0)
    by_batch = attrs.get("layout", 0)  # [B, T, ...] and [B, dirs, H]

    def turned(v, perm):
        return g.op("transpose", v, perm=perm) if by_batch and v is not None else v

    state = [turned(v, [1, 0, 2]) for v in ((h0, c0) if name == "lstm" else (h0,))]
    y, *rest = g.op(name, turned(x, [1, 0, 2]), w, r, bias, lengths, *state, n_out=n_out, **kept)
    last = [turned(v, [1, 0, 2]) for v in rest[:2 if name == "lstm" else 1]]
    return [turned(y, [2, 0, 1, 3]), *last]


# --- losses ---

def classes_last(g, x):
    rank = len(g.shape(x))
    return g.op("transpose", x, perm=[0, *range(2, rank), 1]) if rank > 2 else x


def loss_attrs(attrs):
    kept = {"reduction": attrs.get("reduction", "mean")}
    if "ignore_index" in attrs:
        kept["ignore_index"] = attrs["ignore_index"]
    return kept


@onnx("NegativeLogLikelihoodLoss")
def nll(g, attrs, x, labels, weight=None):
    return g.op("nll", classes_last(g, x), labels, weight, **loss_attrs(attrs))


@onnx("SoftmaxCrossEntropyLoss")
def cross_entropy(g, attrs, x, labels, weight=None):
    loss, _ = g.op("sparse_softmax_cross_entropy", classes_last(g, x), labels, weight, n_out=2, **loss_attrs(attrs))
    return [loss, g.op("log_softmax", x, axis=1)]


# --- training (ai.onnx.preview.training) ---

def update(g, tensors, n_slots, one):
    """ONNX's optimizers take all parameters, then all gradients, then each kind of slot, and give the
    new parameters, then the slots; one(param, grad, slots...) is Tenon's node for one of them."""
    n = len(tensors) // (2 + n_slots)
    results = [one(*tensors[i::n]) for i in range(n)]
    return [r[k] for k in range(1 + n_slots) for r in results]


@onnx("Momentum")
def momentum(g, attrs, rate, step, *tensors):
    one = g.of("f32", 1.0)
    # beta weighs the gradient, but for the first step; nesterov adds the gradient without it.
    beta = attrs["beta"] if g.numbers(step)[0] else 1.0
    nesterov = attrs["mode"] == "nesterov"
    if nesterov and beta != 1.0:
        raise Skip("sgd's nesterov has no weight of the gradient")
    return update(g, tensors, 1, lambda x, grad, v: g.op(
        "sgd", x, grad, v, rate, g.of("f32", beta), one, n_out=2, momentum=attrs["alpha"], nesterov=int(nesterov),
        weight_decay=attrs["norm_coefficient"] * beta))


@onnx("Adagrad")
def adagrad(g, attrs, rate, step, *tensors):
    one = g.of("f32", 1.0)
    decayed = g.of("f32", g.numbers(rate)[0] / (1 + g.numbers(step)[0] * attrs.get("decay_factor", 0.0)))
    return update(g, tensors, 1, lambda x, grad, h: g.op(
        "adagrad", x, grad, h, decayed, one, one, n_out=2, epsilon=attrs.get("epsilon", 1e-6),
        weight_decay=attrs.get("norm_coefficient", 0.0)))


@onnx("Adam")
def adam(g, attrs, rate, step, *tensors):
    """ONNX corrects the rate, not the moments, so that epsilon stands beside the plain root."""
    one, t = g.of("f32", 1.0), g.numbers(step)[0]
    if attrs.get("norm_coefficient_post"):
        raise Skip("adam has no decay after the step")
    b1, b2, lr = attrs.get("alpha", 0.9), attrs.get("beta", 0.999), g.numbers(rate)[0]
    if t > 0:
        lr *= math.sqrt(1 - b2 ** t) / (1 - b1 ** t)
    return update(g, tensors, 2, lambda x, grad, v, h: g.op(
        "adam", x, grad, v, h, g.of("f32", [1.0, 1.0]), g.of("f32", lr), one, one, n_out=3, beta1=b1, beta2=b2,
        epsilon=attrs.get("epsilon", 1e-6), weight_decay=attrs.get("norm_coefficient", 0.0)))


@onnx("Gradient")
def gradient(g, attrs, *_):
    return g.gradients(g.values[attrs["y"]], [g.values[name] for name in attrs["xs"]])
