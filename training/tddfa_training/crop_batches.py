"""
Crops in batches on a device: what head_crops.py and augment.py do one by one with OpenCV, in torch. A GPU makes them faster than it
learns from them; everything stays in its memory: rendered heads, patches of backgrounds, and things that cover faces.

Pictures in here are [n, channels, height, width], RGB 0..1, cut-outs premultiplied. Every number is drawn separately for each picture.
"""
import numpy as np
import torch
import torch.nn.functional as F

from .blendshapes import EXPRESSION_OUTPUTS, EYE_COLUMNS, GAZE_COLUMNS, MIRROR, MIRROR_SIGNS, MOUTH_COLUMNS
from .crops import BOX_SHIFT, BOX_TO_ROI, CROP_SIZE, LANDMARK_FLIP, MICROMETRES
from .head_crops import HIDDEN_YAW, SHUT_FROM, UNDEGRADED_SHARE

PATCH_SIZE = 144
COVER_SIZE = 96
JPEG_LUMA = ((16, 11, 10, 16, 24, 40, 51, 61), (12, 12, 14, 19, 26, 58, 60, 55), (14, 13, 16, 24, 40, 57, 69, 56),
             (14, 17, 22, 29, 51, 87, 80, 62), (18, 22, 37, 56, 68, 109, 103, 77), (24, 35, 55, 64, 81, 104, 113, 92),
             (49, 64, 78, 87, 103, 121, 120, 101), (72, 92, 95, 98, 112, 100, 103, 99))
JPEG_CHROMA = ((17, 18, 24, 47), (18, 21, 26, 66), (24, 26, 56, 99), (47, 66, 99, 99))  # 99 beyond these


class Draw:
    """Random numbers [n, 1, 1, 1] or of another shape on a device."""

    def __init__(self, device, seed):
        self.device = device
        self.generator = torch.Generator(device=device)
        self.generator.manual_seed(seed)

    def uniform(self, low, high, *shape):
        return low + (high - low) * torch.rand(*shape, device=self.device, generator=self.generator)

    def normal(self, mean, spread, *shape):
        return mean + spread * torch.randn(*shape, device=self.device, generator=self.generator)

    def chance(self, share, *shape):
        return torch.rand(*shape, device=self.device, generator=self.generator) < share

    def index(self, most, count):
        return torch.randint(most, (count,), device=self.device, generator=self.generator)


def rois_of(draw, boxes, landmarks):
    """[n, 3] centre and side of the rois from a detector's box [n, 4] or the last frame's landmarks [n, 68, 2], with their errors."""
    n = len(boxes)
    size = boxes[:, 2:] - boxes[:, :2]
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = size / 2 * draw.uniform(0.8, 1.06, n, 1)
    low = centre - half + draw.normal(0, 0.045, n, 2) * size
    high = centre + half + draw.normal(0, 0.045, n, 2) * size
    side = (high - low).mean(1)
    box_centre = (low + high) / 2
    box_centre = torch.stack([box_centre[:, 0], box_centre[:, 1] + side * BOX_SHIFT], 1)
    box_side = side * BOX_TO_ROI
    least, most = landmarks.amin(1), landmarks.amax(1)
    extent = (most - least).amax(1)
    shift = draw.normal(0, 0.025, n, 2) + draw.chance(0.2, n, 1) * draw.normal(0, 0.06, n, 2)
    mark_centre, mark_side = (least + most) / 2 + shift * extent[:, None], extent * 2 ** 0.5
    from_box = draw.chance(0.55, n)
    centre = torch.where(from_box[:, None], box_centre, mark_centre)
    side = torch.where(from_box, box_side, mark_side) * torch.exp(draw.normal(0, 0.05, n))
    return torch.cat([centre, side[:, None]], 1)


