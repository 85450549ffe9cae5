"""Event files of octet: does TensorBoard read them, and find in them what log.csv says?

    python tests/interop/events.py OCTET FOLDER [--page PICTURE.png]

A network is trained with fake quantization, interrupted and resumed.  Then the package tensorboard reads the
run with its own reader, and every step and tag is compared: numbers with log.csv to binary32, layers with
`octet inspect`, each tag at each step once.  TensorBoard's server, which has another reader, is started on
the folder and asked for numbers, histograms, pictures and the graph as its page does.  --page makes a picture
of that page with chromium.  Exits with 1 if anything differs.
"""

import argparse
import contextlib
import csv
import json
import pathlib
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

import numpy as np
from tensorboard.backend.event_processing import event_accumulator
from tensorboard.compat.proto import graph_pb2

TRAIN = ("train", "--data", "sample", "--model", "resnet8", "--width", "0.5", "--qat", "--quant-delay", "1ep",
         "--checkpoint-every", "7")
COLUMN = {"train/loss": "train_loss", "train/top1": "train_top1", "lr": "lr", "epoch": "epoch",
          "images_per_s": "images_per_s", "val/loss": "val_loss", "val/top1": "val_top1", "val/top5": "val_top5",
          "int8/loss": "int8_loss", "int8/top1": "int8_top1"}
ROUNDED = {"lr": 1e-7, "images_per_s": 0.06}  # digits that log.csv has: relative to lr, and absolute
OF_GRIDS = ("min", "max", "scale", "zero_point", "clipped", "sqnr_db")


def train(octet, folder):
    """A run that was interrupted once."""
    if folder.exists():
        shutil.rmtree(folder)
    command = [octet, *TRAIN, "--epochs", "3", "--out", folder]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    for line in process.stderr:
        if line.startswith("epoch 1/"):
            process.kill()
    process.wait()
    subprocess.run([*command, "--resume", "--quiet"], check=True, stdout=subprocess.DEVNULL)


def read(folder):
    sizes = {event_accumulator.SCALARS: 0, event_accumulator.HISTOGRAMS: 0, event_accumulator.IMAGES: 0}
    events = event_accumulator.EventAccumulator(str(folder), size_guidance=sizes)
    events.Reload()
    return events


def numbers(events, tag):
    """Step -> value, and whether a step is there twice."""
    list_of = events.Scalars(tag)
    return {e.step: e.value for e in list_of}, len({e.step for e in list_of}) < len(list_of)


def check_log(events, log):
    wrong = []
    for tag, column in COLUMN.items():
        want = {int(row["step"]): float(row[column]) for row in log if row[column] != ""}
        found, doubled = numbers(events, tag)
        if doubled or found.keys() != want.keys():
            wrong.append(f"{tag}: steps {sorted(found)} are not those of log.csv")
            continue
        for step, value in want.items():
            bound = value * ROUNDED["lr"] if tag == "lr" else ROUNDED.get(tag, 6e-7 + 1e-7 * abs(value))
            if abs(found[step] - value) > bound + 1e-12:
                wrong.append(f"{tag}: step {step}: {found[step]}, log.csv has {value}")
    return wrong


def check_tensors(events, log, tensors):
    """Every tensor of the file at every validation; scales of the last one are the file's."""
    wrong = []
    ends = [int(row["step"]) for row in log if row["val_loss"] != ""]
    quantized = [int(row["step"]) for row in log if row["int8_loss"] != ""]
    last = {}
    for tag in events.Tags()["histograms"]:
        steps = [e.step for e in events.Histograms(tag)]
        if steps != ends:
            wrong.append(f"{tag}: histograms at steps {steps}, not {ends}")
    for name in (t.removeprefix("values/") for t in events.Tags()["histograms"]):
        for what in OF_GRIDS:
            found, doubled = numbers(events, f"{what}/{name}")
            if doubled or list(found) != quantized:
                wrong.append(f"{what}/{name}: at steps {list(found)}, not {quantized}")
            last[what, name] = found.get(quantized[-1])
    shown = {(last["scale", name], last["zero_point", name]) for what, name in last if what == "scale"}
    strange = [t for t in tensors if (np.float32(t[1]), t[2]) not in shown]
    wrong += [f"{name}: no layer has the file's scale {scale} and zero point {zero}" for name, scale, zero in strange]
    wrong += [f"{name}: a share of {value} is clipped" for (what, name), value in last.items()
              if what == "clipped" and not 0 <= value <= 1]
    if len(tensors) < 10:
        wrong.append(f"the file has {len(tensors)} tensors")
    return wrong


