"""Cases for the program of engine.c, and its results."""

import subprocess

import numpy as np


def reals(values):
    return " ".join(float(v).hex() for v in np.asarray(values).reshape(-1))


def ints(values):
    return " ".join(str(int(v)) for v in values)


def shape(values):
    return f"{len(values)} {ints(values)}"


def op(name, inputs, dy, attr="none", training=True, frozen=False):
    """inputs: (kind, array) each, kind as in engine.c."""
    leaves = [f"{kind} {shape(x.shape)} {reals(x)}" for kind, x in inputs]
    return f"op {name} {attr} {int(training)} {int(frozen)} {len(inputs)} {' '.join(leaves)} {reals(dy)}\n"


def window(kernel, stride, dilation, padding):
    """kernel, stride, dilation: (h, w); padding: (top, bottom, left, right)."""
    return f"window {ints([*kernel, *stride, *dilation, *padding])}"


def fakequant(scheme, grid, axis, values, x, dy, rule="none"):
    """values: min and max, or what the rule has learned, each for all channels."""
    return (f"fakequant {rule} {scheme} {ints(grid)} {axis} {shape(x.shape)} {reals(values)} "
            f"{reals(x)} {reals(dy)}\n")


def optimizer(name, lr, start, gradients, momentum=0, nesterov=False, decay=0, decay_bn=False, clip=0):
    """start [2, n]: a weight and a bias; gradients [steps, 2, n]."""
    settings = [momentum, nesterov, decay, decay_bn, 0, lr, clip]
    return (f"optimizer {name} {reals(settings)} {start.shape[1]} {len(gradients)} "
            f"{reals(start)} {reals(gradients)}\n")


def calibrate(method, x, percentile=99.99, bins=2048, bits=8):
    return f"calibrate {method} {reals([percentile])} {bins} {bits} {x.size} {reals(x)}\n"


def compute(program, cases):
    """For each case a dictionary of arrays; a name that comes again is in a list."""
    done = subprocess.run([program], input="".join(cases), capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    results, found = [], {}
    for line in done.stdout.splitlines():
        name, *values = line.split(" ")
        if name == "end":
            results.append({k: v[0] if len(v) == 1 else v for k, v in found.items()})
            found = {}
        else:
            found.setdefault(name, []).append(np.array([float.fromhex(v) for v in values]))
    assert len(results) == len(cases), f"{len(results)} results of {len(cases)} cases"
    return results
