"""Operators, losses and optimizers of training against PyTorch.

    python tests/interop/torch_ops.py ENGINE [--count N]

Random cases of each operator of the float engine go through the program ENGINE (engine.c), forward and
backward with a random gradient, and through PyTorch in double.  Results, gradients and running statistics
must agree within 1e-5 of the largest value, weights after ten steps of an optimizer too.  An operator of
nn/ops.def that has no case here and no reason in LEFT_OUT fails.  Exits with 1 if anything differs.
Needs torch and numpy.
"""

import argparse
import pathlib
import re
import sys

import numpy as np
import torch
import torch.nn.functional as F

import engine

BOUND = 1e-5

# Operators that PyTorch has no word for, or that have no arithmetic.
LEFT_OUT = {
    "input": "a leaf", "param": "a leaf",
    "dropout": "random; the choice of elements is octet's own",
    "fakequant": "compared with TensorFlow, learned ranges in learned.py",
    "quantbias": "rounds biases as .tflite files hold them",
    "dorefa": "its gradient is not that of the function; tests/test_ranges.c",
    "bnscale": "part of batch norm folding: composed of mul, add and rsqrt in tests/test_ops.c",
    "bnbias": "part of batch norm folding",
    "bngrid": "scales of a deployed graph, without gradient; tests/test_fold.c",
    "biasgrid": "scales of a deployed graph, without gradient; tests/test_fold_device.c",
}


def tensor(x):
    """A double leaf of PyTorch."""
    return torch.tensor(x, dtype=torch.float64, requires_grad=True)


def channels_first(x):
    return x.permute(0, 3, 1, 2)


def channels_last(x):
    return x.permute(0, 2, 3, 1)


class Case:
    """One call of an operator: what octet gets, and what PyTorch says to it.

    inputs: (kind, array) each; reference: of PyTorch tensors to the result; state: arrays that the
    operator leaves in its state inputs, by number."""

    def __init__(self, name, inputs, reference, attr="none", training=True, frozen=False):
        self.name, self.inputs, self.attr = name, inputs, attr
        self.training, self.frozen = training, frozen
        self.leaves = [tensor(x) for _, x in inputs]
        self.result = reference(*self.leaves)
        self.state = {}

    def text(self, g):
        self.dy = g.normal(0, 1, self.result.shape).astype(np.float32)
        return engine.op(self.name, self.inputs, self.dy, self.attr, self.training, self.frozen)

    def expected(self):
        """Arrays by the names of engine.c."""
        self.result.backward(torch.tensor(self.dy, dtype=torch.float64).reshape(self.result.shape))
        values = {"y": self.result.detach().numpy()}
        for k, ((kind, _), leaf) in enumerate(zip(self.inputs, self.leaves)):
            if kind in ("batch", "value"):
                values[f"dx{k}"] = leaf.grad.numpy()
        return values | self.state


class Draw:
    """The draws that the cases share."""

    def __init__(self, name, seed):
        self.g = np.random.default_rng([seed, *name.encode()])

    def int(self, lo, hi):
        return int(self.g.integers(lo, hi + 1))

    def pick(self, values):
        return values[self.int(0, len(values) - 1)]

    def normal(self, *shape):
        return self.g.normal(0, 1, shape).astype(np.float32)

    def positive(self, *shape):
        return self.g.uniform(0.5, 1.5, shape).astype(np.float32)

    def shape(self):
        return [self.int(1, 5)] + [self.int(1, 9) for _ in range(self.pick([1, 3]))]


# ---- windows ----


