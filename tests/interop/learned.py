"""Learned ranges against PyTorch's learnable fake quantization.

    python tests/interop/learned.py ENGINE [--count N]

Random values, scales and offsets go through the rules lsq and lsq+ of octet (the program ENGINE, engine.c)
and through torch._fake_quantize_learnable_per_tensor_affine, or _per_channel_affine, forward and backward,
with the gradient factor 1 / sqrt(N Q_P).  Results and gradients of x must agree within 1e-6 of the largest
value, those of what is learned, which are sums that nearly cancel, within 1e-6 of the sum of magnitudes.

Two things are left out by the choice of values, because PyTorch means something else: ties (it rounds half
to even), and what lies beyond the grid by less than half a step (its mask asks whether the rounded value is
within the grid; that of LSQ's paper, as octet's, whether the value is).  PyTorch learns a scale and a zero
point, LSQ+ a scale s and an offset b = s (qmin - z): with A + B the sum of gradients outside of the grid,
db = A + B = -dz / s and, b being held, ds = ds' - (A + B) (qmin - z) for PyTorch's ds'.  Exits with 1 if
anything differs.  Needs torch and numpy.
"""

import argparse
import sys

import numpy as np
import torch

import engine

BOUND = 1e-6


class Case:
    """A rule, a grid, a scale and a zero point for each of `channels`, and values [channels, n]."""

    def __init__(self, seed):
        g = self.g = np.random.default_rng([seed, 91])
        self.rule = "lsq" if g.random() < 0.6 else "lsq+"
        self.symmetric = g.random() < 0.5
        self.bits = int(g.integers(2, 9))
        self.channels = int(g.integers(2, 6)) if self.symmetric and g.random() < 0.6 else 1
        top = 2**(self.bits - 1) - 1
        self.grid = (-top, top) if self.symmetric else (128 - 2**self.bits, 127)
        qmin, qmax = self.grid
        self.above = top if self.symmetric else qmax - qmin
        self.scale = np.exp(g.uniform(np.log(1e-3), np.log(1.0), self.channels)).astype(np.float32)
        self.zero = 0 if self.symmetric else qmin if self.rule == "lsq" else int(g.integers(qmin, qmax + 1))
        self.x = np.stack([self.draw(float(s)) for s in self.scale]).astype(np.float32)
        self.dy = g.normal(0, 1, self.x.shape).astype(np.float32)

    def draw(self, scale):
        """Away from ties, and from half a step beyond the grid."""
        low, high = self.grid[0] - self.zero, self.grid[1] - self.zero
        codes = self.g.integers(low - 5, high + 6, 60)
        rest = self.g.uniform(-0.45, 0.45, 60)
        rest = np.where(codes == low, np.abs(rest), np.where(codes == high, -np.abs(rest), rest))
        return (codes + rest) * scale

    def text(self):
        learned = [self.scale]
        if self.rule == "lsq+":
            learned.append((0 if self.symmetric else 1) * self.scale * (self.grid[0] - self.zero))
        return engine.fakequant("symmetric" if self.symmetric else "affine", self.grid,
                                0 if self.channels > 1 else -1, np.concatenate(learned), self.x, self.dy,
                                self.rule)

    def of_torch(self):
        """y, dx, gradients of what is learned [1 or 2, channels]."""
        x, scale = (torch.tensor(v, requires_grad=True) for v in (self.x, self.scale))
        base = 0 if self.symmetric else self.grid[0]  # PyTorch's grids hold 0
        grid = [code - base for code in self.grid]
        zero = torch.full((self.channels,), float(self.zero - base), requires_grad=True)
        factor = self.factor()
        if self.channels > 1:
            y = torch._fake_quantize_learnable_per_channel_affine(x, scale, zero, 0, *grid, factor)
        else:
            y = torch._fake_quantize_learnable_per_tensor_affine(x, scale, zero, *grid, factor)
        y.backward(torch.tensor(self.dy))
        ds, dz = scale.grad.numpy(), zero.grad.numpy()
        learned = [ds]
        if self.rule == "lsq+" and self.symmetric:
            learned.append(0 * ds)
        elif self.rule == "lsq+":
            outside = -dz / self.scale
            learned = [ds - outside * (self.grid[0] - self.zero), outside]
        return y.detach().numpy(), x.grad.numpy(), np.stack(learned)


    def size(self, name, value):
        """What a difference is judged by."""
        if name != "learned":
            return max(np.abs(value).max(), 1e-6)
        return self.above * self.factor() * np.abs(self.dy).sum(1).max()

    def factor(self):
        return 1 / np.sqrt(self.x.size / self.channels * self.above)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("engine")
    parser.add_argument("--count", type=int, default=1000)
    arguments = parser.parse_args()
    cases = [Case(seed) for seed in range(arguments.count)]
    results = engine.compute(arguments.engine, [c.text() for c in cases])
    bad, worst = 0, 0.0
    for i, (case, found) in enumerate(zip(cases, results)):
        theirs = case.of_torch()
        difference = {name: np.abs(found[key].reshape(-1) - value.reshape(-1)).max() / case.size(name, value)
                      for name, key, value in zip(("y", "dx", "learned"), ("y", "dx0", "dx6"), theirs)}
        worst = max(worst, *difference.values())
        if max(difference.values()) > BOUND:
            bad += 1
            if bad <= 10:
                print(f"case {i}: {case.rule}, {case.bits} bits, {case.channels} channels, symmetric "
                      f"{case.symmetric}: {difference}")
    print(f"learned ranges against PyTorch {torch.__version__}: {len(cases)} cases, largest difference "
          f"{worst:.1e}, {bad} failures")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
