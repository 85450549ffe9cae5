"""What LiteRT loads of octet's operators, octet loads: every element type, and the unusual forms.

    python tests/interop/accepted.py [--verbose] [PART OF A CASE'S NAME]
    python tests/interop/accepted.py --write DIRECTORY     # the models, for `make fuzz FUZZ_SEEDS=`

Each case is a small model.  Where LiteRT's reference kernels run it, octet must run it to the same
bytes (floats: |a-b| <= 1e-5 max|b|), unless the case is listed in REFUSED with the reason.  Exits with
1 if anything differs, is refused without being listed, or is listed and runs.  Needs ai-edge-litert
and numpy.
"""

import argparse
import pathlib
import sys

import numpy as np

import octet_rt
from build_model import TYPE, Builder
from litert import Interpreter, OpResolverType, schema

TYPES = {"f32": np.float32, "i8": np.int8, "u8": np.uint8, "i16": np.int16, "i32": np.int32,
         "i64": np.int64, "bool": np.bool_}
CODES = ("i8", "u8", "i16")

# Begin of a case's name: why octet refuses what LiteRT takes.
REFUSED = {
    "add i16": "arithmetic on 16-bit activations", "sub i16": "16-bit", "mul i16": "16-bit",
    "mean i16": "16-bit", "average_pool_2d i16": "16-bit", "max_pool_2d i16": "16-bit",
    "relu i16": "16-bit", "relu6 i16": "16-bit", "leaky_relu i16": "16-bit", "logistic i16": "16-bit",
    "tanh i16": "16-bit", "softmax i16": "16-bit", "resize_bilinear i16": "16-bit",
    "mean of codes without a scale": "codes whose meaning the file does not say",
    "slice empty": "tensors without elements", "model unused empty input": "tensors without elements",
    "model constant output": "an output that is no activation",
    "model two subgraphs": "one subgraph",
    "model without outputs": "nothing to compute",
    "model stored shape": "shapes that the file leaves to be worked out",
    "weights computed": "weights that are not constant",
    "hybrid conv_2d int4 many": "scales of which LiteRT reads the first alone",
    "hybrid conv_2d u8": "codes of uint8 weights that LiteRT reads as int8",
    "hybrid fully_connected u8": "codes of uint8 weights that LiteRT reads as int8",
}

GOOD = ("equal", "not in LiteRT", "refused, as listed")
CASES = {}


def case(name, build):
    assert name not in CASES, name
    CASES[name] = build


def scale_of(kind):
    return {"scale": 0.1, "zero": 0} if kind in CODES else {}


class Case(Builder):
    def __init__(self, g):
        super().__init__()
        self.g = g

    def draw(self, shape, dtype):
        dtype = np.dtype(dtype)
        if dtype.kind == "f":
            return self.g.normal(0, 1, shape).astype(dtype)
        if dtype == np.bool_:
            return self.g.integers(0, 2, shape).astype(dtype)
        info = np.iinfo(dtype)
        return self.g.integers(max(info.min, -1000), min(info.max, 1000) + 1, shape).astype(dtype)

    def values(self, kind, shape, **options):
        return self.tensor(shape, TYPES[kind], **{**scale_of(kind), **options})

    def constant(self, kind, shape, **options):
        return self.values(kind, shape, data=self.draw(shape, TYPES[kind]), **options)

    def numbers(self, values, dtype=np.int32):
        values = np.array(values, dtype)
        return self.tensor(values.shape, dtype, data=values)


def single(name, kind, shape, out, extra=None, options=None, version=1, out_kind=None, out_quant=None, **fields):
    """One operator: input of `shape`, the tensors of extra(builder), one output."""

    def build(b):
        x = b.values(kind, shape)
        more = extra(b) if extra else []
        y = b.tensor(out, TYPES[out_kind or kind], **(out_quant or scale_of(out_kind or kind)))
        b.op(name, [x] + more, [y], version, options, **fields)
        return [x] + [t for t in more if t >= 0 and b.graph.tensors[t].buffer == 0], [y]

    return build


