"""Random models of one operator, run by octet's runtime and by LiteRT.

    python tests/interop/single_ops.py [--count N] [--op NAME] [--seed S] [--delegate]

Against LiteRT's reference kernels every byte of every output must be equal (float operators:
|a-b| <= 1e-5 max|b|), in portable C and with the fastest kernels; a model that LiteRT loads and octet
refuses is a failure too, and so is an operator of which a type or a feature was never met.
--delegate compares integer results with LiteRT's default instead, optimized kernels and XNNPACK, which
round otherwise: the largest difference must be within DELEGATE_STEPS.
Exits with 1 if anything differs.  Needs ai-edge-litert and numpy.
"""

import argparse
import collections
import os
import sys
from concurrent.futures import ProcessPoolExecutor

import numpy as np

import litert
import octet_rt
from build_model import Builder
from litert import schema
from op_cases import CASES, Random

TYPES = ["int8", "uint8", "float", "int4"]
WEIGHTED = ["conv_2d", "depthwise_conv_2d", "fully_connected"]
ARITHMETIC = ["add", "sub", "mul"]
POOLS = ["average_pool_2d", "max_pool_2d"]

# What must have been met at least once, beyond int8, uint8 and float.
FEATURES = {
    "int4": WEIGHTED,
    "per-channel": WEIGHTED,
    "activation": WEIGHTED + ARITHMETIC + POOLS,
    "broadcast": ARITHMETIC + ["minimum", "maximum"],
    "dilation": ["conv_2d", "depthwise_conv_2d"],
    "ellipsis": ["strided_slice"],
    "new axis": ["strided_slice"],
    "relative ends": ["strided_slice"],
    "backward": ["strided_slice"],
    "surplus": ["strided_slice"],
    "extreme": [name for name in CASES],
}

# Steps by which LiteRT's default may differ from its own reference, where that is more than 1.
DELEGATE_STEPS = {}


def type_of(model, op):
    graph = model.subgraphs[0]
    types = [graph.tensors[t].type for t in list(op.inputs) + list(op.outputs) if t >= 0]
    for name, type_ in (("int4", schema.TensorType.INT4), ("int8", schema.TensorType.INT8),
                        ("uint8", schema.TensorType.UINT8)):
        if type_ in types:
            return name
    return "float"


def is_extreme(tensor):
    """A zero point at an end of its type, or a scale far from those of common networks."""
    q = tensor.quantization
    if q is None or tensor.type not in (schema.TensorType.INT8, schema.TensorType.UINT8):
        return False
    info = np.iinfo(np.int8 if tensor.type == schema.TensorType.INT8 else np.uint8)
    scale = float(np.max(q.scale))
    return int(q.zeroPoint[0]) in (info.min, info.max) or not 1e-4 <= scale <= 10


def features_of_slice(model):
    """What the indices of a STRIDED_SLICE are: a part of FEATURES."""
    graph = model.subgraphs[0]
    op = graph.operators[0]
    if not isinstance(op.builtinOptions, schema.StridedSliceOptionsT):
        return set()
    x, strides = graph.tensors[op.inputs[0]], graph.tensors[op.inputs[3]]
    masks = op.builtinOptions
    numbers = np.frombuffer(bytes(model.buffers[strides.buffer].data), np.int32)
    found = {"ellipsis": masks.ellipsisMask, "new axis": masks.newAxisMask & ~masks.ellipsisMask,
             "relative ends": masks.offset, "backward": any(numbers < 0),
             "surplus": masks.ellipsisMask == masks.newAxisMask == 0 and len(numbers) > len(x.shape)}
    return {name for name, there in found.items() if there}


def features_of(model):
    """The type of a one-operator model and which of FEATURES it has."""
    graph = model.subgraphs[0]
    op = graph.operators[0]
    options = op.builtinOptions
    inputs = [graph.tensors[t] for t in op.inputs if t >= 0]
    found = {type_of(model, op)} | features_of_slice(model)
    if any(t.quantization is not None and len(t.quantization.scale) > 1 for t in inputs):
        found.add("per-channel")
    if getattr(options, "fusedActivationFunction", 0):
        found.add("activation")
    if len(inputs) > 1 and inputs[0].shape != inputs[1].shape:
        found.add("broadcast")
    if getattr(options, "dilationHFactor", 1) > 1 or getattr(options, "dilationWFactor", 1) > 1:
        found.add("dilation")
    if any(is_extreme(t) for t in inputs + [graph.tensors[t] for t in op.outputs]):
        found.add("extreme")
    return found


def build(name, seed):
    """The generator, the model's bytes and its features of one case."""
    r, b = Random(name, seed), Builder()
    data = b.finish(*CASES[name](r, b))
    return r, data, features_of(b.model)


def draw_inputs(r, judge, name):
    inputs = [r.reals(d["shape"]) if d["dtype"] == np.float32 else r.codes(d["shape"], d["dtype"])
              for d in judge.inputs]
    if name == "mean":  # LiteRT adds in binary32: where terms cancel, octet's sums in double differ
        inputs = [np.abs(x) if x.dtype == np.float32 else x for x in inputs]
    return inputs


