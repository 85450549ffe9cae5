"""Random models of one operator: CASES[name](r, b) adds the operator to a Builder from the draws of r.

A case is a function of (operator, seed) alone.  Its ranges are those that a real model can have, with
extremes mixed in, but never what LiteRT's kernels leave undefined.
"""

import numpy as np

ACTIVATIONS = [0, 1, 2, 3]  # NONE, RELU, RELU_N1_TO_1, RELU6


class Random:
    """One generator a case, with the draws that the cases share.

    No scale of an activation is below 1e-8: LiteRT takes 6 / scale for an int32.
    """

    def __init__(self, name, seed):
        self.g = np.random.default_rng([seed, *name.encode()])
        self.unit = self.pick([1] * 16 + [1e-5, 1e-3, 100, 1e4])  # of all scales of the case

    def int(self, lo, hi):
        return int(self.g.integers(lo, hi + 1))

    def pick(self, values):
        return values[self.int(0, len(values) - 1)]

    def chance(self, p):
        return self.g.random() < p

    def scale(self, lo=1e-3, hi=0.5):
        return np.float32(self.unit * self.weight_scale(lo, hi))

    def weight_scale(self, lo=1e-3, hi=0.05):
        return np.float32(np.exp(self.g.uniform(np.log(lo), np.log(hi))))

    def zero(self, dtype):
        if dtype == np.float32:
            return 0
        info = np.iinfo(dtype)
        return self.pick([self.int(info.min, info.max), info.min, info.max, (info.min + info.max + 1) // 2])

    def codes(self, shape, dtype):
        if dtype == np.float32:
            return self.reals(shape)
        info = np.iinfo(dtype)
        kind = self.int(0, 9)
        if kind == 0:
            return np.full(shape, self.pick([info.min, info.max]), dtype)
        if kind == 1:
            return self.g.choice([info.min, info.max], shape).astype(dtype)
        return self.g.integers(info.min, info.max + 1, shape).astype(dtype)

    def reals(self, shape):
        return self.g.normal(0, self.unit * self.pick([0.1, 1, 10]), shape).astype(np.float32)

    def kind(self):
        return self.pick([np.int8, np.int8, np.int8, np.uint8, np.uint8, np.float32])

    def code_kind(self):
        return self.pick([np.int8, np.uint8])


def weights(r, b, shape, dtype, channels, axis, x_scale, allow_int4=True):
    """Weights and bias tensors; returns their indices and a typical output scale."""
    if dtype == np.float32:
        w = b.tensor(shape, dtype, data=r.reals(shape))
        return w, b.tensor([channels], dtype, data=r.reals([channels])), False, np.float32(1)
    int4 = dtype == np.int8 and allow_int4 and r.chance(0.15)
    if dtype == np.uint8:
        scale, zero = r.weight_scale(), r.zero(np.uint8)
        data = r.codes(shape, np.uint8)
    else:
        many = r.chance(0.7) and channels > 1
        scale = np.array([r.weight_scale() for _ in range(channels)]) if many else r.weight_scale()
        zero = 0
        data = r.g.integers(-8, 8, shape) if int4 else r.codes(shape, np.int8)
    w = b.tensor(shape, dtype if not int4 else np.int8, scale, zero, data, axis, int4)
    bias_scale = np.float32(x_scale) * np.float32(scale)
    bias = b.tensor([channels], np.int32, bias_scale, 0, r.g.integers(-20000, 20001, channels))
    taps = np.prod(shape) / channels
    typical = float(np.mean(scale)) * float(x_scale) * np.sqrt(taps) * (60 if not int4 else 4)
    return w, bias, int4, np.float32(typical * r.pick([0.2, 1.0, 1.0, 1.0, 4.0, 4.0, 0.01, 1e8]))


def geometry(r, padding):
    """Input size, window, stride, dilation of one axis; under SAME the window may exceed the input."""
    k, d = r.int(1, 5), r.pick([1, 1, 1, 2, 3])
    s = r.int(1, 3) if d == 1 or r.chance(0.3) else 1
    return r.int(1 if padding == 0 else (k - 1) * d + 1, 14), k, s, d


def slide(n, k, s, d, padding):
    return (n + s - 1) // s if padding == 0 else (n + s - (k - 1) * d - 1) // s


def conv_2d(r, b):
    dtype = r.kind()
    padding = r.int(0, 1)
    (h, kh, sh, dh), (w, kw, sw, dw) = geometry(r, padding), geometry(r, padding)
    batch, groups = r.pick([1, 1, 2]), r.pick([1, 1, 1, 2, 3])
    if dtype == np.uint8:
        groups = 1
    cin, cout = groups * r.int(1, 20), groups * r.int(1, 24)
    xs, xz = r.scale(), r.zero(dtype)
    x = b.tensor([batch, h, w, cin], dtype, xs, xz)
    f, bias, int4, ys = weights(r, b, [cout, kh, kw, cin // groups], dtype, cout, 0, xs)
    y = b.tensor([batch, slide(h, kh, sh, dh, padding), slide(w, kw, sw, dw, padding), cout], dtype, ys,
                 r.zero(dtype))
    b.op("CONV_2D", [x, f, bias], [y], 7 if int4 else 3, "Conv2DOptions", padding=padding, strideW=sw,
         strideH=sh, dilationWFactor=dw, dilationHFactor=dh, fusedActivationFunction=r.pick(ACTIVATIONS))
    return [x], [y]


def depthwise_conv_2d(r, b):
    dtype = r.kind()
    padding = r.int(0, 1)
    (h, kh, sh, dh), (w, kw, sw, dw) = geometry(r, padding), geometry(r, padding)
    batch, m, cin = r.pick([1, 1, 2]), r.pick([1, 1, 1, 2, 3]), r.int(1, 40)
    xs, xz = r.scale(), r.zero(dtype)
    x = b.tensor([batch, h, w, cin], dtype, xs, xz)
    f, bias, int4, ys = weights(r, b, [1, kh, kw, cin * m], dtype, cin * m, 3, xs)
    y = b.tensor([batch, slide(h, kh, sh, dh, padding), slide(w, kw, sw, dw, padding), cin * m], dtype, ys,
                 r.zero(dtype))
    b.op("DEPTHWISE_CONV_2D", [x, f, bias] if r.chance(0.8) else [x, f], [y], 3, "DepthwiseConv2DOptions", padding=padding, strideW=sw,
         strideH=sh, depthMultiplier=m, dilationWFactor=dw, dilationHFactor=dh,
         fusedActivationFunction=r.pick(ACTIVATIONS))
    return [x], [y]


def fully_connected(r, b):
    dtype = r.kind()
    depth, units, batch = r.int(1, 200), r.int(1, 40), r.int(1, 5)
    keep, pictures = r.chance(0.3), r.chance(0.2)
    shape = [batch, r.int(1, 3), depth] if keep else [batch, depth]
    if pictures and not keep:  # [N,H,W,C] counts as [N,H*W*C]
        shape = [batch, r.int(1, 4), r.int(1, 4), r.int(1, 12)]
        depth = int(np.prod(shape[1:]))
    xs, xz = r.scale(), r.zero(dtype)
    x = b.tensor(shape, dtype, xs, xz)
    f, bias, int4, ys = weights(r, b, [units, depth], dtype, units, 0, xs)
    y = b.tensor(shape[:-1] + [units] if keep else [batch, units], dtype, ys, r.zero(dtype))
    if dtype == np.int8 and not int4 and r.chance(0.1):  # one scale only: the zero point counts
        q = b.graph.tensors[f].quantization
        q.zeroPoint[:] = r.int(-20, 20) if len(q.scale) == 1 else 0
    inputs = [x, f, bias if r.chance(0.8) else -1]
    b.op("FULLY_CONNECTED", inputs, [y], 10 if int4 else 6, "FullyConnectedOptions", keepNumDims=keep,
         fusedActivationFunction=r.pick(ACTIVATIONS))
    return [x], [y]


def pair_of_shapes(r):
    shape = [r.int(1, 6) for _ in range(r.int(1, 4))]
    if r.chance(0.2):
        shape[-1] = r.int(1, 700)
    a, b = list(shape), list(shape)
    if r.chance(0.5):
        for i in range(len(shape)):
            if r.chance(0.4):
                r.pick([a, b])[i] = 1
        cut = r.int(0, len(shape))
        if r.chance(0.4):
            r.pick([a, b])[:] = r.pick([a, b])[cut:] if r.chance(0.5) else [1]
    out = np.broadcast_shapes(tuple(a), tuple(b))
    return a, b, list(out)


def binary(name, options, version):
    def make(r, b):
        dtype = r.kind()
        sa, sb, so = pair_of_shapes(r)
        s1, s2 = r.scale(), r.scale()
        out = s1 * s2 * 128 * r.pick([0.3, 1, 2]) if name == "MUL" else max(s1, s2) * r.pick([0.5, 1, 2])
        x = b.tensor(sa, dtype, s1, r.zero(dtype))
        if r.chance(0.2):
            y = b.tensor(sb, dtype, s2, r.zero(dtype), r.codes(sb, dtype))
        else:
            y = b.tensor(sb, dtype, s2, r.zero(dtype))
        z = b.tensor(so, dtype, np.float32(out), r.zero(dtype))
        b.op(name, [x, y], [z], version, options, fusedActivationFunction=r.pick(ACTIVATIONS))
        return [x] + ([y] if b.graph.tensors[y].buffer == 0 else []), [z]
    return make


def extremum(name):
    def make(r, b):
        dtype = r.kind()
        sa, sb, so = pair_of_shapes(r)
        scale, zero = r.scale(), r.zero(dtype)
        x, y, z = (b.tensor(s, dtype, scale, zero) for s in (sa, sb, so))
        b.op(name, [x, y], [z], 2, "MaximumMinimumOptions")
        return [x, y], [z]
    return make


def concatenation(r, b):
    dtype = r.kind()
    rank = r.int(1, 4)
    shape, axis, count = [r.int(1, 5) for _ in range(rank)], r.int(0, rank - 1), r.int(1, 5)
    scale, zero = r.scale(), r.zero(dtype)
    same = dtype == np.int8 or r.chance(0.4)
    inputs, total = [], 0
    for _ in range(count):
        s = list(shape)
        s[axis] = r.int(1, 6)
        total += s[axis]
        inputs.append(b.tensor(s, dtype, scale if same else r.scale(), zero if same else r.zero(dtype)))
    s = list(shape)
    s[axis] = total
    y = b.tensor(s, dtype, scale, zero)
    b.op("CONCATENATION", inputs, [y], 2, "ConcatenationOptions", axis=axis - (rank if r.chance(0.3) else 0))
    return inputs, [y]


def pool(name):
    def make(r, b):
        dtype = r.kind()
        padding, c, batch = r.int(0, 1), r.int(1, 40), r.pick([1, 1, 2])
        (h, kh, sh, _), (w, kw, sw, _) = geometry(r, padding), geometry(r, padding)
        scale, zero = r.scale(), r.zero(dtype)
        x = b.tensor([batch, h, w, c], dtype, scale, zero)
        y = b.tensor([batch, slide(h, kh, sh, 1, padding), slide(w, kw, sw, 1, padding), c], dtype, scale, zero)
        b.op(name, [x], [y], 2, "Pool2DOptions", padding=padding, strideW=sw, strideH=sh, filterWidth=kw,
             filterHeight=kh, fusedActivationFunction=r.pick(ACTIVATIONS))
        return [x], [y]
    return make


def mean(r, b):
    dtype = r.kind()
    rank = r.int(1, 4)
    shape = [r.int(1, 9) for _ in range(rank)]
    axes = sorted(r.g.choice(rank, r.int(1, rank), replace=False).tolist())
    if rank == 4 and r.chance(0.5):
        axes = [1, 2]
    keep = r.chance(0.5)
    out = [1 if i in axes else d for i, d in enumerate(shape) if keep or i not in axes]
    x = b.tensor(shape, dtype, r.scale(), r.zero(dtype))
    same = r.chance(0.4)
    q = b.graph.tensors[x].quantization
    same = same and q is not None
    y = b.tensor(out, dtype, q.scale[0] if same else r.scale(), q.zeroPoint[0] if same else r.zero(dtype))
    given = [a - rank if r.chance(0.3) else a for a in axes]
    a = b.tensor([len(given)], np.int32, data=given)
    b.op("MEAN", [x, a], [y], 2, "ReducerOptions", keepDims=keep)
    return [x], [y]


def padded(name):
    def make(r, b):
        dtype = r.kind()
        rank = r.int(1, 4)
        shape = [r.int(1, 6) for _ in range(rank)]
        pads = r.g.integers(0, 4, (rank, 2))
        scale, zero = r.scale(), r.zero(dtype)
        x = b.tensor(shape, dtype, scale, zero)
        p = b.tensor([rank, 2], np.int32, data=pads)
        y = b.tensor([d + int(a + e) for d, (a, e) in zip(shape, pads)], dtype, scale, zero)
        inputs = [x, p]
        if name == "PADV2":
            inputs.append(b.tensor([1], dtype, scale, zero, r.codes([1], dtype)))
        b.op(name, inputs, [y], 2, "PadV2Options" if name == "PADV2" else "PadOptions")
        return [x], [y]
    return make


def reshape(r, b):
    dtype = r.kind()
    shape = [r.int(1, 6) for _ in range(r.int(1, 4))]
    out = r.pick([[int(np.prod(shape))], [1, int(np.prod(shape))], shape[::-1], shape + [1]])
    scale, zero = r.scale(), r.zero(dtype)
    x, y = b.tensor(shape, dtype, scale, zero), b.tensor(out, dtype, scale, zero)
    given = list(out)
    if r.chance(0.4):
        given[r.int(0, len(given) - 1)] = -1
    if r.chance(0.5):
        b.op("RESHAPE", [x, b.tensor([len(out)], np.int32, data=given)], [y], 1, "ReshapeOptions", newShape=given)
    else:
        b.op("RESHAPE", [x], [y], 1, "ReshapeOptions", newShape=given)
    return [x], [y]


def softmax(r, b):
    dtype = r.kind()
    shape = [r.int(1, 4) for _ in range(r.int(0, 3))] + [r.pick([r.int(1, 20), r.int(1, 300)])]
    scale = max(r.scale(1e-3, 2), np.float32(1e-7))  # LiteRT aborts if beta * scale < 2^-26
    x = b.tensor(shape, dtype, scale, r.zero(dtype))
    y = b.tensor(shape, dtype, np.float32(1 / 256), 0 if dtype == np.float32 else np.iinfo(dtype).min)
    b.op("SOFTMAX", [x], [y], 2, "SoftmaxOptions", beta=r.pick([1.0, 1.0, 0.5, 2.0, 0.3]))
    return [x], [y]


def unary(name, version, out_scale=None, out_zero=None, options=None):
    def make(r, b):
        dtype = r.kind()
        shape = [r.int(1, 6) for _ in range(r.int(1, 4))] + [256]
        x = b.tensor(shape, dtype, r.scale(), r.zero(dtype))
        lowest = 0 if dtype == np.float32 else np.iinfo(dtype).min
        zero = r.zero(dtype) if out_zero is None else lowest + out_zero
        y = b.tensor(shape, dtype, r.scale() if out_scale is None else np.float32(out_scale), zero)
        if name == "HARD_SWISH" and dtype != np.float32:  # the ratio that the kernel can express
            q = b.graph.tensors
            q[y].quantization.scale = np.maximum(q[y].quantization.scale, q[x].quantization.scale / 100)
        b.op(name, [x], [y], version, options)
        return [x], [y]
    return make


def leaky_relu(r, b):
    dtype = r.kind()
    shape = [r.int(1, 6) for _ in range(r.int(1, 3))] + [256]
    x = b.tensor(shape, dtype, r.scale(), r.zero(dtype))
    y = b.tensor(shape, dtype, r.scale(), r.zero(dtype))
    b.op("LEAKY_RELU", [x], [y], 2, "LeakyReluOptions", alpha=r.pick([0.1, 0.2, 0.01, 0.3, 1.5, -0.5, 0.0]))
    return [x], [y]


def quantize(r, b):
    shape = [r.int(1, 6) for _ in range(r.int(1, 4))] + [256]
    dtype = r.code_kind()
    if r.chance(0.4):
        x = b.tensor(shape, np.float32)
    else:
        other = r.code_kind()
        x = b.tensor(shape, other, r.scale(), r.zero(other))
    y = b.tensor(shape, dtype, r.scale(), r.zero(dtype))
    q = b.graph.tensors
    if r.chance(0.2) and q[x].quantization is not None:
        q[y].quantization.scale = q[x].quantization.scale
    b.op("QUANTIZE", [x], [y], 1, "QuantizeOptions")
    return [x], [y]


def dequantize(r, b):
    shape = [r.int(1, 6) for _ in range(r.int(1, 4))] + [256]
    dtype = r.code_kind()
    x, y = b.tensor(shape, dtype, r.scale(), r.zero(dtype)), b.tensor(shape, np.float32)
    b.op("DEQUANTIZE", [x], [y], 2, "DequantizeOptions")
    return [x], [y]


def moved(r, dims):
    """Input and output with one quantization, for operators that only move values."""
    dtype = r.kind()
    return dtype, r.scale(), r.zero(dtype), [r.int(1, 6) for _ in range(dims)]


def squeeze(r, b):
    dtype, scale, zero, shape = moved(r, r.int(1, 4))
    for i in range(len(shape)):
        if r.chance(0.5):
            shape[i] = 1
    ones = [i for i, d in enumerate(shape) if d == 1]
    dims = [i for i in ones if r.chance(0.6)]
    gone = dims or ones
    out = [d for i, d in enumerate(shape) if i not in gone]
    x, y = b.tensor(shape, dtype, scale, zero), b.tensor(out, dtype, scale, zero)
    b.op("SQUEEZE", [x], [y], 1, "SqueezeOptions", squeezeDims=[d - len(shape) if r.chance(0.3) else d for d in dims])
    return [x], [y]


def transpose(r, b):
    dtype, scale, zero, shape = moved(r, r.int(1, 5))
    order = r.g.permutation(len(shape)).tolist()
    x, y = b.tensor(shape, dtype, scale, zero), b.tensor([shape[i] for i in order], dtype, scale, zero)
    b.op("TRANSPOSE", [x, b.tensor([len(order)], np.int32, data=order)], [y], 2, "TransposeOptions")
    return [x], [y]


def slice_of(r, d, i, mask):
    """Index i, over a dimension of d: [begin, end, stride] and the extent that it leaves, at least 1.

    Bounds may be negative or beyond the dimension; mask[name] gets bit i where a bound is free.
    """
    while True:
        begin, end, step = r.int(-d - 2, d + 2), r.int(-d - 2, d + 2), r.pick([1, 1, 1, 2, 3, -1, -1, -2])
        free = [r.chance(0.3), r.chance(0.3)]
        extent = len(range(*slice(None if free[0] else begin, None if free[1] else end, step).indices(d)))
        if extent > 0:
            break
    for name, is_free in zip(("beginMask", "endMask"), free):
        mask[name] |= is_free << i
    return [begin, end, step], extent


def kinds_of_indices(r, rank):
    """A list of "cut", "drop", "relative", at most one "...", and "new", and the dimensions under "..."."""
    if r.chance(0.1):
        return ["relative"] * rank, 0
    own = r.int(0, rank - 1) if r.chance(0.4) else rank
    kinds = [r.pick(["cut", "cut", "cut", "drop"]) for _ in range(own)]
    if own < rank and r.chance(0.6):
        kinds.insert(r.int(0, own), "...")
    while r.chance(0.2) and len(kinds) < 7:
        kinds.insert(r.int(0, len(kinds)), "new")
    return kinds, rank - own if "..." in kinds else 0


def strided_slice(r, b):
    """Indices of every kind, as NumPy's x[a:b:c, 3, ..., newaxis]; and more of them than dimensions."""
    dtype, scale, zero, shape = moved(r, r.int(1, 4))
    kinds, under = kinds_of_indices(r, len(shape))
    mask = dict.fromkeys(("beginMask", "endMask", "ellipsisMask", "newAxisMask", "shrinkAxisMask"), 0)
    given, out, rest = [], [], list(shape)
    for i, kind in enumerate(kinds):
        index = [r.int(-9, 9), r.int(-9, 9), 1]
        if kind == "...":
            mask["ellipsisMask"] |= 1 << i
            mask["newAxisMask"] |= r.chance(0.2) << i  # of no effect here
            out, rest = out + rest[:under], rest[under:]
        elif kind == "new":
            mask["newAxisMask"] |= 1 << i
            mask["shrinkAxisMask"] |= r.chance(0.2) << i  # likewise
            out.append(1)
        elif kind == "drop":
            mask["shrinkAxisMask"] |= 1 << i
            d = rest.pop(0)
            index[0] = r.int(-d, d - 1)
        elif kind == "relative":  # the end counts from the begin
            d = rest.pop(0)
            begin, step = r.int(0, d - 1), r.pick([1, 2])
            index = [begin - d * r.int(0, 1), r.int(1, d - begin), step]
            out.append(len(range(0, index[1], step)))
        else:
            index, extent = slice_of(r, rest.pop(0), i, mask)
            out.append(extent)
        given.append(index)
    if len(given) == len(shape) and len(set(kinds)) == 1 and r.chance(0.3):  # LiteRT overlooks what is left
        given += [[0, 1, 1]] * r.int(1, 2)
    x, y = b.tensor(shape, dtype, scale, zero), b.tensor(out + rest, dtype, scale, zero)
    lists = [b.tensor([len(given)], np.int32, data=[index[k] for index in given]) for k in range(3)]
    b.op("STRIDED_SLICE", [x, *lists], [y], 2, "StridedSliceOptions", offset="relative" in kinds, **mask)
    return [x], [y]


def split(r, b):
    dtype, scale, zero, shape = moved(r, r.int(1, 4))
    axis, count = r.int(0, len(shape) - 1), r.int(1, 4)
    part = list(shape)
    shape[axis] *= count
    x = b.tensor(shape, dtype, scale, zero)
    given = b.tensor([], np.int32, data=axis - len(shape) if r.chance(0.3) else axis)
    outs = [b.tensor(part, dtype, scale, zero) for _ in range(count)]
    b.op("SPLIT", [given, x], outs, 2, "SplitOptions", numSplits=count)
    return [x], outs


def resize(name):
    def make(r, b):
        dtype, scale, zero, shape = moved(r, 4)
        size = [r.int(1, 12), r.int(1, 12)]
        corners = r.chance(0.3)
        half = not corners and r.chance(0.5)
        x = b.tensor(shape, dtype, scale, zero)
        y = b.tensor([shape[0], *size, shape[3]], dtype, scale, zero)
        options = "ResizeBilinearOptions" if name == "RESIZE_BILINEAR" else "ResizeNearestNeighborOptions"
        b.op(name, [x, b.tensor([2], np.int32, data=size)], [y], 3, options, alignCorners=corners,
             halfPixelCenters=half)
        return [x], [y]
    return make


def arg_max(r, b):
    dtype, scale, zero, shape = moved(r, r.int(1, 4))
    axis = r.int(0, len(shape) - 1)
    shape[axis] = r.int(1, 40)
    wide = r.chance(0.5)
    x = b.tensor(shape, dtype, scale, zero)
    y = b.tensor(shape[:axis] + shape[axis + 1:], np.int64 if wide else np.int32)
    given = b.tensor([1] if r.chance(0.5) else [], np.int32, data=axis - len(shape) if r.chance(0.3) else axis)
    b.op("ARG_MAX", [x, given], [y], 2, "ArgMaxOptions", outputType=4 if wide else 2)
    return [x], [y]


CASES = {
    "conv_2d": conv_2d,
    "depthwise_conv_2d": depthwise_conv_2d,
    "fully_connected": fully_connected,
    "add": binary("ADD", "AddOptions", 2),
    "mul": binary("MUL", "MulOptions", 3),
    "sub": binary("SUB", "SubOptions", 2),
    "minimum": extremum("MINIMUM"),
    "maximum": extremum("MAXIMUM"),
    "concatenation": concatenation,
    "split": split,
    "strided_slice": strided_slice,
    "squeeze": squeeze,
    "transpose": transpose,
    "resize_nearest_neighbor": resize("RESIZE_NEAREST_NEIGHBOR"),
    "resize_bilinear": resize("RESIZE_BILINEAR"),
    "arg_max": arg_max,
    "leaky_relu": leaky_relu,
    "average_pool_2d": pool("AVERAGE_POOL_2D"),
    "max_pool_2d": pool("MAX_POOL_2D"),
    "mean": mean,
    "pad": padded("PAD"),
    "padv2": padded("PADV2"),
    "reshape": reshape,
    "softmax": softmax,
    "logistic": unary("LOGISTIC", 2, 1 / 256, 0),
    "tanh": unary("TANH", 2, 1 / 128, 128),
    "relu": unary("RELU", 2),
    "relu6": unary("RELU6", 2),
    "relu_n1_to_1": unary("RELU_N1_TO_1", 1),
    "hard_swish": unary("HARD_SWISH", 1, options="HardSwishOptions"),
    "quantize": quantize,
    "dequantize": dequantize,
}