# ---- every type ------------------------------------------------------------------------------------

PROBABILITY = {"i8": {"scale": 1 / 256, "zero": -128}, "u8": {"scale": 1 / 256, "zero": 0},
               "i16": {"scale": 1 / 32768, "zero": 0}}
SIGNED = {"i8": {"scale": 1 / 128, "zero": 0}, "u8": {"scale": 1 / 128, "zero": 128},
          "i16": {"scale": 1 / 32768, "zero": 0}}
POOL = {"filterHeight": 2, "filterWidth": 2, "strideH": 2, "strideW": 2}


def add_types(k):
    for name, options in (("ADD", "AddOptions"), ("SUB", "SubOptions"), ("MUL", "MulOptions"),
                          ("MINIMUM", "MaximumMinimumOptions"), ("MAXIMUM", "MaximumMinimumOptions")):
        case(f"{name.lower()} {k}", single(name, k, [2, 3], [2, 3], lambda b: [b.values(k, [2, 3])], options))
        case(f"{name.lower()} {k} broadcast",
             single(name, k, [2, 3, 4], [2, 3, 4], lambda b: [b.values(k, [3, 1])], options))
    for name in ("ADD", "SUB", "MUL"):
        for activation in (1, 2, 3) if k in ("i32", "i64") else ():
            case(f"{name.lower()} {k} activation {activation}",
                 single(name, k, [2, 3], [2, 3], lambda b: [b.values(k, [2, 3])],
                        name.capitalize() + "Options", fusedActivationFunction=activation))
    case(f"concatenation {k}", single("CONCATENATION", k, [2, 3], [2, 5], lambda b: [b.values(k, [2, 2])],
                                      "ConcatenationOptions", axis=1))
    for wide in (np.int32, np.int64):
        n = f"{k} {np.dtype(wide)}"
        case(f"pad {n}", single("PAD", k, [2, 3], [5, 4], lambda b: [b.numbers([[1, 2], [0, 1]], wide)],
                                "PadOptions"))
        case(f"padv2 {n}", single("PADV2", k, [2, 3], [5, 4], lambda b: [
            b.numbers([[1, 2], [0, 1]], wide), b.values(k, [], data=np.array(1))], "PadV2Options"))
        case(f"arg_max {n}", single("ARG_MAX", k, [2, 5], [2], lambda b: [b.numbers(1, wide)], "ArgMaxOptions",
                                    out_kind="i64", outputType=4))
    case(f"arg_max {k} narrow", single("ARG_MAX", k, [2, 5], [2], lambda b: [b.numbers([-1])], "ArgMaxOptions",
                                       out_kind="i32", outputType=2))
    case(f"transpose {k}", single("TRANSPOSE", k, [2, 3, 4], [4, 2, 3], lambda b: [b.numbers([2, 0, 1])],
                                  "TransposeOptions"))
    case(f"reshape {k}", single("RESHAPE", k, [2, 3], [3, 2], lambda b: [b.numbers([3, -1])], "ReshapeOptions"))
    case(f"squeeze {k}", single("SQUEEZE", k, [1, 3, 1], [3, 1], options="SqueezeOptions", squeezeDims=[0]))
    case(f"strided_slice {k}", single("STRIDED_SLICE", k, [2, 5], [2, 2], lambda b: [
        b.numbers([0, 1]), b.numbers([2, 5]), b.numbers([1, 2])], "StridedSliceOptions"))
    for axes, out in (([0, -1], [1, 5, 1]), ([1], [2, 1, 3])):
        case(f"mean {k} {axes}", single("MEAN", k, [2, 5, 3], out, lambda b, axes=axes: [b.numbers(axes)],
                                        "ReducerOptions", keepDims=True))
    for name, o in (("RESIZE_BILINEAR", "ResizeBilinearOptions"),
                    ("RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighborOptions")):
        case(f"{name.lower()} {k}", single(name, k, [1, 3, 3, 2], [1, 5, 4, 2], lambda b: [b.numbers([5, 4])], o))
    for name in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
        case(f"{name.lower()} {k}", single(name, k, [1, 4, 4, 2], [1, 2, 2, 2], options="Pool2DOptions", **POOL))
    for name, options, quant, fields in (
            ("RELU", None, {}, {}), ("RELU6", None, {}, {}), ("RELU_N1_TO_1", None, {}, {}),
            ("LEAKY_RELU", "LeakyReluOptions", {}, {"alpha": 0.2}), ("HARD_SWISH", "HardSwishOptions", {}, {}),
            ("LOGISTIC", None, PROBABILITY, {}), ("TANH", None, SIGNED, {}),
            ("SOFTMAX", "SoftmaxOptions", PROBABILITY, {"beta": 1.0})):
        case(f"{name.lower()} {k}", single(name, k, [2, 4], [2, 4], options=options, out_quant=quant.get(k),
                                           version=1 if "RELU_N" in name or "HARD" in name else 2, **fields))


