"""Small .tflite files made through LiteRT's own schema: one subgraph, any operators."""

import flatbuffers
import numpy as np

from litert import schema

TYPE = {
    np.dtype(np.float32): schema.TensorType.FLOAT32,
    np.dtype(np.int32): schema.TensorType.INT32,
    np.dtype(np.int64): schema.TensorType.INT64,
    np.dtype(np.uint8): schema.TensorType.UINT8,
    np.dtype(np.int8): schema.TensorType.INT8,
    np.dtype(np.int16): schema.TensorType.INT16,
    np.dtype(np.bool_): schema.TensorType.BOOL,
    np.dtype(np.float16): schema.TensorType.FLOAT16,
}


class Builder:
    def __init__(self):
        self.model = schema.ModelT()
        self.model.version = 3
        self.model.description = "single operator"
        self.model.operatorCodes = []
        self.model.buffers = [schema.BufferT()]
        self.graph = schema.SubGraphT()
        self.graph.tensors, self.graph.operators = [], []
        self.graph.inputs, self.graph.outputs = [], []
        self.graph.name = "main"
        self.model.subgraphs = [self.graph]

    def tensor(self, shape, dtype, scale=None, zero=0, data=None, axis=0, int4=False):
        """A tensor's index.  scale: None, a number or one a channel; data: a constant's values."""
        t = schema.TensorT()
        t.shape = [int(d) for d in shape]
        t.type = schema.TensorType.INT4 if int4 else TYPE[np.dtype(dtype)]
        t.name = f"t{len(self.graph.tensors)}"
        t.buffer = 0
        if scale is not None and np.dtype(dtype) != np.float32:
            q = schema.QuantizationParametersT()
            q.scale = np.atleast_1d(np.float32(scale))
            q.zeroPoint = np.broadcast_to(np.int64(zero), q.scale.shape).copy()
            q.quantizedDimension = axis
            t.quantization = q
        if data is not None:
            raw = np.ascontiguousarray(data, dtype)
            if int4:
                flat = raw.reshape(-1).astype(np.int16) & 15
                flat = np.append(flat, np.zeros(flat.size % 2, np.int16))
                raw = (flat[0::2] | flat[1::2] << 4).astype(np.uint8)
            b = schema.BufferT()
            b.data = np.frombuffer(raw.tobytes(), np.uint8)
            t.buffer = len(self.model.buffers)
            self.model.buffers.append(b)
        self.graph.tensors.append(t)
        return len(self.graph.tensors) - 1

    def op(self, name, inputs, outputs, version=1, options=None, **fields):
        """Appends an operator; options is the name of its table, fields its values."""
        code = schema.OperatorCodeT()
        builtin = getattr(schema.BuiltinOperator, name)
        code.builtinCode = builtin
        code.deprecatedBuiltinCode = min(builtin, 127)
        code.version = version
        self.model.operatorCodes.append(code)
        o = schema.OperatorT()
        o.opcodeIndex = len(self.model.operatorCodes) - 1
        o.inputs, o.outputs = list(inputs), list(outputs)
        if options is not None:
            o.builtinOptionsType = getattr(schema.BuiltinOptions, options)
            o.builtinOptions = getattr(schema, options + "T")()
            for key, value in fields.items():
                assert hasattr(o.builtinOptions, key), key
                setattr(o.builtinOptions, key, value)
        self.graph.operators.append(o)

    def finish(self, inputs, outputs):
        self.graph.inputs, self.graph.outputs = list(inputs), list(outputs)
        b = flatbuffers.Builder(1024)
        b.Finish(self.model.Pack(b), file_identifier=b"TFL3")
        return bytes(b.Output())
