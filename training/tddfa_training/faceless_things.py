"""
Creased cloth and leather, hands, and bodies without a head: things that a detector takes for faces if it has never seen them. All
are height fields under a light.
"""
import cv2
import numpy as np


def lit(rng, height, shine=0.0):
    """[h, w] brightness of a height field (px, towards the viewer) under a random light; `shine` adds its specular reflection."""
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


class Sticks:
    """A picture [n, n] of round sticks, the nearest in front: height of each pixel, which stick it shows, and coverage."""

    def __init__(self, n):
        self.y, self.x = np.mgrid[:n, :n].astype(np.float32)
        self.height, self.cover = np.zeros((n, n), np.float32), np.zeros((n, n), np.float32)
        self.part = np.zeros((n, n), np.uint8)

    def add(self, x0, y0, x1, y1, r0, r1, part=0, nearer=0.0):
        """A stick from one point to another, with these radii; `nearer` px closer to the viewer than the plane of the picture."""
        n, widest = len(self.height), max(r0, r1) + 1
        left, top = (int(np.clip(min(u, v) - widest, 0, n)) for u, v in ((x0, x1), (y0, y1)))
        right, bottom = (int(np.clip(max(u, v) + widest + 1, 0, n)) for u, v in ((x0, x1), (y0, y1)))
        there = np.s_[top:bottom, left:right]
        x, y, ax, ay = self.x[there] - x0, self.y[there] - y0, x1 - x0, y1 - y0
        t = np.clip((x * ax + y * ay) / max(ax * ax + ay * ay, 1e-6), 0, 1)
        radius = r0 + (r1 - r0) * t
        squared = (x - t * ax) ** 2 + (y - t * ay) ** 2
        height = np.where(squared < radius * radius, nearer + np.sqrt(np.clip(radius * radius - squared, 0, None)), 0)
        self.part[there][height > self.height[there]] = part
        self.height[there] = np.maximum(height, self.height[there])
        self.cover[there] = np.maximum(self.cover[there], np.clip(radius - np.sqrt(squared) + 0.5, 0, 1))


def finish(rng, colours, sticks, angle, size):
    """Premultiplied BGRA uint8 [size, size] of sticks with these colours [n, n, 3], rotated by `angle` degrees, possibly mirrored."""
    n = len(sticks.height)
    brightness = lit(rng, sticks.height) * (0.8 + 0.2 * rng.random())
    patch = np.empty((n, n, 4), np.float32)
    patch[..., :3] = np.clip(brightness[..., None] * colours, 0, 255) * sticks.cover[..., None]
    patch[..., 3] = sticks.cover * 255
    matrix = cv2.getRotationMatrix2D((n / 2, n / 2), angle, 1)
    if rng.random() < 0.5:
        matrix[0] = [0, 0, n] - matrix[0]
    turned = cv2.warpAffine(patch.astype(np.uint8), matrix, (n, n))
    return cv2.resize(turned, (size, size), interpolation=cv2.INTER_AREA if size < n else cv2.INTER_LINEAR)


def draw_hand(rng, colour, side):
    """Premultiplied BGRA uint8 of a hand with part of the forearm at any angle: fingers stretched, spread or bent, or a fist."""
    n = 88  # the hand is drawn at this size: 44 from wrist to fingertips
    sticks, middle = Sticks(n), n / 2
    palm = rng.uniform(7.5, 9.5)
    sticks.add(middle - 3, middle + 8, middle - 4, middle - 3, palm * 0.75, palm * 0.7)
    sticks.add(middle + 3, middle + 8, middle + 4, middle - 3, palm * 0.75, palm * 0.7)
    spread, bent = rng.uniform(0.0, 0.22), rng.random() ** 2
    for k in range(4):
        along = (k - 1.5) * spread + rng.normal(0, 0.04)
        length = (15, 18, 17, 13)[k] * (1 - 0.85 * bent * rng.uniform(0.7, 1)) * rng.uniform(0.9, 1.1)
        start = middle + (k - 1.5) * palm * 0.5
        radius = rng.uniform(2.1, 2.8)
        sticks.add(start, middle - 6, start + np.sin(along) * length, middle - 6 - np.cos(along) * length, radius * 1.1, radius * 0.85)
    thumb, length = rng.uniform(0.2, 1.2), rng.uniform(11, 15)
    start = middle - palm * 0.9
    sticks.add(start, middle + 6, start - np.sin(thumb) * length, middle + 6 - np.cos(thumb) * length, 3.2, 2.3)
    wrist = middle + 12
    sticks.add(middle, wrist, middle + rng.normal(0, 4), n + 10, palm * 0.7, palm * rng.uniform(0.7, 1.0))
    colours = np.empty((n, n, 3), np.float32)
    colours[:] = colour
    if rng.random() < 0.5:  # a sleeve
        colours[int(rng.uniform(wrist, n)):] = rng.uniform(0, 255, 3)
    return finish(rng, colours, sticks, rng.uniform(0, 360), max(12, int(n * side / 44)))


