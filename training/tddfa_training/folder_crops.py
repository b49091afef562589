"""
Your own crops for the regressor, in a simple layout:

    DIR/train/list.txt        one picture per line, relative to DIR/train: 120 x 120 crops as the aligner cuts them
    DIR/train/params.npy      [n, 62] float: the network's target output, de-normalised (for the layout, see crops.py)
    DIR/train/landmarks.npy   [n, 68, 2] float, px of the crop, x from 1, y up; computed from the parameters if missing
    DIR/held-out/             the same

and the morphable model that the parameters belong to, as one .npz: `mean` [3n], `shape` [3n, 40], `expression` [3n, 10],
`keypoints` [204].
"""
from pathlib import Path

import cv2
import numpy as np

from .augment import degrade, light_field, tone
from .crops import CROP_SIZE
from .morphable_model import MorphableModel


def load_own_model(file, stride=40):
    """A MorphableModel from an .npz."""
    stored = np.load(file)
    return MorphableModel(stored["mean"].reshape(-1), stored["shape"], stored["expression"], stored["keypoints"], stride)


class FolderSampler:
    """Random crops from a folder, degraded like renders when `augmented`."""

    def __init__(self, folder, augmented=True):
        self.folder, self.augmented = Path(folder), augmented
        self.names = [line for line in (self.folder / "list.txt").read_text().split("\n") if line]
        self.params = np.load(self.folder / "params.npy").astype(np.float32)
        if self.params.shape != (len(self.names), 62):
            raise ValueError(f"{self.folder}/params.npy: expected [{len(self.names)}, 62], got {list(self.params.shape)}")
        landmarks = self.folder / "landmarks.npy"
        self.landmarks = np.load(landmarks).astype(np.float32) if landmarks.exists() else None
        if self.landmarks is not None and self.landmarks.shape != (len(self.names), 68, 2):
            raise ValueError(f"{landmarks}: expected [{len(self.names)}, 68, 2], got {list(self.landmarks.shape)}")

    def refresh(self):
        """A folder does not grow."""

    def statistics(self):
        """Mean and standard deviation [62]; a constant parameter gets 1."""
        std = self.params.std(0)
        std[std < 1e-12] = 1
        return self.params.mean(0), std

    def with_landmarks(self, model):
        """Fills in missing landmarks from the parameters; returns itself."""
        if self.landmarks is None:
            self.landmarks = np.stack([model.vertices_of(p)[:68, :2] for p in self.params])
        return self

    def batch(self, rng, size):
        """images [size, 120, 120, 3] BGR uint8, params [size, 62], landmarks [size, 68, 2]."""
        if self.landmarks is None:
            raise ValueError(f"{self.folder} has no landmarks.npy; call with_landmarks first")
        rows = rng.integers(len(self.names), size=size)
        images = np.empty((size, CROP_SIZE, CROP_SIZE, 3), np.uint8)
        for k, row in enumerate(rows):
            image = cv2.imread(str(self.folder / self.names[row]), cv2.IMREAD_COLOR)
            if image is None or image.shape != images.shape[1:]:
                raise ValueError(f"{self.folder / self.names[row]}: expected a picture of {CROP_SIZE} x {CROP_SIZE} px")
            if self.augmented:
                if rng.random() < 0.3:
                    image = light_field(rng, image)
                if rng.random() < 0.6:
                    image = tone(rng, image)
                image = degrade(rng, image)
            images[k] = image
        return images, self.params[rows], self.landmarks[rows]
