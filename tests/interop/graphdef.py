"""GraphDef files of octet: does TensorFlow run them, and does its converter make the same networks of them?

    python tests/interop/graphdef.py OCTET FOLDER [--network NAME]
    python tests/interop/graphdef.py OCTET FOLDER --checkpoint FILE... --pictures test_batch.bin

Each network of forms.py is exported as a float graph and as one with fake quantization, imported by TensorFlow
and run on 3,000 pictures: float results within 1e-5 of the largest value; of the predictions of the
fake-quantized graph 99.5 % must be those of octet's fake-quantized network, rounding once as TensorFlow does,
and 99.9 % where its two highest outputs are more than a step apart.  (Values on a tie, to the rounding of
binary32, fall to either side, about one in 300,000, and each moves others behind it.)  The integers round some
sums twice, as the device does: of their predictions 99.5 % must be equal where they decide (their two highest codes
are more than 2 apart: networks that were trained for a moment have many ties), and 95 % of all.  Where weights have one scale, TensorFlow's first converter
(tf.compat.v1.lite.TFLiteConverter.from_frozen_graph) makes a .tflite file of the graph: scales must be octet's
to one unit in the last place, zero points equal, and 99.5 % of all predictions.  With --checkpoint the same of
networks that were trained in earnest, on the 10,000 test pictures of CIFAR-10.  Exits with 1 if anything differs.
"""

import argparse
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import numpy as np
import tensorflow as tf

import forms
import litert

LEAST_EQUAL, LEAST_DECIDED_EQUAL, LEAST_CONVERTED_EQUAL = 0.95, 0.995, 0.995
LEAST_FAKE_EQUAL, LEAST_FAKE_DECIDED_EQUAL = 0.995, 0.999


def read(file):
    """The graph, and the name of its last node."""
    graph = tf.compat.v1.GraphDef()
    graph.ParseFromString(file.read_bytes())
    return graph, graph.node[-1].name


def run(file, inputs):
    definition, last = read(file)
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(definition, name="")
        with tf.compat.v1.Session(graph=graph) as session:
            return np.concatenate([session.run(last + ":0", {"image:0": part})
                                   for part in np.array_split(inputs, 10)])


def convert(file, mean, std, kind):
    """A .tflite file of the graph, made by TensorFlow."""
    graph, last = read(file)
    shape = [d.size for d in graph.node[0].attr["shape"].shape.dim]
    converter = tf.compat.v1.lite.TFLiteConverter.from_frozen_graph(
        str(file), ["image"], [last], input_shapes={"image": [1] + shape[1:]})
    converter.inference_type = kind
    converter.quantized_input_stats = {"image": (mean - (128 if kind == tf.int8 else 0), std)}
    return converter.convert()


def parameters(data):
    """The scales and zero points of activations and weights."""
    return {(np.float32(d["quantization"][0]), d["quantization"][1])
            for d in litert.Judge(data).interpreter.get_tensor_details()
            if d["quantization"][0] > 0 and d["dtype"] in (np.int8, np.uint8)}


def strange(theirs, ours):
    """Those of theirs that none of ours is, to one unit in the last place."""
    return [(s, z) for s, z in theirs
            if not any(z == y and abs(s - r) <= np.spacing(r) for r, y in ours)]


def check_converted(octet, checkpoint, file, pixels, mean, std, kind):
    """A text of figures, and what is wrong."""
    made = file.with_name(f"tensorflow-{kind.name}.tflite")
    made.write_bytes(convert(file, mean, std, kind))
    ours = octet.export(checkpoint, "tflite" if kind == tf.int8 else "tflite-uint8")
    codes = forms.as_codes(pixels) if kind == tf.int8 else pixels
    a, b = octet.outputs(made, codes), octet.outputs(ours, codes)
    equal = forms.agreement(a, b)
    good = equal >= LEAST_CONVERTED_EQUAL
    wrong = [] if good else [f"{kind.name}: too few predictions are equal"]
    wrong += [f"{kind.name}: scale {s}, zero point {z} are not octet's"
              for s, z in strange(parameters(made.read_bytes()), parameters(ours.read_bytes()))]
    return f"{kind.name} by TensorFlow {100 * equal:.2f} %", wrong


def has_one_scale(graph):
    """Are weights quantized with one scale each?"""
    return not any(n.op == "FakeQuantWithMinMaxVarsPerChannel" for n in graph.node)


def judge(octet, checkpoint, pixels):
    """A line of figures, and what is wrong."""
    mean, std = octet.normalization(checkpoint)
    reals = forms.as_reals(pixels, mean, std)
    wrong = []
    ours = octet.outputs(octet.export(checkpoint, "tflite-float"), reals)
    difference = forms.float_difference(run(octet.export(checkpoint, "graphdef-float"), reals), ours)
    if not difference <= forms.BOUND:
        wrong.append(f"float: differs by {difference:.2g} of the largest value")
    file = octet.export(checkpoint, "graphdef")
    theirs = run(file, reals)
    ours = octet.fake_quant_outputs(checkpoint, reals)
    step = np.diff(np.unique(ours)).min()
    fake, far = forms.agreement(theirs, ours), forms.agreement(theirs, ours, margin=1.5 * step)
    if not (fake >= LEAST_FAKE_EQUAL and far >= LEAST_FAKE_DECIDED_EQUAL):
        wrong.append("fake-quant: too few predictions are equal")
    ours = octet.integer_outputs(checkpoint, pixels)
    equal, decided = forms.agreement(theirs, ours), forms.agreement(theirs, ours, margin=2)
    if not (equal >= LEAST_EQUAL and decided >= LEAST_DECIDED_EQUAL):
        wrong.append("integers: too few predictions are equal")
    figures = (f"float {difference:.1e} of the largest value; predictions equal: fake-quant {100 * fake:.2f} % "
               f"({100 * far:.2f} % of the decided), integers {100 * equal:.2f} % ({100 * decided:.2f} % of the decided)")
    one_scale, affine = has_one_scale(read(file)[0]), "affine" in checkpoint.parent.name
    for kind in [tf.uint8] if affine else [tf.uint8, tf.int8] if one_scale else []:
        text, bad = check_converted(octet, checkpoint, file, pixels, mean, std, kind)
        figures += f"; {text}"
        wrong += bad
    return figures, wrong


def main():
    parser = argparse.ArgumentParser()
    forms.add_arguments(parser)
    arguments = parser.parse_args()
    octet, bad = forms.Octet(arguments.octet, arguments.folder), 0
    for checkpoint, pixels in forms.subjects(octet, arguments):
        figures, wrong = judge(octet, checkpoint, pixels)
        bad += len(wrong)
        print(f"{checkpoint.parent.name:14} {figures}", flush=True)
        print("".join(f"  {line}\n" for line in wrong), end="")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
