"""Models that others trained, run as a user runs them.

    python tests/interop/others.py OCTET FOLDER [--count N]

Each .tflite file of FOLDER, on random inputs and on the picture cat.png: the outputs of the library, and the
bytes that `octet run --raw` writes, must be those of LiteRT's reference kernels.  Then the program classifies
the picture itself: a model with the 1001 classes of imagenet_labels.txt must have a cat among its first three.
What FOLDER does not have is left out, with a note.  Exits with 1 if anything differs.  Needs ai-edge-litert,
numpy and pillow.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image

import litert
import models

RAW = 20  # random inputs of `octet run --raw`, beside the picture


def picture_for(judge, path):
    """The middle square of a picture as the first input of a model: pixels, or pixels - 128."""
    detail = judge.inputs[0]
    _, height, width, channels = detail["shape"]
    picture = Image.open(path).convert("RGB" if channels == 3 else "L")
    side, (w, h) = min(picture.size), picture.size
    left, top = (w - side) // 2, (h - side) // 2
    picture = picture.crop((left, top, left + side, top + side)).resize((width, height))
    pixels = np.asarray(picture, np.int16).reshape(detail["shape"])
    return (pixels if detail["dtype"] == np.uint8 else pixels - 128).astype(detail["dtype"])


def compare_raw(octet, file, picture):
    """None, or how many outputs of `octet run --raw` are not LiteRT's."""
    judge = litert.Judge(file.read_bytes())
    generator = np.random.default_rng(3)
    inputs = [judge.draw(generator) for _ in range(RAW)]
    if picture.exists():
        inputs.append([picture_for(judge, picture)])
    with tempfile.TemporaryDirectory() as folder:
        source, sink = pathlib.Path(folder, "in"), pathlib.Path(folder, "out")
        source.write_bytes(b"".join(x.tobytes() for item in inputs for x in item))
        subprocess.run([octet, "run", file, "--raw", source, "--raw-out", sink, "--quiet"], check=True)
        ours = sink.read_bytes()
    theirs = [b"".join(y.tobytes() for y in judge.run(item)) for item in inputs]
    size = len(theirs[0])
    differ = sum(ours[i * size:(i + 1) * size] != y for i, y in enumerate(theirs))
    if differ or len(ours) != size * len(theirs):
        return f"octet run --raw: {differ} of {len(theirs)} outputs differ"
    return None


def find_cat(octet, file, picture, labels):
    """None, or the labels of the picture among which there is no cat."""
    done = subprocess.run([octet, "run", file, picture, "--labels", labels, "--top", "3", "--json", "--quiet"],
                          capture_output=True, text=True, check=True)
    top = [c["label"] for c in json.loads(done.stdout)["results"][0]["top"]]
    print(f"{file.name}: {picture.name} is {', '.join(top)}")
    return None if any("cat" in label.split() for label in top) else f"no cat among {top}"


def check(octet, file, count):
    """A list of what is wrong."""
    picture, labels = file.with_name("cat.png"), file.with_name("imagenet_labels.txt")
    wrong = [models.compare(file, count), compare_raw(octet, file, picture)]
    classes = litert.Judge(file.read_bytes()).outputs[0]["shape"][-1]
    if not (picture.exists() and labels.exists()):
        print(f"{file.name}: no picture or no labels beside it: not classified")
    elif classes == len(labels.read_text().splitlines()):
        wrong.append(find_cat(octet, file, picture, labels))
    return [text for text in wrong if text]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("octet")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=200)
    arguments = parser.parse_args()
    files = sorted(arguments.folder.glob("*.tflite"))
    if not files:
        print(f"skipped: models of others; there is no .tflite file in {arguments.folder}")
    bad = 0
    for file in files:
        wrong = check(arguments.octet, file, arguments.count)
        bad += len(wrong)
        print(f"{file}: " + ("; ".join(wrong) or f"{arguments.count} inputs equal, octet run --raw too"), flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