def split(kind):
    def build(b):
        x, axis = b.values(kind, [2, 3]), b.numbers(1)
        parts = [b.values(kind, [2, 1]) for _ in range(3)]
        b.op("SPLIT", [axis, x], parts, 1, "SplitOptions", numSplits=3)
        return [x], parts
    return build


def convert(name, source, target, shape=(2, 4), scales=None, axis=0, constant=False):
    """QUANTIZE or DEQUANTIZE, followed by an ADD where the input is constant."""

    def build(b):
        def quant(k):
            if k not in CODES + ("i32",):
                return {}
            return {"scale": scales or 0.1, "zero": [3, -5, 7] if scales else 0, "axis": axis}
        dtype = {**TYPES, "f16": np.float16}
        data = b.draw(shape, dtype[source]) if constant else None
        x = b.tensor(shape, dtype[source], data=data, **quant(source))
        y = b.tensor(shape, dtype[target], **quant(target))
        b.op(name, [x], [y], 3, name.capitalize() + "Options")
        if not constant:
            return [x], [y]
        i, z = b.values("f32", shape), b.values("f32", shape)
        b.op("ADD", [i, y], [z], 1, "AddOptions")
        return [i], [z]
    return build


for kind in TYPES:
    add_types(kind)
    case(f"split {kind}", split(kind))
for source in ("f32",) + CODES + ("i32",):
    for target in CODES + ("i32",):
        case(f"quantize {source} to {target}", convert("QUANTIZE", source, target))
for source in CODES + ("f16",):
    case(f"dequantize {source}", convert("DEQUANTIZE", source, "f32"))
    case(f"dequantize {source} constant", convert("DEQUANTIZE", source, "f32", constant=True))
for axis, shape in ((0, [3, 4]), (1, [4, 3]), (3, [1, 2, 2, 3])):
    case(f"quantize along {axis}", convert("QUANTIZE", "f32", "i8", shape, [0.1, 0.2, 0.3], axis))
    for constant in (False, True):
        case(f"dequantize along {axis} {constant}",
             convert("DEQUANTIZE", "i8", "f32", shape, [0.1, 0.2, 0.3], axis, constant))

# ---- layers with weights ---------------------------------------------------------------------------

WEIGHTS = {"CONV_2D": ([3, 2, 2, 2], 3, 0), "DEPTHWISE_CONV_2D": ([1, 2, 2, 4], 4, 3), "FULLY_CONNECTED": ([3, 6], 3, 0)}
SHAPES = {"CONV_2D": ([2, 4, 4, 2], [2, 4, 4, 3]), "DEPTHWISE_CONV_2D": ([2, 4, 4, 2], [2, 4, 4, 4]),
          "FULLY_CONNECTED": ([2, 6], [2, 3])}
OPTIONS = {"CONV_2D": ("Conv2DOptions", {"strideH": 1, "strideW": 1}),
           "DEPTHWISE_CONV_2D": ("DepthwiseConv2DOptions", {"strideH": 1, "strideW": 1, "depthMultiplier": 2}),
           "FULLY_CONNECTED": ("FullyConnectedOptions", {})}


