"""Makes renders look like all kinds of photographs. Pictures are BGR uint8; each call draws its effects at random."""
import cv2
import numpy as np

from .backgrounds import random_patch
from .noise import picture_noise

NOISE = np.random.default_rng(17).standard_normal(1 << 21, dtype=np.float32)
CANONICAL = 120.0  # blur strengths refer to pictures of this size


def skin_colour(rng):
    """BGR of a random skin in random light."""
    tone = rng.random() ** 1.3
    colour = np.array([0.66, 0.76, 0.95]) * (1 - tone) + np.array([0.13, 0.19, 0.30]) * tone
    return colour * rng.uniform(0.8, 1.1, 3) * 255 * rng.uniform(0.4, 1.05)


def soften(image, sigma):
    """Gaussian blur; wide ones are computed at half size."""
    if sigma < 2.2 or min(image.shape[:2]) < 16:
        return cv2.GaussianBlur(image, (0, 0), sigma)
    height, width = image.shape[:2]
    small = cv2.resize(image, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    return cv2.resize(cv2.GaussianBlur(small, (0, 0), sigma / 2), (width, height), interpolation=cv2.INTER_LINEAR)


def grain(rng, height, width, channels):
    """[height, width, channels] float32 normal noise, cut from a fixed supply."""
    count = height * width * channels
    start = rng.integers(len(NOISE) - count)
    return NOISE[start:start + count].reshape(height, width, channels)


def random_shape(rng, height, width):
    """[height, width] uint8 cover of a random blob, polygon, rectangle or bunch of fingers."""
    mask = np.zeros((height, width), np.uint8)
    kind = rng.random()
    if kind < 0.25:
        cv2.ellipse(mask, (width // 2, height // 2), (max(width // 2 - 1, 1), max(height // 2 - 1, 1)), 0, 0, 360, 255, -1, cv2.LINE_AA)
    elif kind < 0.4:
        mask[:] = 255
    elif kind < 0.65:
        count = rng.integers(3, 9)
        angle = np.sort(rng.uniform(0, 2 * np.pi, count))
        radius = rng.uniform(0.4, 1, count)
        points = np.stack([width / 2 * (1 + np.cos(angle) * radius), height / 2 * (1 + np.sin(angle) * radius)], 1)
        cv2.fillPoly(mask, [points.astype(np.int32)], 255, cv2.LINE_AA)
    else:
        thickness = max(2, int(min(height, width) * rng.uniform(0.12, 0.3)))
        start = np.array([rng.uniform(0, width), height])
        for _ in range(rng.integers(1, 6)):
            end = np.array([rng.uniform(0, width), rng.uniform(0, height * 0.6)])
            cv2.line(mask, tuple(map(int, start)), tuple(map(int, end)), 255, thickness, cv2.LINE_AA)
            start = start + rng.normal(0, thickness, 2)
    return mask


def blend(image, patch, mask, x, y):
    """Lays `patch` over `image` at (x, y) in place, clipped to it."""
    height, width = mask.shape
    x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + width, image.shape[1]), min(y + height, image.shape[0])
    if x1 <= x0 or y1 <= y0:
        return
    cover = mask[y0 - y:y1 - y, x0 - x:x1 - x, None].astype(np.float32) / 255
    region = image[y0:y1, x0:x1]
    image[y0:y1, x0:x1] = (region * (1 - cover) + patch[y0 - y:y1 - y, x0 - x:x1 - x] * cover).astype(image.dtype)


def occlude(rng, image, pictures, most=0.6):
    """Puts hands, microphones, cups and other things in front, in place. Sizes up to `most` of the picture."""
    size = min(image.shape[:2])
    for _ in range(rng.integers(1, 3)):
        height, width = (int(max(6, size * rng.uniform(0.08, most))) for _ in range(2))
        mask = random_shape(rng, height, width)
        if rng.random() < 0.5:
            patch = random_patch(rng, pictures, height, width)
        else:
            colour = skin_colour(rng) if rng.random() < 0.7 else rng.uniform(0, 255, 3)
            slope = rng.normal(0, 0.35, 2)
            shade = 1 + slope[0] * np.linspace(-1, 1, height)[:, None] + slope[1] * np.linspace(-1, 1, width)[None]
            patch = np.clip(colour * shade[..., None], 0, 255)
        if rng.random() < 0.4:
            mask = cv2.GaussianBlur(mask, (0, 0), rng.uniform(0.5, 2.5))
        edge = rng.random() < 0.65  # mostly from the side
        x = rng.uniform(-0.5, 0.2) * width if edge and rng.random() < 0.5 else image.shape[1] - rng.uniform(0.5, 1.2) * width if edge else rng.uniform(0, image.shape[1] - width)
        blend(image, patch, mask, int(x), int(rng.uniform(0, image.shape[0] - height * 0.5)))


def tone(rng, image):
    """Gamma, gain per channel, contrast: one table per channel."""
    ramp = np.arange(256) / 255.0
    gamma = np.exp(rng.normal(0, 0.28))
    gains = np.exp(rng.normal(0, 0.07, 3)) * np.exp(rng.normal(0, 0.16))
    offset = rng.normal(0, 0.05)
    table = np.stack([np.clip((ramp ** gamma) * gain + offset, 0, 1) for gain in gains], 1)
    return cv2.LUT(image, (table * 255).astype(np.uint8).reshape(1, 256, 3))


def tone_cutout(rng, cutout):
    """`tone` for a premultiplied BGRA cut-out: undoes the cover, changes the colours, puts the cover back."""
    cover = cutout[..., 3]
    cover = cv2.merge([cover, cover, cover])
    straight = cv2.divide(cv2.cvtColor(cutout, cv2.COLOR_BGRA2BGR), cover, scale=255)
    toned = cv2.multiply(tone(rng, straight), cover, scale=1 / 255)
    return cv2.merge([*cv2.split(toned), cutout[..., 3]])


def light_field(rng, image):
    """Uneven light or a hard shadow across the picture."""
    height, width = image.shape[:2]
    field = 1 + rng.uniform(0.03, 0.2) * picture_noise(rng, 32, 32, 1, (3, 6))[..., 0]
    if rng.random() < 0.5:
        direction = rng.uniform(0, 2 * np.pi)
        y, x = np.mgrid[:32, :32] / 32 - 0.5
        edge = np.cos(direction) * x + np.sin(direction) * y + rng.uniform(-0.25, 0.25)
        field *= 1 - rng.uniform(0.15, 0.65) / (1 + np.exp(np.clip(-edge * rng.uniform(8, 60), -30, 30)))
    field = cv2.resize(field.astype(np.float32), (width, height))
    return cv2.multiply(image, cv2.merge([field, field, field]), dtype=cv2.CV_8U)


def motion_kernel(rng, length):
    size = max(3, int(length) | 1)
    kernel = np.zeros((size, size), np.float32)
    angle = rng.uniform(0, np.pi)
    half = size // 2
    dx, dy = np.cos(angle) * half, np.sin(angle) * half
    cv2.line(kernel, (int(round(half - dx)), int(round(half - dy))), (int(round(half + dx)), int(round(half + dy))), 1.0, 1)
    return kernel / kernel.sum()


def blur_or_shrink(rng, image, strength=1.0):
    """Blur and low resolution. Returns the picture, and the size in px of the finest detail still visible in it."""
    height, width = image.shape[:2]
    reference = min(height, width) / CANONICAL
    finest = 1.0
    if rng.random() < 0.3 * strength:
        if rng.random() < 0.7:
            sigma = rng.uniform(0.3, 1.8) * reference
            image, finest = soften(image, sigma), max(finest, 2.35 * sigma)  # a Gaussian's width at half its height
        else:
            length = rng.uniform(3, 10) * reference
            image, finest = cv2.filter2D(image, -1, motion_kernel(rng, length)), max(finest, length / 2)
    if rng.random() < 0.3 * strength:
        scale = np.exp(rng.uniform(np.log(0.2), np.log(0.85)))
        finest = max(finest, 1.6 / scale)
        small = cv2.resize(image, (max(8, int(width * scale)), max(8, int(height * scale))), interpolation=cv2.INTER_AREA)
        image = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC if rng.random() < 0.5 else cv2.INTER_LINEAR)
    return image, finest


def degrade(rng, image, strength=1.0):
    """Blur, low resolution, noise, JPEG, grey."""
    return add_noise(rng, blur_or_shrink(rng, image, strength)[0], strength)


def add_noise(rng, image, strength=1.0):
    """Sharpening, noise, JPEG, grey."""
    height, width = image.shape[:2]
    if rng.random() < 0.12:
        blurred = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.6, 1.5))
        image = cv2.addWeighted(image, 1 + (amount := rng.uniform(0.3, 1.5)), blurred, -amount, 0)
    if rng.random() < 0.5:
        noise = grain(rng, height, width, 1 if rng.random() < 0.5 else 3) * np.float32(rng.uniform(1, 13 * strength))
        image = cv2.add(image, noise if noise.shape[2] == 3 else cv2.merge([noise] * 3), dtype=cv2.CV_8U)
    if rng.random() < 0.45:
        quality = int(rng.uniform(18, 90))
        image = cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)
    kind = rng.random()
    if kind < 0.15:
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        image = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
    elif kind < 0.4:
        grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        image = cv2.addWeighted(image, amount := rng.uniform(0.2, 1.6), grey, 1 - amount, 0)
    return image


