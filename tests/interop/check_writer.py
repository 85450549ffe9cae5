"""What octet writes into a .tflite file, read by LiteRT.

    python tests/interop/check_writer.py build/release/tests/test_tflite

The test program writes one model for each operator and type, and beside each a text file with what the
model should hold.  Here every field is read through LiteRT's own schema and compared, LiteRT's loader
(which runs the FlatBuffers verifier) must accept the file, and its reference and default resolvers must
run it.  Needs ai-edge-litert and numpy.  Exits with 1 if anything differs.
"""

import pathlib
import subprocess
import sys
import tempfile

import numpy as np

from litert import Interpreter, OpResolverType, schema

OPERATOR_NAME = {v: k for k, v in vars(schema.BuiltinOperator).items() if isinstance(v, int)}
TYPE_NAME = {v: k for k, v in vars(schema.TensorType).items() if isinstance(v, int)}
OPTIONS_NAME = {v: k for k, v in vars(schema.BuiltinOptions).items() if isinstance(v, int)}


def numbers(length, item):
    return [item(i) for i in range(length())]


def describe_tensor(model, t):
    """The line that the test program prints for a tensor."""
    q = t.Quantization()
    scales = []
    if q is not None:
        assert q.ScaleLength() == q.ZeroPointLength() and q.DetailsType() == 0
        for scale, zero in zip(numbers(q.ScaleLength, q.Scale), numbers(q.ZeroPointLength, q.ZeroPoint)):
            scales.append(f"{scale.hex()} {zero}")
    shape = ",".join(map(str, numbers(t.ShapeLength, t.Shape)))
    buffer = model.Buffers(t.Buffer())
    assert (t.Buffer() == 0) == (buffer.DataLength() == 0)
    data = bytes(numbers(buffer.DataLength, buffer.Data)).hex()
    axis = q.QuantizedDimension() if q is not None else 0
    return " ".join(["tensor", t.Name().decode(), TYPE_NAME[t.Type()], f"[{shape}]", f"axis {axis}", "scales"]
                    + scales + ["data", data]).rstrip()


def canonical(line):
    """C and Python write hexadecimal floats in two ways."""
    words = [float.fromhex(w).hex() if w.startswith(("0x", "-0x")) else w for w in line.split()]
    return " ".join(words)


def describe_operator(model, op):
    code = model.OperatorCodes(op.OpcodeIndex())
    builtin = code.BuiltinCode()
    assert code.DeprecatedBuiltinCode() == min(builtin, 127)
    ins = " ".join(map(str, numbers(op.InputsLength, op.Inputs)))
    outs = " ".join(map(str, numbers(op.OutputsLength, op.Outputs)))
    return (f"operator {OPERATOR_NAME[builtin]} version {code.Version()} "
            f"options {op.BuiltinOptionsType()} in {ins} out {outs}")


def schema_name(option):
    """octet's name of an option, as the schema's accessor: stride_h, StrideH."""
    special = {"activation": "FusedActivationFunction", "filter_h": "FilterHeight", "filter_w": "FilterWidth",
               "dilation_h": "DilationHFactor", "dilation_w": "DilationWFactor"}
    return special.get(option, "".join(word.capitalize() for word in option.split("_")))


def check_option(op, name, value):
    table = op.BuiltinOptions()
    options = getattr(schema, OPTIONS_NAME[op.BuiltinOptionsType()])()
    options.Init(table.Bytes, table.Pos)
    found = float(getattr(options, schema_name(name))())
    assert found == float(value), f"{name} is {found}, should be {value}"


def check_fields(model, wanted):
    graph = model.Subgraphs(0)
    assert model.Version() == 3 and model.SubgraphsLength() == 1 and graph.OperatorsLength() == 1
    assert model.Description() == b"one operator" and graph.Name() == b"main"
    op = graph.Operators(0)
    lines = [describe_tensor(model, graph.Tensors(i)) for i in range(graph.TensorsLength())]
    lines.append(describe_operator(model, op))
    asked = [line for line in wanted if not line.startswith("option ")]
    for found, line in zip(lines, asked, strict=True):
        assert canonical(found) == canonical(line), f"\n  found {found}\n  wrote {line}"
    for line in wanted:
        if line.startswith("option "):
            check_option(op, *line.split()[1:])


def check_extras(model):
    names = {}
    for i in range(model.MetadataLength()):
        entry = model.Metadata(i)
        buffer = model.Buffers(entry.Buffer())
        names[entry.Name().decode()] = bytes(numbers(buffer.DataLength, buffer.Data))
    assert names["octet.labels"] == b"cat\ndog\n"
    assert len(names["min_runtime_version"]) == 16 and names["min_runtime_version"][:1] in b"12"
    signature = model.SignatureDefs(0)
    assert signature.SignatureKey() == b"serving_default" and signature.Inputs(0).Name() == b"picture"


def run(path, resolver):
    interpreter = Interpreter(str(path), experimental_op_resolver_type=resolver)
    interpreter.allocate_tensors()
    shapes = {d["name"]: list(d["shape"]) for d in interpreter.get_tensor_details()}
    noise = np.random.default_rng(1)
    for d in interpreter.get_input_details():
        interpreter.set_tensor(d["index"], noise.integers(0, 100, d["shape"]).astype(d["dtype"]))
    interpreter.invoke()
    for d in interpreter.get_output_details():
        assert list(d["shape"]) == shapes[d["name"]], f"{d['name']}: LiteRT computes shape {d['shape']}"
    assert list(interpreter.get_signature_list()) == ["serving_default"]
    return shapes


def check(path):
    model = schema.Model.GetRootAsModel(path.read_bytes(), 0)
    check_fields(model, path.with_suffix(".txt").read_text().splitlines())
    check_extras(model)
    graph = model.Subgraphs(0)
    for resolver in (OpResolverType.BUILTIN_REF, OpResolverType.AUTO):
        shapes = run(path, resolver)
        for i in range(graph.TensorsLength()):  # LiteRT overwrites an output's shape by its own
            t = graph.Tensors(i)
            assert shapes[t.Name().decode()] == numbers(t.ShapeLength, t.Shape), t.Name()


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.argv[1], folder], check=True)
        files = sorted(pathlib.Path(folder).glob("*.tflite"))
        for path in files:
            try:
                check(path)
            except Exception as error:  # LiteRT raises many kinds
                bad += 1
                print(f"{path.name}: {type(error).__name__}: {error}")
        print(f"check_writer: {len(files)} models, {bad} differ")
    sys.exit(1 if bad or not files else 0)


main()
