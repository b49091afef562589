"""FaceBoxes in torch under the original's names, its prior boxes, the encoding of boxes, and the matching of priors to faces."""
from math import ceil

import cv2
import numpy as np
import torch
from torch import nn

STEPS = (32, 64, 128)
MIN_SIZES = ((32, 64, 128), (256,), (512,))
DENSE_OFFSETS = {32: (0, 0.25, 0.5, 0.75), 64: (0, 0.5)}
VARIANCES = (0.1, 0.2)
CHANNEL_MEANS = (104.0, 117.0, 123.0)  # BGR
# Small pictures are enlarged by this factor: the detector's features are 32 px apart, so only then does it find a face of 24 px as
# well as one of 48 px. The pack states it (`maxEnlargement`), and the package applies it to pictures that stay within 1080 x 720 px.
ENLARGEMENT = 2.0
NEAR_BEST = 0.85  # share of a small face's best overlap that a prior must reach


class ConvBlock(nn.Module):
    """Convolution without bias, BatchNorm, ReLU."""

    def __init__(self, inputs, outputs, kernel, stride=1, padding=0):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=1e-5)

    def forward(self, x):
        return torch.relu_(self.bn(self.conv(x)))


class CRelu(ConvBlock):
    """Convolution and BatchNorm, keeping both signs of the result."""

    def forward(self, x):
        x = self.bn(self.conv(x))
        return torch.relu_(torch.cat([x, -x], 1))


class Inception(nn.Module):
    def __init__(self):
        super().__init__()
        self.branch1x1 = ConvBlock(128, 32, 1)
        self.branch1x1_2 = ConvBlock(128, 32, 1)
        self.branch3x3_reduce = ConvBlock(128, 24, 1)
        self.branch3x3 = ConvBlock(24, 32, 3, padding=1)
        self.branch3x3_reduce_2 = ConvBlock(128, 24, 1)
        self.branch3x3_2 = ConvBlock(24, 32, 3, padding=1)
        self.branch3x3_3 = ConvBlock(32, 32, 3, padding=1)

    def forward(self, x):
        pooled = nn.functional.avg_pool2d(x, 3, 1, 1)
        return torch.cat([self.branch1x1(x), self.branch1x1_2(pooled), self.branch3x3(self.branch3x3_reduce(x)),
                          self.branch3x3_3(self.branch3x3_2(self.branch3x3_reduce_2(x)))], 1)


class FaceBoxes(nn.Module):
    """Input [n, 3, h, w], BGR minus CHANNEL_MEANS; returns loc [n, priors, 4] and class scores [n, priors, 2] before softmax."""

    def __init__(self):
        super().__init__()
        self.conv1 = CRelu(3, 24, 7, 4, 3)
        self.conv2 = CRelu(48, 64, 5, 2, 2)
        self.inception1, self.inception2, self.inception3 = Inception(), Inception(), Inception()
        self.conv3_1, self.conv3_2 = ConvBlock(128, 128, 1), ConvBlock(128, 256, 3, 2, 1)
        self.conv4_1, self.conv4_2 = ConvBlock(256, 128, 1), ConvBlock(128, 256, 3, 2, 1)
        channels, anchors = (128, 256, 256), (21, 1, 1)
        self.loc = nn.ModuleList(nn.Conv2d(c, a * 4, 3, padding=1) for c, a in zip(channels, anchors))
        self.conf = nn.ModuleList(nn.Conv2d(c, a * 2, 3, padding=1) for c, a in zip(channels, anchors))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                if module.bias is None:
                    nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                else:
                    nn.init.normal_(module.weight, 0, 0.01)
                    nn.init.zeros_(module.bias)

    def forward(self, x):
        x = nn.functional.max_pool2d(self.conv1(x), 3, 2, 1)
        x = nn.functional.max_pool2d(self.conv2(x), 3, 2, 1)
        first = self.inception3(self.inception2(self.inception1(x)))
        second = self.conv3_2(self.conv3_1(first))
        third = self.conv4_2(self.conv4_1(second))
        flat = lambda head, source, width: head(source).permute(0, 2, 3, 1).reshape(len(x), -1, width)
        sources = (first, second, third)
        return (torch.cat([flat(head, source, 4) for head, source in zip(self.loc, sources)], 1),
                torch.cat([flat(head, source, 2) for head, source in zip(self.conf, sources)], 1))


def prior_boxes(height, width):
    """[priors, 4] centre x, y, width, height, as fractions of the picture; in the original's order."""
    levels = []
    for step, sizes in zip(STEPS, MIN_SIZES):
        rows, columns = ceil(height / step), ceil(width / step)
        i, j = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
        cell = []
        for size in sizes:
            offsets = DENSE_OFFSETS.get(size, (0.5,))
            for oy in offsets:
                for ox in offsets:
                    cell.append(np.stack([(j + ox) * step / width, (i + oy) * step / height,
                                          np.full(i.shape, size / width), np.full(i.shape, size / height)], -1))
        levels.append(np.stack(cell, 2).reshape(-1, 4))
    return np.concatenate(levels).astype(np.float32)