def compare_with_reference(library, name, r, data):
    """'equal', 'skipped' (LiteRT does not take it either), 'refused' or 'differs', and a text."""
    try:
        judge = litert.Judge(data)
    except (RuntimeError, ValueError) as error:
        return "skipped", f"LiteRT: {error}"
    try:
        models = [octet_rt.Model(library, data, best=best) for best in (False, True)]
    except octet_rt.Refused as error:
        return "refused", str(error)
    for _ in range(2):
        inputs = draw_inputs(r, judge, name)
        theirs = judge.run(inputs)
        for model, kernels in zip(models, ("portable", "fastest")):
            for a, b in zip(model.run(inputs), theirs):
                wrong = litert.difference(a, b)
                if wrong is not None:
                    return "differs", f"{kernels} kernels: {wrong}"
    return "equal", ""


def compare_with_delegate(library, name, r, data):
    """The number of steps, or 'skipped': float results are left to the reference."""
    try:
        judge = litert.Judge(data, reference=False)
    except (RuntimeError, ValueError) as error:
        return "skipped", f"LiteRT: {error}"
    if any(d["dtype"] == np.float32 for d in judge.outputs):
        return "skipped", ""
    if name == "depthwise_conv_2d" and judge.operands(0) == 2:
        return "skipped", "LiteRT's optimized kernel reads the bias that is not there"
    inputs = draw_inputs(r, judge, name)
    theirs = judge.run(inputs)
    ours = octet_rt.Model(library, data, best=True).run(inputs)
    return max(litert.steps(a, b) for a, b in zip(ours, theirs)), ""


def run_operator(name, seeds, delegate):
    """How often each verdict and each feature was met, and lines to print."""
    library = octet_rt.load()
    verdicts, features, lines = collections.Counter(), collections.Counter(), []
    for seed in seeds:
        r, data, found = build(name, seed)
        compare = compare_with_delegate if delegate else compare_with_reference
        verdict, text = compare(library, name, r, data)
        verdicts[verdict] += 1
        if verdict == "equal":
            features.update(found)
        bad = verdict > DELEGATE_STEPS.get(name, 1) if isinstance(verdict, int) else \
            verdict in ("refused", "differs")
        if bad:
            verdicts["bad"] += 1
        if (bad and verdicts["bad"] <= 5) or (verdict == "skipped" and text and verdicts["skipped"] == 1):
            lines.append(f"{name} --seed {seed}: {verdict} {text}")
    return name, verdicts, features, lines


def missing(name, features):
    """The types and features of which no case was equal."""
    plain = [t for t in TYPES[:3] if not (name in ("quantize", "dequantize") and t == "float")]
    wanted = plain + [f for f, names in FEATURES.items() if name in names]
    return [f for f in wanted if features[f] == 0]


def print_reference(name, verdicts, features):
    counts = " ".join(f"{features[f]:6}" for f in TYPES)
    rest = ", ".join(f"{features[f]} {f}" for f in list(FEATURES)[1:] if features[f] and name in FEATURES[f])
    if verdicts["skipped"]:
        rest += f", {verdicts['skipped']} not taken by LiteRT"
    print(f"{name:24} {verdicts['equal']:6} {counts}   {rest}", flush=True)


def print_delegate(name, verdicts):
    counts = {s: n for s, n in sorted(verdicts.items(), key=str) if isinstance(s, int)}
    text = ", ".join(f"{n} by {s}" if s else f"{n} equal" for s, n in counts.items())
    print(f"{name:24} {text or 'left to the reference: float results'}", flush=True)


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=150, help="cases of each operator")
    parser.add_argument("--op", action="append", help="only this operator")
    parser.add_argument("--seed", type=int, help="only this case")
    parser.add_argument("--delegate", action="store_true", help="against LiteRT's default")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--save", help="write the model of the case there")
    return parser.parse_args()


def main():
    arguments = parse()
    seeds = range(arguments.count) if arguments.seed is None else [arguments.seed]
    names = arguments.op or list(CASES)
    if arguments.save:
        with open(arguments.save, "wb") as file:
            file.write(build(names[0], seeds[0])[1])
    total = bad = 0
    if not arguments.delegate:
        print(f"{'operator':24} {'equal':>6} " + " ".join(f"{t:>6}" for t in TYPES))
    with ProcessPoolExecutor(arguments.jobs) as pool:
        jobs = [pool.submit(run_operator, name, seeds, arguments.delegate) for name in names]
        for job in jobs:
            name, verdicts, features, lines = job.result()
            (print_delegate if arguments.delegate else print_reference)(name, *(
                (verdicts,) if arguments.delegate else (verdicts, features)))
            print("".join(line + "\n" for line in lines), end="")
            total += len(seeds) - verdicts["skipped"]
            bad += verdicts["bad"]
            if not arguments.delegate and arguments.seed is None and missing(name, features):
                print(f"{name}: no case of " + ", ".join(missing(name, features)))
                bad += 1
    print(f"single operators against LiteRT's {'default' if arguments.delegate else 'reference'}: "
          f"{total} cases, {bad} failures")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
