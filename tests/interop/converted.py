"""Keras networks through the TensorFlow converter: what it writes, octet runs as LiteRT does.

    python tests/interop/converted.py [--count N] [NETWORK]

Small random networks of the kinds that one meets (MobileNetV2 and V3, residual, squeeze-and-excite,
decoder with resizing), each converted to float, float16 weights, 8-bit weights ("dynamic range"),
int8, int8 with float input and output, and 16x8, which octet refuses by name.  Integers must be equal;
floats |a-b| <= 1e-5 max|b|.  Exits with 1 if anything differs.  Needs tensorflow-cpu, ai-edge-litert
and numpy.
"""

import argparse
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

import litert
import octet_rt

L = tf.keras.layers


def conv(x, filters, k=3, s=1, activation=None, **options):
    x = L.Conv2D(filters, k, s, "same", use_bias=False, **options)(x)
    x = L.BatchNormalization()(x)
    return activation(x) if activation else x


def depthwise(x, k=3, s=1, activation=None):
    x = L.BatchNormalization()(L.DepthwiseConv2D(k, s, "same", use_bias=False)(x))
    return activation(x) if activation else x


def relu6(x):
    return L.ReLU(6.0)(x)


def hard_swish(x):
    return L.Activation("hard_swish")(x)


def squeeze_excite(x, ratio=4):
    c = x.shape[-1]
    s = L.GlobalAveragePooling2D(keepdims=True)(x)
    s = L.Conv2D(c // ratio, 1, activation="relu")(s)
    s = L.Conv2D(c, 1, activation="hard_sigmoid")(s)
    return L.Multiply()([x, s])


def mobilenet_v2(x):
    x = conv(x, 8, s=2, activation=relu6)
    for c, s in ((8, 1), (12, 2), (12, 1)):
        y = conv(x, 4 * x.shape[-1], 1, activation=relu6)
        y = conv(depthwise(y, s=s, activation=relu6), c, 1)
        x = L.Add()([x, y]) if s == 1 and x.shape[-1] == c else y
    return head(conv(x, 96, 1, activation=relu6))


def mobilenet_v3(x):
    x = conv(x, 8, 5, s=2, activation=hard_swish)
    for c, k, s in ((8, 3, 1), (16, 5, 2), (16, 5, 1)):
        y = conv(x, 2 * x.shape[-1], 1, activation=hard_swish)
        y = conv(squeeze_excite(depthwise(y, k, s, hard_swish)), c, 1)
        x = L.Add()([x, y]) if s == 1 and x.shape[-1] == c else y
    return head(conv(x, 72, 1, activation=hard_swish))


def residual(x):
    x = conv(x, 8, activation=L.ReLU())
    y = conv(conv(x, 8, activation=L.LeakyReLU(0.1)), 8)
    x = L.ReLU()(L.Add()([x, y]))
    y = L.Concatenate()([conv(x, 8, s=2), L.MaxPooling2D()(x), L.AveragePooling2D(2)(x)])
    return head(L.Activation("tanh")(y))


def decoder(x):
    a = conv(x, 8, s=2, activation=L.LeakyReLU(0.2))
    b = conv(a, 16, s=2, activation=L.LeakyReLU(0.2))
    b = L.Conv2D(16, 3, padding="same", dilation_rate=2, activation="relu")(b)
    up = L.Resizing(8, 8)(b)
    up = L.Concatenate()([up, a])
    up = L.Resizing(16, 16, interpolation="nearest")(conv(up, 8, activation=L.ReLU()))
    return L.Conv2D(3, 1, activation="sigmoid")(L.ZeroPadding2D(1)(up))


def dense(x):
    x = L.Flatten()(x[:, ::2, 1:9, :])
    x = L.Dense(40, activation="relu")(x)
    x = L.Maximum()([L.Dense(20)(x), L.Dense(20)(x) - 0.1])
    return L.Softmax()(L.Dense(7)(L.Reshape((20,))(x)))


def head(x):
    return L.Softmax()(L.Dense(10)(L.Dropout(0.1)(L.GlobalAveragePooling2D()(x))))


NETWORKS = [mobilenet_v2, mobilenet_v3, residual, decoder, dense]


def build(network):
    """The network with weights and batch statistics that are not the initial ones."""
    tf.keras.utils.set_random_seed(5)
    x = L.Input((16, 16, 3), batch_size=1)
    m = tf.keras.Model(x, network(x))
    g = np.random.default_rng(6)
    for w in m.weights:
        v = w.numpy()
        if "moving_variance" in w.path or "gamma" in w.path:
            w.assign(g.uniform(0.5, 1.5, v.shape))
        elif v.ndim == 1:
            w.assign(g.normal(0, 0.2, v.shape))
    return m


def pictures(seed, count):
    g = np.random.default_rng(seed)
    return [g.uniform(-1, 1, [1, 16, 16, 3]).astype(np.float32) for _ in range(count)]


def freeze(model):
    """The network as a function without variables, traced once for all kinds."""
    signature = tf.TensorSpec([1, 16, 16, 3], tf.float32)
    function = tf.function(lambda x: model(x, training=False)).get_concrete_function(signature)
    return convert_variables_to_constants_v2(function)


def convert(function, kind):
    c = tf.lite.TFLiteConverter.from_concrete_functions([function])
    if kind != "float":
        c.optimizations = [tf.lite.Optimize.DEFAULT]
    if kind == "float16":
        c.target_spec.supported_types = [tf.float16]
    if kind in ("int8", "int8, float ends", "16x8"):
        c.representative_dataset = lambda: ([p] for p in pictures(1, 20))
        ops = tf.lite.OpsSet
        c.target_spec.supported_ops = [ops.TFLITE_BUILTINS_INT8] if kind != "16x8" else [
            ops.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8]
    if kind == "int8":
        c.inference_input_type = c.inference_output_type = tf.int8
    try:
        return c.convert()
    except RuntimeError as e:
        if kind == "16x8":  # the converter has no such form of some operators
            return None
        raise e


def draw(g, detail):
    if detail["dtype"] == np.float32:
        return g.uniform(-1, 1, detail["shape"]).astype(np.float32)
    return g.integers(-128, 128, detail["shape"]).astype(detail["dtype"])


def compare(library, data, count):
    """"equal", or what is wrong."""
    theirs = litert.Judge(data)
    try:
        ours = octet_rt.Model(library, data, best=True)
    except octet_rt.Refused as e:
        return f"refused: {e}"
    g = np.random.default_rng(8)
    for i in range(count):
        inputs = [draw(g, d) for d in theirs.inputs]
        for a, b in zip(ours.run(inputs), theirs.run(inputs)):
            wrong = litert.difference(a, b)
            if wrong:
                return f"input {i}: {wrong}"
    return "equal"


KINDS = ["float", "float16", "dynamic range", "int8", "int8, float ends", "16x8"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--keep", help="folder for the files")
    parser.add_argument("network", nargs="?", default="")
    arguments = parser.parse_args()
    library = octet_rt.load()
    bad = 0
    for network in NETWORKS:
        if arguments.network not in network.__name__:
            continue
        function = freeze(build(network))
        for kind in KINDS:
            data = convert(function, kind)
            if data is None:
                continue
            if arguments.keep:
                with open(f"{arguments.keep}/{network.__name__}_{kind.replace(', ', '_')}.tflite", "wb") as f:
                    f.write(data)
            result = compare(library, data, arguments.count)
            good = "INT16" in result if kind == "16x8" else result == "equal"
            bad += not good
            print(f"{network.__name__:14} {kind:18} {len(data):7} bytes  {result}", flush=True)
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