def encode(boxes, priors):
    """Corner boxes [..., priors, 4] -> loc."""
    centre, size = (boxes[..., :2] + boxes[..., 2:]) / 2, (boxes[..., 2:] - boxes[..., :2]).clamp(min=1e-5)
    return torch.cat([(centre - priors[:, :2]) / (VARIANCES[0] * priors[:, 2:]), torch.log(size / priors[:, 2:]) / VARIANCES[1]], -1)


def decode(loc, priors):
    """loc [..., priors, 4] -> corner boxes."""
    centre = priors[:, :2] + loc[..., :2] * VARIANCES[0] * priors[:, 2:]
    size = priors[:, 2:] * torch.exp(loc[..., 2:] * VARIANCES[1])
    return torch.cat([centre - size / 2, centre + size / 2], -1)


def box_overlap(a, b):
    """[..., n, m] intersection over union of corner boxes [..., n, 4] and [m, 4]."""
    low = torch.maximum(a[..., :, None, :2], b[..., None, :, :2])
    high = torch.minimum(a[..., :, None, 2:], b[..., None, :, 2:])
    both = (high - low).clamp(min=0).prod(-1)
    area = lambda box: (box[..., 2] - box[..., 0]) * (box[..., 3] - box[..., 1])
    return both / (area(a)[..., :, None] + area(b)[..., None, :] - both + 1e-9)


def match_priors(boxes, priors, size, positive=0.35, doubtful=0.30):
    """
    A prior is assigned to the face it overlaps most, from an overlap of `positive`. The smallest prior is 32 px wide, so a face of
    18 px never overlaps one by more than 0.32: such a face gets the priors that come near its best one, and its neighbours do not
    count as background (after "S3FD", ICCV 2017).

    @param boxes [batch, faces, 5] px: corners and 1 (a face), -1 (neither a face nor background), 0 (nothing).
    @returns classes [batch, priors]: 1 face, 0 background, -1 ignored; the face's box of each prior [batch, priors, 4], 0..1; and
      the face's row [batch, priors].
    """
    corners = torch.cat([priors[:, :2] - priors[:, 2:] / 2, priors[:, :2] + priors[:, 2:] / 2], 1)
    labels = boxes[..., 4]
    overlap = box_overlap(boxes[..., :4] / size, corners) * (labels != 0)[..., None]
    best, which = overlap.max(1)
    value, prior = overlap.max(2)
    label, reach = torch.gather(labels, 1, which), torch.gather(value, 1, which)
    needed = (NEAR_BEST * reach).clamp(max=positive)
    classes = torch.zeros(best.shape, dtype=torch.long, device=best.device)
    classes[(best >= needed) & (best > 0.08) & (label > 0)] = 1
    classes[(best >= (doubtful / positive) * needed) & (best > 0.08) & (best < needed)] = -1
    classes[(best >= (0.25 / positive) * needed) & (best > 0.08) & (label < 0)] = -1
    # Each face's best prior is assigned to it, whatever else it overlaps.
    image, face = ((labels > 0) & (value > 0.08)).nonzero(as_tuple=True)
    classes[image, prior[image, face]] = 1
    which[image, prior[image, face]] = face
    return classes, torch.gather(boxes[..., :4] / size, 1, which[..., None].expand(-1, -1, 4)), which


def non_maximum_suppression(boxes, scores, threshold=0.3):
    """Kept rows of corner boxes [n, 4] in px, best first, by the original's rule (+1 on sizes, suppress at >= threshold)."""
    order, kept = scores.argsort()[::-1], []
    area = (boxes[:, 2] - boxes[:, 0] + 1) * (boxes[:, 3] - boxes[:, 1] + 1)
    while len(order):
        i, rest = order[0], order[1:]
        kept.append(i)
        low, high = np.maximum(boxes[i, :2], boxes[rest, :2]), np.minimum(boxes[i, 2:], boxes[rest, 2:])
        both = np.clip(high - low + 1, 0, None).prod(1)
        order = rest[both / (area[i] + area[rest] - both) < threshold]
    return np.array(kept, int)


def detect(network, image, score=0.05, keep=750, enlargement=1.0):
    """[n, 5] boxes (px of `image`) and scores of a BGR uint8 picture, best first; `enlargement` as in the package."""
    if enlargement != 1:
        image = cv2.resize(image, None, fx=enlargement, fy=enlargement, interpolation=cv2.INTER_LINEAR)
    height, width = image.shape[:2]
    x = torch.from_numpy(image.astype(np.float32) - np.array(CHANNEL_MEANS, np.float32)).permute(2, 0, 1)[None]
    with torch.no_grad():
        loc, conf = (output[0].cpu() for output in network(x.to(next(network.parameters()).device)))
    scores = torch.softmax(conf, 1)[:, 1].numpy()
    boxes = decode(loc, torch.from_numpy(prior_boxes(height, width))).numpy() * [width, height, width, height]
    chosen = scores > score
    boxes, scores = boxes[chosen], scores[chosen]
    kept = non_maximum_suppression(boxes, scores)[:keep]
    return np.concatenate([boxes[kept] / enlargement, scores[kept, None]], 1)
