"""
Pictures behind the heads: photographs from Debian's wallpaper packages and scikit-image (for training only; none are
shipped), and procedural clutter. Excludes pictures with people in them, and every picture used for checks.
"""
import hashlib
import itertools
import os
import zipfile
from pathlib import Path

import cv2
import numpy as np

from .noise import picture_noise
from .paths import cache_folder

FOLDERS = ("/usr/share/backgrounds", "/usr/share/wallpapers", "/usr/lib/python3/dist-packages/skimage/data")
# Not in the hold-out.
TRAINING_FOLDERS = ("/usr/share/palapeli/collection", "/usr/lib/python3/dist-packages/sklearn/datasets/images")
# People, faces or drawings of them; the astronaut is a test picture of this project; the rest are diagrams or multi-page files.
EXCLUDED = ("astronaut", "friends_by", "life_by", "camera", "elephants_5640", "elephants_3840", "phantom", "multipage", "logo",
            "bw_text", "no_time", "truncated", "palette", "cell.png", "chessboard", "block", "color.png", "flyingkonqui", "kiki")
LONG_SIDE = 900
HELD_OUT_SHARE = 0.2


def _files(folders):
    seen = {}
    for folder in folders:
        for path in sorted(Path(folder).rglob("*")):
            if path.suffix.lower() not in (".jpg", ".jpeg", ".png", ".webp") or not path.is_file():
                continue
            if any(word in str(path).lower() for word in EXCLUDED) or "screenshot" in path.name:
                continue
            # Wallpapers come in many sizes per picture: keep the first of about screen size.
            key = str(path.parent) if "contents/images" in str(path) else str(path)
            if "contents/images" in str(path):
                width = int("".join(c for c in path.stem.split("x")[0] if c.isdigit()) or 0)
                if key in seen and not 900 <= width <= 2000:
                    continue
            seen[key] = path
    return list(seen.values())


def _is_held_out(path):
    return int(hashlib.sha256(path.name.encode() + path.parent.parent.parent.name.encode()).hexdigest(), 16) % 100 < HELD_OUT_SHARE * 100


def _cached(name, paths, make):
    """The pictures that `make` returns, cached in a file whose name depends on the files they are made from."""
    digest = hashlib.sha256("\n".join(f"{path} {path.stat().st_size}" for path in paths).encode()).hexdigest()
    cache = cache_folder() / f"{name}-{digest[:12]}.npz"
    if not cache.exists():
        cache.parent.mkdir(parents=True, exist_ok=True)
        partial = cache.with_suffix(f".{os.getpid()}.partial.npz")  # several processes may start at once
        np.savez(partial, **{f"{i:04d}": picture for i, picture in enumerate(make(paths))})
        partial.replace(cache)
    stored = np.load(cache)
    return [stored[name] for name in stored.files]


def load_backgrounds(held_out=False):
    """List of BGR uint8 pictures, long side at most 900 px; a fifth of them is reserved for the rendered hold-out."""
    paths = [path for path in _files(FOLDERS) if _is_held_out(path) == held_out] + ([] if held_out else _files(TRAINING_FOLDERS))
    return _cached("backgrounds", paths, _read_backgrounds)


def _read_backgrounds(paths):
    for path in paths:
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is None or min(image.shape[:2]) < 120:
            continue
        scale = LONG_SIDE / max(image.shape[:2])
        if scale < 1:
            image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        yield image