def layer(name, kind, weights, bias, version=5, **fields):
    """weights(b, shape, channels, axis) and bias(b, channels) make the tensors, or -1."""

    def build(b):
        shape, channels, axis = WEIGHTS[name]
        x, y = b.values(kind, SHAPES[name][0]), b.values(kind, SHAPES[name][1])
        w, c = weights(b, shape, channels, axis), bias(b, channels)
        options, common = OPTIONS[name]
        b.op(name, [x, w] + ([c] if c is not None else []), [y], version, options, **common, **fields)
        return [x] + [t for t in (w, c) if t is not None and t >= 0 and is_input(b, t)], [y]
    return build


def is_input(b, t):
    return b.graph.tensors[t].buffer == 0 and not any(t in o.outputs for o in b.graph.operators)


def small(kind, many=False):
    def make(b, shape, channels, axis):
        scale = [0.01 * (i + 1) for i in range(channels)] if many else 0.02
        data = b.draw(shape, np.int8) if kind == "i8" else b.draw(shape, np.uint8)
        return b.tensor(shape, TYPES[kind], scale, 0, data, axis)
    return make


def nibbles(many):
    def make(b, shape, channels, axis):
        scale = [0.1 * (i + 1) for i in range(channels)] if many else 0.1
        return b.tensor(shape, np.int8, scale, 0, b.g.integers(-8, 8, shape), axis, int4=True)
    return make


def through_float16(b, shape, *_):
    half = b.tensor(shape, np.float16, data=b.draw(shape, np.float16))
    full = b.values("f32", shape)
    b.op("DEQUANTIZE", [half], [full], 3, "DequantizeOptions")
    return full


def floats(b, channels):
    return b.constant("f32", [channels])


for name in WEIGHTS:
    lower = name.lower()
    case(f"float16 {lower}", layer(name, "f32", through_float16, lambda b, c: through_float16(b, [c])))
    for many in (False, True):
        count = "many" if many else "one"
        case(f"hybrid {lower} i8 {count}", layer(name, "f32", small("i8", many), floats))
        case(f"hybrid {lower} int4 {count}", layer(name, "f32", nibbles(many), floats))
    case(f"hybrid {lower} u8", layer(name, "f32", small("u8"), floats))
    case(f"weights computed {lower}", layer(name, "f32", lambda b, shape, *_: b.values("f32", shape), floats))
    for activation in range(6):
        case(f"{lower} activation {activation}",
             layer(name, "i8", small("i8"), lambda b, c: b.tensor([c], np.int32, 0.002, 0, np.arange(c)),
                   fusedActivationFunction=activation))
        case(f"{lower} float activation {activation}",
             layer(name, "f32", lambda b, shape, *_: b.constant("f32", shape), floats,
                   fusedActivationFunction=activation))
for asymmetric in (False, True):
    case(f"hybrid fully_connected asymmetric {asymmetric}",
         layer("FULLY_CONNECTED", "f32", small("i8"), floats, 9, asymmetricQuantizeInputs=asymmetric))
case("fully_connected bias -1", layer("FULLY_CONNECTED", "i8", small("i8"), lambda b, c: -1))
case("fully_connected without bias", layer("FULLY_CONNECTED", "i8", small("i8"), lambda b, c: None))
case("depthwise_conv_2d without bias", layer("DEPTHWISE_CONV_2D", "i8", small("i8"), lambda b, c: None))

# ---- slices ----------------------------------------------------------------------------------------


def cut(name, shape, begin, end, strides, out, **masks):
    case(f"slice {name}", single("STRIDED_SLICE", "i8", shape, out, lambda b: [
        b.numbers(begin), b.numbers(end), b.numbers(strides)], "StridedSliceOptions", 2, **masks))


