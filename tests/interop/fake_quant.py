"""Fake quantization of training against TensorFlow's.

    python tests/interop/fake_quant.py ENGINE [--count N]

Random ranges, grids and values go through octet's fakequant (the program ENGINE, engine.c) and through
fake_quant_with_min_max_vars, or _per_channel, and their gradients: once with a range that is given, once
with one that is learned (--range learned).  Compared are scales (one unit in the last place), zero points,
the codes of all values, the gradient of x, and those of the range's ends if they are learned.  They must be
equal; where a value or a zero point lies on a tie, to the rounding of binary32, codes may be one step apart,
because TensorFlow rounds half up and octet half away from zero, as TFLite's QUANTIZE.  At the very ends of a
range the gradient may fall to either side.  Exits with 1 if anything differs.  Needs tensorflow and numpy.

Two differences are meant.  A range that does not hold 0 is widened by octet and moved by TensorFlow: it
gets the widened one.  A range of [0, 0] makes TensorFlow return 0 for every x; octet's file needs a scale
above 0 and takes 1: x is 0 there.
"""

import argparse
import os
import sys

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
import tensorflow as tf  # noqa: E402  (after its settings)

import engine

ULP = 2.0**-23


class Case:
    """A range (one for each of `channels`), a grid and values [rows, channels]."""

    def __init__(self, seed):
        g = self.g = np.random.default_rng([seed, 77])
        self.bits, self.narrow = int(g.integers(2, 9)), bool(g.integers(0, 2))
        self.symmetric = self.narrow and g.random() < 0.3
        self.per_channel = g.random() < 0.35
        self.channels = int(g.integers(1, 6)) if self.per_channel else 1
        self.first = self.per_channel and g.random() < 0.5  # octet's channels are the first dimension
        ranges = [self.draw_range() for _ in range(self.channels)]
        self.low, self.high = (np.array(v, np.float32) for v in zip(*ranges))
        self.x = np.stack([self.draw_values(*r) for r in zip(self.low, self.high)], 1)
        self.dy = g.normal(0, 1, self.x.shape).astype(np.float32)

    def grid(self):
        """Of TensorFlow: codes without sign."""
        return int(self.narrow), 2**self.bits - 1

    def draw_range(self):
        g = self.g
        size = np.exp(g.uniform(np.log(1e-6), np.log(1e4)))
        a, b = np.sort(g.uniform(-1, 1, 2)) * size
        kind = g.integers(0, 8)
        if self.symmetric or kind == 0:
            a, b = -size, size
        elif kind == 1:
            a, b = 0, size
        elif kind == 2:
            a, b = -size, 0
        elif kind == 3:
            a, b = 0.1 * size, size  # without 0
        elif kind == 4:
            a, b = -size, -0.1 * size
        elif kind == 5 and g.random() < 0.5:
            a, b = 0, 0
        elif kind == 6:
            a, b = -6, 6
        return np.float32(a), np.float32(b)

    def draw_values(self, low, high):
        """Within and around the range; grid points, ties and ends."""
        low, high = self.widened(low, high)
        if low == high:
            return np.zeros(64, np.float32)
        qmin, qmax = self.grid()
        scale = (float(high) - float(low)) / (qmax - qmin)
        codes = self.g.integers(-qmax, qmax + 1, 16)
        values = [self.g.uniform(1.3 * low - 0.3 * high, 1.3 * high - 0.3 * low, 28), codes * scale,
                  (codes + 0.5) * scale, [low, high, 0, 1e3 * (low - high)]]
        return np.concatenate(values).astype(np.float32)

    def widened(self, low, high):
        if self.symmetric:
            high = max(-low, high)
            return np.float32(-high), np.float32(high)
        return np.minimum(low, np.float32(0)), np.maximum(high, np.float32(0))

    def text(self, rule):
        qmin, qmax = self.grid()
        if self.symmetric:
            qmin, qmax = 1 - 2**(self.bits - 1), 2**(self.bits - 1) - 1
        axis = (0 if self.first else 1) if self.per_channel else -1
        x, dy = (v.T if self.first else v for v in (self.x, self.dy))
        return engine.fakequant("symmetric" if self.symmetric else "affine", (qmin, qmax), axis,
                                [self.low, self.high], x, dy, rule)

    def of_octet(self, found):
        """y and dx as [rows, channels]; gradients of the ends [2, channels] or None; scales; zero points of
        the grid without sign."""
        shape = self.x.shape[::-1] if self.first else self.x.shape
        y, dx = (found[k].reshape(shape) for k in ("y", "dx0"))
        zero = found["zero"] + (2**(self.bits - 1) if self.symmetric else 0)
        ends = found["dx6"].reshape(2, -1) if "dx6" in found else None
        return (y.T, dx.T, ends, found["scale"], zero) if self.first else (y, dx, ends, found["scale"], zero)

    def of_tensorflow(self):
        """y, dx, gradients of the ends [2, channels]."""
        low, high = (np.array(v) for v in zip(*(self.widened(*r) for r in zip(self.low, self.high))))
        settings = {"num_bits": self.bits, "narrow_range": self.narrow}
        if self.per_channel:
            y = tf.quantization.fake_quant_with_min_max_vars_per_channel(self.x, low, high, **settings)
            dx, *ends = tf.quantization.fake_quant_with_min_max_vars_per_channel_gradient(
                self.dy, self.x, low, high, **settings)
        else:
            y = tf.quantization.fake_quant_with_min_max_vars(self.x, low[0], high[0], **settings)
            dx, *ends = tf.quantization.fake_quant_with_min_max_vars_gradient(self.dy, self.x, low[0], high[0],
                                                                              **settings)
        ends = np.array([e.numpy().reshape(-1) for e in ends], np.float64)
        if self.symmetric:  # one number, r of [-r, r]
            ends = np.stack([0 * ends[0], ends[1] - ends[0]])
        return y.numpy().astype(np.float64), dx.numpy().astype(np.float64), ends