class Backgrounds:
    """Pictures at full, half, quarter and eighth size: a patch is taken from the smallest that is large enough for it."""

    def __init__(self, pictures):
        half = lambda image: cv2.resize(image, (max(image.shape[1] // 2, 1), max(image.shape[0] // 2, 1)), interpolation=cv2.INTER_AREA)
        self.levels = [list(pictures)]
        for _ in range(3):
            self.levels.append([half(image) for image in self.levels[-1]])

    def __len__(self):
        return len(self.levels[0])


OBJECT_FOLDER = "/usr/share/tuxpaint/stamps"
# Anything with a human face on it, or drawn like one.
EXCLUDED_OBJECTS = ("/people/", "symbols/faces", "symbols/money", "halloween", "cartoon", "christmas", "statue", "monuments", "snowman",
                    "alphabets", "symbols/math", "doll", "clown", "mask", "santa", "angel", "gingerbread", "puppet", "gnome", "baby",
                    "newyears", "astronaut", "hazmat", "firefighter")
OBJECT_SIDE = 256


FURNITURE_FOLDER = "/usr/share/sweethome3d/furniture"  # catalogues: zips with a picture of each piece; not in the hold-out
EXCLUDED_FURNITURE = ("reallusion", "male-0", "mannequin", "doll", "frame1", "frame2", "billet", "woodtoy", "boneco")


def _stamps(held_out):
    for path in sorted(Path(OBJECT_FOLDER).rglob("*.png")):
        if any(word in str(path).lower() for word in EXCLUDED_OBJECTS) or "_mirror" in path.stem or "_flip" in path.stem:
            continue
        if (int(hashlib.sha256(path.name.encode()).hexdigest(), 16) % 100 < HELD_OUT_SHARE * 100) == held_out:
            yield path


def _furniture(catalogue):
    with zipfile.ZipFile(catalogue) as stored:
        for name in sorted(stored.namelist()):
            if not name.lower().endswith(".png") or any(word in f"{catalogue.stem}/{name}".lower() for word in EXCLUDED_FURNITURE):
                continue
            image = cv2.imdecode(np.frombuffer(stored.read(name), np.uint8), cv2.IMREAD_UNCHANGED)
            # A picture without a transparent background is a model's texture.
            if image is not None and image.shape == (128, 128, 4) and (image[..., 3] < 10).mean() > 0.05:
                yield image


def load_objects(held_out=False):
    """List of BGRA uint8 cut-outs, premultiplied, long side at most 256 px: animals, food, tools, vehicles, plants, clothes, furniture."""
    catalogues = [] if held_out else sorted(Path(FURNITURE_FOLDER).glob("*.sh3f"))
    return _cached("objects", [*_stamps(held_out), *catalogues], _read_objects)


def _read_objects(paths):
    images = ((cv2.imread(str(path), cv2.IMREAD_UNCHANGED),) if path.suffix == ".png" else _furniture(path) for path in paths)
    for image in itertools.chain.from_iterable(images):
        if image is None or image.ndim != 3 or image.shape[2] != 4 or image.dtype != np.uint8 or min(image.shape[:2]) < 24:
            continue
        image = (image * (np.dstack([image[..., 3:]] * 3 + [np.full(image.shape[:2], 255)]) / 255.0)).astype(np.uint8)
        scale = OBJECT_SIDE / max(image.shape[:2])
        if scale < 1:
            image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        yield image


def random_patch(rng, pictures, height, width):
    """`pictures`: Backgrounds. BGR uint8 [height, width, 3]: a random part of a random picture, noise or a gradient."""
    kind = rng.random()
    if kind < 0.1 or not len(pictures):
        patch = rng.uniform(0, 255, 3) + 50 * rng.random() * picture_noise(rng, height, width, 3 if rng.random() < 0.6 else 1)
        return np.clip(patch, 0, 255).astype(np.uint8)
    if kind < 0.18:
        direction = rng.uniform(0, 2 * np.pi)
        y, x = np.mgrid[:height, :width]
        ramp = np.cos(direction) * x / width + np.sin(direction) * y / height
        patch = rng.uniform(0, 255, 3) + ramp[..., None] * rng.uniform(-120, 120, 3)
        return np.clip(patch, 0, 255).astype(np.uint8)
    index = rng.integers(len(pictures))
    picture = pictures.levels[0][index]
    rows, columns = picture.shape[:2]
    aspect = width / height
    most = min(rows, columns / aspect)
    h = int(np.exp(rng.uniform(np.log(min(60, most)), np.log(most))))
    w = max(1, min(int(h * aspect), columns))
    y, x = rng.integers(0, rows - h + 1), rng.integers(0, columns - w + 1)
    level = 0
    while level < 3 and h >> (level + 1) >= height and w >> (level + 1) >= width:
        level += 1
    picture = pictures.levels[level][index]
    y, x, h, w = y >> level, x >> level, max(h >> level, 1), max(w >> level, 1)
    patch = cv2.resize(picture[y:y + h, x:x + w], (width, height), interpolation=cv2.INTER_AREA if h > height else cv2.INTER_LINEAR)
    if rng.random() < 0.5:
        patch = patch[:, ::-1]
    if rng.random() < 0.15 and height == width:
        patch = np.rot90(patch, rng.integers(1, 4))
    return np.ascontiguousarray(patch)
