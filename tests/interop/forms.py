"""What the judges of ONNX and GraphDef files share: networks that octet trains, and its answers.

The networks are trained for a moment, with fake quantization, on the pictures that are part of octet, and
judged on these pictures; or they are checkpoints of someone's, judged on the test pictures of CIFAR-10.
"""

import gzip
import json
import pathlib
import subprocess

import numpy as np

SAMPLE = pathlib.Path("data/sample")
BOUND = 1e-5  # of the largest value: float sums may be added in another order


# Options of octet train: every kind of network, scale and scheme.
NETWORKS = {
    "mlp": ("--model", "mlp", "--epochs", 3),
    "lenet": ("--model", "lenet", "--epochs", 3),
    "lenet-affine": ("--model", "lenet", "--epochs", 3, "--granularity", "tensor", "--weight-scheme", "affine"),
    "lenet-w4a6": ("--model", "lenet", "--epochs", 3, "--weight-bits", 4, "--act-bits", 6),
    "ds_cnn": ("--model", "ds_cnn", "--epochs", 3),
    "resnet8": ("--model", "resnet8", "--epochs", 3),
    "resnet8-tensor": ("--model", "resnet8", "--epochs", 3, "--granularity", "tensor"),
    "resnet18": ("--model", "resnet18", "--width", 0.125, "--epochs", 3),
    "mobilenet_v1": ("--model", "mobilenet_v1", "--width", 0.25, "--epochs", 12),
    "mobilenet_v2": ("--model", "mobilenet_v2", "--width", 0.25, "--epochs", 12),
}


class Octet:
    """The program, and beside it tests/interop/outputs.c."""

    def __init__(self, program, folder):
        self.program, self.folder = program, pathlib.Path(folder)
        self.rounding_once = pathlib.Path(program).parent / "tests" / "interop" / "outputs"
        self.folder.mkdir(parents=True, exist_ok=True)

    def run(self, *words):
        command = [self.program, *map(str, words), "--quiet", "--threads", "1"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
        return done.stdout

    def train(self, name):
        """The checkpoint of one of NETWORKS; it is made once for all judges."""
        out = self.folder / name / "model.safetensors"
        if not out.exists() or out.stat().st_mtime < pathlib.Path(self.program).stat().st_mtime:
            self.run("train", "--data", "sample", "--qat", "--quant-delay", "1ep", "--out", out.parent,
                     "--overwrite", *NETWORKS[name])
        return out

    def export(self, checkpoint, form):
        file = self.folder / checkpoint.parent.name / f"model.{form}"
        file.parent.mkdir(exist_ok=True)
        self.run("export", checkpoint, "--format", form, "--out", file)
        return file

    def outputs(self, file, inputs):
        """What octet's runtime makes of inputs [n, ...] of the file's type: [n, classes]."""
        raw, out = file.with_suffix(".in"), file.with_suffix(".out")
        raw.write_bytes(inputs.tobytes())
        self.run("run", file, "--raw", raw, "--raw-out", out)
        return np.frombuffer(out.read_bytes(), inputs.dtype).reshape(len(inputs), -1)

    def fake_quant_outputs(self, checkpoint, reals):
        """What the fake-quantized network makes of normalized pictures, rounding as other programs do."""
        done = subprocess.run([self.rounding_once, checkpoint, "100"], input=reals.tobytes(), capture_output=True)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.decode().strip())
        return np.frombuffer(done.stdout, np.float32).reshape(len(reals), -1)

    def integer_outputs(self, checkpoint, pixels):
        """What the integer network makes of pixels."""
        if "affine" in checkpoint.parent.name:
            return self.outputs(self.export(checkpoint, "tflite-uint8"), pixels)
        return self.outputs(self.export(checkpoint, "tflite"), as_codes(pixels))

    def normalization(self, checkpoint):
        """Mean and deviation that the network was trained with."""
        told = json.loads(self.run("inspect", checkpoint, "--json"))
        return told["mean"][0], told["std"][0]


def sample_pictures():
    """All pictures that are part of octet: [3000, 28, 28, 1] of uint8."""
    parts = [gzip.open(file).read() for file in sorted(SAMPLE.glob("*-images-idx3-ubyte.gz"))]
    return np.concatenate([np.frombuffer(data, np.uint8, offset=16) for data in parts]).reshape(-1, 28, 28, 1)


def cifar_pictures(file):
    """Those of a binary batch of CIFAR-10, [n, 32, 32, 3]: for each a label and three planes."""
    planes = np.fromfile(file, np.uint8).reshape(-1, 1 + 3 * 32 * 32)[:, 1:].reshape(-1, 3, 32, 32)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1))


def add_arguments(parser):
    parser.add_argument("octet")
    parser.add_argument("folder")
    parser.add_argument("--network", action="append", choices=NETWORKS)
    parser.add_argument("--checkpoint", action="append", type=pathlib.Path, default=[],
                        help="a network that was trained with fake quantization, instead")
    parser.add_argument("--pictures", help="with --checkpoint: test_batch.bin of CIFAR-10")


def subjects(octet, arguments):
    """Checkpoints, and the pictures to judge them on."""
    if arguments.checkpoint:
        pictures = cifar_pictures(arguments.pictures)
        yield from ((file, pictures) for file in arguments.checkpoint)
    else:
        yield from ((octet.train(name), sample_pictures()) for name in arguments.network or NETWORKS)


def as_reals(pixels, mean, std):
    return ((pixels.astype(np.float32) - np.float32(mean)) / np.float32(std)).astype(np.float32)


def as_codes(pixels):
    return (pixels.astype(np.int16) - 128).astype(np.int8)


def float_difference(ours, theirs):
    """The largest difference as a share of the largest value."""
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


def agreement(theirs, ours, margin=-1):
    """Which share of the predictions is equal, where ours are codes whose two highest are more than `margin`
    apart."""
    ranked = np.sort(ours.astype(np.float64), axis=1)
    decided = ranked[:, -1] - ranked[:, -2] > margin
    return float((ours.argmax(1) == theirs.argmax(1))[decided].mean())
