"""ONNX files of octet: are they valid, and does ONNX Runtime compute what octet does?

    python tests/interop/onnx_forms.py OCTET FOLDER [--network NAME]
    python tests/interop/onnx_forms.py OCTET FOLDER --checkpoint FILE... --pictures test_batch.bin

Each network of forms.py is exported as float and as int8 in QDQ form.  onnx.checker must pass, with shapes
inferred, and zero points are int8.
Then on 3,000 pictures: float results within 1e-5 of the largest value; int8 predictions equal to 99.5 %
where octet's two highest codes are more than 2 apart, and to 95 % of all.  (ONNX Runtime requantizes in
float, where octet's integers round otherwise; networks that were trained for a moment have many ties.)
With --checkpoint, of networks that were trained in earnest, 99 % of all on the test pictures of CIFAR-10.
Exits with 1 if anything differs.
"""

import argparse
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

import forms

LEAST_EQUAL, LEAST_TRAINED_EQUAL, LEAST_DECIDED_EQUAL = 0.95, 0.99, 0.995


def run(file, inputs):
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return np.concatenate([session.run(None, {name: part})[0] for part in np.array_split(inputs, 100)])


def check(file):
    """The model; raises if the file is not valid."""
    model = onnx.load(file)
    onnx.checker.check_model(model, full_check=True)
    return model


def quantized(model):
    """Name -> scales, zero points of everything that is dequantized."""
    value = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    return {n.output[0]: [value[i] for i in n.input[1:]] for n in model.graph.node
            if n.op_type == "DequantizeLinear"}


def judge(octet, checkpoint, pixels, least):
    """A line of figures, and what is wrong."""
    mean, std = octet.normalization(checkpoint)
    reals = forms.as_reals(pixels, mean, std)
    wrong = []

    file = octet.export(checkpoint, "onnx-float")
    check(file)
    ours = octet.outputs(octet.export(checkpoint, "tflite-float"), reals)
    difference = forms.float_difference(run(file, reals), ours)
    if not difference <= forms.BOUND:
        wrong.append(f"float: differs by {difference:.2g} of the largest value")

    file = octet.export(checkpoint, "onnx")
    model = check(file)
    wrong += [f"{n}: zero point {q[1]}" for n, q in quantized(model).items()
              if len(q) > 1 and q[1].dtype != np.int8]
    ours, theirs = octet.integer_outputs(checkpoint, pixels), run(file, reals)
    equal, decided = forms.agreement(theirs, ours), forms.agreement(theirs, ours, margin=2)
    if not (equal >= least and decided >= LEAST_DECIDED_EQUAL):
        wrong.append("int8: too few predictions are equal")
    return (f"float {difference:.1e} of the largest value; int8 predictions equal: {100 * equal:.2f} %, "
            f"{100 * decided:.2f} % of the decided"), wrong


def main():
    parser = argparse.ArgumentParser()
    forms.add_arguments(parser)
    arguments = parser.parse_args()
    octet, bad = forms.Octet(arguments.octet, arguments.folder), 0
    least = LEAST_TRAINED_EQUAL if arguments.checkpoint else LEAST_EQUAL
    for checkpoint, pixels in forms.subjects(octet, arguments):
        figures, wrong = judge(octet, checkpoint, pixels, least)
        bad += len(wrong)
        print(f"{checkpoint.parent.name:14} {figures}", flush=True)
        print("".join(f"  {line}\n" for line in wrong), end="")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
