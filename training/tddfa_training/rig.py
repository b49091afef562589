"""The head rig that `npm run train:model` wrote, with what the renderer derives from it once: masks, ambient occlusion."""
import json
import os

import cv2
import numpy as np

from . import native
from .blendshapes import BLENDSHAPES, SIDES
from .paths import cache_folder, makehuman_folder, model_folder

MICROMETRES = 1000.0  # model units in a millimetre
MODEL_MODES = 40


def _quads_to_triangles(quads):
    return np.ascontiguousarray(np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]], 1).reshape(-1, 3).astype(np.int32))


def _corner_uv_triangles(uv):
    return np.ascontiguousarray(np.concatenate([uv[:, [0, 1, 2]], uv[:, [0, 2, 3]]], 1).reshape(-1, 3, 2).astype(np.float32))


def read_texture(path, rgba=True):
    """A texture as linear (squared) float RGBA."""
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise FileNotFoundError(path)
    if image.shape[2] == 3:
        image = np.dstack([image, np.full(image.shape[:2], 255, np.uint8)])
    image = image[:, :, [2, 1, 0, 3]].astype(np.float32) / 255
    image[:, :, :3] **= 2
    return np.ascontiguousarray(image)


class Part:
    """A range of the rig's vertices and triangles."""

    def __init__(self, first_vertex, last_vertex, triangles, uv):
        self.vertices = slice(first_vertex, last_vertex)
        self.triangles = triangles  # [n, 3] rows of the whole rig
        self.uv = uv  # [n, 3, 2]


