"""A ResNet-50 with random weights, made here and now, for PyTorch or ONNX Runtime; used by gpu.py and what it starts.

Pictures are three bytes a pixel, side times side of them. What it costs is real, what it says about a picture is not.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

SEED = 20200518
CLASSES = 1000
# Blocks of each stage and the width of their inner convolutions; a block gives four times as many channels.
STAGES = ((3, 64), (4, 128), (6, 256), (3, 512))
Predict = Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]]


def installed(wanted: str) -> str:
    """`torch` where it is installed, else `onnx`; ends the program where neither is."""
    names = {"torch": ("torch",), "onnx": ("onnxruntime", "onnx")}
    for framework in names if wanted == "auto" else (wanted,):
        if all(find_spec(name) for name in names[framework]):
            return framework
    raise SystemExit("neither PyTorch nor ONNX Runtime is installed: pip install torch, or onnxruntime and onnx")


def make(framework: str, folder: Path) -> None:
    """What `load` reads; PyTorch needs no file, its weights are drawn anew."""
    folder.mkdir(parents=True, exist_ok=True)
    if framework == "onnx":
        (folder / "resnet50.onnx").write_bytes(_onnx_model())


def load(framework: str, folder: Path, device: str) -> Predict:
    """Pictures in, classes out, on `cuda` or `cpu`."""
    return _load_torch(device) if framework == "torch" else _load_onnx(folder, device)


def allocator_peak_bytes(framework: str) -> int | None:
    """ONNX Runtime keeps no such count."""
    if framework != "torch":
        return None
    import torch

    return int(torch.cuda.max_memory_allocated()) if torch.cuda.is_initialized() else None


def _load_torch(device: str) -> Predict:
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self, inputs: int, width: int, stride: int) -> None:
            super().__init__()
            outputs = 4 * width
            self.main = nn.Sequential(
                *normed(inputs, width, 1, 1), nn.ReLU(), *normed(width, width, 3, stride), nn.ReLU(),
                *normed(width, outputs, 1, 1),
            )  # fmt: skip
            straight = inputs == outputs and stride == 1
            self.shortcut = nn.Identity() if straight else nn.Sequential(*normed(inputs, outputs, 1, stride))

        def forward(self, pixels: Any) -> Any:
            return torch.relu(self.main(pixels) + self.shortcut(pixels))

    def normed(inputs: int, outputs: int, size: int, stride: int) -> list[nn.Module]:
        return [nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False), nn.BatchNorm2d(outputs)]

    torch.manual_seed(SEED)
    layers: list[nn.Module] = [*normed(3, 64, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    channels = 64
    for number, (blocks, width) in enumerate(STAGES):
        for block in range(blocks):
            layers.append(Block(channels, width, 2 if number and not block else 1))
            channels = 4 * width
    network = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, CLASSES))
    network = network.eval().to(device)

    def predict(pictures: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        with torch.inference_mode():
            pixels = torch.from_numpy(pictures).to(device).permute(0, 3, 1, 2).float() / 255
            found: np.ndarray[Any, Any] = network(pixels).argmax(1).cpu().numpy()
            return found

    return predict


def _load_onnx(folder: Path, device: str) -> Predict:
    from plimsoll.backends import onnx

    session = onnx.load(folder, provider=device)
    name = session.get_inputs()[0].name
    return lambda pictures: session.run(None, {name: pictures})[0]  # type: ignore[no-any-return]


class _Graph:
    """ONNX nodes one after the other; convolutions come with the normalisation already in their weights."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self._random = np.random.default_rng(SEED)

    def add(self, kind: str, inputs: list[str], **attributes: Any) -> str:
        from onnx import helper

        name = f"value{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def weight(self, values: np.ndarray[Any, Any]) -> str:
        from onnx import numpy_helper

        name = f"weight{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def convolution(self, value: str, inputs: int, outputs: int, size: int, stride: int) -> str:
        spread = (2 / (inputs * size * size)) ** 0.5
        kernel = self._random.normal(0, spread, (outputs, inputs, size, size)).astype(np.float32)
        names = [value, self.weight(kernel), self.weight(np.zeros(outputs, np.float32))]
        around = [size // 2] * 4
        return self.add("Conv", names, kernel_shape=[size, size], strides=[stride, stride], pads=around)

    def block(self, value: str, inputs: int, width: int, stride: int) -> str:
        outputs = 4 * width
        inner = self.add("Relu", [self.convolution(value, inputs, width, 1, 1)])
        inner = self.add("Relu", [self.convolution(inner, width, width, 3, stride)])
        inner = self.convolution(inner, width, outputs, 1, 1)
        straight = inputs == outputs and stride == 1
        beside = value if straight else self.convolution(value, inputs, outputs, 1, stride)
        return self.add("Relu", [self.add("Add", [inner, beside])])


def _onnx_model() -> bytes:
    from onnx import TensorProto, helper

    graph = _Graph()
    value = graph.add("Cast", ["pictures"], to=TensorProto.FLOAT)
    value = graph.add("Div", [value, graph.weight(np.array(255, np.float32))])
    value = graph.add("Transpose", [value], perm=[0, 3, 1, 2])
    value = graph.add("Relu", [graph.convolution(value, 3, 64, 7, 2)])
    value = graph.add("MaxPool", [value], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    channels = 64
    for number, (blocks, width) in enumerate(STAGES):
        for block in range(blocks):
            value = graph.block(value, channels, width, 2 if number and not block else 1)
            channels = 4 * width
    value = graph.add("Flatten", [graph.add("GlobalAveragePool", [value])])
    last = np.random.default_rng(SEED + 1).normal(0, 0.01, (channels, CLASSES)).astype(np.float32)
    value = graph.add("MatMul", [value, graph.weight(last)])
    graph.nodes.append(helper.make_node("ArgMax", [value], ["classes"], axis=1, keepdims=0))
    pictures = helper.make_tensor_value_info("pictures", TensorProto.UINT8, ["n", "side", "side", 3])
    classes = helper.make_tensor_value_info("classes", TensorProto.INT64, ["n"])
    made = helper.make_graph(graph.nodes, "resnet50", [pictures], [classes], graph.weights)
    opsets = [helper.make_opsetid("", 17)]
    content: bytes = helper.make_model(made, opset_imports=opsets, ir_version=9).SerializeToString()
    return content