def crop_matrices(rois, angle, flip):
    """[n, 2, 3] canvas -> crop, as crops.crop_matrix: `angle` degrees [n], `flip` bool [n]."""
    scale = CROP_SIZE / rois[:, 2]
    c, s = torch.cos(torch.deg2rad(angle)) * scale, torch.sin(torch.deg2rad(angle)) * scale
    sign = torch.where(flip, -1.0, 1.0)
    linear = torch.stack([torch.stack([sign * c, -sign * s], 1), torch.stack([s, c], 1)], 1)
    shift = CROP_SIZE / 2 - (linear @ rois[:, :2, None])[..., 0]
    return torch.cat([linear, shift[..., None]], 2)


def crop_parameters(matrix, labels, signs, flip):
    """Parameters [n, 62] and landmarks [n, 68, 2] of crops, as crops.crop_params and crop_landmarks."""
    full = matrix[:, :, :2] @ labels["camera"]
    full = torch.cat([full[..., :3], full[..., 3:] + matrix[..., 2:]], 2)
    mirror = torch.where(flip, -1.0, 1.0)
    full = torch.cat([full[..., :1] * mirror[:, None, None], full[..., 1:]], 2)
    depth = labels["rotation"][:, 2]
    depth = torch.cat([depth[:, :1] * mirror[:, None], depth[:, 1:]], 1)
    scale = full[:, 0, :3].norm(dim=1, keepdim=True)
    zero = torch.zeros_like(scale)
    camera = torch.cat([full[:, 0, :3] / MICROMETRES, full[:, 0, 3:] + 0.5, -full[:, 1, :3] / MICROMETRES, -full[:, 1, 3:] + CROP_SIZE + 0.5,
                        depth * scale / MICROMETRES, zero], 1)
    shape = torch.where(flip[:, None], labels["shape"] * signs, labels["shape"])
    points = labels["landmarks"] @ matrix[:, :, :2].transpose(1, 2) + matrix[:, None, :, 2]
    points = torch.where(flip[:, None, None], points[:, LANDMARK_FLIP], points)
    landmarks = torch.stack([points[..., 0] + 0.5, CROP_SIZE + 0.5 - points[..., 1]], 2)
    return torch.cat([camera, shape, labels["expression"]], 1), landmarks


def expression_targets(labels, flip):
    """
    Blendshapes and gaze [n, 56] of crops, and which of them are visible: dark glasses hide eyes, masks hide mouths, shut lids hide the gaze,
    and a profile hides its far side.
    """
    target = torch.cat([labels["blendshapes"], labels["gaze"]], 1)
    seen = torch.ones_like(target)
    seen[:, EYE_COLUMNS] *= 1 - labels["look"][:, 4:5]
    seen[:, GAZE_COLUMNS] *= 1 - labels["look"][:, 4:5]
    seen[:, MOUTH_COLUMNS] *= 1 - labels["look"][:, 5:6]
    for eye, blink in ((0, 0), (1, 7)):
        seen[:, 52 + 2 * eye:54 + 2 * eye] *= (target[:, blink:blink + 1] < SHUT_FROM).float()
    yaw = labels["pose"][:, :1]
    # Yaw turns the face to its own left, away from the viewer.
    for side, hidden in (("left", (yaw > HIDDEN_YAW).float()), ("right", (yaw < -HIDDEN_YAW).float())):
        first = 0 if side == "left" else 7
        seen[:, first:first + 7] *= 1 - hidden
        gaze = 52 if side == "left" else 54
        seen[:, gaze:gaze + 2] *= 1 - hidden
    mirrored, mirrored_seen = target[:, MIRROR] * torch.as_tensor(MIRROR_SIGNS, device=target.device), seen[:, MIRROR]
    return torch.where(flip[:, None], mirrored, target), torch.where(flip[:, None], mirrored_seen, seen)


