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
    """Tileable linear RGBA of streaks running along v; mean near 1."""
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
