"""octet's networks in PyTorch: the same layers, sizes, parameters and multiply-accumulates.

models/*.c is the original.  Where octet pads as TensorFlow does, a window of stride 2 on an even
side begins one pixel later; here it is padded evenly, as PyTorch likes it, which costs the same.
"""
import torch
from torch import nn
from torch.ao.nn.quantized import FloatFunctional


class Add(nn.Module):
    """A sum that quantization can see."""

    def __init__(self):
        super().__init__()
        self.sum = FloatFunctional()

    def forward(self, a, b):
        return self.sum.add(a, b)


def conv_bn(cin, cout, k=3, s=1, groups=1, act=nn.ReLU, padding=None):
    padding = k // 2 if padding is None else padding
    layers = [nn.Conv2d(cin, cout, k, s, padding, groups=groups, bias=False), nn.BatchNorm2d(cout)]
    return nn.Sequential(*layers, act()) if act else nn.Sequential(*layers)


class Subsample(nn.Module):
    """Option A of He et al. 2015: every second pixel, new channels zero."""

    def __init__(self, stride, more):
        super().__init__()
        self.stride, self.more = stride, more

    def forward(self, x):
        x = x[:, :, :: self.stride, :: self.stride]
        return nn.functional.pad(x, (0, 0, 0, 0, 0, self.more))


class Block(nn.Module):
    def __init__(self, cin, cout, stride, shortcut):
        super().__init__()
        self.conv1, self.conv2 = conv_bn(cin, cout, s=stride), conv_bn(cout, cout, act=None)
        self.shortcut = nn.Identity()
        if stride > 1 or cin != cout:
            self.shortcut = {
                "subsample": lambda: Subsample(stride, cout - cin),
                "project": lambda: conv_bn(cin, cout, 1, stride, act=None),
                "biased": lambda: nn.Conv2d(cin, cout, 1, stride),
            }[shortcut]()
        self.add, self.act = Add(), nn.ReLU()

    def forward(self, x):
        return self.act(self.add(self.shortcut(x), self.conv2(self.conv1(x))))


def resnet(stem, filters, blocks, shortcut, cin, classes):
    layers, c = list(stem), filters
    for stage, n in enumerate(blocks):
        for i in range(n):
            out = filters << stage
            layers.append(Block(c, out, 2 if stage > 0 and i == 0 else 1, shortcut))
            c = out
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c, classes))


def resnet8(cin, classes, width):
    return resnet([conv_bn(cin, 16)], 16, [1, 1, 1], "biased", cin, classes)


def resnet20(cin, classes, width):
    return resnet([conv_bn(cin, 16)], 16, [3, 3, 3], "subsample", cin, classes)


def resnet18(cin, classes, width):
    stem = [conv_bn(cin, 64, 7, 2), nn.MaxPool2d(3, 2, 1)]
    return resnet(stem, 64, [2, 2, 2, 2], "project", cin, classes)


def mobilenet_v1(cin, classes, width):
    def scaled(c):
        return max(8, int(c * width + 0.5))

    table = [(1, 64), (2, 128), (1, 128), (2, 256), (1, 256), (2, 512)]
    table += [(1, 512)] * 5 + [(2, 1024), (1, 1024)]
    c = scaled(32)
    layers = [conv_bn(cin, c, s=2, act=nn.ReLU6)]
    for stride, out in table:
        layers.append(conv_bn(c, c, 3, stride, groups=c, act=nn.ReLU6))
        layers.append(conv_bn(c, scaled(out), 1, act=nn.ReLU6))
        c = scaled(out)
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c, classes))


class Bottleneck(nn.Module):
    def __init__(self, cin, t, cout, stride):
        super().__init__()
        c = cin * t
        layers = [conv_bn(cin, c, 1, act=nn.ReLU6)] if t > 1 else []
        layers += [conv_bn(c, c, 3, stride, groups=c, act=nn.ReLU6), conv_bn(c, cout, 1, act=None)]
        self.layers = nn.Sequential(*layers)
        self.add = Add() if stride == 1 and cin == cout else None

    def forward(self, x):
        y = self.layers(x)
        return self.add(x, y) if self.add is not None else y


def mobilenet_v2(cin, classes, width):
    assert width == 1
    table = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2)]
    table += [(6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
    layers, c = [conv_bn(cin, 32, s=2, act=nn.ReLU6)], 32
    for t, out, n, s in table:
        for i in range(n):
            layers.append(Bottleneck(c, t, out, s if i == 0 else 1))
            c = out
    layers.append(conv_bn(c, 1280, 1, act=nn.ReLU6))
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, classes))


def lenet(cin, classes, width):
    return nn.Sequential(
        conv_bn(cin, 6, 5), nn.MaxPool2d(2), conv_bn(6, 16, 5, padding=0), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(),
        nn.Linear(84, classes),
    )


def ds_cnn(cin, classes, width):
    layers = [nn.ZeroPad2d((1, 1, 4, 5)), nn.Conv2d(cin, 64, (10, 4), 2, bias=False),
              nn.BatchNorm2d(64), nn.ReLU()]
    for _ in range(4):
        layers += [conv_bn(64, 64, 3, groups=64), conv_bn(64, 64, 1)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, classes))


def make(model, size, classes, width):
    """The network, and its input's shape without the batch, channels first."""
    h, w, c = (int(n) for n in size.split("x"))
    torch.manual_seed(1)
    return globals()[model](c, classes, width), (c, h, w)


def parameters(net):
    return sum(p.numel() for p in net.parameters())


def macs(net, shape):
    """Multiply-accumulates of convolutions and dense layers for one item."""
    total = 0

    def count(layer, _, out):
        nonlocal total
        each = layer.weight.numel() // layer.weight.shape[0]
        total += out.numel() * each

    hooks = [m.register_forward_hook(count) for m in net.modules()
             if isinstance(m, (nn.Conv2d, nn.Linear))]
    training = net.training
    with torch.no_grad():
        net.eval()(torch.zeros(1, *shape))
    net.train(training)
    for h in hooks:
        h.remove()
    return total
