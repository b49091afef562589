"""
Crops of single features for the small networks that refine eyes and mouths, at a higher resolution than the regressor's 120 px.

A crop depends on the face's pose and shape from the regressor, not on the feature's movement: it is centred on a fixed point in the
model's frame, with the model's up pointing up and its scale set in model millimetres. Expression moves things within a crop, never the
crop. Both eyes are made to look like a left one; the eye network gets both, its own first, so that one network serves both sides.
"""
import cv2
import numpy as np
import torch

from .blendshapes import BLENDSHAPES, MIRROR, MIRROR_SIGNS
from .crop_batches import Draw, degraded, expression_targets, sample, some, toned
from .head_crops import UNDEGRADED_SHARE, landmark_rows
from .paths import model_folder

REFINE_SIZE = 64  # px
# Side of a crop in millimetres, and the offset of its centre from the eyeball's centre or from the middle of the closed lips.
SPANS = {"eye": 60.0, "mouth": 72.0}
OFFSETS = {"eye": (0.0, 5.0, 10.0), "mouth": (0.0, -8.0, 0.0)}
MOUTH_LANDMARKS = slice(48, 68)
# Outputs of each network. An eye's are those of its own side; `yaw` is towards the person's left for the left eye, mirrored for the right.
EYE_SHAPES = ("eyeBlink", "eyeSquint", "eyeWide", "browDown", "browOuterUp", "browInnerUp", "cheekSquint")
EYE_OUTPUTS = (*EYE_SHAPES, "yaw", "pitch")
MOUTH_OUTPUTS = tuple(name for name in BLENDSHAPES if name.startswith(("jaw", "mouth", "cheek", "nose", "tongue")))
OUTPUTS = {"eye": EYE_OUTPUTS, "mouth": MOUTH_OUTPUTS}
# Channels besides colours: the direction to the viewer in the head's frame, x and y, each constant over the crop.
POSE_CHANNELS = 2
CHANNELS = {"eye": 6 + POSE_CHANNELS, "mouth": 3 + POSE_CHANNELS}

LEFT_EYE_COLUMNS = np.array([BLENDSHAPES.index(name if name == "browInnerUp" else f"{name}Left") for name in EYE_SHAPES] + [52, 53])
MOUTH_COLUMNS = np.array([BLENDSHAPES.index(name) for name in MOUTH_OUTPUTS])


class RefineGeometry:
    """Geometry of a face's crops, on a device. Labels as in shards: `camera` [n, 2, 4] mm -> px (y down), `shape` [n, 40], `rotation`."""

    def __init__(self, device="cpu"):
        folder = model_folder()
        tensor = lambda array: torch.as_tensor(np.asarray(array), dtype=torch.float32, device=device)
        self.eye_mean = tensor(np.load(folder / "eye-centres-mean.npy").reshape(2, 3) / 1000)
        self.eye_basis = tensor(np.load(folder / "eye-centres-basis.npy").reshape(2, 3, -1) / 1000)
        mean, basis = landmark_rows(folder)
        self.mouth_mean = tensor(mean[MOUTH_LANDMARKS].mean(0))
        self.mouth_basis = tensor(basis[MOUTH_LANDMARKS].mean(0)[:, :self.eye_basis.shape[2]])
        self.offsets = {kind: tensor(offset) for kind, offset in OFFSETS.items()}

    def points(self, shape):
        """mm in the model's frame: [n, 3] each for the left eye, the right eye and the mouth."""
        eyes = self.eye_mean + torch.einsum("eak,nk->nea", self.eye_basis, shape) + self.offsets["eye"]
        return eyes[:, 0], eyes[:, 1], self.mouth_mean + shape @ self.mouth_basis.T + self.offsets["mouth"]

    def matrices(self, labels, span, point, flip, shift=0.0, zoom=1.0, turn=0.0):
        """
        [n, 2, 3] picture -> crop (continuous px). `flip` bool [n] mirrors; `shift` [n, 2] mm, `zoom` and `turn` [n] (radians) are cropping
        errors.
        """
        camera = labels["camera"]
        scale = camera[:, 0, :3].norm(dim=1)
        centre = (camera[:, :, :3] @ point[..., None])[..., 0] + camera[:, :, 3] + shift * scale[:, None]
        angle = torch.atan2(-camera[:, 0, 1], -camera[:, 1, 1]) + turn
        factor = REFINE_SIZE / span / scale * zoom
        c, s = torch.cos(angle) * factor, torch.sin(angle) * factor
        sign = torch.where(flip, -1.0, 1.0)
        linear = torch.stack([torch.stack([sign * c, -sign * s], 1), torch.stack([s, c], 1)], 1)
        return torch.cat([linear, REFINE_SIZE / 2 - linear @ centre[..., None]], 2)


