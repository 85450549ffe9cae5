"""A training step in PyTorch, as fast as it can be asked for.

argv[1]: {"model", "input", "classes", "width", "batch", "threads", "variant"}.  The variant is a
layout, nchw or channels_last, and with a plus sign what else: compile (TorchInductor), fx
(torch.ao's prepare_qat_fx), eager (torch.ao's prepare_qat).
"""
import json
import sys
import warnings

import worker

import torch
from torch import nn

import nets

warnings.filterwarnings("ignore")


def fuse(net):
    """Convolution, batch norm and relu in one, wherever torch.ao knows how to."""
    from torch.ao.quantization import fuse_modules_qat

    for m in [m for m in net.modules() if type(m) is nn.Sequential]:
        kinds = [type(child) for child in m]
        for i in range(len(kinds) - 1):
            if kinds[i : i + 2] == [nn.Conv2d, nn.BatchNorm2d]:
                n = 3 if kinds[i + 2 : i + 3] == [nn.ReLU] else 2
                fuse_modules_qat(m, [str(k) for k in range(i, i + n)], inplace=True)
    return net


def quantized(net, how, example):
    import torch.ao.quantization as q

    net.train()
    if how == "eager":
        net = nn.Sequential(q.QuantStub(), fuse(net), q.DeQuantStub())
        net.qconfig = q.get_default_qat_qconfig("x86")
        return q.prepare_qat(net)
    from torch.ao.quantization.quantize_fx import prepare_qat_fx

    return prepare_qat_fx(net, q.get_default_qat_qconfig_mapping("x86"), (example,))


def sgd(net):
    settings = dict(lr=1e-3, momentum=0.9, weight_decay=5e-4)
    try:
        return torch.optim.SGD(net.parameters(), fused=True, **settings)
    except RuntimeError:
        return torch.optim.SGD(net.parameters(), foreach=True, **settings)


def main():
    o = json.loads(sys.argv[1])
    layout, _, how = o["variant"].partition("+")
    torch.set_num_threads(o["threads"])
    torch.set_flush_denormal(True)  # octet has no slow numbers to wait for either
    net, shape = nets.make(o["model"], o["input"], o["classes"], o["width"])
    counted = nets.parameters(net)
    x = torch.randn(o["batch"], *shape)
    y = torch.randint(0, o["classes"], (o["batch"],))
    if layout == "channels_last":
        net, x = net.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    if how in ("fx", "eager"):
        net = quantized(net, how, x)
        if layout == "channels_last":
            net = net.to(memory_format=torch.channels_last)
    net.train()
    forward = torch.compile(net) if how == "compile" else net
    optimizer, loss = sgd(net), nn.CrossEntropyLoss()

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss(forward(x), y).backward()
        optimizer.step()

    begun = worker.since_start()
    step()
    done = worker.since_start()
    step()
    worker.serve(step, parameters=counted, start_to_step_ms=1e3 * begun,
                 start_to_stepped_ms=1e3 * done)


main()