def sample(pictures, matrix, size, dtype):
    """Pictures [n, c, s, s] seen through `matrix` [n, 2, 3] (source px -> px of the result, continuous) at `size` px."""
    source = pictures.shape[2]
    linear = torch.linalg.inv(matrix[:, :, :2])
    shift = -(linear @ matrix[:, :, 2:])
    # In grid_sample's coordinates, -1..1 over both.
    theta = torch.cat([linear * size / source, (2 * shift + (linear.sum(2, keepdim=True) * size)) / source - 1], 2)
    grid = F.affine_grid(theta, (len(pictures), 1, size, size), align_corners=False)
    return F.grid_sample(pictures.to(dtype), grid.to(dtype), mode="bilinear", padding_mode="zeros", align_corners=False)


def toned(draw, image, share):
    """Gamma, gain per channel and offset, for the fraction `share` of the pictures."""
    n = len(image)
    gamma = torch.exp(draw.normal(0, 0.28, n, 1, 1, 1))
    gain = torch.exp(draw.normal(0, 0.07, n, 3, 1, 1)) * torch.exp(draw.normal(0, 0.16, n, 1, 1, 1))
    offset = draw.normal(0, 0.05, n, 1, 1, 1)
    changed = (image.clamp(1e-4, 1) ** gamma * gain + offset).clamp(0, 1)
    return torch.where(draw.chance(share, n, 1, 1, 1), changed, image)


def blurred(image, sigma, reach=6):
    """Gaussian blur of each picture with its own sigma [n]."""
    steps = torch.arange(-reach, reach + 1, device=image.device)
    weights = torch.exp(-0.5 * (steps[None] / sigma[:, None].clamp(min=0.15)) ** 2)
    weights = (weights / weights.sum(1, keepdim=True)).to(image.dtype)
    for axis in (2, 3):
        padded = F.pad(image, (0, 0, reach, reach) if axis == 2 else (reach, reach, 0, 0), mode="replicate")
        size = image.shape[axis]
        image = sum(weights[:, k, None, None, None] * padded.narrow(axis, k, size) for k in range(2 * reach + 1))
    return image


def motion_blurred(draw, image, steps=7):
    """Each picture with motion blur along a line of 3 to 10 px."""
    n, _, height, width = image.shape
    angle, length = draw.uniform(0, np.pi, n), draw.uniform(3, 10, n)
    direction = torch.stack([torch.cos(angle), torch.sin(angle)], 1) * length[:, None]
    total = 0
    for k in np.linspace(-0.5, 0.5, steps):
        theta = torch.zeros(n, 2, 3, device=image.device)
        theta[:, 0, 0] = theta[:, 1, 1] = 1
        theta[:, :, 2] = direction * float(k) * 2 / width
        grid = F.affine_grid(theta, image.shape, align_corners=False)
        total = total + F.grid_sample(image, grid.to(image.dtype), padding_mode="border", align_corners=False)
    return total / steps