class HeadRig:
    """Lengths are millimetres in the morphable model's frame: y up, z to the viewer, +x the person's left."""

    def __init__(self, folder=None):
        folder = folder or model_folder()
        load = lambda name: np.load(folder / f"{name}.npy")
        self.info = json.loads((folder / "model.json").read_text())
        self.mean = load("rig-mean") / MICROMETRES
        self.vertex_count = len(self.mean)
        identity = load("rig-identity-basis") / MICROMETRES
        units = load("rig-unit-basis") / MICROMETRES
        self.mode_count = identity.shape[1]
        self.unit_names = self.info["units"]
        self.unit_index = {name: i for i, name in enumerate(self.unit_names)}
        # One matrix, so that a batch of heads is one product.
        self.basis = np.ascontiguousarray(np.concatenate([identity, units], 1).T.astype(np.float32))
        quads, uvs = load("rig-quads"), load("rig-corner-uvs")
        starts, quad_starts = self.info["partVertexStarts"], self.info["partQuadStarts"]
        self.parts = {}
        for i, name in enumerate(self.info["parts"]):
            rows = slice(quad_starts[i], quad_starts[i + 1])
            self.parts[name] = Part(starts[i], starts[i + 1], _quads_to_triangles(quads[rows]), _corner_uv_triangles(uvs[rows]))
        self.expression_names = [e["name"] for e in self.info["expressions"]]
        self.shape_units = np.array([self.unit_index[name] for name in BLENDSHAPES])
        self.look_degrees = self.info["gaze"]["fullDegrees"]
        self.lid_gap = load("rig-lid-gap") / MICROMETRES  # [2, 1 + modes + units]: left, right, mm
        self._load_model(folder)
        self.head = self.parts["head"]
        self.head_vertices = self.mean[self.head.vertices]
        self.landmarks = self.parts["landmarks"].vertices
        self._make_masks()
        self.occlusion = self._ambient_occlusion()

    def _load_model(self, folder):
        """The dense morphable model itself, for labels (its own units: micrometres)."""
        load = lambda name: np.load(folder / f"{name}.npy")
        self.model_mean = load("dense-mean").reshape(-1)
        self.model_basis = np.concatenate([load("dense-shape-basis"), load("dense-expression-basis")], 1)
        self.keypoints = load("dense-keypoints").astype(np.int64)
        # Named expressions that come closest to each unit, over the whole face.
        expression = load("coarse-expression-basis")
        named = np.zeros((len(self.unit_names), len(self.expression_names)))
        for k, entry in enumerate(self.info["expressions"]):
            for unit, weight in entry["units"].items():
                named[self.unit_index[unit], k] = weight
        self.named_units = named  # [units, 10]
        face = self.basis[self.mode_count:][:, self._face_columns()]  # [units, 3 * n]
        gram_named = named.T @ (face @ face.T) @ named
        self.units_to_named = np.linalg.solve(gram_named, named.T @ (face @ face.T))  # [10, units]
        assert expression.shape[1] == len(self.expression_names)

    def _face_columns(self):
        part = self.info["parts"].index("head")
        start, end = self.info["partVertexStarts"][part:part + 2]
        y, z = self.mean[start:end, 1], self.mean[start:end, 2]
        rows = np.nonzero((z > 0) & (y > -115) & (y < 80))[0] + start
        return (rows[:, None] * 3 + np.arange(3)).ravel()

    def vertices(self, identity, units):
        """[n, vertex_count, 3] mm of identities [n, modes] with expression units [n, units]."""
        coefficients = np.concatenate([identity, units], 1).astype(np.float32)
        return (coefficients @ self.basis).reshape(len(identity), -1, 3) + self.mean

    def landmark_rows(self):
        """The model's landmarks in mm: mean [68, 3] and basis [68, 3, 50]."""
        basis = self.model_basis[self.keypoints].reshape(68, 3, -1)
        return self.model_mean[self.keypoints].reshape(68, 3) / MICROMETRES, basis / MICROMETRES

    def unit_weights(self, identity, weights):
        """
        [units] from blendshape weights [52] of one identity [modes]: at weight 1 of a blink this person's lids touch, whatever else the
        face does.
        """
        units = np.zeros(len(self.unit_names))
        units[self.shape_units] = weights
        blinks = [self.shape_units[BLENDSHAPES.index(f"eyeBlink{side}")] for side in SIDES]
        units[blinks] = 0
        gaps = self.lid_gap @ np.concatenate([[1.0], identity, units])
        for blink, side, gap, row in zip(blinks, SIDES, gaps, self.lid_gap):
            units[blink] = weights[BLENDSHAPES.index(f"eyeBlink{side}")] * max(gap, 0) / -row[1 + self.mode_count + blink]
        return units

    def eye_centres(self, vertices):
        """[2, 3] the centres of the person's left and right eyeballs, from the rig's vertices."""
        if "eye-centres" in self.parts:
            return vertices[self.parts["eye-centres"].vertices]
        eyes = vertices[self.parts["eyes/HighPolyEyes"].vertices]
        return np.stack([(e.min(0) + e.max(0)) / 2 for e in (eyes[eyes[:, 0] > 0], eyes[eyes[:, 0] < 0])])

    def _make_masks(self):
        """Soft regions of the head's skin, 0..1 per vertex, from the mean head and its landmarks."""
        head = self.head_vertices
        marks = self.mean[self.landmarks]
        x, y, z = head.T
        ramp = lambda value: np.clip(value, 0, 1)
        self.lower_lip_y = marks[57, 1]
        brow_y = marks[17:27, 1].max()
        eyes = [(marks[36:42].mean(0)), (marks[42:48].mean(0))]
        nose_tip, chin = marks[30], marks[8]
        near = lambda point, radius: np.exp(-(((head - point) / radius) ** 2).sum(1))
        mouth_centre = marks[[48, 54]].mean(0)
        edge_distance = np.minimum.reduce([np.linalg.norm((head - m)[:, :2], axis=1) for m in marks[48:60]])
        lips = np.zeros(len(head), np.float32)
        outline = marks[48:60, :2].astype(np.float32)
        for i in np.nonzero((z > mouth_centre[2] - 12) & (np.abs(x) < 40))[0]:
            inside = cv2.pointPolygonTest(outline.reshape(-1, 1, 2), (float(x[i]), float(y[i])), True)
            lips[i] = ramp(inside / 2.5 + 0.5)
        self.lips = lips
        front = ramp((z - 10) / 25)
        # Beard: jaw, chin, upper lip, up to the sideburns along a line from the lip to the ear; not the lips.
        beard_top = np.interp(np.abs(x), [0, 20, 45, 58, 66], [marks[33, 1] - 3, marks[48, 1] + 4, marks[48, 1] + 6, -32, 4])
        beard = ramp((beard_top - y) / 8) * ramp((z + 12) / 10) * (1 - ramp(lips * 2)) * ramp((y - (chin[1] - 32)) / 15)
        self.beard = beard.astype(np.float32)
        self.moustache = (ramp((marks[33, 1] - 1 - y) / 4) * ramp((y - marks[48, 1] + 8) / 6) * ramp((38 - np.abs(x)) / 8)
                          * (1 - ramp(lips * 2)) * ramp((z - 60) / 10)).astype(np.float32)
        self.blush = (near(eyes[0] + [-12, -32, -5], [22, 16, 40]) + near(eyes[1] + [12, -32, -5], [22, 16, 40])).astype(np.float32)
        self.eye_shadow = (near(eyes[0] + [0, 7, 0], [20, 8, 30]) + near(eyes[1] + [0, 7, 0], [20, 8, 30])).astype(np.float32)
        self.eye_socket = (near(eyes[0] + [0, -6, 0], [20, 10, 30]) + near(eyes[1] + [0, -6, 0], [20, 10, 30])).astype(np.float32)
        self.nose = near(nose_tip + [0, 4, 0], [14, 14, 25]).astype(np.float32)
        # How far a vertex lies behind the hairline (mm): the line runs across the forehead, down the temples, behind the ears.
        radius = np.hypot(x, z + 20)
        azimuth = np.arctan2(np.abs(x), z + 20)  # 0 in front, pi at the back
        line = np.interp(azimuth, [0, 0.55, 0.95, 1.2, 1.45, 1.75, 2.2, np.pi], [66, 64, 48, 30, 8, -2, -45, -55]) + brow_y - 18
        self.hairline = (y - line).astype(np.float32)
        self.azimuth = azimuth.astype(np.float32)
        ear = (np.abs(x) > 64) & (np.abs(z + 24) < 18) & (y > -45) & (y < 22)
        ear &= np.abs(x) > np.interp(y, [-45, 22], [66, 71])
        self.ear = ear
        self.neck_y = chin[1] - 12
        self.cloth_y = self.neck_y - 55  # the collar's height on the mean head
        self.front = front
        self.skull_height = head[:, 1].max()
        self.radius = radius.astype(np.float32)
        del edge_distance

    def _ambient_occlusion(self):
        """[vertices] share of directions in which each vertex of the mean rig sees past the head, smoothed; cached."""
        file = model_folder() / "rig-occlusion.npy"
        if file.exists():
            stored = np.load(file)
            if len(stored) == self.vertex_count:
                return stored
        rng = np.random.default_rng(0)
        seen = np.zeros(self.vertex_count, np.float32)
        facing = np.zeros(self.vertex_count, np.float32)
        triangles = self.head.triangles
        two_sided = np.zeros(len(triangles), np.uint8)
        normals = native.vertex_normals(np.ascontiguousarray(self.mean, np.float32), self.all_triangles())
        for _ in range(160):
            direction = rng.normal(size=3)
            direction /= np.linalg.norm(direction)
            up = np.cross(direction, [1, 0, 0] if abs(direction[0]) < 0.8 else [0, 1, 0])
            up /= np.linalg.norm(up)
            rotation = np.stack([np.cross(up, direction), up, direction])
            placed = self.mean @ rotation.T
            size, span = 256, 480.0
            canvas = np.stack([placed[:, 0] * size / span + size / 2, -placed[:, 1] * size / span + size / 2, placed[:, 2]], 1)
            canvas = np.ascontiguousarray(canvas, np.float32)
            _, _, depth = native.rasterize(canvas, triangles, two_sided, size, size)
            weight = np.clip(normals @ direction, 0, 1)
            visible = np.zeros(self.vertex_count, np.float32)
            native.visible_vertices(canvas, depth, 4.0, visible)
            seen += weight * visible
            facing += weight
        occlusion = np.clip(seen / np.maximum(facing, 1e-3), 0, 1) ** 0.8 * 0.9 + 0.1
        occlusion[self.parts["landmarks"].vertices] = 1
        for name, part in self.parts.items():
            if name.startswith(("eyebrows", "eyelashes")):
                occlusion[part.vertices] = 0.9
            # The mean head's mouth is shut; the renderer only draws teeth in open ones.
            if name.startswith(("teeth", "tongue")):
                occlusion[part.vertices] = 0.5
        partial = file.with_suffix(f".{os.getpid()}.npy")
        np.save(partial, occlusion.astype(np.float32))
        partial.replace(file)
        return occlusion.astype(np.float32)

    def all_triangles(self):
        return np.concatenate([part.triangles for part in self.parts.values() if len(part.triangles)])


AGES = ("young", "middleage", "old")

# Skins reserved for the rendered hold-out: no training picture uses them.
HELD_OUT_SKINS = ("young_lightskinned_female_diffuse3", "young_lightskinned_male_diffuse3", "old_lightskinned_female_diffuse2",
                  "old_lightskinned_male_diffuse2", "middleage_darkskinned_female_diffuse", "middleage_darkskinned_male_diffuse")


def skins(held_out=False):
    """The diffuse skin textures by sex and tone: {sex: {'light': [(age, linear RGBA), ...], 'dark': [...]}}; ages as in AGES."""
    found = {}
    for path in sorted((makehuman_folder() / "public/data/skins").glob("*/textures/*diffuse*.png")):
        if (path.stem in HELD_OUT_SKINS) != held_out:
            continue
        age, tone, sex = path.name.split("_")[:3]
        kind = "dark" if tone.startswith("dark") else "light"
        found.setdefault(sex, {}).setdefault(kind, []).append((AGES.index(age), read_texture(path)))
    return found
