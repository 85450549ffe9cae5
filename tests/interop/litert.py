"""LiteRT as the judge: its reference kernels, its default delegate, and when two results are the same.

The interpreter is ai-edge-litert's; where that is not installed, or with OCTET_JUDGE=tensorflow, the one
inside the tensorflow package.
"""

import os

import numpy as np

try:
    if os.environ.get("OCTET_JUDGE") == "tensorflow":
        raise ImportError
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.interpreter import Interpreter, OpResolverType
except ImportError:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from tensorflow.lite.python import schema_py_generated as schema
    from tensorflow.lite.python.interpreter import Interpreter, OpResolverType

__all__ = ["Interpreter", "Judge", "OpResolverType", "difference", "draw", "schema", "steps"]

FLOAT_BOUND = 1e-5  # of the largest value: float sums may be added in another order


class Judge:
    """A model in LiteRT.  reference: BUILTIN_REF, else what an application gets by default."""

    def __init__(self, data, reference=True, keep_all=False):
        resolver = OpResolverType.BUILTIN_REF if reference else OpResolverType.AUTO
        self.interpreter = Interpreter(model_content=data, experimental_op_resolver_type=resolver,
                                       experimental_preserve_all_tensors=keep_all, num_threads=1)
        self.interpreter.allocate_tensors()
        self.inputs = self.interpreter.get_input_details()
        self.outputs = self.interpreter.get_output_details()

    def run(self, inputs):
        for detail, values in zip(self.inputs, inputs):
            self.interpreter.set_tensor(detail["index"], values)
        self.interpreter.invoke()
        return [self.interpreter.get_tensor(d["index"]) for d in self.outputs]

    def draw(self, generator):
        """Random inputs: any code, normal reals."""
        return [draw(generator, d["shape"], d["dtype"]) for d in self.inputs]

    def operands(self, operator):
        return len(self.interpreter._get_ops_details()[operator]["inputs"])

    def operators(self):
        """(index, name, outputs) of each operator, in order of execution."""
        return [(o["index"], o["op_name"], [int(t) for t in o["outputs"]])
                for o in self.interpreter._get_ops_details()]


def draw(generator, shape, dtype):
    if dtype == np.float32:
        return generator.normal(0, 1, shape).astype(np.float32)
    info = np.iinfo(dtype)
    return generator.integers(info.min, info.max + 1, shape).astype(dtype)


def steps(ours, theirs):
    """The largest difference of two integer results."""
    return int(np.abs(ours.astype(np.int64) - theirs.astype(np.int64)).max(initial=0))


def difference(ours, theirs):
    """None if the two are the same, else a text that says how they differ."""
    if ours.dtype != theirs.dtype or ours.shape != theirs.shape:
        return f"{ours.dtype}{ours.shape} instead of {theirs.dtype}{theirs.shape}"
    if ours.dtype == np.float32:
        bound = FLOAT_BOUND * float(np.abs(theirs).max(initial=0))
        worst = float(np.abs(ours - theirs).max(initial=0))
        return None if worst <= bound else f"largest difference {worst}, bound {bound}"
    differ = int((ours != theirs).sum())
    return None if differ == 0 else f"{differ} of {ours.size} values differ, by at most {steps(ours, theirs)}"