FOUR = [2, 3, 4, 5]
cut("ellipsis first", FOUR, [0, 1], [0, 3], [1, 1], [2, 3, 4, 2], ellipsisMask=1)
cut("ellipsis between", FOUR, [1, 0, 1], [2, 0, 3], [1, 1, 1], [1, 3, 4, 2], ellipsisMask=2)
cut("ellipsis and dropped", FOUR, [1, 0, 1], [2, 0, 3], [1, 1, 1], [3, 4, 2], ellipsisMask=2, shrinkAxisMask=1)
cut("ellipsis last", FOUR, [1, 0], [2, 0], [1, 1], [1, 3, 4, 5], ellipsisMask=2)
cut("ellipsis without room", [2, 3], [1, 0, 0], [2, 0, 2], [1, 1, 1], [1, 3], ellipsisMask=2)
cut("new axis first", [2, 3], [0, 0, 0], [0, 2, 3], [1, 1, 1], [1, 2, 3], newAxisMask=1)
cut("new axis between", [2, 3], [0, 0, 0], [2, 0, 3], [1, 1, 1], [2, 1, 3], newAxisMask=2)
cut("new axis last", [2, 3], [0, 0, 0], [2, 3, 0], [1, 1, 1], [2, 3, 1], newAxisMask=4)
cut("new axis and ellipsis", [2, 3, 4], [0, 0, 0], [0, 0, 2], [1, 1, 1], [1, 2, 3, 2], newAxisMask=1, ellipsisMask=2)
cut("new axis, dropped", [2, 3], [0, 0, 0], [2, 1, 3], [1, 1, 1], [2, 1, 3], newAxisMask=2, shrinkAxisMask=2)
cut("new axis is ellipsis", [2, 3, 4], [0, 0], [0, 2], [1, 1], [2, 3, 2], newAxisMask=1, ellipsisMask=1)
cut("rank 6", [2, 3, 4, 1, 2, 2], [0, 1, 0, 0, 0, 0], [2, 3, 4, 1, 2, 2], [1, 1, 2, 1, 1, 1], [2, 2, 2, 1, 2, 2])
cut("backward", [4, 5], [3, 4], [0, -6], [-1, -2], [3, 3])
cut("backward, free ends", [4, 5], [3, 4], [0, 0], [-1, -2], [4, 3], beginMask=3, endMask=3)
cut("dropped from the end", [4, 5], [-1, 0], [0, 5], [1, 1], [5], shrinkAxisMask=1)
cut("dropped with a free begin", [4, 5], [2, 1], [3, 2], [1, 1], [4], shrinkAxisMask=1, beginMask=1, endMask=2)
cut("relative ends", [4, 5], [1, 1], [2, 3], [1, 1], [2, 3], offset=True)
cut("relative ends by two", [9, 5], [1, 1], [6, 3], [2, 1], [3, 3], offset=True)
cut("empty", [4, 5], [2, 0], [2, 5], [1, 1], [0, 5])
cut("of the first dimension", [4, 5], [2], [3], [1], [1, 5])
cut("to a scalar", [4], [2], [3], [1], [], shrinkAxisMask=1)

# ---- ranks, scalars, codes without scales ----------------------------------------------------------

for rank in range(1, 9):
    dims = [2, 1, 3, 2, 1, 2, 2, 1][:rank]
    case(f"transpose rank {rank}", single("TRANSPOSE", "i8", dims, dims[::-1], lambda b, rank=rank: [
        b.numbers(np.arange(rank)[::-1])], "TransposeOptions", 2))
    case(f"pad rank {rank}", single("PAD", "i8", dims, [d + 2 for d in dims], lambda b, rank=rank: [
        b.numbers(np.ones([rank, 2]))], "PadOptions", 2))
    case(f"mean rank {rank}", single("MEAN", "i8", dims, dims[1:], lambda b: [b.numbers([0])], "ReducerOptions", 2))
    case(f"softmax rank {rank}", single("SOFTMAX", "i8", dims, dims, options="SoftmaxOptions", version=2,
                                        out_quant=PROBABILITY["i8"], beta=1.0))
    for name in ("ADD", "SUB", "MUL"):
        for kind in ("i8", "f32"):
            case(f"{name.lower()} {kind} rank {rank}", single(name, kind, dims, dims, lambda b, kind=kind, dims=dims: [
                b.values(kind, [1] * (len(dims) - 1) + dims[-1:])], name.capitalize() + "Options", 2))
