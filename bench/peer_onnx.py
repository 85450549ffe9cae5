"""ONNX Runtime on an int8 network that its own quantize_static makes from the float one.

argv[1]: {"model", "input", "classes", "width", "threads", "variant", "folder"}.  The variant is the
type of the activations: u8 (what its documentation recommends for x86) or s8.  Inputs and outputs
are codes, as in the .tflite file: the conversions from and to float at the ends are taken off.
"""
import json
import os
import sys
import warnings

import worker

import numpy as np
import onnx
import onnxruntime as ort
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

warnings.filterwarnings("ignore")


class Noise(CalibrationDataReader):
    def __init__(self, shape):
        rng = np.random.default_rng(1)
        self.items = iter([{"x": rng.standard_normal((1, *shape)).astype(np.float32)}
                           for _ in range(4)])

    def get_next(self):
        return next(self.items, None)


def export(o, path):
    """The float network as ONNX, batch norms folded; its input's shape, multiply-accumulates."""
    import torch

    import nets

    net, shape = nets.make(o["model"], o["input"], o["classes"], o["width"])
    net.eval()
    torch.onnx.export(net, (torch.zeros(1, *shape),), path, input_names=["x"], output_names=["y"],
                      dynamo=False, opset_version=17)
    return shape, nets.macs(net, shape)


def strip(model):
    """Takes the first QuantizeLinear and the last DequantizeLinear off."""
    g = model.graph
    types = {i.name: i.data_type for i in g.initializer}
    for node in list(g.node):
        if node.op_type == "QuantizeLinear" and node.input[0] == g.input[0].name:
            shape = [d.dim_value for d in g.input[0].type.tensor_type.shape.dim]
            name, kind = node.output[0], types[node.input[2]]
            g.node.remove(node)
            del g.input[0]
            g.input.append(onnx.helper.make_tensor_value_info(name, kind, shape))
        elif node.op_type == "DequantizeLinear" and node.output[0] == g.output[0].name:
            shape = [d.dim_value for d in g.output[0].type.tensor_type.shape.dim]
            name, kind = node.input[0], types[node.input[2]]
            g.node.remove(node)
            del g.output[0]
            g.output.append(onnx.helper.make_tensor_value_info(name, kind, shape))
    onnx.checker.check_model(model)
    return model


def make(o, path):
    base = os.path.join(o["folder"], f"{o['model']}-{o['input']}-{o['width']}-{os.getpid()}")
    steps = [f"{base}-{s}.onnx" for s in ("float", "prepared", "int8")]
    shape, macs = export(o, steps[0])
    quant_pre_process(steps[0], steps[1], skip_symbolic_shape=True)
    kind = QuantType.QUInt8 if o["variant"] == "u8" else QuantType.QInt8
    quantize_static(steps[1], steps[2], Noise(shape), quant_format=QuantFormat.QDQ,
                    activation_type=kind, weight_type=QuantType.QInt8, per_channel=True)
    model = strip(onnx.load(steps[2]))
    onnx.helper.set_model_props(model, {"macs": str(macs)})
    onnx.save(model, path + ".new")
    os.replace(path + ".new", path)
    for s in steps:
        os.remove(s)


def main():
    o = json.loads(sys.argv[1])
    path = os.path.join(o["folder"], f"{o['model']}-{o['input']}-{o['classes']}-{o['width']}-"
                                     f"{o['variant']}.onnx")
    if not os.path.exists(path):
        make(o, path)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.intra_op_num_threads = o["threads"]
    options.inter_op_num_threads = 1
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    tensor = session.get_inputs()[0]
    dtype = np.uint8 if tensor.type == "tensor(uint8)" else np.int8
    binding = session.io_binding()
    noise = np.random.default_rng(1).integers(0, 64, tensor.shape).astype(dtype)
    binding.bind_cpu_input(tensor.name, noise)
    for out in session.get_outputs():
        binding.bind_output(out.name, "cpu")
    native, bound = session._sess, binding._iobinding  # without the wrappers' checks

    def run():
        native.run_with_iobinding(bound, None)

    for _ in range(20):
        run()
    meta = session.get_modelmeta().custom_metadata_map
    worker.serve(run, macs=int(meta["macs"]), input=tensor.type)


main()