SKIN, TOP, SLEEVE, FOREARM, THIGH, SHIN, SHOE = range(7)


def draw_body(rng, skin, side):
    """Premultiplied BGRA uint8 of a body from the neck down, dressed, standing or sitting, `side` px from neck to hip."""
    n = 200  # the body is drawn at this size: 48 from neck to hip
    sticks, middle, neck = Sticks(n), n / 2, 50
    shoulders, waist, hips = rng.uniform(9, 14), rng.uniform(8, 12), rng.uniform(9, 13)
    sticks.add(middle, neck + 2, middle, neck + 8, 4, 5, SKIN)
    sticks.add(middle - shoulders, neck + 8, middle + shoulders, neck + 8, 5.5, 5.5, TOP)
    for sign in (-1, 1):
        sticks.add(middle + sign * shoulders * 0.45, neck + 10, middle + sign * waist * 0.3, neck + 36, shoulders * 0.62, waist * 0.72, TOP)
        sticks.add(middle + sign * waist * 0.3, neck + 34, middle + sign * hips * 0.5, neck + 48, waist * 0.72, hips * 0.72, TOP)
    if rng.random() < 0.5:
        for sign in (-1, 1):
            sticks.add(middle + sign * 6, neck + 20, middle + sign * 6, neck + 21, 5.5, 5.5, TOP, rng.uniform(2, 6))
    seated = rng.random() < 0.5
    for sign in (-1, 1):
        x, y, nearer = middle + sign * hips * 0.55, neck + 50, rng.uniform(0, 14)
        for part, length, r0, r1, spread in ((THIGH, 34, 8, 6, 1.2 if seated else 0.2), (SHIN, 32, 5.8, 4, 0.9 if seated else 0.15)):
            along = rng.normal(0, spread)
            x1, y1 = x + np.sin(along) * length, y + np.cos(along) * length
            sticks.add(x, y, x1, y1, r0, r1, part, nearer)
            x, y = x1, y1
        sticks.add(x, y, x + sign * 5, y + 3, 3.5, 2.5, SHOE, nearer)
        x, y, nearer = middle + sign * (shoulders + 2), neck + 10, rng.uniform(0, 16)
        for part, length, r0, r1, spread in ((SLEEVE, 24, 4.8, 4, 0.5), (FOREARM, 22, 3.8, 2.8, 1.3)):
            along = sign * 0.25 + rng.normal(0, spread)
            x1, y1 = x + np.sin(along) * length, y + np.cos(along) * length
            sticks.add(x, y, x1, y1, r0, r1, part, nearer)
            x, y = x1, y1
        sticks.add(x, y, x + np.sin(along) * 5, y + np.cos(along) * 5, 3.6, 3, SKIN, nearer)
    cloth = lambda: np.full(3, rng.uniform(5, 50)) if rng.random() < 0.3 else rng.uniform(0, 255, 3)
    colours = np.tile(np.asarray(skin, float), (7, 1))
    colours[TOP], colours[SHOE] = cloth(), cloth()
    bottom = colours[TOP] if rng.random() < 0.4 else cloth()  # a dress, or trousers, shorts or a skirt
    for part, share, worn in ((SLEEVE, 0.6, colours[TOP]), (FOREARM, 0.3, colours[TOP]), (THIGH, 0.8, bottom), (SHIN, 0.4, bottom)):
        if rng.random() < share:
            colours[part] = worn
    painted = colours[sticks.part].astype(np.float32)
    low = (sticks.part == TOP) & (sticks.y > neck + rng.uniform(30, 44))
    painted[low] = bottom
    if rng.random() < 0.6:  # cut out at the neck
        deep = rng.uniform(6, 20)
        painted[(sticks.part == TOP) & (sticks.y < neck + deep - np.abs(sticks.x - middle) * rng.uniform(0.6, 2))] = skin
    dressed = (painted != np.asarray(skin, np.float32)).any(2)
    if rng.random() < 0.4:  # stripes or a print
        direction, pitch = rng.uniform(0, np.pi), rng.uniform(0.25, 1.2)
        wave = np.sin((np.cos(direction) * sticks.x + np.sin(direction) * sticks.y) * pitch)
        if rng.random() < 0.5:
            wave = wave + np.sin((np.sin(direction) * sticks.x - np.cos(direction) * sticks.y) * pitch) - 0.3
        painted[dressed & (wave > 0)] = cloth()
    folds = cv2.resize(rng.standard_normal((24, 24)).astype(np.float32), (n, n), interpolation=cv2.INTER_CUBIC)
    sticks.height += np.where(dressed, folds * np.float32(rng.uniform(0.2, 1.2)), 0)
    angle = rng.normal(0, 12) if rng.random() < 0.8 else rng.uniform(0, 360)
    return finish(rng, painted, sticks, angle, max(24, int(n * side / 48)))
