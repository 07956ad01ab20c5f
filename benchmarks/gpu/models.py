"""A ResNet-50 with random weights, made here and now with PyTorch: what it costs is real, what it answers is not.

Pictures are three bytes a pixel, side times side of them, one after the other. Neither torchvision nor NumPy is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

SEED = 20200518
CLASSES = 1000
SIDE, REHEARSED_SIDE = 224, 32
STAGES = {SIDE: ((3, 64), (4, 128), (6, 256), (3, 512)), REHEARSED_SIDE: ((1, 16), (1, 32), (1, 64), (1, 128))}
"""Blocks of each stage and the width of their inner convolutions, of which a block gives four times as many channels.

By the side of the pictures: for small ones, in a rehearsal, a small network of the same kind.
"""
Predict = Callable[[bytes], list[int]]


def why_missing() -> str | None:
    """None where there is what the model is made with."""
    return None if find_spec("torch") else "PyTorch is not installed (pip install torch)"


def pictures(side: int, count: int) -> list[bytes]:
    """Different ones, the same for the same count."""
    import random

    draw = random.Random(SEED)
    return [draw.randbytes(side * side * 3) for _ in range(count)]


def load(device: str, side: int) -> Predict:
    """Pictures in, classes out, on `cuda` or `cpu`."""
    import torch

    if side == REHEARSED_SIDE:
        torch.set_num_threads(1)  # threads that wait for each other take many times as long where others use the CPUs
    network = _network(STAGES[side]).eval().to(device)

    def predict(given: bytes) -> list[int]:
        with torch.inference_mode():
            # A copy, as PyTorch warns of memory that cannot be written.
            pixels = torch.frombuffer(bytearray(given), dtype=torch.uint8).view(-1, side, side, 3).to(device)
            found: list[int] = network(pixels.permute(0, 3, 1, 2).float() / 255).argmax(1).tolist()
            return found

    return predict


def _network(stages: Sequence[tuple[int, int]]) -> Any:
    import torch
    from torch import nn

    def normed(inputs: int, outputs: int, size: int, stride: int) -> list[Any]:
        return [nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False), nn.BatchNorm2d(outputs)]

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

    torch.manual_seed(SEED)
    first = stages[0][1]
    layers: list[Any] = [*normed(3, first, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    channels = first
    for number, (blocks, width) in enumerate(stages):
        for block in range(blocks):
            layers.append(Block(channels, width, 2 if number and not block else 1))
            channels = 4 * width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, CLASSES))
