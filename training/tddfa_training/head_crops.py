"""Training samples of the regressor: a rendered head on a background, cropped and degraded, with its parameters."""
from pathlib import Path

import cv2
import numpy as np

from .augment import degrade, light_field, occlude, soften, tone, tone_cutout
from .backgrounds import Backgrounds, load_backgrounds, random_patch
from .blendshapes import EXPRESSION_OUTPUTS, EYE_COLUMNS, GAZE_COLUMNS, MIRROR, MIRROR_SIGNS, MOUTH_COLUMNS
from .crops import CROP_SIZE, MICROMETRES, crop_landmarks, crop_matrix, crop_params, sample_roi
from .label_fit import refine_labels
from .paths import model_folder
from .render_heads import FIELDS, FITTED, FITTED_FIELDS, OPTIONAL_FIELDS, shard_files
from .short_video import synthesize_clip, transform_params


def landmark_rows(folder=None):
    """The model's landmarks in mm: mean [68, 3] and basis [68, 3, 50]."""
    folder = folder or model_folder()
    load = lambda name: np.load(folder / f"dense-{name}.npy")
    keypoints = load("keypoints").astype(np.int64)
    basis = np.concatenate([load("shape-basis"), load("expression-basis")], 1)[keypoints]
    return load("mean").reshape(-1)[keypoints].reshape(68, 3) / MICROMETRES, basis.reshape(68, 3, -1) / MICROMETRES


class HeadShards:
    """All finished shards of a folder; pictures stay on disk. `refine` fits the labels to the lens's view."""

    def __init__(self, folder, refine=True):
        self.folder = Path(folder)
        self.rows = landmark_rows() if refine else None
        self.shards = {}
        self.refresh()

    def refresh(self):
        """Adds shards finished since the last call; returns the number of heads."""
        for label_file in sorted(self.folder.glob("heads-????.npz")):
            index = int(label_file.stem.split("-")[1])
            if index not in self.shards:
                picture_file, _ = shard_files(self.folder, index)
                stored = np.load(label_file)
                labels = {field: stored[field] for field in (*FIELDS, *OPTIONAL_FIELDS) if field in stored.files}
                if self.rows is not None and f"{FITTED}shape" in stored.files:
                    labels.update({field: stored[f"{FITTED}{field}"] for field in FITTED_FIELDS})
                elif self.rows is not None:
                    labels = refine_labels(*self.rows, labels)
                self.shards[index] = (np.load(picture_file, mmap_mode="r"), labels)
        self.index = [(shard, row) for shard, (pictures, _) in self.shards.items() for row in range(len(pictures))]
        return len(self.index)

    def __len__(self):
        return len(self.index)

    def head(self, i):
        """Picture [canvas, canvas, 4] RGBA premultiplied, and its labels."""
        shard, row = self.index[i]
        pictures, labels = self.shards[shard]
        return pictures[row], {field: values[row].astype(np.float64) for field, values in labels.items()}


def mode_signs(shape_basis_rows, flip):
    """[modes] +1 for symmetric, -1 for antisymmetric shape modes, from landmark rows [68, 3, modes] and their mirror order."""
    mirrored = shape_basis_rows[flip] * np.array([-1.0, 1, 1])[None, :, None]
    return np.sign((shape_basis_rows * mirrored).sum((0, 1)))


def expression_target(labels, flip):
    """
    Blendshapes and gaze [56] of one head, and which of them are visible [56]: dark glasses hide eyes, masks hide mouths, shut lids hide the
    gaze, and a profile hides its far side. Zeros if the labels have none.
    """
    if "blendshapes" not in labels:
        return np.zeros(EXPRESSION_OUTPUTS), np.zeros(EXPRESSION_OUTPUTS)
    target = np.concatenate([labels["blendshapes"], labels["gaze"]])
    seen = np.ones(EXPRESSION_OUTPUTS)
    if labels["look"][4] > 0:
        seen[EYE_COLUMNS] = seen[GAZE_COLUMNS] = 0
    if labels["look"][5] > 0:
        seen[MOUTH_COLUMNS] = 0
    for first, gaze, turned in ((0, 52, 1), (7, 54, -1)):
        if target[first] >= SHUT_FROM:
            seen[gaze:gaze + 2] = 0
        if turned * labels["pose"][0] > HIDDEN_YAW:  # yaw turns the face to its own left
            seen[first:first + 7] = seen[gaze:gaze + 2] = 0
    return (target[MIRROR] * MIRROR_SIGNS, seen[MIRROR]) if flip else (target, seen)


