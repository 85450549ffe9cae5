"""Every family of networks, exported by octet in every form, against LiteRT's reference kernels.

    python tests/interop/families.py OCTET FOLDER [--model NAME]

The program OCTET makes each network with random weights (a few steps on noise, so that batch norms have
statistics), finds ranges, and exports it as int8 with scales for each channel and for each tensor, as
uint8, with 4-bit weights, and as float; two networks are also trained on the pictures that are part of
octet, with fake quantization.  Each file is compared as models.py does.  A network that octet lists and
FAMILIES does not is a failure.  Exits with 1 if anything differs.  Needs ai-edge-litert and numpy.
"""

import argparse
import collections
import os
import pathlib
import re
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor

import models

# data: pictures; count: random inputs; options: of octet train
Family = collections.namedtuple("Family", "model data count options trained", defaults=((), False))

FAMILIES = {
    "mlp": Family("mlp", "noise:28x28x1:10:256", 200),
    "lenet": Family("lenet", "noise:28x28x1:10:256", 200),
    "ds_cnn": Family("ds_cnn", "noise:49x10x1:12:256", 200),
    "resnet8": Family("resnet8", "noise:32x32x3:10:256", 200),
    "resnet20": Family("resnet20", "noise:32x32x3:10:256", 200),
    "resnet32": Family("resnet32", "noise:32x32x3:10:128", 20),
    "resnet56": Family("resnet56", "noise:32x32x3:10:128", 20),
    "resnet18-32": Family("resnet18", "noise:32x32x3:100:64", 20, ("--width", "0.25")),
    "resnet18-224": Family("resnet18", "noise:224x224x3:20:16", 2),
    "mobilenet_v1-32": Family("mobilenet_v1", "noise:32x32x3:10:128", 200, ("--width", "0.25")),
    "mobilenet_v1-128": Family("mobilenet_v1", "noise:128x128x3:10:32", 4),
    "mobilenet_v2-32": Family("mobilenet_v2", "noise:32x32x3:10:128", 200, ("--width", "0.25")),
    "mobilenet_v2-128": Family("mobilenet_v2", "noise:128x128x3:10:32", 4),
    "lenet-trained": Family("lenet", "sample", 200, ("--epochs", "4"), True),
    "mobilenet_v2-trained": Family("mobilenet_v2", "sample", 50, ("--epochs", "2", "--width", "0.25"), True),
}


class Exporter:
    """Runs the program for one family; every file goes to one folder."""

    def __init__(self, octet, folder, family):
        self.octet, self.folder, self.family = octet, folder, family
        folder.mkdir(parents=True, exist_ok=True)

    def run(self, *words):
        command = [self.octet, *map(str, words), "--quiet", "--threads", "1"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")

    def train(self, name, *options):
        out = self.folder / name
        self.run("train", "--data", self.family.data, "--model", self.family.model, "--out", out,
                 "--overwrite", *self.family.options, *options)
        return out / "model.safetensors"

    def quantize(self, checkpoint, name, *options):
        """The checkpoint with ranges, and its int8 file."""
        saved, file = self.folder / f"{name}.safetensors", self.folder / f"{name}.tflite"
        self.run("quantize", checkpoint, "--data", self.family.data, "--calib", 32, "--save", saved,
                 "--out", file, *options)
        return saved, file

    def export(self, checkpoint, form, name):
        file = self.folder / f"{name}.tflite"
        self.run("export", checkpoint, "--format", form, "--out", file)
        return file

    def random_weights(self):
        floats = self.train("float", "--steps", 3, "--batch", 8, "--lr", 0.01)
        channel = self.quantize(floats, "int8-channel")[1]
        tensor, tensor_file = self.quantize(floats, "int8-tensor", "--granularity", "tensor")
        return {"int8 per channel": channel, "int8 per tensor": tensor_file,
                "uint8": self.export(tensor, "tflite-uint8", "uint8"),
                "int4 weights": self.quantize(floats, "int4", "--weight-bits", 4)[1],
                "float": self.export(floats, "tflite-float", "float")}

    def trained(self):
        channel = self.train("qat-channel", "--qat", "--quant-delay", "1ep")
        tensor = self.train("qat-tensor", "--qat", "--quant-delay", "1ep", "--granularity", "tensor")
        return {"int8 per channel": channel.with_name("model.tflite"),
                "int8 per tensor": tensor.with_name("model.tflite"),
                "uint8": self.export(tensor, "tflite-uint8", "uint8")}

    def files(self):
        return self.trained() if self.family.trained else self.random_weights()


def compare_family(octet, folder, name):
    """The forms that are equal, and lines about those that are not."""
    family = FAMILIES[name]
    try:
        files = Exporter(octet, folder / name, family).files()
    except RuntimeError as error:
        return [], [str(error)]
    found = {form: models.compare(file, family.count) for form, file in files.items()}
    wrong = [f"{files[form]}: {text}" for form, text in found.items() if text]
    return [form for form, text in found.items() if not text], wrong


def missing():
    """Networks of models/models.def that no family here has."""
    known = re.findall(r"^MODEL\((\w+),", pathlib.Path("models/models.def").read_text(), re.MULTILINE)
    assert known
    return set(known) - {f.model for f in FAMILIES.values()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("octet")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--model", action="append", choices=FAMILIES)
    arguments = parser.parse_args()
    names = arguments.model or list(FAMILIES)
    bad = forms = 0
    for model in missing():
        print(f"{model}: not compared; it needs a line in FAMILIES")
        bad += 1
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        jobs = [pool.submit(compare_family, arguments.octet, arguments.folder, name) for name in names]
        for name, job in zip(names, jobs):
            equal, wrong = job.result()
            forms += len(equal)
            bad += len(wrong)
            print(f"{name:22} {FAMILIES[name].count:4} inputs equal: {', '.join(equal) or 'none'}", flush=True)
            print("".join(line + "\n" for line in wrong), end="")
    print(f"families: {len(names)} networks, {forms} files equal, {bad} failures")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
