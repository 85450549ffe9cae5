"""Whole .tflite files, run by octet's runtime and by LiteRT's reference kernels on random inputs.

    python tests/interop/models.py [--count N] [--kernels c|best] FILE...

Every byte of every output must be equal; where one is not, the first operator whose output differs is
named.  Exits with 1 if anything differs.  Needs ai-edge-litert and numpy.
"""

import argparse
import pathlib
import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

import octet_rt


def draw(g, detail):
    if detail["dtype"] == np.float32:
        return g.normal(0, 1, detail["shape"]).astype(np.float32)
    info = np.iinfo(detail["dtype"])
    return g.integers(info.min, info.max + 1, detail["shape"]).astype(detail["dtype"])


def first_difference(library, data, inputs, best):
    """The first tensor, in the order of the operators, that the two do not agree on."""
    theirs = Interpreter(model_content=data, experimental_preserve_all_tensors=True,
                         experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    theirs.allocate_tensors()
    for d, v in zip(theirs.get_input_details(), inputs):
        theirs.set_tensor(d["index"], v)
    theirs.invoke()
    model = octet_rt.Model(library, data, best=best, keep_all=True)
    model.run(inputs)
    for op in theirs._get_ops_details():
        for t in op["outputs"]:
            a, b = model.tensor(int(t)), theirs.get_tensor(int(t))
            if a is not None and not np.array_equal(a, b):
                worst = np.abs(a.astype(np.float64) - b.astype(np.float64)).max()
                return f"operator {op['index']} {op['op_name']}: {np.sum(a != b)} of {a.size}, by {worst}"
    return "no operator alone"


def compare(library, path, count, best):
    data = pathlib.Path(path).read_bytes()
    theirs = Interpreter(model_content=data, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    theirs.allocate_tensors()
    model = octet_rt.Model(library, data, best=best)
    g = np.random.default_rng(7)
    for i in range(count):
        inputs = [draw(g, d) for d in theirs.get_input_details()]
        for d, v in zip(theirs.get_input_details(), inputs):
            theirs.set_tensor(d["index"], v)
        theirs.invoke()
        for ours, d in zip(model.run(inputs), theirs.get_output_details()):
            b = theirs.get_tensor(d["index"])
            same = np.array_equal(ours, b) if b.dtype != np.float32 else \
                np.abs(ours - b).max() <= 1e-5 * np.abs(b).max()
            if not same:
                print(f"{path} input {i}: {first_difference(library, data, inputs, best)}")
                return 1
    print(f"{path}: {count} inputs equal")
    return 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--kernels", default="best", choices=["c", "best"])
    parser.add_argument("files", nargs="+")
    arguments = parser.parse_args()
    library = octet_rt.load()
    return max(compare(library, f, arguments.count, arguments.kernels == "best") for f in arguments.files)


if __name__ == "__main__":
    sys.exit(main())