MARGIN = 12  # px around the crop into which a replayed pass can shift and rotate
REPLAY_POOL = 2048
SHUT_FROM = 0.6  # of a blink: from here on the gaze is not visible
HIDDEN_YAW = 55.0  # degrees from which the far eye is not visible
UNDEGRADED_SHARE = 0.35  # of the training crops: with blur and noise in all of them, the network lost detail in good ones


def compose_crop(rng, picture, labels, pictures, signs, augmented=True, margin=0):
    """
    Returns BGR uint8 [120, 120, 3] (wider by `margin` on every side), params [62], landmarks [68, 2] as the camera saw them
    (params' coordinates), blendshapes and gaze [56] and which of them are visible. Without `augmented` only the roi varies: the rendered
    hold-out is measured like this, and again with full augmentation.
    """
    flip = bool(rng.random() < 0.5)
    roi = sample_roi(rng, labels["box"], labels["landmarks"])
    angle = rng.normal(0, 9) if augmented else 0.0
    matrix = crop_matrix(roi, angle, flip)
    params = crop_params(matrix, labels["camera"], labels["rotation"], labels["shape"], labels["expression"], signs, flip)
    landmarks = crop_landmarks(matrix, labels["landmarks"], flip)
    # warpAffine counts pixel centres from 0, the matrix pixel edges.
    shifted = matrix.copy()
    shifted[:, 2] += matrix[:, :2] @ [0.5, 0.5] - 0.5 + margin
    size = CROP_SIZE + 2 * margin
    front = cv2.cvtColor(cv2.warpAffine(picture, shifted, (size, size), flags=cv2.INTER_LINEAR), cv2.COLOR_RGBA2BGRA)
    back = random_patch(rng, pictures, size, size)
    if augmented and rng.random() < 0.5:
        back = tone(rng, back)
    if rng.random() < 0.4:
        back = soften(back, rng.uniform(0.5, 6))
    if augmented and rng.random() < 0.7:
        front = tone_cutout(rng, front)  # the head alone: it need not match its background
    channels = cv2.split(front)
    rest = cv2.bitwise_not(channels[3])
    image = cv2.add(cv2.merge(channels[:3]), cv2.multiply(back, cv2.merge([rest, rest, rest]), scale=1 / 255))
    if augmented and rng.random() < 0.25:
        occlude(rng, image, pictures)
    return image, params, landmarks, *expression_target(labels, flip)


def finish_crop(rng, image, augmented=True):
    """Applies the effects of a camera and a picture's edge to a composed crop."""
    if augmented:
        if rng.random() < 0.35:
            image = light_field(rng, image)
        if rng.random() < 0.7:
            image = tone(rng, image)
        image = degrade(rng, image)
    if rng.random() < 0.1:  # the picture ends here: the aligner pads with black
        image = image.copy()
        cut = int(rng.uniform(0.03, 0.3) * CROP_SIZE)
        side = rng.integers(4)
        if side == 0:
            image[:cut] = 0
        elif side == 1:
            image[-cut:] = 0
        elif side == 2:
            image[:, :cut] = 0
        else:
            image[:, -cut:] = 0
    return image


