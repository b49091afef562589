"""
Reads 300W-LP (Zhu et al. 2016) and data in the same layout, for training on real pictures:

    DIR/AFW/AFW_134212_1_0.jpg   a picture
    DIR/AFW/AFW_134212_1_0.mat   beside it: Pose_Para [1, 7], Shape_Para [n, 1], Exp_Para [m, 1]; the rest is ignored

Pose_Para is pitch, yaw, roll in radians, the translation x, y, z in px and the scale: a vertex v of the model lies at
scale * R v + translation, x counted from 1 at the left, y from 1 at the bottom. Shape_Para and Exp_Para are coefficients of the
model's columns; the first 40 and 10 are used, so MODEL.npz must contain those columns (BFM's, for 300W-LP itself).

300W-LP has no split: one photograph in twenty, with all its rotated and mirrored versions, is held out for evaluation.
"""
import re
import zlib
from pathlib import Path

import cv2
import numpy as np

from .crops import CROP_SIZE, MICROMETRES, crop_landmarks, crop_matrix, crop_params, sample_roi
from .head_crops import finish_crop

HELD_OUT_ONE_IN = 20
STATISTICS_SAMPLES = 2000
PICTURES = (".jpg", ".jpeg", ".png")


def rotation_of_angles(pitch, yaw, roll):
    """[3, 3] of Pose_Para's angles (radians): R_x R_y R_z, each in the opposite of the usual direction."""
    turn = lambda angle, i, j: np.array([[np.cos(angle) if r == c and r in (i, j) else np.sin(angle) if (r, c) == (i, j) else
                                          -np.sin(angle) if (r, c) == (j, i) else float(r == c) for c in range(3)] for r in range(3)])
    return turn(pitch, 1, 2) @ turn(yaw, 2, 0) @ turn(roll, 0, 1)


def read_annotation(file):
    """Pose [7], shape [n], expression [m] of a .mat."""
    try:
        from scipy.io import loadmat
    except ImportError:
        raise RuntimeError("reading .mat files needs SciPy: apt-get install python3-scipy") from None
    try:
        stored = loadmat(file)
    except Exception as error:  # SciPy raises all kinds of exceptions
        raise ValueError(f"{file}: not a readable .mat: {error}") from None
    values = []
    for name, least in (("Pose_Para", 7), ("Shape_Para", 40), ("Exp_Para", 10)):
        if name not in stored:
            raise ValueError(f"{file}: no {name}")
        array = np.asarray(stored[name], np.float64).ravel()
        if len(array) < least or not np.isfinite(array).all():
            raise ValueError(f"{file}: {name} needs at least {least} numbers")
        values.append(array)
    return values


def labels_of(pose, shape, expression, height, model):
    """
    Labels for cutting and labelling crops, as the renderer writes them: `camera` [2, 4] (mm -> px, y down, pixel i covers
    i..i+1), `rotation`, `shape` [40], `expression` [10], `landmarks` [68, 2], `box` [4] of the projected face.
    """
    rotation, scale = rotation_of_angles(*pose[:3]), pose[6]
    camera = np.concatenate([scale * rotation[:2] * MICROMETRES, pose[3:5, None]], 1)
    camera[0, 3] -= 0.5
    camera[1] = -camera[1]
    camera[1, 3] += height + 0.5
    shape, expression = shape[:40], expression[:10]
    points = model.points_of(np.concatenate([shape, expression])) / MICROMETRES
    seen = points @ camera[:, :3].T + camera[:, 3]
    return {"camera": camera, "rotation": rotation, "shape": shape, "expression": expression, "landmarks": seen[:68],
            "box": np.concatenate([seen.min(0), seen.max(0)])}


def is_held_out(path):
    """The same for all versions of a photograph: mirrored folders end in _Flip, rotated versions in _NUMBER."""
    folder = re.sub(r"_flip$", "", path.parent.name, flags=re.IGNORECASE)
    photo = re.sub(r"_\d+$", "", path.stem)
    return zlib.crc32(f"{folder}/{photo}".encode()) % HELD_OUT_ONE_IN == 0


class Lp300wSampler:
    """Endless random crops of pictures with .mat annotations. `model` is the MorphableModel that their coefficients belong to."""

    def __init__(self, folder, model, augmented=True, held_out=False):
        self.model, self.augmented = model, augmented
        self.pictures = [path for path in sorted(Path(folder).rglob("*")) if path.suffix.lower() in PICTURES
                         and path.with_suffix(".mat").exists() and is_held_out(path) == held_out]
        if not self.pictures:
            raise ValueError(f"{folder} has no {'held-out ' if held_out else ''}picture with a .mat beside it")

    def refresh(self):
        """The folder is read once."""

    def _read(self, path):
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is None:
            raise ValueError(f"{path}: not a readable picture")
        return image, labels_of(*read_annotation(path.with_suffix(".mat")), len(image), self.model)

    def _place(self, rng, labels):
        matrix = crop_matrix(sample_roi(rng, labels["box"], labels["landmarks"]), rng.normal(0, 9) if self.augmented else 0.0)
        params = crop_params(matrix, labels["camera"], labels["rotation"], labels["shape"], labels["expression"], None)
        return matrix, params

    def statistics(self):
        """Mean and standard deviation [62] over random crops; a constant parameter gets 1."""
        rng, rows = np.random.default_rng(3), []
        for _ in range(STATISTICS_SAMPLES):
            path = self.pictures[rng.integers(len(self.pictures))]
            rows.append(self._place(rng, self._read(path)[1])[1])
        std = np.std(rows, 0)
        std[std < 1e-12] = 1
        return np.mean(rows, 0).astype(np.float32), std.astype(np.float32)

    def batch(self, rng, size):
        """images [size, 120, 120, 3] BGR uint8, params [size, 62], landmarks [size, 68, 2]: the model's own, projected."""
        images = np.empty((size, CROP_SIZE, CROP_SIZE, 3), np.uint8)
        params, landmarks = np.empty((size, 62), np.float32), np.empty((size, 68, 2), np.float32)
        for k in range(size):
            image, labels = self._read(self.pictures[rng.integers(len(self.pictures))])
            matrix, params[k] = self._place(rng, labels)
            landmarks[k] = crop_landmarks(matrix, labels["landmarks"])
            shifted = matrix.copy()
            shifted[:, 2] += matrix[:, :2] @ [0.5, 0.5] - 0.5  # warpAffine counts pixel centres from 0
            crop = cv2.warpAffine(image, shifted, (CROP_SIZE, CROP_SIZE), flags=cv2.INTER_LINEAR)
            images[k] = finish_crop(rng, crop, self.augmented)
        return images, params, landmarks
