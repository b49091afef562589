"""
Adds to test/fixtures/formula-weights.json torch's results with the original's other architectures, using weights from the
formula stated in that file: MobileNet-V1 with PReLU, and MobileNet-V3.

    python -m tddfa_training.formula_networks ../test/fixtures/formula-weights.json ../../shared/reference/astronaut/crop_0.png
"""
import argparse
import json

import numpy
import torch
from PIL import Image
from torch import nn

from .networks import MOBILENET_BLOCKS, DepthwiseBlock, to_input


class PreluBlock(DepthwiseBlock):
    """With one single-factor PReLU after both convolutions."""

    def __init__(self, inputs, outputs, stride):
        super().__init__(inputs, outputs, stride)
        self.relu = nn.PReLU()

    def forward(self, x):
        return self.relu(self.bn_sep(self.conv_sep(self.relu(self.bn_dw(self.conv_dw(x))))))


class PreluMobileNetV1(nn.Module):
    """MobileNet-V1 of width `widen` with the original's `prelu=True`."""

    def __init__(self, widen, outputs=62):
        super().__init__()
        channels = int(32 * widen)
        self.conv1 = nn.Conv2d(3, channels, 3, 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.PReLU()
        for name, width, stride in MOBILENET_BLOCKS:
            setattr(self, name, PreluBlock(channels, int(width * widen), stride))
            channels = int(width * widen)
        self.fc = nn.Linear(channels, outputs)

    def forward(self, x):
        x = self.relu(self.bn1(self.conv1(x)))
        for name, _, _ in MOBILENET_BLOCKS:
            x = getattr(self, name)(x)
        return self.fc(x.mean((2, 3)))


class Gate(nn.Module):
    """Squeeze and excite, with a hard sigmoid."""

    def __init__(self, channels):
        super().__init__()
        self.fc = nn.Sequential(
            nn.Linear(channels, channels // 4, bias=False), nn.ReLU(), nn.Linear(channels // 4, channels, bias=False), nn.Hardsigmoid()
        )

    def forward(self, x):
        return x * self.fc(x.mean((2, 3)))[:, :, None, None]


class InvertedResidual(nn.Module):
    """Expanding convolution, depthwise convolution with or without a gate, projecting convolution."""

    def __init__(self, inputs, expanded, outputs, kernel, gate, activation, stride):
        super().__init__()
        self.is_residual = stride == 1 and inputs == outputs
        self.conv = nn.Sequential(
            nn.Conv2d(inputs, expanded, 1, bias=False),
            nn.BatchNorm2d(expanded),
            activation(),
            nn.Conv2d(expanded, expanded, kernel, stride, kernel // 2, groups=expanded, bias=False),
            nn.BatchNorm2d(expanded),
            Gate(expanded) if gate else nn.Identity(),
            activation(),
            nn.Conv2d(expanded, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, x):
        return x + self.conv(x) if self.is_residual else self.conv(x)


R, H = nn.ReLU, nn.Hardswish
# Kernel, expanded channels, channels, gate, activation, stride.
MOBILENET_V3 = {
    "small": ((3, 16, 16, 1, R, 2), (3, 72, 24, 0, R, 2), (3, 88, 24, 0, R, 1), (5, 96, 40, 1, H, 2), (5, 240, 40, 1, H, 1),
              (5, 240, 40, 1, H, 1), (5, 120, 48, 1, H, 1), (5, 144, 48, 1, H, 1), (5, 288, 96, 1, H, 2), (5, 576, 96, 1, H, 1),
              (5, 576, 96, 1, H, 1)),
    "large": ((3, 16, 16, 0, R, 1), (3, 64, 24, 0, R, 2), (3, 72, 24, 0, R, 1), (5, 72, 40, 1, R, 2), (5, 120, 40, 1, R, 1),
              (5, 120, 40, 1, R, 1), (3, 240, 80, 0, H, 2), (3, 200, 80, 0, H, 1), (3, 184, 80, 0, H, 1), (3, 184, 80, 0, H, 1),
              (3, 480, 112, 1, H, 1), (3, 672, 112, 1, H, 1), (5, 672, 160, 1, H, 2), (5, 960, 160, 1, H, 1), (5, 960, 160, 1, H, 1)),
}
LAST_CHANNELS = {"small": 576, "large": 960}


class MobileNetV3(nn.Module):
    """MobileNet-V3 of width `widen` as in the original, by the paper's tables; modules have the original's names."""

    def __init__(self, size, widen, outputs=62):
        super().__init__()

        def wide(channels):
            return int(numpy.ceil(channels * widen / 8) * 8)

        channels, features = 16, wide(1280) if widen > 1 else 1280
        layers = [nn.Sequential(nn.Conv2d(3, channels, 3, 2, 1, bias=False), nn.BatchNorm2d(channels), nn.Hardswish())]
        for kernel, expanded, width, gate, activation, stride in MOBILENET_V3[size]:
            layers.append(InvertedResidual(channels, wide(expanded), wide(width), kernel, gate, activation, stride))
            channels = wide(width)
        last = wide(LAST_CHANNELS[size])
        layers.append(nn.Sequential(nn.Conv2d(channels, last, 1, bias=False), nn.BatchNorm2d(last), nn.Hardswish()))
        layers += [nn.AdaptiveAvgPool2d(1), nn.Conv2d(last, features, 1), nn.Hardswish()]
        self.features = nn.Sequential(*layers)
        self.fc = nn.Linear(features, outputs)

    def forward(self, x):
        return self.fc(self.features(x).mean((2, 3)))


def fill_by_formula(network, gain):
    """Gives a network the weights of the fixture's formula. Returns names and shapes in the order of creation."""
    state, x = network.state_dict(), 1
    shapes = []
    for name, tensor in state.items():
        if name.endswith("num_batches_tracked"):
            continue
        shape, count = list(tensor.shape), tensor.numel()
        uniform = numpy.empty(count)
        for i in range(count):
            x = (1664525 * x + 1013904223) % 2**32
            uniform[i] = x / 2**32
        if len(shape) > 1:
            values = (2 * uniform - 1) * numpy.sqrt(gain / (count / shape[0]))
        elif name.endswith((".running_var", ".weight")):
            values = 0.5 + uniform
        else:
            values = (2 * uniform - 1) * 0.1
        state[name] = torch.from_numpy(values.astype(numpy.float32)).reshape(shape)
        shapes.append([name, shape])
    network.load_state_dict(state)
    return shapes


# With these gains signals neither vanish nor explode.
NETWORKS = {
    "mobilenet_v1_prelu_x0.5": (lambda: PreluMobileNetV1(0.5), 3),
    "mobilenet_v3_small_x1.0": (lambda: MobileNetV3("small", 1.0), 5.5),
    "mobilenet_v3_large_x0.5": (lambda: MobileNetV3("large", 0.5), 5.5),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("fixture")
    parser.add_argument("crop", help="crop of the astronaut's face, 120 x 120 px")
    arguments = parser.parse_args()
    with open(arguments.fixture, encoding="utf-8") as file:
        fixture = json.load(file)
    image = numpy.asarray(Image.open(arguments.crop).convert("RGB"))[None, :, :, ::-1].copy()
    for name, (make, gain) in NETWORKS.items():
        network = make().eval()
        tensors = fill_by_formula(network, gain)
        with torch.no_grad():
            output = network(to_input(image))[0].tolist()
        print(name, min(output), max(output))
        fixture["models"][name] = {"tensors": tensors, "gain": gain, "output": output}
    with open(arguments.fixture, "w", encoding="utf-8") as file:
        json.dump(fixture, file)


if __name__ == "__main__":
    main()