for kind in ("i8", "f32", "i32"):
    case(f"add {kind} of scalars", single("ADD", kind, [], [], lambda b, kind=kind: [b.values(kind, [])], "AddOptions"))
    case(f"reshape {kind} of a scalar", single("RESHAPE", kind, [], [1, 1], lambda b: [b.numbers([1, 1])], "ReshapeOptions"))
    case(f"reshape {kind} to a scalar", single("RESHAPE", kind, [1, 1], [], lambda b: [b.tensor([0], np.int32, data=[])],
                                               "ReshapeOptions"))
case("mean over all", single("MEAN", "i8", [2, 3, 4], [], lambda b: [b.numbers([0, 1, 2])], "ReducerOptions", 2))
case("mean over none", single("MEAN", "i8", [2, 3], [2, 3], lambda b: [b.numbers([])], "ReducerOptions", 2))
case("mean over one twice", single("MEAN", "i8", [2, 3, 4], [2, 4], lambda b: [b.numbers([1, -2])], "ReducerOptions", 2))
BARE = {"scale": None}
for kind in ("i8", "u8"):
    for name, options, out, extra, fields in (
            ("MAXIMUM", "MaximumMinimumOptions", [1, 2, 2, 2], lambda b, kind=kind: [b.values(kind, [1, 2, 2, 2], **BARE)], {}),
            ("CONCATENATION", "ConcatenationOptions", [2, 2, 2, 2], lambda b, kind=kind: [b.values(kind, [1, 2, 2, 2], **BARE)], {}),
            ("PAD", "PadOptions", [1, 3, 2, 2], lambda b: [b.numbers([[0, 0], [1, 0], [0, 0], [0, 0]])], {}),
            ("MAX_POOL_2D", "Pool2DOptions", [1, 1, 1, 2], None, POOL),
            ("MEAN", "ReducerOptions", [1, 2, 2], lambda b: [b.numbers([1])], {}),
            ("ARG_MAX", "ArgMaxOptions", [1, 2, 2], lambda b: [b.numbers([1])], {"outputType": 4})):
        def bare(b, name=name, options=options, out=out, extra=extra, fields=fields, kind=kind):
            x = b.values(kind, [1, 2, 2, 2], **BARE)
            more = extra(b) if extra else []
            y = b.tensor(out, np.int64 if name == "ARG_MAX" else TYPES[kind])
            b.op(name, [x] + more, [y], 2, options, **fields)
            return [x] + [t for t in more if is_input(b, t)], [y]
        case(f"{name.lower()} of codes without a scale {kind}", bare)
case("reshape from the options", single("RESHAPE", "i8", [2, 6], [3, 4], options="ReshapeOptions", newShape=[3, -1]))
case("squeeze without options", single("SQUEEZE", "i8", [1, 1, 3], [3]))
case("squeeze from the end", single("SQUEEZE", "i8", [1, 1, 3], [1, 3], options="SqueezeOptions", squeezeDims=[-2]))

# ---- models ----------------------------------------------------------------------------------------


def model(name, change):
    def build(b):
        x, y, c = b.values("i8", [1, 4, 2]), b.values("i8", [1, 4, 2]), b.constant("i8", [1, 1, 2])
        b.op("ADD", [x, c], [y], 2, "AddOptions")
        return change(b, x, y, c) or ([x], [y])
    case(f"model {name}", build)


def buffer(data):
    made = schema.BufferT()
    made.data = data
    return made


def unused(**fields):
    def change(b, *_):
        t = b.graph.tensors[b.values("i8", [3, 3])]
        for key, value in fields.items():
            setattr(t, key, value)
    return change


def long_buffer(b, x, y, c):
    b.graph.tensors[c].buffer = len(b.model.buffers)
    b.model.buffers.append(buffer(np.arange(9, dtype=np.uint8)))


def empty_buffer(b, x, y, c):
    b.model.buffers.append(schema.BufferT())
    b.graph.tensors[x].buffer = len(b.model.buffers) - 1


