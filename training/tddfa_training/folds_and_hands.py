"""
Creased cloth and leather, and hands: what a detector takes for faces where it never saw any. Both are height fields under a light.
"""
import cv2
import numpy as np


def lit(rng, height, shine=0.0):
    """[h, w] brightness of a height field (px, up to the viewer) under a random light; `shine` adds its mirror image."""
    dy, dx = np.gradient(height)
    normal = np.stack([-dx, -dy, np.ones_like(height)], -1)
    normal /= np.linalg.norm(normal, axis=2, keepdims=True)
    direction, slant = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 1.1)
    light = np.array([np.cos(direction) * np.sin(slant), np.sin(direction) * np.sin(slant), np.cos(slant)], np.float32)
    facing = normal @ light
    brightness = rng.uniform(0.25, 0.5) + 0.75 * np.clip(facing, 0, 1)
    if shine:
        halfway = light + [0, 0, 1]
        brightness = brightness + shine * np.clip(normal @ (halfway / np.linalg.norm(halfway)), 0, 1) ** rng.uniform(8, 60)
    return brightness.astype(np.float32)


def draw_folds(rng, height, width):
    """[height, width, 3] BGR float32 of cloth with folds, or of padded and creased leather."""
    h, w = min(height, 96), min(width, 96)
    field = np.zeros((h, w), np.float32)
    stretch = np.exp(rng.normal(0, 0.6))
    for cells in (2, 4, 8):
        rows, columns = max(2, int(cells * stretch)), max(2, int(cells / stretch))
        noise = cv2.resize(rng.standard_normal((rows, columns)).astype(np.float32), (w, h), interpolation=cv2.INTER_CUBIC)
        if rng.random() < 0.5:  # sharp folds: the crest of |noise|
            noise = 1 - 2 * np.abs(noise)
        field += noise * (rng.uniform(3, 9) / cells)
    leather = rng.random() < 0.4
    if leather and rng.random() < 0.4:  # buttons that pull the padding in
        y, x = np.mgrid[:h, :w]
        pitch = rng.uniform(10, 30)
        field += rng.uniform(1, 3) * np.cos(2 * np.pi * x / pitch) * np.cos(2 * np.pi * y / pitch)
    brightness = lit(rng, field, rng.uniform(0.2, 1.2) if leather else 0.0)
    brown = np.array([0.22, 0.35, 0.6]) * rng.uniform(60, 260)
    colour = brown if rng.random() < 0.45 else np.full(3, rng.uniform(10, 60)) if rng.random() < 0.4 else rng.uniform(0, 255, 3)
    patch = np.clip(brightness[..., None] * colour.astype(np.float32), 0, 255)
    return cv2.resize(patch, (width, height), interpolation=cv2.INTER_LINEAR)


def draw_hand(rng, colour, side):
    """Premultiplied BGRA uint8 of a hand with some forearm at any angle: fingers stretched, spread or bent, or a fist."""
    n = 88  # the hand is drawn in this size: 44 from wrist to fingertips
    y, x = np.mgrid[:n, :n].astype(np.float32)
    height, cover = np.zeros((n, n), np.float32), np.zeros((n, n), np.float32)

    def capsule(x0, y0, x1, y1, r0, r1):
        """A round stick from one point to another, higher where it is thicker."""
        ax, ay = x1 - x0, y1 - y0
        t = np.clip(((x - x0) * ax + (y - y0) * ay) / max(ax * ax + ay * ay, 1e-6), 0, 1)
        radius = r0 + (r1 - r0) * t
        distance = np.hypot(x - x0 - t * ax, y - y0 - t * ay)
        np.maximum(height, np.sqrt(np.clip(radius * radius - distance * distance, 0, None)), out=height)
        np.maximum(cover, np.clip(radius - distance + 0.5, 0, 1), out=cover)

    middle = n / 2
    palm = rng.uniform(7.5, 9.5)
    capsule(middle - 3, middle + 8, middle - 4, middle - 3, palm * 0.75, palm * 0.7)
    capsule(middle + 3, middle + 8, middle + 4, middle - 3, palm * 0.75, palm * 0.7)
    spread, bent = rng.uniform(0.0, 0.22), rng.random() ** 2
    for k in range(4):
        along = (k - 1.5) * spread + rng.normal(0, 0.04)
        length = (15, 18, 17, 13)[k] * (1 - 0.85 * bent * rng.uniform(0.7, 1)) * rng.uniform(0.9, 1.1)
        start = middle + (k - 1.5) * palm * 0.5
        radius = rng.uniform(2.1, 2.8)
        capsule(start, middle - 6, start + np.sin(along) * length, middle - 6 - np.cos(along) * length, radius * 1.1, radius * 0.85)
    thumb, length = rng.uniform(0.2, 1.2), rng.uniform(11, 15)
    capsule(middle - palm * 0.9, middle + 6, middle - palm * 0.9 - np.sin(thumb) * length, middle + 6 - np.cos(thumb) * length, 3.2, 2.3)
    wrist = middle + 12
    capsule(middle, wrist, middle + rng.normal(0, 4), n + 10, palm * 0.7, palm * rng.uniform(0.7, 1.0))
    brightness = lit(rng, height) * (0.8 + 0.2 * rng.random())
    patch = np.empty((n, n, 4), np.float32)
    patch[..., :3] = brightness[..., None] * np.asarray(colour, np.float32)
    if rng.random() < 0.5:  # a sleeve
        cuff = int(rng.uniform(wrist, n))
        patch[cuff:, :, :3] = brightness[cuff:, :, None] * rng.uniform(0, 255, 3)
    patch = np.clip(patch, 0, 255)
    patch[..., :3] *= cover[..., None]
    patch[..., 3] = cover * 255
    scale = side / 44
    size = max(12, int(n * scale))
    matrix = cv2.getRotationMatrix2D((middle, middle), rng.uniform(0, 360), 1)
    if rng.random() < 0.5:  # the other hand
        matrix[0] = [0, 0, n] - matrix[0]
    turned = cv2.warpAffine(patch.astype(np.uint8), matrix, (n, n))
    return cv2.resize(turned, (size, size), interpolation=cv2.INTER_AREA if size < n else cv2.INTER_LINEAR)