def near_half(v, tolerance):
    return np.abs(np.abs(v - np.round(v)) - 0.5) <= tolerance


def compare_channel(case, c, ours, theirs, ties):
    """None or what differs; ties counts codes a step apart where that is allowed."""
    low, high = (float(v) for v in case.widened(case.low[c], case.high[c]))
    y, dx, scale, zero = ours[0][:, c], ours[1][:, c], ours[3][c], ours[4][c]
    x, qmin, qmax = case.x[:, c].astype(np.float64), *case.grid()
    if low == high:
        return None if not y.any() and not theirs[0][:, c].any() and (dx == theirs[1][:, c]).all() else "[0, 0]"
    exact = (high - low) / (qmax - qmin)
    if abs(scale - exact) > ULP * exact:
        return f"scale {scale}, should be {exact}"
    rounding = 4 * ULP * (qmax - qmin)  # of codes, in binary32
    codes, judged = np.round(y / scale), np.round(theirs[0][:, c] / exact)
    their_zero = qmin - judged.min()  # one value lies far below the range
    tied_zero = near_half(qmin - low / exact, rounding) and abs(zero - their_zero) <= 1
    if zero != their_zero and not tied_zero:
        return f"zero point {zero}, TensorFlow's is {their_zero}"
    moved = zero != their_zero  # then both ends of the grid are one step further
    allowed = near_half(x / exact, rounding) | (moved & ((x < low + exact) | (x > high - exact)))
    apart = np.abs(codes - judged)
    ties["codes"] += int((apart > 0).sum())
    ties["zero points"] += int(moved)
    if (apart > allowed).any():
        i = int(np.argmax(apart - allowed))
        return f"x {x[i]}: code {codes[i] + zero}, TensorFlow's is {judged[i] + their_zero}"
    ends = np.array([(qmin - their_zero) * exact, (qmax - their_zero) * exact])
    near = (exact if moved else 0) + 4 * ULP * (high - low)
    at_end = (np.abs(x[:, None] - ends) <= near).any(1)
    differ = (dx != theirs[1][:, c]) & ~at_end
    if differ.any():
        return f"gradient at {x[differ][0]}"
    if ours[2] is None:
        return None
    dy = np.abs(case.dy[:, c].astype(np.float64))
    apart = np.abs(ours[2][:, c] - theirs[2][:, c]).max()
    return f"gradients of the ends, by {apart}" if apart > dy[at_end].sum() + 1e-6 * dy.sum() else None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("engine")
    parser.add_argument("--count", type=int, default=3000)
    arguments = parser.parse_args()
    cases = [Case(seed) for seed in range(arguments.count)]
    ties, bad, values = {"codes": 0, "zero points": 0}, 0, 0
    for rule in ("none", "learned"):
        results = engine.compute(arguments.engine, [c.text(rule) for c in cases])
        for i, (case, found) in enumerate(zip(cases, results)):
            ours, theirs = case.of_octet(found), case.of_tensorflow()
            values += case.x.size
            for c in range(case.channels):
                wrong = compare_channel(case, c, ours, theirs, ties)
                if wrong:
                    bad += 1
                    if bad <= 10:
                        print(f"case {i}, rule {rule}, {case.bits} bits, range [{case.low[c]}, {case.high[c]}]: "
                              f"{wrong}")
    print(f"fake quantization against TensorFlow {tf.__version__}: {len(cases)} cases twice, {values} values, "
          f"on ties {ties['codes']} codes and {ties['zero points']} zero points a step apart, {bad} failures")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
