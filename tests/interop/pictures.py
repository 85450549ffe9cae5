"""A CIFAR-10 model on the test pictures: every output of octet's runtime against LiteRT's reference.

    python tests/interop/pictures.py MODEL test_batch.bin [--count N] [--jobs N]

The file is CIFAR's binary layout: for each picture a label and 3 planes of 32x32 bytes.  Pixels become
int8 codes (p - 128) or uint8 codes as they are.  Exits with 1 if a byte differs.
"""

import argparse
import os
import pathlib
import sys
from concurrent.futures import ProcessPoolExecutor

import numpy as np

import litert
import octet_rt


def compare(path, records):
    """How many outputs differ, how many predictions do, and how many pictures are classified correctly."""
    data = pathlib.Path(path).read_bytes()
    judge, model = litert.Judge(data), octet_rt.Model(octet_rt.load(), data, best=True)
    differ = disagree = right = 0
    for record in records:
        pixels = record[1:].reshape(3, 32, 32).transpose(1, 2, 0)[None]
        unsigned = judge.inputs[0]["dtype"] == np.uint8
        codes = pixels if unsigned else (pixels.astype(np.int16) - 128).astype(np.int8)
        a, b = model.run([codes])[0], judge.run([codes])[0]
        differ += not np.array_equal(a, b)
        disagree += int(a.argmax()) != int(b.argmax())
        right += int(a.argmax()) == int(record[0])
    return differ, disagree, right


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("pictures")
    parser.add_argument("--count", type=int, default=10000)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    records = np.fromfile(arguments.pictures, np.uint8).reshape(-1, 3073)[: arguments.count]
    with ProcessPoolExecutor(arguments.jobs) as pool:
        parts = list(pool.map(compare, [arguments.model] * arguments.jobs,
                              np.array_split(records, arguments.jobs)))
    differ, disagree, right = (sum(column) for column in zip(*parts))
    print(f"{arguments.model}: {len(records)} pictures, {differ} outputs and {disagree} predictions differ, "
          f"{right / len(records):.4f} classified correctly")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
