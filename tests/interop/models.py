"""Whole .tflite files, run by octet's runtime and by LiteRT's reference kernels on random inputs.

    python tests/interop/models.py [--count N] FILE...

Every byte of every output must be equal; on the first inputs every tensor between as well, with the
fastest kernels and with portable C.  Where something is not, the first operator whose result differs
is named.  Exits with 1 if anything differs.  Needs ai-edge-litert and numpy.
"""

import argparse
import os
import pathlib
import sys
from concurrent.futures import ProcessPoolExecutor

import numpy as np

import litert
import octet_rt

WHOLE = 2  # inputs on which every tensor is compared


def first_difference(theirs, ours, inputs):
    """The first operator that the two do not agree on, or None; both must keep every tensor.

    Float operators are fed what differs in the last bits, so their tensors are left to the outputs."""
    theirs.run(inputs)
    ours.run(inputs)
    for index, name, outputs in theirs.operators():
        for t in outputs:
            a, b = ours.tensor(t), theirs.interpreter.get_tensor(t)
            if a is not None and b.dtype != np.float32 and litert.difference(a, b):
                return f"operator {index} {name}: {litert.difference(a, b)}"
    return None


def compare_whole(library, data, generator):
    """Every tensor; None or what differs first."""
    theirs = litert.Judge(data, keep_all=True)
    for best in (True, False):
        ours = octet_rt.Model(library, data, best=best, keep_all=True)
        for _ in range(WHOLE):
            wrong = first_difference(theirs, ours, theirs.draw(generator))
            if wrong:
                return f"{'fastest' if best else 'portable'} kernels: {wrong}"
    return None


def compare_outputs(library, data, generator, count):
    """The outputs, with memory shared as a user has it; None or what differs."""
    theirs, ours = litert.Judge(data), octet_rt.Model(library, data, best=True)
    seen = set()
    for i in range(count):
        inputs = theirs.draw(generator)
        results = theirs.run(inputs)
        seen.add(b"".join(r.tobytes() for r in results))
        for k, (a, b) in enumerate(zip(ours.run(inputs), results, strict=True)):
            wrong = litert.difference(a, b)
            if wrong:
                return f"input {i}, output {k}: {wrong}"
    return None if len(seen) > count // 2 else f"only {len(seen)} different outputs of {count} inputs"


def compare(path, count):
    """One file: None, or what differs."""
    data = pathlib.Path(path).read_bytes()
    library, generator = octet_rt.load(), np.random.default_rng(7)
    return compare_whole(library, data, generator) or compare_outputs(library, data, generator, count)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("files", nargs="+")
    arguments = parser.parse_args()
    bad = 0
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(compare, arguments.files, [arguments.count] * len(arguments.files))
        for file, wrong in zip(arguments.files, found):
            print(f"{file}: " + (wrong or f"{arguments.count} inputs equal"), flush=True)
            bad += wrong is not None
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
