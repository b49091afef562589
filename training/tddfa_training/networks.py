"""The networks under the original's layer names, so that `tddfa convert` accepts checkpoints like any other."""
import torch
from torch import nn


class DepthwiseBlock(nn.Module):
    """Depthwise 3 x 3 and pointwise 1 x 1 convolution, each with BatchNorm and ReLU."""

    def __init__(self, inputs, outputs, stride=1):
        super().__init__()
        self.conv_dw = nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False)
        self.bn_dw = nn.BatchNorm2d(inputs)
        self.conv_sep = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.bn_sep = nn.BatchNorm2d(outputs)

    def forward(self, x):
        x = torch.relu_(self.bn_dw(self.conv_dw(x)))
        return torch.relu_(self.bn_sep(self.conv_sep(x)))


MOBILENET_BLOCKS = (("dw2_1", 64, 1), ("dw2_2", 128, 2), ("dw3_1", 128, 1), ("dw3_2", 256, 2), ("dw4_1", 256, 1), ("dw4_2", 512, 2),
                    ("dw5_1", 512, 1), ("dw5_2", 512, 1), ("dw5_3", 512, 1), ("dw5_4", 512, 1), ("dw5_5", 512, 1), ("dw5_6", 1024, 2),
                    ("dw6", 1024, 1))


class MobileNetV1(nn.Module):
    """
    MobileNet-V1 of width `widen` for 120 x 120 crops: BGR, (v - 127.5) / 128.
    `fc_param` gives the z-scored parameters; `fc_lm`, 68 x 2 landmarks, is only for training and is dropped on conversion;
    `fc_expression`, if present, gives z-scored blendshapes and gaze (blendshapes.py).
    """

    def __init__(self, widen=1.0, outputs=62, landmark_outputs=136, expression_outputs=0):
        super().__init__()
        channels = int(32 * widen)
        self.conv1 = nn.Conv2d(3, channels, 3, 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        for name, width, stride in MOBILENET_BLOCKS:
            setattr(self, name, DepthwiseBlock(channels, int(width * widen), stride))
            channels = int(width * widen)
        self.fc_param = nn.Linear(channels, outputs)
        self.fc_lm = nn.Linear(channels, landmark_outputs)
        self.fc_expression = nn.Linear(channels, expression_outputs) if expression_outputs else None
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                fan = module.kernel_size[0] * module.kernel_size[1] * module.out_channels // module.groups
                nn.init.normal_(module.weight, 0, (2.0 / fan) ** 0.5)
        for head in filter(None, (self.fc_param, self.fc_lm, self.fc_expression)):
            nn.init.normal_(head.weight, 0, 0.01)
            nn.init.zeros_(head.bias)

    def forward(self, x):
        x = torch.relu_(self.bn1(self.conv1(x)))
        for name, _, _ in MOBILENET_BLOCKS:
            x = getattr(self, name)(x)
        # The heads stay in full precision even if the rest does not.
        with torch.autocast(x.device.type, enabled=False):
            x = x.float().mean((2, 3))
            heads = self.fc_param(x), self.fc_lm(x)
            return heads if self.fc_expression is None else (*heads, self.fc_expression(x))


REFINE_BLOCKS = ((48, 1), (96, 2), (96, 1), (144, 2), (144, 1), (192, 2), (192, 1))
REFINE_STEM, REFINE_SQUEEZED, REFINE_FEATURES = 36, 64, 128


class RefineNetwork(nn.Module):
    """Refines an eye pair or a mouth from its own crop (refine_crops.py): 64 x 64 px, z-scored outputs. No pooling, since positions matter."""

    def __init__(self, channels, outputs):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, REFINE_STEM, 3, 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(REFINE_STEM)
        width = REFINE_STEM
        for k, (out, stride) in enumerate(REFINE_BLOCKS):
            setattr(self, f"dw{k + 2}", DepthwiseBlock(width, out, stride))
            width = out
        self.conv_squeeze = nn.Conv2d(width, REFINE_SQUEEZED, 1, bias=False)
        self.bn_squeeze = nn.BatchNorm2d(REFINE_SQUEEZED)
        self.fc_features = nn.Linear(16 * REFINE_SQUEEZED, REFINE_FEATURES)
        self.fc = nn.Linear(REFINE_FEATURES, outputs)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_in")

    def forward(self, x):
        x = torch.relu_(self.bn1(self.conv1(x)))
        for k in range(len(REFINE_BLOCKS)):
            x = getattr(self, f"dw{k + 2}")(x)
        x = torch.relu_(self.bn_squeeze(self.conv_squeeze(x)))
        # Channels last, as in the pack's networks.
        x = x.permute(0, 2, 3, 1).flatten(1)
        return self.fc(torch.relu(self.fc_features(x)))


def expression_outputs_of(state):
    """Number of outputs of the expression head in a MobileNetV1's state; 0 without one."""
    return len(state["fc_expression.bias"]) if "fc_expression.bias" in state else 0


def to_input(images, device="cpu"):
    """[n, 120, 120, 3] BGR uint8 array -> network input."""
    tensor = torch.from_numpy(images).to(device).permute(0, 3, 1, 2).float()
    return (tensor - 127.5) / 128
