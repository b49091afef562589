"""Cheap smooth noise: sums of sines in space, pyramids of random grids in pictures."""
import cv2
import numpy as np


def spatial_noise(points, rng, wavelength, waves=6):
    """[n] smooth values of about unit spread at points [n, 3]; `wavelength` in the points' unit."""
    directions = rng.normal(size=(3, waves)) * (2 * np.pi / wavelength / np.sqrt(3))
    phases = rng.uniform(0, 2 * np.pi, waves)
    return (np.sin(points @ directions + phases).sum(1) * np.sqrt(2 / waves)).astype(np.float32)


def picture_noise(rng, height, width, channels=1, octaves=(3, 8, 20, 60), falloff=1.0):
    """[height, width, channels] smooth noise of about unit spread."""
    total = np.zeros((height, width, channels), np.float32)
    weight = 0.0
    for i, cells in enumerate(octaves):
        amplitude = falloff ** i * rng.uniform(0.2, 1)
        grid = rng.standard_normal((cells, cells, channels)).astype(np.float32)
        total += amplitude * cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC).reshape(height, width, channels)
        weight += amplitude ** 2
    return total / np.sqrt(weight)


def hair_texture(rng, size=128):
    """Tileable linear RGBA of streaks along v; mean near 1."""
    strands = rng.standard_normal((1, size)).astype(np.float32)
    fine = cv2.resize(rng.standard_normal((4, size)).astype(np.float32), (size, size), interpolation=cv2.INTER_LINEAR)
    coarse = cv2.resize(rng.standard_normal((3, size // 8)).astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
    value = 1 + 0.22 * strands + 0.22 * fine + 0.25 * coarse * rng.uniform(0.3, 1)
    shift = (np.sin(np.arange(size) * 2 * np.pi / size * rng.integers(1, 3) + rng.uniform(0, 6)) * rng.uniform(0, 8)).astype(int)
    value = np.stack([np.roll(row, s) for row, s in zip(value, shift)])
    value = np.clip(value, 0.15, 2.2)[..., None].repeat(3, 2)
    return np.ascontiguousarray(np.dstack([value, np.ones((size, size, 1))]).astype(np.float32))


def cloth_texture(rng, size=64):
    """Tileable linear RGBA cloth: plain, striped, checked, dotted or blotched, in random colours."""
    colour = lambda: rng.uniform(0, 1, 3) ** 2 * rng.uniform(0.2, 1)
    a, b = colour(), colour()
    y, x = np.mgrid[:size, :size] * (2 * np.pi / size)
    kind = rng.random()
    turns = rng.integers(1, 9)
    if kind < 0.45:
        blend = np.zeros((size, size))
    elif kind < 0.6:
        blend = (np.sin((y if rng.random() < 0.6 else x) * turns) > rng.uniform(-0.8, 0.8)).astype(float)
    elif kind < 0.72:
        blend = 0.5 * (np.sin(y * turns) > 0) + 0.5 * (np.sin(x * turns) > 0)
    elif kind < 0.84:
        blend = (np.sin(y * turns) * np.sin(x * turns) > rng.uniform(0.2, 0.8)).astype(float)
    else:
        field = np.zeros((size, size))
        for _ in range(8):
            p, q = rng.integers(-4, 5, 2)
            field += np.sin(x * p + y * q + rng.uniform(0, 6.28))
        blend = (field > rng.uniform(-1, 1)).astype(float)
    texture = a + (b - a) * blend[..., None]
    texture = texture * (1 + 0.12 * rng.standard_normal((size, size, 1)))
    return np.ascontiguousarray(np.dstack([np.clip(texture, 0, 1), np.ones((size, size))]).astype(np.float32))


def skin_detail(rng, size=512):
    """[size, size, 3] linear factors about 1: pores, blotches, freckles, moles and spots of a skin texture."""
    pores = rng.standard_normal((size, size)).astype(np.float32)
    pores = pores - cv2.GaussianBlur(pores, (0, 0), 1.6)
    shade = 1 + 0.07 * pores + 0.05 * picture_noise(rng, size, size, 1, (24, 60, 120))[..., 0]
    colour = 1 + 0.05 * picture_noise(rng, size, size, 3, (8, 20, 48))
    spots = np.zeros((size, size), np.float32)
    for count, least, most in ((int(rng.choice([0, 60, 900])), 0.4, 0.9), (int(rng.integers(0, 25)), 0.8, 2.2)):
        for x, y in rng.uniform(0, size, (count, 2)):
            cv2.circle(spots, (int(x * 16), int(y * 16)), int(rng.uniform(least, most) * 16), float(rng.uniform(0.2, 0.9)), -1, cv2.LINE_AA, 4)
    spots = cv2.GaussianBlur(spots, (0, 0), 0.7)[..., None] * np.array([0.35, 0.5, 0.6], np.float32)
    return np.clip(shade[..., None] * colour * (1 - spots), 0.2, 1.8).astype(np.float32)