def custom_code(b, *_):
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = 32
    code.customCode = "unused"
    b.model.operatorCodes.append(code)


def no_options(b, *_):
    b.graph.operators[0].builtinOptions, b.graph.operators[0].builtinOptionsType = None, 0


def any_batch(b, x, y, c):
    b.graph.tensors[x].shapeSignature = b.graph.tensors[y].shapeSignature = [-1, 4, 2]


def stored_shape(b, x, y, c):
    b.graph.tensors[y].shape = []


def named_later(b, x, y, c):
    b.graph.tensors[x].name = None


model("unused tensor", unused())
model("unused string tensor", unused(type=schema.TensorType.STRING))
model("unused float64 tensor", unused(type=schema.TensorType.FLOAT64))
model("unused variable tensor", unused(isVariable=True))
model("unused input", lambda b, x, y, c: ([x, b.values("i8", [1, 4])], [y]))
model("unused empty input", lambda b, x, y, c: ([x, b.values("i8", [0, 4])], [y]))
model("variable output", lambda b, x, y, c: setattr(b.graph.tensors[y], "isVariable", True))
model("buffer longer than its tensor", long_buffer)
model("empty buffer of an activation", empty_buffer)
model("unused custom operator", custom_code)
model("without options", no_options)
model("any batch", any_batch)
model("stored shape left out", stored_shape)
model("without a name", named_later)
model("output is input", lambda b, x, y, c: ([x], [x]))
model("output twice", lambda b, x, y, c: ([x], [y, y]))
model("constant output", lambda b, x, y, c: ([x], [y, c]))
model("two subgraphs", lambda b, x, y, c: b.model.subgraphs.append(b.graph))
model("without outputs", lambda b, x, y, c: ([x], []))

# ---- running them ----------------------------------------------------------------------------------


def theirs(data, inputs):
    t = Interpreter(model_content=data, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    t.allocate_tensors()
    for d, v in zip(t.get_input_details(), inputs):
        t.set_tensor(d["index"], v)
    t.invoke()
    return [t.get_tensor(d["index"]) for d in t.get_output_details()]


def same(a, b):
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if a.dtype.kind != "f":
        return np.array_equal(a, b)
    return np.abs(a - b).max(initial=0) <= 1e-5 * np.abs(b).max(initial=0)


def make(name):
    b = Case(np.random.default_rng([3, *name.encode()]))
    inputs, outputs = CASES[name](b)
    return b, inputs, b.finish(inputs, outputs)


def write(directory):
    directory.mkdir(parents=True, exist_ok=True)
    for i, name in enumerate(CASES):
        (directory / f"accepted_{i:03}.tflite").write_bytes(make(name)[2])


def verdict(library, name):
    """One of GOOD, or what is wrong."""
    b, inputs, data = make(name)
    dtype = {v: k for k, v in TYPE.items()}
    values = [b.draw(b.graph.tensors[t].shape, dtype[b.graph.tensors[t].type]) for t in inputs]
    try:
        wanted = theirs(data, values)
    except (ValueError, RuntimeError):
        return "not in LiteRT"
    refused = [r for r in REFUSED if name.startswith(r)]
    try:
        got = octet_rt.Model(library, data).run(values)
    except octet_rt.Refused as e:
        return "refused, as listed" if refused else f"refused: {e}"
    if refused:
        return "listed as refused, but runs"
    return "equal" if len(got) == len(wanted) and all(map(same, got, wanted)) else f"differs: {got}, not {wanted}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--write", type=pathlib.Path)
    parser.add_argument("part", nargs="?", default="")
    arguments = parser.parse_args()
    if arguments.write:
        return write(arguments.write)
    library = octet_rt.load()
    counts = {}
    for name in CASES:
        if arguments.part in name:
            result = verdict(library, name)
            counts[result] = counts.get(result, 0) + 1
            if arguments.verbose or result not in GOOD:
                print(f"{name}: {result}")
    print(", ".join(f"{counts.get(result, 0)} {result}" for result in GOOD))
    return any(r not in GOOD for r in counts)


if __name__ == "__main__":
    sys.exit(main())
