"""Every network of octet in every form, through Netron's readers.

    python tests/interop/netron.py OCTET FOLDER NETRON

Each line of models/models.def becomes a network, after two steps of training with fake quantization on noise,
and is written as .tflite (int8, uint8, float), ONNX (QDQ, float) and GraphDef (fake-quantized, float).  NETRON is
the folder of the package netron, whose readers netron.mjs runs by node.  Exits with 1 if a file is not read.
"""

import argparse
import pathlib
import re
import subprocess
import sys

FORMS = ("tflite", "tflite-uint8", "tflite-float", "onnx", "onnx-float", "graphdef", "graphdef-float")
INPUT = {"mlp": "28x28x1", "lenet": "28x28x1", "ds_cnn": "49x10x1"}
TRAIN = ("--steps", "2", "--batch", "4", "--val", "0", "--qat", "--granularity", "tensor", "--events", "off",
         "--quiet", "--overwrite")


def write(octet, folder, model):
    """The files of one network."""
    data = f"noise:{INPUT.get(model, '32x32x3')}:10:16"
    subprocess.run([octet, "train", "--data", data, "--model", model, *TRAIN, "--out", folder], check=True,
                   stdout=subprocess.DEVNULL)
    for form in FORMS:
        file = folder / f"model.{form}"
        subprocess.run([octet, "export", folder / "model.safetensors", "--format", form, "--out", file, "--quiet"],
                       check=True, stdout=subprocess.DEVNULL)
        yield file


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("octet")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("netron")
    arguments = parser.parse_args()
    models = re.findall(r"^MODEL\((\w+)", pathlib.Path("models/models.def").read_text("utf-8"), re.MULTILINE)
    files = [file for model in models for file in write(arguments.octet, arguments.folder / model, model)]
    script = pathlib.Path(__file__).with_name("netron.mjs")
    return subprocess.run(["node", script, arguments.netron, *files], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