def compressed(image, quality):
    """
    RGB pictures 0..1 after JPEG at `quality` [n] (1..100, libjpeg's scale), with half the resolution for colour; sides are multiples of 8.
    """
    n, _, height, width = image.shape
    scale = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality) / 100
    k, x = torch.arange(8, device=image.device)[:, None], torch.arange(8, device=image.device)[None]
    transform = torch.cos((2 * x + 1) * k * np.pi / 16) * torch.where(k == 0, 8 ** -0.5, 0.5)
    luma = torch.tensor(JPEG_LUMA, device=image.device, dtype=torch.float32)
    chroma = torch.full((8, 8), 99.0, device=image.device)
    chroma[:4, :4] = torch.tensor(JPEG_CHROMA, device=image.device, dtype=torch.float32)

    def quantised(plane, table):
        rows, columns = plane.shape[-2:]
        blocks = plane.reshape(n, -1, rows // 8, 8, columns // 8, 8).permute(0, 1, 2, 4, 3, 5)
        steps = (table * scale[:, None, None]).round().clamp(1, 255)[:, None, None, None]
        coefficients = transform @ blocks @ transform.T
        back = transform.T @ ((coefficients / steps).round() * steps) @ transform
        return back.permute(0, 1, 2, 4, 3, 5).reshape(plane.shape)

    r, g, b = (image.float() * 255).unbind(1)
    y = 0.299 * r + 0.587 * g + 0.114 * b
    colour = torch.stack([(b - y) * 0.564, (r - y) * 0.713], 1)
    y = quantised((y - 128)[:, None], luma)[:, 0] + 128
    half = F.avg_pool2d(colour, 2)
    pad = (-half.shape[2]) % 8, (-half.shape[3]) % 8
    half = quantised(F.pad(half, (0, pad[1], 0, pad[0]), mode="replicate"), chroma)[:, :, :half.shape[2], :half.shape[3]]
    cb, cr = F.interpolate(half, scale_factor=2, mode="bilinear", align_corners=False).unbind(1)  # libjpeg smooths colour like this
    rgb = torch.stack([y + 1.403 * cr, y - 0.344 * cb - 0.714 * cr, y + 1.773 * cb], 1)
    return (rgb / 255).clamp(0, 1).to(image.dtype)


def some(draw, share, count):
    """Rows of a random fraction `share` of `count` pictures."""
    return torch.nonzero(draw.chance(share, count))[:, 0]


def degraded(draw, image):
    """Uneven light, tone, blur, low resolution, sharpening, noise, JPEG, grey, sepia: like augment.py, in batches."""
    n, _, height, width = image.shape
    image = image.clone()
    rows = some(draw, 0.35, n)
    if len(rows):
        field = 1 + draw.uniform(0.03, 0.2, len(rows), 1, 1, 1) * F.interpolate(draw.normal(0, 1, len(rows), 1, 5, 5), (height, width), mode="bicubic", align_corners=False)
        y, x = torch.meshgrid(torch.linspace(-0.5, 0.5, height, device=image.device), torch.linspace(-0.5, 0.5, width, device=image.device), indexing="ij")
        angle = draw.uniform(0, 2 * np.pi, len(rows), 1, 1, 1)
        edge = torch.cos(angle) * x + torch.sin(angle) * y + draw.uniform(-0.25, 0.25, len(rows), 1, 1, 1)
        shadow = 1 - draw.uniform(0.15, 0.65, len(rows), 1, 1, 1) * torch.sigmoid(edge * draw.uniform(8, 60, len(rows), 1, 1, 1))
        field = torch.where(draw.chance(0.5, len(rows), 1, 1, 1), field * shadow, field)
        image[rows] = (image[rows] * field).clamp(0, 1).to(image.dtype)
    image = toned(draw, image, 0.7).to(image.dtype)
    rows = some(draw, 0.21, n)
    if len(rows):
        image[rows] = blurred(image[rows], draw.uniform(0.3, 1.8, len(rows)))
    rows = some(draw, 0.09, n)
    if len(rows):
        image[rows] = motion_blurred(draw, image[rows])
    # One size for each of six groups: a batch needs a common size.
    for rows in torch.chunk(some(draw, 0.3, n), 6):
        if len(rows):
            scale = float(torch.exp(draw.uniform(np.log(0.2), np.log(0.85), 1)))
            small = F.interpolate(image[rows].float(), (max(8, int(height * scale)), max(8, int(width * scale))), mode="bilinear", antialias=True, align_corners=False)
            mode = "bicubic" if scale * 1000 % 2 < 1 else "bilinear"
            image[rows] = F.interpolate(small, (height, width), mode=mode, align_corners=False).clamp(0, 1).to(image.dtype)
    rows = some(draw, 0.12, n)
    if len(rows):
        amount = draw.uniform(0.3, 1.5, len(rows), 1, 1, 1)
        image[rows] = (image[rows] * (1 + amount) - blurred(image[rows], draw.uniform(0.6, 1.5, len(rows))) * amount).clamp(0, 1).to(image.dtype)
    rows = some(draw, 0.5, n)
    if len(rows):
        noise = draw.normal(0, 1, len(rows), 3, height, width)
        noise = torch.where(draw.chance(0.5, len(rows), 1, 1, 1), noise[:, :1], noise)
        image[rows] = (image[rows] + noise * draw.uniform(1, 13, len(rows), 1, 1, 1) / 255).clamp(0, 1).to(image.dtype)
    rows = some(draw, 0.45, n)
    if len(rows):
        image[rows] = compressed(image[rows], draw.uniform(18, 90, len(rows)))
    kind = draw.uniform(0, 1, n, 1, 1, 1)
    grey = (image * torch.tensor([0.299, 0.587, 0.114], device=image.device, dtype=image.dtype)[:, None, None]).sum(1, keepdim=True)
    sepia = grey * torch.tensor([1.0, 0.86, 0.67], device=image.device, dtype=image.dtype)[:, None, None] * draw.uniform(0.85, 1.1, n, 1, 1, 1)
    amount = draw.uniform(0.2, 1.6, n, 1, 1, 1)
    mixed = torch.where(kind < 0.4, image * amount + grey * (1 - amount), image)
    mixed = torch.where(kind < 0.2, sepia, mixed)
    return torch.where(kind < 0.15, grey.expand_as(image), mixed).clamp(0, 1).to(image.dtype)


class CropBatches:
    """
    Endless random crops of rendered heads on a device. `add_heads`, `add_patches` and `add_covers` fill its memory (rings: the newest replace
    the oldest); `batch` draws from it.
    """

    def __init__(self, device, signs, heads=40_000, patches=12_000, covers=4_000, seed=0):
        self.device, self.signs = torch.device(device), torch.as_tensor(signs, dtype=torch.float32, device=device)
        self.draw = Draw(self.device, seed)
        self.most = {"heads": heads, "patches": patches, "covers": covers}
        self.count, self.added, self.held = dict.fromkeys(self.most, 0), dict.fromkeys(self.most, 0), {}
        self.dtype = torch.float16 if self.device.type == "cuda" else torch.float32

    def _add(self, kind, **arrays):
        most = self.most[kind]
        for name, array in arrays.items():
            array = torch.from_numpy(np.array(array))
            if name not in self.held:
                self.held[name] = torch.zeros((most, *array.shape[1:]), dtype=array.dtype, device=self.device)
            at = (self.added[kind] + torch.arange(len(array))) % most
            self.held[name][at.to(self.device)] = array.to(self.device)
        self.added[kind] += len(array)
        self.count[kind] = min(self.added[kind], most)

    def add_heads(self, pictures, labels):
        """Pictures [n, s, s, 4] RGBA premultiplied uint8 and their labels, arrays of a shard."""
        self._add("heads", picture=pictures, **{name: np.asarray(values, np.float32) for name, values in labels.items()})

    def add_patches(self, patches):
        """BGR uint8 [n, PATCH_SIZE, PATCH_SIZE, 3]."""
        self._add("patches", patch=patches[..., ::-1])

    def add_covers(self, covers):
        """BGRA premultiplied uint8 [n, COVER_SIZE, COVER_SIZE, 4]: hands, masks of shapes, phones."""
        self._add("covers", cover=covers[..., [2, 1, 0, 3]])

    def _pictures(self, name, rows):
        return self.held[name][rows].permute(0, 3, 1, 2).to(self.dtype) / 255

    def _laid_over(self, image, rows):
        """Covers the pictures of `rows` with something, in place."""
        if not len(rows) or not self.count["covers"]:
            return
        draw, n = self.draw, len(rows)
        side = CROP_SIZE * draw.uniform(0.12, 0.75, n)
        angle, mirror = draw.uniform(0, 2 * np.pi, n), torch.where(draw.chance(0.5, n), -1.0, 1.0)
        scale = side / COVER_SIZE
        linear = torch.stack([torch.stack([mirror * torch.cos(angle), -torch.sin(angle)], 1), torch.stack([mirror * torch.sin(angle), torch.cos(angle)], 1)], 1) * scale[:, None, None]
        # Mostly from the side or from below.
        around, reach = draw.uniform(0, 2 * np.pi, n), draw.uniform(0.1, 0.55, n) * CROP_SIZE
        place = CROP_SIZE / 2 + torch.stack([torch.cos(around), torch.sin(around) * 0.8 + 0.15], 1) * reach[:, None]
        matrix = torch.cat([linear, (place - (linear @ torch.full((2, 1), COVER_SIZE / 2, device=self.device))[..., 0])[..., None]], 2)
        front = sample(self._pictures("cover", draw.index(self.count["covers"], n)), matrix, CROP_SIZE, self.dtype)
        image[rows] = front[:, :3] + image[rows] * (1 - front[:, 3:])

    def batch(self, size, augmented=True):
        """
        @returns images [size, 3, 120, 120] as network input (BGR, (v - 127.5) / 128), params [size, 62], landmarks [size, 68, 2],
          targets [size, 56] of the second head and which of those are visible [size, 56].
        """
        draw = self.draw
        rows = draw.index(self.count["heads"], size)
        labels = {name: self.held[name][rows] for name in self.held if name not in ("picture", "patch", "cover")}
        flip = draw.chance(0.5, size)
        angle = draw.normal(0, 9, size)
        matrix = crop_matrices(rois_of(draw, labels["box"], labels["landmarks"]), angle, flip)
        params, landmarks = crop_parameters(matrix, labels, self.signs, flip)
        if "blendshapes" in labels:
            targets, seen = expression_targets(labels, flip)
        else:
            targets = torch.zeros(size, EXPRESSION_OUTPUTS, device=self.device)
            seen = torch.zeros_like(targets)
        front = sample(self._pictures("picture", rows), matrix, CROP_SIZE, self.dtype)
        cover, colour = front[:, 3:], front[:, :3]
        straight = (colour / cover.clamp(min=1 / 255)).clamp(0, 1)
        colour = (toned(draw, straight, 0.7) * cover).to(self.dtype)
        zoom = draw.uniform(1, 1.8, size) * CROP_SIZE / PATCH_SIZE
        mirror = torch.where(draw.chance(0.5, size), -1.0, 1.0)
        spare = (zoom * PATCH_SIZE - CROP_SIZE).clamp(min=0)
        patch_matrix = torch.zeros(size, 2, 3, device=self.device)
        patch_matrix[:, 0, 0], patch_matrix[:, 1, 1] = zoom * mirror, zoom
        offset = -spare[:, None] * draw.uniform(0, 1, size, 2)
        patch_matrix[:, :, 2] = offset + torch.stack([torch.where(mirror < 0, zoom * PATCH_SIZE, torch.zeros_like(zoom)), torch.zeros_like(zoom)], 1)
        back = sample(self._pictures("patch", draw.index(self.count["patches"], size)), patch_matrix, CROP_SIZE, self.dtype)
        back = toned(draw, back, 0.5).to(self.dtype)
        soft = some(draw, 0.4, size)
        if len(soft):
            back[soft] = blurred(back[soft], draw.uniform(0.5, 5, len(soft)))
        image = colour + back * (1 - cover)
        self._laid_over(image, some(draw, 0.25, size))
        self._laid_over(image, some(draw, 0.08, size))
        if augmented:
            worse = torch.nonzero(~draw.chance(UNDEGRADED_SHARE, size))[:, 0]
            image[worse] = degraded(draw, image[worse]).to(self.dtype)
        self._cut(image)
        image = image.clamp(0, 1).float().mul(255).round()
        return (image.flip(1) - 127.5) / 128, params, landmarks, targets, seen

    def _cut(self, image):
        """Puts the picture's edge into every tenth crop: the aligner pads with black. In place."""
        for side in range(4):
            rows = some(self.draw, 0.025, len(image))
            cut = (self.draw.uniform(0.03, 0.3, len(rows)) * CROP_SIZE)[:, None]
            at = torch.arange(CROP_SIZE, device=self.device)[None]
            kept = (at >= cut if side % 2 == 0 else at < CROP_SIZE - cut).to(image.dtype)
            image[rows] = image[rows] * (kept[:, None, :, None] if side < 2 else kept[:, None, None, :])
