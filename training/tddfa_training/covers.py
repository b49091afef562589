"""Supplies for crop_batches.py, made on CPUs: patches of backgrounds, and things that appear in front of faces."""
import cv2
import numpy as np

from .augment import random_shape, skin_colour
from .backgrounds import random_patch
from .crop_batches import COVER_SIZE, PATCH_SIZE
from .faceless_things import draw_folds, draw_hand


def make_patches(rng, pictures, count):
    """BGR uint8 [count, PATCH_SIZE, PATCH_SIZE, 3] from `pictures` (Backgrounds)."""
    return np.stack([random_patch(rng, pictures, PATCH_SIZE, PATCH_SIZE) for _ in range(count)])


def _phone(rng):
    """A dark slab with a screen or a lens: BGR and cover."""
    size = COVER_SIZE
    image, cover = np.zeros((size, size, 3), np.float32), np.zeros((size, size), np.uint8)
    half = rng.uniform(0.24, 0.34) * size
    corner = int(size / 2 - half), int(size * 0.04)
    other = int(size / 2 + half), int(size * 0.96)
    cv2.rectangle(cover, corner, other, 255, -1)
    cover = np.where(cv2.GaussianBlur(cover, (0, 0), 3) > 110, 255, 0).astype(np.uint8)
    image[:] = rng.uniform(5, 60) if rng.random() < 0.7 else rng.uniform(0, 255, 3)
    if rng.random() < 0.5:
        cv2.rectangle(image, (corner[0] + 3, corner[1] + 6), (other[0] - 3, other[1] - 6), [float(v) for v in rng.uniform(0, 255, 3)], -1)
    else:
        for k in range(int(rng.integers(1, 4))):
            cv2.circle(image, (corner[0] + 9, corner[1] + 10 + 11 * k), 4, (15.0, 12.0, 12.0), -1, cv2.LINE_AA)
    return image, cover


def make_covers(rng, pictures, count):
    """BGRA premultiplied uint8 [count, COVER_SIZE, COVER_SIZE, 4]: hands, phones, cloth, and shapes of any colour, including skin."""
    size, covers = COVER_SIZE, []
    for _ in range(count):
        kind = rng.random()
        if kind < 0.4:
            hand = draw_hand(rng, skin_colour(rng), size)
            covers.append(cv2.resize(hand, (size, size)) if hand.shape[:2] != (size, size) else hand)
            continue
        if kind < 0.48:
            image, cover = _phone(rng)
        else:
            height, width = (int(size * rng.uniform(0.25, 1)) for _ in range(2))
            y, x = (size - height) // 2, (size - width) // 2
            cover = np.zeros((size, size), np.uint8)
            cover[y:y + height, x:x + width] = random_shape(rng, height, width)
            if rng.random() < 0.4:
                cover = cv2.GaussianBlur(cover, (0, 0), rng.uniform(0.5, 2.5))
            if kind < 0.56:
                image = draw_folds(rng, size, size)
            elif kind < 0.75:
                image = random_patch(rng, pictures, size, size).astype(np.float32)
            else:
                colour = skin_colour(rng) if rng.random() < 0.7 else rng.uniform(0, 255, 3)
                slope = rng.normal(0, 0.35, 2)
                ramp = np.linspace(-1, 1, size)
                image = colour * (1 + slope[0] * ramp[:, None] + slope[1] * ramp[None])[..., None]
        image = np.clip(image, 0, 255) * (cover[..., None] / 255.0)
        covers.append(np.dstack([image, cover]).astype(np.uint8))
    return np.stack(covers)
