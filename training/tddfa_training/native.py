"""Compiles renderer.c with the system's C compiler on first use, and wraps it for NumPy."""
import ctypes
import hashlib
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from .paths import cache_folder

# Not -ffast-math: it would disable subnormal numbers in the whole process.
FLAGS = ["-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-fno-signed-zeros", "-fassociative-math",
         "-freciprocal-math", "-shared", "-fPIC"]


def _compile():
    source = Path(__file__).with_name("renderer.c")
    key = hashlib.sha256(source.read_bytes() + " ".join(FLAGS).encode() + os.uname().nodename.encode()).hexdigest()[:16]
    library = cache_folder() / f"renderer-{key}.so"
    if not library.exists():
        library.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=library.parent) as folder:
            built = Path(folder) / "renderer.so"
            subprocess.run([os.environ.get("CC", "cc"), *FLAGS, str(source), "-o", str(built), "-lm"], check=True)
            built.replace(library)
    return ctypes.CDLL(str(library))


_library = None


def renderer():
    global _library
    if _library is None:
        _library = _compile()
    return _library


def pointer(array):
    return ctypes.c_void_p(array.ctypes.data)


class Scene(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in (
        "position", "normal", "paint", "occlusion", "triangle", "material", "uv", "texture", "texture_size", "materials")]


class Lighting(ctypes.Structure):
    _fields_ = [("lights", ctypes.c_void_p), ("light_count", ctypes.c_int), ("harmonics", ctypes.c_void_p),
                ("shadow", ctypes.c_void_p), ("shadow_size", ctypes.c_int), ("shadow_matrix", ctypes.c_void_p),
                ("shadow_bias", ctypes.c_float)]


def rasterize(position, triangles, two_sided, width, height):
    """Nearest triangle per pixel. Returns ids [h, w], barycentric weights [h, w, 2], depth [h, w]."""
    ids = np.empty((height, width), np.int32)
    bary = np.empty((height, width, 2), np.float32)
    depth = np.empty((height, width), np.float32)
    renderer().rasterize(pointer(position), pointer(triangles), pointer(two_sided), len(triangles), width, height,
                        pointer(ids), pointer(bary), pointer(depth))
    return ids, bary, depth


def vertex_normals(position, triangles):
    normals = np.empty_like(position)
    renderer().vertex_normals(pointer(position), len(position), pointer(triangles), len(triangles), pointer(normals))
    return normals


def visible_vertices(position, depth, bias, seen):
    renderer().visible_vertices(pointer(position), len(position), pointer(depth), depth.shape[1], depth.shape[0],
                               ctypes.c_float(bias), pointer(seen))
