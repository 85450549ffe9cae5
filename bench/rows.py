"""What is compared: one row for each piece of work, with the ratio it is to reach."""
from dataclasses import dataclass

TORCH_FLOAT = ("nchw", "channels_last", "nchw+compile", "channels_last+compile")
TORCH_QAT = ("nchw+fx", "channels_last+fx", "nchw+eager", "channels_last+eager")


@dataclass(frozen=True)
class Net:
    model: str
    input: str
    classes: int = 10
    width: float = 1
    batch: int = 1

    def __str__(self):
        width = f" {self.width:g}" if self.width != 1 else ""
        batch = f", batch {self.batch}" if self.batch > 1 else ""
        return f"{self.model}{width}, {self.input}{batch}"


@dataclass(frozen=True)
class Row:
    key: str
    kind: str  # train, qat, infer, kernel, scaling, memory, start
    net: Net
    limit: float | None  # the ratio octet / best peer, unless the kind says otherwise; None: apart
    own: float = 0  # qat: octet's own float step, times this
    layer: str = ""  # kernel
    conv: str = "exact"  # train: octet's --conv


RESNET20 = Net("resnet20", "32x32x3", batch=128)
MOBILENET = Net("mobilenet_v1", "96x96x3", 2, 0.25, 32)

ROWS = [
    Row("train-resnet20", "train", RESNET20, 0.75),
    Row("train-resnet20-fast", "train", RESNET20, None, conv="fast"),
    Row("qat-resnet20", "qat", RESNET20, 0.40, 1.15),
    Row("train-mobilenet", "train", MOBILENET, 0.60),
    Row("qat-mobilenet", "qat", MOBILENET, 0.35, 1.20),
    Row("train-lenet", "train", Net("lenet", "28x28x1", batch=128), 0.50),
    Row("train-resnet18", "train", Net("resnet18", "224x224x3", 1000, batch=8), 0.90),
    Row("int8-resnet8", "infer", Net("resnet8", "32x32x3"), 0.60),
    Row("int8-vww", "infer", Net("mobilenet_v1", "96x96x3", 2, 0.25), 0.60),
    Row("int8-ds_cnn", "infer", Net("ds_cnn", "49x10x1", 12), 0.60),
    Row("int8-resnet20", "infer", Net("resnet20", "32x32x3"), 0.60),
    Row("int8-mobilenet_v1", "infer", Net("mobilenet_v1", "224x224x3", 1000), 0.80),
    Row("int8-mobilenet_v2", "infer", Net("mobilenet_v2", "224x224x3", 1000), 0.80),
    Row("int8-resnet18", "infer", Net("resnet18", "224x224x3", 1000), 0.80),
    Row("scaling-resnet20", "scaling", RESNET20, 1.85),
    Row("kernel-gemm512", "kernel", Net("", ""), 0.85, layer="gemm 512x512x512"),
    Row("kernel-gemm1024", "kernel", Net("", ""), 0.85, layer="gemm 1024x1024x1024"),
    Row("kernel-conv-int8", "kernel", Net("", ""), 0.65, layer="conv 3x3 64-64, 56x56"),
    Row("memory-resnet20", "memory", RESNET20, 0.40),
    Row("start-resnet20", "start", RESNET20, 0.30),
]