def draw_window(d, dilated, most_padding):
    """(input h, w), kernel, stride, dilation, padding (top, bottom, left, right)."""
    kernel, stride = (d.int(1, 5), d.int(1, 5)), (d.int(1, 3), d.int(1, 3))
    dilation = (d.int(1, 3), d.int(1, 3)) if dilated and d.int(0, 2) == 0 else (1, 1)
    extent = [(k - 1) * s + 1 for k, s in zip(kernel, dilation)]
    padding = [d.int(0, min(most_padding, extent[i // 2] - 1)) for i in range(4)]
    size = [d.int(e, 13) for e in extent]
    return size, kernel, stride, dilation, padding


def pad_pictures(x, padding, value=0.0):
    """x [N,C,H,W]"""
    top, bottom, left, right = padding
    return F.pad(x, (left, right, top, bottom), value=value)


def biased(d, inputs, channels):
    return inputs + [("value", d.normal(channels))] if d.int(0, 1) else inputs


def convolution(op, d, window):
    size, kernel, stride, dilation, padding = window
    n, i, o = d.int(1, 4), d.pick([1, 3, 8, 17]), d.pick([1, 2, 16, 19])
    inputs = biased(d, [("batch", d.normal(n, *size, i)), ("value", d.normal(o, *kernel, i))], o)

    def reference(x, w, bias=None):
        padded = pad_pictures(channels_first(x), padding)
        return channels_last(F.conv2d(padded, channels_first(w), bias, stride, 0, dilation))
    return Case(op, inputs, reference, engine.window(kernel, stride, dilation, padding))


def conv2d(d):
    return convolution("conv2d", d, draw_window(d, True, 4))


def winograd(d):
    """What --conv fast puts in the place of conv2d: 3x3 at stride 1."""
    padding = [d.int(0, 2) for _ in range(4)]
    return convolution("winograd", d, ([d.int(3, 13), d.int(3, 13)], (3, 3), (1, 1), (1, 1), padding))


def dwconv2d(d):
    size, kernel, stride, dilation, padding = draw_window(d, True, 4)
    n, c, m = d.int(1, 4), d.pick([1, 3, 8, 17]), d.pick([1, 1, 2])
    inputs = biased(d, [("batch", d.normal(n, *size, c)), ("value", d.normal(1, *kernel, c * m))], c * m)

    def reference(x, w, bias=None):
        padded = pad_pictures(channels_first(x), padding)
        return channels_last(F.conv2d(padded, w.permute(3, 0, 1, 2), bias, stride, 0, dilation, c))
    return Case("dwconv2d", inputs, reference, engine.window(kernel, stride, dilation, padding))


def max_pool(d):
    size, kernel, stride, dilation, padding = draw_window(d, False, 4)
    values = d.g.permutation(d.int(1, 3) * size[0] * size[1] * 7).astype(np.float32) * 0.01  # all differ
    inputs = [("batch", values.reshape(-1, *size, 7))]

    def reference(x):
        padded = pad_pictures(channels_first(x), padding, -torch.inf)
        return channels_last(F.max_pool2d(padded, kernel, stride))
    return Case("max_pool", inputs, reference, engine.window(kernel, stride, dilation, padding))


def avg_pool(d):
    size, kernel, stride, dilation, padding = draw_window(d, False, 4)
    inputs = [("batch", d.normal(d.int(1, 3), *size, d.int(1, 20)))]

    def reference(x):
        x = channels_first(x)
        taps = pad_pictures(torch.ones_like(x), padding)  # the mean counts those in the picture
        return channels_last(F.avg_pool2d(pad_pictures(x, padding), kernel, stride) /
                             F.avg_pool2d(taps, kernel, stride))
    return Case("avg_pool", inputs, reference, engine.window(kernel, stride, dilation, padding))


# ---- the others ----


def dense(d):
    n, i, o = d.int(1, 9), d.int(1, 200), d.int(1, 40)
    inputs = biased(d, [("batch", d.normal(n, i)), ("value", d.normal(o, i))], o)
    return Case("dense", inputs, F.linear)


def bnorm(d):
    shape = d.shape()
    shape[0] += 2  # the variance of one value would be 0
    c, epsilon, momentum = shape[-1], d.pick([1e-3, 1e-5]), d.pick([0.9, 0.99])
    training, frozen = d.pick([(True, False), (True, True), (False, False)])
    mean, var = d.normal(c), d.positive(c)
    inputs = [("batch", d.normal(*shape) * 2 + 1), ("value", d.positive(c)), ("value", d.normal(c)),
              ("state", mean), ("state", var)]
    running = [torch.tensor(v, dtype=torch.float64) for v in (mean, var)]

    def reference(x, gamma, beta, *_):
        y = F.batch_norm(x.reshape(-1, c), *running, gamma, beta, training and not frozen, 1 - momentum,
                         epsilon)
        return y.reshape(x.shape)
    case = Case("bnorm", inputs, reference, f"bnorm {engine.reals([epsilon, momentum])}", training, frozen)
    case.state = {"state3": running[0].numpy(), "state4": running[1].numpy()}
    return case


def bncorrect(d):
    """Its own formula, which PyTorch then differentiates; the moving statistics are constants."""
    shape = [d.int(2, 4), d.int(1, 6), d.int(2, 6), d.int(1, 20)]
    c, epsilon, momentum = shape[-1], d.pick([1e-3, 1e-5]), d.pick([0.9, 0.99])
    training, frozen = d.pick([(True, False), (True, True), (False, False)])
    mean, var = d.normal(c), d.positive(c)
    inputs = [("batch", d.normal(*shape) * 2 + 1), ("batch", d.normal(*shape) * 2 - 1),
              ("value", d.positive(c)), ("value", d.normal(c)), ("state", mean), ("state", var)]
    inputs += [("value", d.normal(c))] * d.int(0, 1)
    running = [torch.tensor(v, dtype=torch.float64) for v in (mean, var)]

    def reference(u, z, gamma, beta, mean, var, bias=torch.zeros(1, dtype=torch.float64)):
        s = torch.sqrt(var + epsilon).detach()
        if not training or frozen:
            return u + beta + gamma * (bias - mean.detach()) / s + 0 * z
        v, m = torch.var_mean(z.reshape(-1, c), 0, correction=0)
        F.batch_norm((z + bias).detach().reshape(-1, c), *running, training=True, momentum=1 - momentum)
        s_b = torch.sqrt(v + epsilon)
        return u * s / s_b + beta - gamma * m / s_b + 0 * bias
    case = Case("bncorrect", inputs, reference, f"bnorm {engine.reals([epsilon, momentum])}", training, frozen)
    case.state = {"state4": running[0].numpy(), "state5": running[1].numpy()}
    return case


def elementwise(name, function, spread):
    def make(d):
        return Case(name, [("batch", d.normal(*d.shape()) * np.float32(spread))], function)
    return make


def add(d):
    shape = d.shape()
    return Case("add", [("batch", d.normal(*shape)) for _ in range(2)], torch.add)


def mul(d):
    n, h, w, c = d.int(1, 4), d.int(1, 6), d.int(1, 6), d.int(1, 20)
    gate = (n, h, w, c) if d.int(0, 1) else (n, 1, 1, c)
    return Case("mul", [("batch", d.normal(n, h, w, c)), ("batch", d.normal(*gate))], torch.mul)


def concat(d):
    shape, count = d.shape(), d.int(2, 4)
    inputs = [("batch", d.normal(*shape[:-1], d.int(1, 9))) for _ in range(count)]
    return Case("concat", inputs, lambda *x: torch.cat(x, -1))


def gap(d):
    inputs = [("batch", d.normal(d.int(1, 4), d.int(1, 9), d.int(1, 9), d.int(1, 20)))]
    return Case("gap", inputs, lambda x: x.mean((1, 2)))


def pad(d):
    before, after = [0] + [d.int(0, 3) for _ in range(3)], [0] + [d.int(0, 3) for _ in range(3)]
    inputs = [("batch", d.normal(d.int(1, 3), d.int(1, 5), d.int(1, 5), d.int(1, 5)))]
    pairs = [p for k in (3, 2, 1, 0) for p in (before[k], after[k])]
    return Case("pad", inputs, lambda x: F.pad(x, pairs), f"pad {engine.ints(before + after)}")


def reshape(d):
    n, h, w, c = (d.int(1, 5) for _ in range(4))
    to = d.pick([(h * w * c,), (1, 1, h * w * c), (c, w, h)])
    return Case("reshape", [("batch", d.normal(n, h, w, c))], lambda x: x.reshape(n, *to),
                f"reshape {engine.shape([-1, *to])}")


def softmax(d):
    return Case("softmax", [("batch", d.normal(*d.shape()) * 3)], lambda x: F.softmax(x, -1))


def xent(d):
    n, c, smoothing = d.int(1, 9), d.int(2, 100), d.pick([0, 0.1, 0.3])
    labels = d.g.integers(0, c, n)
    inputs = [("batch", d.normal(n, c) * 4), ("label", labels.astype(np.float32))]
    return Case("xent", inputs, lambda x, _: F.cross_entropy(x, torch.tensor(labels), label_smoothing=smoothing),
                f"xent {engine.reals([smoothing])}")


def mse(d):
    shape = d.shape()
    return Case("mse", [("batch", d.normal(*shape)) for _ in range(2)], F.mse_loss)


CASES = {
    "dense": dense, "conv2d": conv2d, "winograd": winograd, "dwconv2d": dwconv2d, "bnorm": bnorm,
    "bncorrect": bncorrect,
    "relu": elementwise("relu", F.relu, 2), "relu6": elementwise("relu6", F.relu6, 5),
    "logistic": elementwise("logistic", torch.sigmoid, 4),
    "hard_swish": elementwise("hard_swish", F.hardswish, 3),
    "add": add, "mul": mul, "concat": concat, "max_pool": max_pool, "avg_pool": avg_pool, "gap": gap,
    "pad": pad, "reshape": reshape, "softmax": softmax, "xent": xent, "mse": mse,
}


# ---- optimizers ----

OPTIMIZERS = [
    ("sgd", torch.optim.SGD, {}), ("sgd", torch.optim.SGD, {"momentum": 0.9}),
    ("sgd", torch.optim.SGD, {"momentum": 0.9, "nesterov": True}), ("adam", torch.optim.Adam, {}),
    ("adamw", torch.optim.AdamW, {}),
]
STEPS = 10


def optimizer_case(d, name, rule, settings):
    """The text of a case, and the weights after each step by PyTorch."""
    lr, decay, clip = d.pick([0.1, 0.01]), d.pick([0, 0.05]), d.pick([0, 1.5])
    decay_bn, n = bool(d.int(0, 1)), d.int(1, 40)
    start, gradients = d.normal(2, n), d.normal(STEPS, 2, n)
    weight, bias = tensor(start[0]), tensor(start[1])
    groups = [{"params": [weight], "weight_decay": decay},
              {"params": [bias], "weight_decay": decay if decay_bn else 0}]
    judge, expected = rule(groups, lr=lr, **settings), {"weight": [], "bias": []}
    for gradient in gradients:
        weight.grad, bias.grad = (torch.tensor(x, dtype=torch.float64) for x in gradient)
        if clip:
            torch.nn.utils.clip_grad_norm_([weight, bias], clip)
        judge.step()
        expected["weight"].append(weight.detach().numpy().copy())
        expected["bias"].append(bias.detach().numpy().copy())
    text = engine.optimizer(name, lr, start, gradients, decay=decay, decay_bn=decay_bn, clip=clip, **settings)
    return text, expected


# ---- comparison ----


def difference(ours, theirs):
    """The largest difference, as a fraction of the largest value."""
    theirs = np.asarray(theirs).reshape(-1)
    if theirs.size == 0 or ours.size != theirs.size:
        return np.inf
    return float(np.abs(ours - theirs).max() / max(np.abs(theirs).max(), 1e-30))


def compare(name, found, expected):
    """The worst difference over all values of a case, and a text about one that is too large."""
    worst, text = 0, None
    for key, values in expected.items():
        d = difference(np.asarray(found[key]).reshape(-1), values)
        worst = max(worst, d)
        if not d <= BOUND:
            text = f"{name}: {key} differs by {d:.3g} of its largest value"
    return worst, text


def missing():
    known = re.findall(r"^NN_OP\((\w+)\)", pathlib.Path("nn/ops.def").read_text(), re.MULTILINE)
    assert known
    return [name for name in known if name not in CASES and name not in LEFT_OUT]


def report(name, results):
    """Prints a line; how many cases differ."""
    bad = [text for _, text in results if text]
    print(f"{name:16} {len(results):4} cases, largest difference {max(w for w, _ in results):.1e}"
          f"{'' if not bad else f', {len(bad)} differ'}", flush=True)
    for text in bad[:3]:
        print("  " + text)
    return len(bad)


def compare_operators(program, count):
    bad = 0
    for name, make in CASES.items():
        draws = [Draw(name, seed) for seed in range(count)]
        cases = [make(d) for d in draws]
        found = engine.compute(program, [c.text(d.g) for c, d in zip(cases, draws)])
        bad += report(name, [compare(f"{name} {i}", f, c.expected()) for i, (f, c) in enumerate(zip(found, cases))])
    return bad


def compare_optimizers(program, count):
    bad = 0
    for name, rule, settings in OPTIMIZERS:
        cases = [optimizer_case(Draw(name, seed), name, rule, settings) for seed in range(count)]
        found = engine.compute(program, [text for text, _ in cases])
        label = " ".join([name, *settings])
        bad += report(label, [compare(f"{label} {i}", f, e) for i, (f, (_, e)) in enumerate(zip(found, cases))])
    return bad


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("engine")
    parser.add_argument("--count", type=int, default=40, help="cases of each operator")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    bad = compare_operators(arguments.engine, arguments.count)
    bad += compare_optimizers(arguments.engine, arguments.count)
    for name in missing():
        print(f"{name}: not compared; it needs a line in CASES or a reason in LEFT_OUT")
        bad += 1
    print(f"training against PyTorch {torch.__version__}: {bad} failures")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
