"""A CIFAR-10 model on the test pictures: every output of octet's runtime against LiteRT's reference.

    python tests/interop/pictures.py MODEL test_batch.bin [--count N]

The file is CIFAR's binary layout: for each picture a label and 3 planes of 32x32 bytes.  Pixels become
int8 codes (p - 128) or uint8 codes as they are.  Exits with 1 if a byte differs.
"""

import argparse
import pathlib
import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

import octet_rt


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("pictures")
    parser.add_argument("--count", type=int, default=10000)
    arguments = parser.parse_args()
    records = np.fromfile(arguments.pictures, np.uint8).reshape(-1, 3073)[: arguments.count]
    data = pathlib.Path(arguments.model).read_bytes()
    theirs = Interpreter(model_content=data, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    theirs.allocate_tensors()
    source, sink = theirs.get_input_details()[0], theirs.get_output_details()[0]
    model = octet_rt.Model(octet_rt.load(), data, best=True)
    differ = right = 0
    for record in records:
        pixels = record[1:].reshape(3, 32, 32).transpose(1, 2, 0)[None]
        codes = pixels if source["dtype"] == np.uint8 else (pixels.astype(np.int16) - 128).astype(np.int8)
        theirs.set_tensor(source["index"], codes)
        theirs.invoke()
        b = theirs.get_tensor(sink["index"])
        a = model.run([codes])[0]
        differ += not np.array_equal(a, b)
        right += int(a.argmax()) == int(record[0])
    print(f"{len(records)} pictures: {differ} differ, {right / len(records):.4f} classified correctly")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