def tensors_of(octet, file):
    """Name, scale, zero point of the activations of a .tflite file."""
    told = json.loads(subprocess.run([octet, "inspect", file, "--json"], check=True, capture_output=True,
                                     text=True).stdout)
    return [(t["name"], t["scale"][0], t["zero_point"][0]) for t in told["tensors"]
            if t["type"] == "INT8" and not t["constant"]]


def check_graph(graph):
    """Nodes of fake quantization with their ranges: of each layer's weight and of results."""
    nodes = {n.name: n for n in graph.node}
    ranges = [n for n in graph.node if n.op.startswith("FakeQuantWithMinMaxVars")]
    wrong = [f"{n.name}: reads {i}, which is no node" for n in graph.node for i in n.input if i not in nodes]
    for n in ranges:
        low, high = (nodes[i].attr["value"].tensor.float_val for i in n.input[1:])
        if not len(low) == len(high) > 0 or not all(a < b for a, b in zip(low, high)):
            wrong.append(f"{n.name}: from {list(low)[:3]} to {list(high)[:3]}")
    if len(ranges) < 10:
        wrong.append(f"the graph has {len(ranges)} nodes of fake quantization")
    return wrong


@contextlib.contextmanager
def serve(folder):
    """TensorBoard's address."""
    process = subprocess.Popen([sys.executable, "-m", "tensorboard.main", "--logdir", folder, "--port", "0",
                                "--host", "127.0.0.1"], stderr=subprocess.PIPE, text=True)
    try:
        for line in process.stderr:
            if "http://" in line:
                yield "http://" + line.split("http://")[1].split()[0].rstrip("/")
                break
    finally:
        process.terminate()
        process.wait()


def ask(address, path, **query):
    with urllib.request.urlopen(f"{address}/data/plugin/{path}?{urllib.parse.urlencode(query)}") as answer:
        return answer.read()


def wait_for(address, tag):
    """The tags of scalars, as soon as there are any."""
    for _ in range(60):
        tags = json.loads(ask(address, "scalars/tags"))
        if tag in tags.get(".", {}):
            return tags["."]
        time.sleep(0.5)
    raise RuntimeError("tensorboard shows no run")


def check_server(address, events):
    wrong = []
    tags = wait_for(address, "test/top1")
    missing = set(events.Tags()["scalars"]) - set(tags)
    if missing:
        wrong.append(f"the page lacks {sorted(missing)[:5]}")
    for tag in COLUMN:
        shown = [(step, value) for _, step, value in json.loads(ask(address, "scalars/scalars", run=".", tag=tag))]
        if not np.allclose(shown, [(e.step, e.value) for e in events.Scalars(tag)]):
            wrong.append(f"{tag}: the page shows other values")
    for tag in events.Tags()["histograms"]:
        if len(json.loads(ask(address, "histograms/histograms", run=".", tag=tag))) != len(events.Histograms(tag)):
            wrong.append(f"{tag}: the page shows other histograms")
    images = json.loads(ask(address, "images/tags"))["."]
    if set(images) != set(events.Tags()["images"]):
        wrong.append("the page shows other pictures")
    if b"FakeQuantWithMinMaxVars" not in ask(address, "graphs/graph", run=".", conceptual="false"):
        wrong.append("the page's graph has no fake quantization")
    return wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("octet")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--page", help="a picture of TensorBoard's page of graphs")
    arguments = parser.parse_args()
    train(arguments.octet, arguments.folder)
    with open(arguments.folder / "log.csv", encoding="utf-8") as file:
        log = list(csv.DictReader(file))
    events = read(arguments.folder)
    tags = events.Tags()
    graph = graph_pb2.GraphDef.FromString(events.Graph().SerializeToString())
    wrong = check_log(events, log)
    wrong += check_tensors(events, log, tensors_of(arguments.octet, arguments.folder / "model.tflite"))
    wrong += check_graph(graph)
    wrong += [] if tags["images"] else ["there is no picture of a mistake"]
    with serve(arguments.folder) as address:
        wrong += check_server(address, events)
        if arguments.page:
            subprocess.run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--window-size=1600,1200",
                            "--virtual-time-budget=20000", f"--screenshot={arguments.page}", address + "/#graphs"],
                           check=True, stderr=subprocess.DEVNULL)
    print("".join(f"{line}\n" for line in wrong), end="")
    print(f"{len(log)} steps, {len(tags['scalars'])} numbers, {len(tags['histograms'])} histograms, "
          f"{len(tags['images'])} pictures, {len(graph.node)} nodes: {len(wrong)} differ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