def mirrored(values):
    """[n, 56] blendshapes and gaze of mirrored faces."""
    return values[:, MIRROR] * torch.as_tensor(MIRROR_SIGNS, device=values.device)


class RefineBatches:
    """Endless crops of rendered heads for both networks, composed on a device from the data in its memory."""

    def __init__(self, device, heads=40_000, seed=0):
        self.device, self.most, self.added, self.count, self.held = torch.device(device), heads, 0, 0, {}
        self.draw, self.geometry = Draw(self.device, seed), RefineGeometry(device)
        self.dtype = torch.float16 if self.device.type == "cuda" else torch.float32

    def add_heads(self, pictures, labels):
        """Pictures [n, s, s, 4] RGBA premultiplied uint8 and their labels, arrays of a shard; the newest replace the oldest."""
        for name, array in {"picture": pictures, **{k: np.asarray(v, np.float32) for k, v in labels.items()}}.items():
            array = torch.from_numpy(np.array(array))
            if name not in self.held:
                self.held[name] = torch.zeros((self.most, *array.shape[1:]), dtype=array.dtype, device=self.device)
            at = (self.added + torch.arange(len(array))) % self.most
            self.held[name][at.to(self.device)] = array.to(self.device)
        self.added += len(pictures)
        self.count = min(self.added, self.most)

    def _cut(self, rows, matrix):
        """Heads `rows` of the memory, transformed by `matrix` [n, 2, 3]: [n, 4, 64, 64]."""
        if self.device.type != "cpu":
            return sample(self.held["picture"][rows].permute(0, 3, 1, 2).to(self.dtype) / 255, matrix, REFINE_SIZE, self.dtype)
        # Converting whole heads to floats would cost a CPU a hundred times as much as the crops.
        cut = np.empty((len(rows), REFINE_SIZE, REFINE_SIZE, 4), np.uint8)
        for k, (row, m) in enumerate(zip(rows.tolist(), matrix.numpy().astype(np.float64))):
            m = np.column_stack([m[:, :2], m[:, 2] + m[:, :2] @ [0.5, 0.5] - 0.5])  # warpAffine counts from pixel centres
            cv2.warpAffine(self.held["picture"][row].numpy(), m, (REFINE_SIZE, REFINE_SIZE), dst=cut[k], flags=cv2.INTER_LINEAR)
        return torch.from_numpy(cut).permute(0, 3, 1, 2).to(self.dtype) / 255

    def batch(self, kind, size, augmented=True, rows=None):
        """
        @returns crops [size, CHANNELS[kind], 64, 64] as network input, targets and which of them are visible [size, len(OUTPUTS[kind])].
          Of rows `rows` of the memory, or of random heads; in eye pairs, every second head's own eye is the right one.
        """
        draw = self.draw
        rows = draw.index(self.count, size) if rows is None else rows
        labels = {name: self.held[name][rows] for name in self.held if name != "picture"}
        flip = draw.chance(0.5, size)
        targets, seen = expression_targets(labels, flip)
        left, right, mouth = self.geometry.points(labels["shape"])
        noise = (lambda spread, *shape: draw.normal(0, spread, *shape)) if augmented else (lambda spread, *shape: torch.zeros(shape, device=self.device))
        common, zoom, turn = noise(1.5, size, 2), torch.exp(noise(0.045, size)), noise(0.05, size)
        never, always = torch.zeros_like(flip), torch.ones_like(flip)
        if kind == "eye":
            cuts = [(left, never), (right, always)]
        else:
            cuts = [(mouth, flip)]
        matrices = [self.geometry.matrices(labels, SPANS[kind], point, mirror, common + noise(1.0, size, 2), zoom, turn) for point, mirror in cuts]
        image = torch.cat([self._cut(rows, matrix) for matrix in matrices], 1)
        image = self._before_something(image.reshape(size, len(cuts), 4, REFINE_SIZE, REFINE_SIZE), augmented)
        if augmented:
            image = self._worse(image)
        image = image.clamp(0, 1).float().mul(255).round()
        image = (image.flip(2) - 127.5) / 128
        # The direction to the viewer: the last row of the rotation.
        view = labels["rotation"][:, 2, :2] + noise(0.05, size, 2)
        view = torch.stack([torch.where(flip, -view[:, 0], view[:, 0]), view[:, 1]], 1)
        if kind == "eye":
            # When mirrored, the right eye is the own one and comes first.
            image = torch.where(flip[:, None, None, None, None], image.flip(1), image)
        planes = view[:, :, None, None].expand(-1, -1, REFINE_SIZE, REFINE_SIZE)
        columns = LEFT_EYE_COLUMNS if kind == "eye" else MOUTH_COLUMNS
        return torch.cat([image.reshape(size, -1, REFINE_SIZE, REFINE_SIZE), planes], 1), targets[:, columns], seen[:, columns]

    def _before_something(self, cut, augmented):
        """Cut-outs [n, k, 4, s, s] -> pictures [n, k, 3, s, s] before colours or pieces of other heads."""
        draw, (n, k) = self.draw, cut.shape[:2]
        back = draw.uniform(0, 1, n, 1, 3, 1, 1).expand(-1, k, -1, REFINE_SIZE, REFINE_SIZE).to(self.dtype)
        if augmented:
            matrix = torch.zeros(n, 2, 3, device=self.device)
            matrix[:, 0, 0] = matrix[:, 1, 1] = draw.uniform(0.3, 1.5, n)
            matrix[:, :, 2] = REFINE_SIZE / 2 - matrix[:, 0, :1] * draw.uniform(0, self.held["picture"].shape[2], n, 2)
            other = self._cut(draw.index(self.count, n), matrix)[:, None]
            back = torch.where(draw.chance(0.6, n, 1, 1, 1, 1), other[:, :, :3] + back * (1 - other[:, :, 3:]), back)
        cover, colour = cut[:, :, 3:], cut[:, :, :3]
        if augmented:
            flat = (colour / cover.clamp(min=1 / 255)).clamp(0, 1).permute(0, 2, 1, 3, 4).reshape(n, 3, k * REFINE_SIZE, REFINE_SIZE)
            toned_flat = toned(draw, flat, 0.7).to(self.dtype)
            colour = toned_flat.reshape(n, 3, k, REFINE_SIZE, REFINE_SIZE).permute(0, 2, 1, 3, 4) * cover
        return colour + back * (1 - cover)

    def _worse(self, image):
        """Low resolution, blur, noise, JPEG, covers: the same for both eyes of a face."""
        draw, (n, k) = self.draw, image.shape[:2]
        tall = image.permute(0, 2, 1, 3, 4).reshape(n, 3, k * REFINE_SIZE, REFINE_SIZE)
        # A small face: few px per mm.
        for rows in torch.chunk(some(draw, 0.6, n), 8):
            if len(rows):
                factor = float(torch.exp(draw.uniform(np.log(0.25), 0, 1)))
                small = torch.nn.functional.interpolate(tall[rows].float(), scale_factor=factor, mode="bilinear", antialias=True, align_corners=False)
                tall[rows] = torch.nn.functional.interpolate(small, tall.shape[2:], mode="bilinear", align_corners=False).to(tall.dtype)
        rows = torch.nonzero(~draw.chance(UNDEGRADED_SHARE, n))[:, 0]
        tall[rows] = degraded(draw, tall[rows]).to(self.dtype)
        image = tall.reshape(n, 3, k, REFINE_SIZE, REFINE_SIZE).permute(0, 2, 1, 3, 4).contiguous()
        # A hand, hair or the picture's edge covers part of it.
        rows = some(draw, 0.1, n)
        if len(rows):
            at = torch.arange(REFINE_SIZE, device=self.device)
            across = (at[None, None] * torch.cos(a := draw.uniform(0, 2 * np.pi, len(rows)))[:, None, None] + at[None, :, None] * torch.sin(a)[:, None, None])
            edge = draw.uniform(0.1, 0.5, len(rows)) * REFINE_SIZE + torch.clamp(torch.cos(a), max=0) * REFINE_SIZE + torch.clamp(torch.sin(a), max=0) * REFINE_SIZE
            hidden = (across < edge[:, None, None])[:, None, None]
            colour = draw.uniform(0, 1, len(rows), 1, 3, 1, 1).to(image.dtype)
            image[rows] = torch.where(hidden, colour, image[rows])
        return image