def replay_crop(rng, wide, params, landmarks):
    """Reuses a composed crop with MARGIN: slightly rotated, scaled and shifted; the labels follow."""
    angle, scale = np.deg2rad(rng.normal(0, 5)), np.exp(rng.normal(0, 0.05))
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = np.full(2, CROP_SIZE / 2)
    matrix = np.concatenate([linear, (centre + rng.normal(0, 3, 2) - linear @ centre)[:, None]], 1)
    shifted = matrix.copy()
    shifted[:, 2] += linear @ [0.5 - MARGIN, 0.5 - MARGIN] - 0.5
    image = cv2.warpAffine(wide, shifted, (CROP_SIZE, CROP_SIZE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    picture = np.stack([landmarks[:, 0] - 0.5, CROP_SIZE + 0.5 - landmarks[:, 1]], 1) @ linear.T + matrix[:, 2]
    return image, transform_params(params, matrix), np.stack([picture[:, 0] + 0.5, CROP_SIZE + 0.5 - picture[:, 1]], 1)


class CropSampler:
    """Endless random crops of rendered heads."""

    def __init__(self, folder, signs, held_out=False, augmented=True, pictures=None, refine=True, passes=1):
        """
        `pictures` are backgrounds (BGR uint8); default: the installed wallpapers. Every composed crop is used `passes` times
        on average, each time moved, lit and degraded differently: composing is slower than that.
        """
        self.heads = HeadShards(folder, refine)
        self.pictures = Backgrounds(load_backgrounds(held_out) if pictures is None else pictures)
        self.signs = signs
        self.augmented, self.held_out = augmented, held_out
        self.passes, self.pool = passes, []

    def refresh(self):
        """Adds shards finished since the last call."""
        self.heads.refresh()

    def clips(self, rng, size, frames, model):
        """The same, but every `frames` neighbours are a short clip synthesised from one still (`model`: a torch MorphableModel)."""
        stills, params, landmarks = self.batch(rng, size // frames)
        images, all_params, all_landmarks = [], [], []
        for still, p, points in zip(stills, params, landmarks):
            clip, clip_params = synthesize_clip(rng, still, p, model.vertices_of, frames)
            # The offset of the model's landmarks from the true ones stays constant over the clip.
            rest = points - model.vertices_of(p)[:68, :2]
            images.append(clip)
            all_params.append(clip_params)
            all_landmarks += [model.vertices_of(q)[:68, :2] + rest for q in clip_params]
        return np.concatenate(images), np.concatenate(all_params), np.stack(all_landmarks).astype(np.float32)

    def compose(self, rng, index=None, margin=0):
        picture, labels = self.heads.head(int(rng.integers(len(self.heads)) if index is None else index))
        return compose_crop(rng, picture, labels, self.pictures, self.signs, self.augmented, margin)

    def batch(self, rng, size, indices=None):
        """images [size, 120, 120, 3] BGR uint8, params [size, 62] float32, landmarks [size, 68, 2] float32."""
        return self.batch_with_expressions(rng, size, indices)[:3]

    def batch_with_expressions(self, rng, size, indices=None):
        """The same, with blendshapes and gaze [size, 56] and which of them are visible [size, 56]; both 0 if the shards have none."""
        targets, seen = np.zeros((2, size, EXPRESSION_OUTPUTS), np.float32)
        images = np.empty((size, CROP_SIZE, CROP_SIZE, 3), np.uint8)
        params = np.empty((size, 62), np.float32)
        landmarks = np.empty((size, 68, 2), np.float32)
        for k in range(size):
            if self.passes == 1:
                image, params[k], landmarks[k], targets[k], seen[k] = self.compose(rng, None if indices is None else indices[k])
            elif len(self.pool) < REPLAY_POOL or rng.random() < 1 / self.passes:
                made = self.compose(rng, margin=MARGIN)
                if len(self.pool) < REPLAY_POOL:
                    self.pool.append(made)
                else:
                    self.pool[rng.integers(REPLAY_POOL)] = made
                image, params[k], landmarks[k], targets[k], seen[k] = made
                image = image[MARGIN:-MARGIN, MARGIN:-MARGIN]
            else:
                wide, p, points, targets[k], seen[k] = self.pool[rng.integers(REPLAY_POOL)]
                image, params[k], landmarks[k] = replay_crop(rng, wide, p, points)
            # All augmented crops of the hold-out are degraded: a fixed measure.
            worse = self.augmented and (self.held_out or rng.random() >= UNDEGRADED_SHARE)
            images[k] = finish_crop(rng, image, worse)
        return images, params, landmarks, targets, seen
