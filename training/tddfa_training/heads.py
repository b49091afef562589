"""Draws one person with random identity, expression, appearance, pose, light and camera; a picture with alpha and exact labels."""
import ctypes

import cv2
import numpy as np

from . import accessories, native
from .blendshapes import BLENDSHAPES
from .expressions import sample_expression
from .noise import cloth_texture, skin_detail, spatial_noise
from .paths import makehuman_folder
from .rig import MODEL_MODES, HeadRig, read_texture, skins

# Wider than the modes' own spread, since real people differ more than MakeHuman's sliders.
IDENTITY_SPREAD = 1.15
# Canvas of the regressor's cut-outs: a 120 px crop of 200 mm, with room for larger and shifted ones.
CANVAS_PX, CANVAS_MM = 192, 316.0
LIGHT_FLOATS = 8
MASK_SHARE = 0.1  # of the faces
GLASSES_SHARE = 0.26
LOCKS_SHARE = 0.5  # of the heads with uncropped hair
SUPERSAMPLING = 2
SHADOW_SIZE = 256


def rotation_matrix(yaw, pitch, roll):
    """Degrees; y up, z to the viewer: first yaw about y, then pitch about x, then roll about z."""
    y, p, r = np.deg2rad([yaw, pitch, roll])
    turn_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    turn_x = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    turn_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    return turn_z @ turn_x @ turn_y


def sample_pose(rng):
    """Yaw, pitch, roll in degrees: mostly near frontal, with every yaw and roll up to 90; a few heads are upside down."""
    kind = rng.random()
    yaw = rng.normal(0, 18) if kind < 0.4 else rng.uniform(-60, 60) if kind < 0.7 else rng.choice([-1, 1]) * rng.uniform(45, 95)
    pitch = rng.normal(0, 13) if rng.random() < 0.85 else rng.uniform(-45, 45)
    kind = rng.random()
    roll = np.clip(rng.normal(0, 14), -90, 90) if kind < 0.68 else rng.uniform(-90, 90) if kind < 0.96 else rng.uniform(-180, 180)
    return float(np.clip(yaw, -95, 95)), float(np.clip(pitch, -50, 50)), float(roll)


def _over(paint, colour, cover):
    """Blends a colour over vertex paint [n, 4] in place."""
    cover = np.clip(cover, 0, 1).astype(np.float32)[:, None]
    total = cover + paint[:, 3:] * (1 - cover)
    paint[:, :3] = (np.asarray(colour, np.float32) * cover + paint[:, :3] * paint[:, 3:] * (1 - cover)) / np.maximum(total, 1e-6)
    paint[:, 3:] = total


class HeadRenderer:
    """Holds the rig and textures; `render` draws one head."""

    def __init__(self, rig=None, held_out=False, rare_share=0.0, mask_share=MASK_SHARE):
        """
        `held_out` uses the skins that training never sees; `rare_share` of the heads have rare expressions (expressions.py), `mask_share`
        a mask or a cloth over nose and mouth.
        """
        self.rig, self.rare_share, self.mask_share = rig or HeadRig(), rare_share, mask_share
        self.skins = skins(held_out)
        proxies = makehuman_folder() / "public/data/proxies"
        eyes = sorted((proxies / "eyes/HighPolyEyes/textures").glob("*_eye.png"))
        self.eye_textures = [read_texture(path) for path in eyes]
        # Most of the world's eyes are brown.
        chance = np.array([5.0 if "brown" in path.name else 1.0 for path in eyes])
        self.eye_chance = chance / chance.sum()
        for texture in self.eye_textures:
            # The brown iris texture is reddish: halves its saturation.
            grey = texture[:, :, :3].mean(2, keepdims=True)
            texture[:, :, :3] = grey + (texture[:, :, :3] - grey) * 0.6
        cover = self.eye_textures[0][:, :, 3]
        part = self.rig.parts["eyes/HighPolyEyes"]
        centre = part.uv.mean(1)
        size = cover.shape[0]
        column = np.clip((centre[:, 0] * size).astype(int), 0, size - 1)
        row = np.clip(((1 - centre[:, 1]) * size).astype(int), 0, size - 1)
        keep = cover[row, column] >= 0.5  # the rest is the cornea, which would hide the iris
        self.eye_triangles, self.eye_uv = part.triangles[keep], part.uv[keep]
        for texture in self.eye_textures:
            texture[:, :, 3] = 1
        find = lambda kind, name: read_texture(next((proxies / kind / name / "textures").glob(f"{name.lower()}*.png")))
        self.brows = [(p, find("eyebrows", name.split("/")[1])) for name, p in self.rig.parts.items() if name.startswith("eyebrows/")]
        self.lashes = [(p, find("eyelashes", name.split("/")[1])) for name, p in self.rig.parts.items() if name.startswith("eyelashes/")]
        self.teeth = read_texture(proxies / "teeth/Teeth_Base/textures/teeth.png")
        self.tongue = read_texture(proxies / "tongue/tongue01/textures/tongue01_diffuse.png")
        self.skin_pool = []
        self.skin_details = [skin_detail(np.random.default_rng(k), self.eye_textures[0].shape[0]) for k in range(12)]
        sample = np.arange(0, len(self.rig.model_mean) // 3, 12)
        rows = (sample[:, None] * 3 + np.arange(3)).ravel()
        self.box_mean = self.rig.model_mean[rows] / 1000.0
        self.box_basis = self.rig.model_basis[rows] / 1000.0

    def forget(self):
        """Drops the state of earlier heads: from here on, pictures depend only on the random numbers."""
        self.skin_pool = []

    def _skin(self, rng):
        """A skin between light and dark, from a small pool in which one is renewed now and then."""
        if len(self.skin_pool) < 16 or rng.random() < 0.25:
            sex = ("female", "male")[rng.integers(2)]
            tones = self.skins[sex]
            (age, light), (_, dark) = (tones[tone][rng.integers(len(tones[tone]))] for tone in ("light", "dark"))
            mix = float(np.clip(rng.beta(0.8, 1.0) * 1.2 - 0.1, 0, 1))
            texture = np.ascontiguousarray(light * (1 - mix) + dark * mix)
            texture[..., :3] *= self.skin_details[rng.integers(len(self.skin_details))] ** rng.uniform(0, 1.6)
            entry = (texture, sex, mix, age)
            if len(self.skin_pool) < 16:
                self.skin_pool.append(entry)
            else:
                self.skin_pool[rng.integers(16)] = entry
            return entry
        return self.skin_pool[rng.integers(len(self.skin_pool))]

    def render(self, rng, canvas_px=CANVAS_PX, canvas_mm=CANVAS_MM, pose=None, identity=None):
        """
        Returns a dict: `image` [canvas, canvas, 4] uint8 RGBA, premultiplied; `shape` [40], `expression` [10]; `camera`
        [2, 4]: weak perspective, model mm -> canvas px (x right, y down); `rotation` [3, 3]; `landmarks` [68, 2] as seen;
        `box` [4] around the face's vertices; `pose` degrees; `blendshapes` [52] and `gaze` [4] as drawn by expressions.py;
        `look` [6]: darkness of the skin 0..1, age (0 young, 1 middle, 2 old), and 1 or 0 for a hat or scarf, a beard, dark
        glasses, a mask.
        """
        rig = self.rig
        if identity is None:
            identity = np.clip(rng.normal(0, IDENTITY_SPREAD, rig.mode_count), -3.2, 3.2)
        yaw, pitch, roll = pose if pose is not None else sample_pose(rng)
        blendshapes, gaze = sample_expression(rng, yaw, pitch, rig.look_degrees, self.rare_share)
        units = rig.unit_weights(identity, blendshapes)
        expression = rig.units_to_named @ units
        vertices = rig.vertices(identity[None], units[None])[0]
        rotation = rotation_matrix(yaw, pitch, roll)

        skin, sex, darkness, age = self._skin(rng)
        head = vertices[rig.head.vertices]
        head_normals = native.vertex_normals(np.ascontiguousarray(head, np.float32), rig.head.triangles)
        self._turn_eyes(vertices, gaze)
        opaque, layers, paint, worn = self._dress(rng, vertices, head, head_normals, sex)

        # Everything that turns with the head, and the shoulders, which turn less.
        pivot = np.array([0, -115.0, -25.0])
        follow = rng.uniform(0.2, 1)
        # People who lie down or hang turn as a whole.
        torso = rotation_matrix(yaw * follow, pitch * 0.25, roll * (rng.uniform(0.1, 0.8) if abs(roll) < 40 else rng.uniform(0.75, 1)))
        distance = float(np.exp(rng.uniform(np.log(380), np.log(3500))))
        pixels = canvas_px * SUPERSAMPLING / canvas_mm

        def place(points, with_head):
            if not len(points):
                return points
            local = points - pivot
            moved = local @ rotation.T
            if not with_head:
                share = np.clip((points[:, 1] + 205) / 85, 0, 1)
                share = np.maximum(share, np.clip((points[:, 2] + 5) / 10, 0, 1) * np.clip((points[:, 1] + 130) / 15, 0, 1))
                share = (share * share * (3 - 2 * share))[:, None]
                moved = moved * share + (local @ torso.T) * (1 - share)
            return moved + pivot

        placed = np.ascontiguousarray(place(vertices, False), np.float32)
        marks = placed[rig.landmarks]
        centre = (marks.min(0) + marks.max(0)) / 2
        # Perspective is relative to the depth of the face's centre.
        mid_depth = marks[:, 2].mean()

        def project(points):
            factor = distance / np.maximum(distance - (points[:, 2] - mid_depth), distance * 0.2)
            return np.stack([(points[:, 0] - centre[0]) * factor * pixels + canvas_px * SUPERSAMPLING / 2,
                             (centre[1] - points[:, 1]) * factor * pixels + canvas_px * SUPERSAMPLING / 2,
                             (factor - 1) * distance * pixels], 1).astype(np.float32)

        image = self._draw(rng, skin, placed, project, opaque, layers, paint, place, canvas_px, pixels, blendshapes[BLENDSHAPES.index("tongueOut")] > 0)

        seen = project(marks)[:, :2] / SUPERSAMPLING
        # Scaled rotation that comes closest to the lens's view.
        flat = vertices[rig.landmarks] @ rotation[:2].T * [1, -1]
        flat_mean, seen_mean = flat.mean(0), seen.mean(0)
        scale = ((flat - flat_mean) * (seen - seen_mean)).sum() / ((flat - flat_mean) ** 2).sum()
        camera = np.zeros((2, 4))
        camera[:, :3] = scale * rotation[:2] * [[1], [-1]]
        camera[:, 3] = seen_mean - scale * flat_mean
        # The lens also sees what the camera fit leaves over: the pivot only moves the head, and the shift of the fit absorbs that.
        face = (self.box_mean + self.box_basis @ np.concatenate([identity[:MODEL_MODES], expression])).reshape(-1, 3)
        outline = project(place(face, True))[:, :2] / SUPERSAMPLING
        box = np.array([*outline.min(0), *outline.max(0)])
        return dict(image=image, shape=identity[:MODEL_MODES], expression=expression, camera=camera, rotation=rotation,
                    landmarks=seen, box=box, pose=np.array([yaw, pitch, roll]), blendshapes=blendshapes, gaze=gaze, look=np.array([darkness, age, *worn], float))

    def _turn_eyes(self, vertices, gaze):
        """Turns each eyeball about its centre, in place; `gaze` [4] as from expressions.py."""
        part = self.rig.parts["eyes/HighPolyEyes"]
        eyes = vertices[part.vertices]
        for sign, centre, (yaw, pitch) in zip((1, -1), self.rig.eye_centres(vertices), np.reshape(gaze, (2, 2))):
            rows = eyes[:, 0] * sign > 0
            eyes[rows] = (eyes[rows] - centre) @ rotation_matrix(yaw, -pitch, 0).T + centre
        vertices[part.vertices] = eyes

    def _dress(self, rng, vertices, head, normals, sex):
        """Skin paint, hair, beard, make-up, hat, glasses, clothes."""
        rig = self.rig
        covered = bearded = dark = masked = False
        paint = np.zeros((rig.vertex_count, 4), np.float32)
        skin_paint = paint[rig.head.vertices]
        blotches = spatial_noise(rig.head_vertices, rng, 35)
        female = sex == "female"
        _over(skin_paint, [0.25, 0.03, 0.02], rig.blush * rng.uniform(0, 0.12))
        _over(skin_paint, [0.2, 0.03, 0.02], rig.nose * rng.uniform(0, 0.15) * (rng.random() < 0.4))
        _over(skin_paint, [0.05, 0.02, 0.02], rig.eye_socket * rng.uniform(0, 0.3))
        _over(skin_paint, [0.12, 0.03, 0.02], np.clip(blotches, 0, 1) * rng.uniform(0, 0.12))
        made_up = rng.random() < (0.45 if female else 0.04)
        lip = rng.choice([[0.35, 0.05, 0.05], [0.3, 0.02, 0.06], [0.25, 0.1, 0.08], [0.12, 0.01, 0.03]]) * rng.uniform(0.6, 1.4, 3)
        _over(skin_paint, lip, rig.lips * (rng.uniform(0.3, 0.95) if made_up else rng.uniform(0, 0.25)))
        if made_up and rng.random() < 0.6:
            _over(skin_paint, rng.uniform(0, 0.2, 3) if rng.random() < 0.6 else rng.uniform(0, 0.6, 3),
                  rig.eye_shadow * rng.uniform(0.1, 0.7))
        kind = rng.random()
        opaque, hair_tint, cover = [], accessories.hair_colour(rng), np.zeros(len(head), np.float32)
        covered, hairy = kind < 0.15, False
        if kind < 0.05:
            opaque = accessories.scarf(rng, rig, head, normals)
        else:
            opaque, hair_tint, cover = accessories.hair(rng, rig, head, normals)
            hairy = bool(opaque)
            if kind < 0.15:
                meshes, hidden = accessories.hat(rng, rig, head, normals)
                # The hat presses hair flat: only hair that falls below it remains.
                opaque = [m for m in opaque if len(m.vertices) == 640] + meshes
                cover = cover * (1 - hidden * 0.5)
        _over(skin_paint, hair_tint * (1 + 0.25 * blotches[:, None]), cover)
        if not female and rng.random() < 0.55 or rng.random() < 0.02:
            strength = rng.choice([rng.uniform(0.05, 0.35), rng.uniform(0.4, 0.98)])
            which = rng.random()
            mask = rig.beard if which < 0.7 else rig.moustache if which < 0.85 else rig.beard * np.clip((26 - np.abs(rig.head_vertices[:, 0])) / 8, 0, 1)
            mask = np.maximum(mask, rig.moustache * (rng.random() < 0.8))
            grain = np.clip(0.9 + 0.12 * spatial_noise(rig.head_vertices, rng, 9), 0, 1.1)
            _over(skin_paint, hair_tint * rng.uniform(0.7, 1.5), mask * strength * grain)
            bearded = strength > 0.35
            if strength > 0.6:
                lift = rng.uniform(0, 9) * mask * (1 + 0.3 * spatial_noise(rig.head_vertices, rng, 12))
                vertices[rig.head.vertices] = head + normals * lift[:, None]
        # Clothes: everything below a collar of random height and cut.
        x, y, z = rig.head_vertices.T
        if rng.random() < 0.92:
            collar = rng.uniform(-195, -122) + rng.uniform(-0.2, 0.5) * np.abs(x) + (z > -10) * np.minimum(0, -rng.uniform(0, 60) + np.abs(x))
            cloth = rng.uniform(0, 1, 3) ** 2 * rng.uniform(0.1, 1)
            second = rng.uniform(0, 1, 3) ** 2 * rng.uniform(0.1, 1)
            pattern = (spatial_noise(rig.head_vertices, rng, rng.uniform(15, 90)) > 0.4) * (rng.random() < 0.35)
            colours = cloth + (second - cloth) * pattern[:, None]
            _over(skin_paint, colours * (1 + 0.1 * blotches[:, None]), np.clip((collar - y) / 2.5, 0, 1))
        if rng.random() < self.mask_share:
            masked = True
            opaque = opaque + accessories.mask(rng, vertices[rig.landmarks], head)
        paint[rig.head.vertices] = skin_paint

        layers = []
        if hairy and rng.random() < LOCKS_SHARE:
            layers.append(("mesh", accessories.locks(rng, rig, head, normals, hair_tint)))
        brow, texture = self.brows[rng.integers(len(self.brows))]
        if rng.random() < 0.95:
            layers.append(("rig", brow, texture, np.clip(hair_tint * rng.uniform(0.4, 1.2) + 0.005, 0, 1) * 3.0, rng.uniform(0.5, 1.1)))
        if rng.random() < 0.85:
            lash, texture = self.lashes[rng.integers(len(self.lashes))]
            layers.append(("rig", lash, texture, np.ones(3) * rng.uniform(0, 0.6), rng.uniform(0.3, 1.0) if female else rng.uniform(0.1, 0.7)))
        if rng.random() < GLASSES_SHARE:
            marks = vertices[rig.landmarks]
            eyes = np.stack([marks[36:42].mean(0), marks[42:48].mean(0)])
            ears = np.array([[-76.0, marks[27, 1] + 2, -22], [76.0, marks[27, 1] + 2, -22]])
            frames, lenses = accessories.glasses(rng, eyes, ears)
            opaque = opaque + frames
            layers += [("mesh", lens) for lens in lenses]
            dark = lenses[0].alpha > 0.5
        return opaque, layers, paint, (covered, bearded, dark, masked)

    def _draw(self, rng, skin, placed, project, opaque, layers, paint, place, canvas_px, pixels, tongue_out):
        rig = self.rig
        positions, triangles, material, uv = [placed], [], [], []
        normals = [None]
        paints, occlusion = [paint], [rig.occlusion * (1 + 0.04 * spatial_noise(rig.mean, rng, 40))]
        textures, rows = [], []
        two_sided = []
        count = len(placed)

        def material_row(texture, tint, specular, gloss, both, alpha=1.0, leak=0.1):
            textures.append(texture)
            rows.append([*tint, specular, gloss, both, alpha, leak, 0, 0, 0, 0])
            return len(rows) - 1

        def add_triangles(index, corners, coordinates, both):
            triangles.append(corners)
            uv.append(coordinates)
            material.append(np.full(len(corners), index, np.int32))
            two_sided.append(np.full(len(corners), both, np.uint8))

        tone = np.exp(rng.normal(0, 0.09, 3)) * np.exp(rng.normal(0, 0.15))
        add_triangles(material_row(skin, tone, rng.uniform(0.0, 0.16), rng.uniform(6, 30), 0, leak=rng.uniform(0.05, 0.35)),
                      rig.head.triangles, rig.head.uv, 0)
        eye = self.eye_textures[rng.choice(len(self.eye_textures), p=self.eye_chance)]
        eye_material = material_row(eye, np.ones(3) * rng.uniform(0.45, 1.0), rng.uniform(0.2, 1.2), rng.uniform(60, 200), 0)
        add_triangles(eye_material, self.eye_triangles, self.eye_uv, 0)
        marks = placed[rig.landmarks]
        if np.linalg.norm(marks[62] - marks[66]) > 2.5 or tongue_out or rng.random() < 0.1:
            if rng.random() < 0.93:
                teeth = rig.parts["teeth/Teeth_Base"]
                add_triangles(material_row(self.teeth, np.array([1, rng.uniform(0.85, 1), rng.uniform(0.65, 1)]) * rng.uniform(0.5, 1),
                                           0.2, 40, 0), teeth.triangles, teeth.uv, 0)
            tongue = rig.parts["tongue/tongue01"]
            add_triangles(material_row(self.tongue, np.ones(3) * rng.uniform(0.4, 1), 0.1, 20, 0), tongue.triangles, tongue.uv, 0)

        def add_mesh(mesh):
            nonlocal count
            index = material_row(mesh.texture, mesh.tint, mesh.specular, mesh.gloss, 1 if mesh.two_sided else 0, mesh.alpha, mesh.leak)
            points = np.ascontiguousarray(place(mesh.vertices, False), np.float32)
            positions.append(points)
            normals.append(native.vertex_normals(points, mesh.triangles))
            paints.append(np.zeros((len(points), 4), np.float32))
            occlusion.append(np.full(len(points), 0.9, np.float32))
            add_triangles(index, mesh.triangles + count, mesh.uv, 1 if mesh.two_sided else 0)
            count += len(points)

        for mesh in opaque:
            add_mesh(mesh)
        opaque_count = sum(len(t) for t in triangles)
        ranges = []
        for layer in layers:
            first = sum(len(t) for t in triangles)
            if layer[0] == "rig":
                _, part, texture, tint, alpha = layer
                add_triangles(material_row(texture, tint, 0.02, 10, 1, alpha), part.triangles, part.uv, 1)
            else:
                add_mesh(layer[1])
            ranges.append((first, first + len(triangles[-1])))

        rig_triangles = np.concatenate(triangles[:2] + [t for t in triangles[2:] if t.max(initial=0) < len(placed)])
        normals[0] = native.vertex_normals(placed, np.ascontiguousarray(rig_triangles))
        canvas = np.ascontiguousarray(np.concatenate([project(p) for p in positions]))
        triangles = np.ascontiguousarray(np.concatenate(triangles))
        two_sided = np.concatenate(two_sided)
        size = canvas_px * SUPERSAMPLING
        ids, bary, depth = native.rasterize(canvas, triangles[:opaque_count], two_sided[:opaque_count], size, size)

        lights, harmonics = self._lights(rng)
        shadow, shadow_matrix = None, np.zeros(12, np.float32)
        if rng.random() < 0.45:
            shadow, shadow_matrix = self._shadow_map(canvas, triangles[:opaque_count], lights[0, :3], size, pixels)
            lights[0, 6] = 1
        arrays = dict(position=canvas, normal=np.ascontiguousarray(np.concatenate(normals)), paint=np.ascontiguousarray(np.concatenate(paints)),
                      occlusion=np.ascontiguousarray(np.concatenate(occlusion), np.float32), triangle=triangles,
                      material=np.concatenate(material), uv=np.ascontiguousarray(np.concatenate(uv), np.float32),
                      texture_size=np.array([[t.shape[1], t.shape[0]] if t is not None else [0, 0] for t in textures], np.int32),
                      materials=np.array(rows, np.float32))
        addresses = (ctypes.c_void_p * len(textures))(*[t.ctypes.data if t is not None else None for t in textures])
        scene = native.Scene(texture=ctypes.addressof(addresses), **{name: array.ctypes.data for name, array in arrays.items()})
        lighting = native.Lighting(lights.ctypes.data, len(lights), harmonics.ctypes.data, shadow.ctypes.data if shadow is not None else None,
                                   SHADOW_SIZE, shadow_matrix.ctypes.data, 5.0 * pixels)
        image = np.empty((size, size, 4), np.float32)
        call = native.renderer()
        call.shade_opaque(ctypes.byref(scene), ctypes.byref(lighting), size, size, native.pointer(ids), native.pointer(bary),
                          native.pointer(depth), native.pointer(image))
        for first, last in ranges:
            call.blend_layer(ctypes.byref(scene), ctypes.byref(lighting), first, last, size, size, ctypes.c_float(2.5 * pixels),
                             native.pointer(depth), native.pointer(image))
        # Exposure: brings the middle of the face to a random brightness.
        middle = image[size // 2 - size // 8:size // 2 + size // 8, size // 2 - size // 8:size // 2 + size // 8]
        level = float((middle[..., :3].mean(2) * middle[..., 3]).sum() / max(middle[..., 3].sum(), 1))
        target = float(np.clip(rng.lognormal(np.log(0.2), 0.55), 0.025, 0.75))
        exposure = (target / max(level, 1e-4)) ** rng.uniform(0.75, 1)
        out = np.empty((canvas_px, canvas_px, 4), np.uint8)
        call.resolve(native.pointer(image), size, size, ctypes.c_float(exposure), native.pointer(out))
        return out

    def _lights(self, rng):
        """Directional lights [n, 8] and ambient harmonics [9, 3]."""
        warmth = lambda spread: np.exp(rng.normal(0, spread) * np.array([1, 0, -1]) + rng.normal(0, spread / 3, 3))
        count = rng.integers(1, 4)
        lights = np.zeros((count, LIGHT_FLOATS), np.float32)
        for i in range(count):
            direction = rng.normal(size=3) * [1, 0.8, 0.7] + [0, 0.35, 0.5 if i == 0 else rng.uniform(-0.5, 0.5)]
            lights[i, :3] = direction / np.linalg.norm(direction)
            lights[i, 3:6] = warmth(0.12) * rng.uniform(0.2, 1.6) / (1 + i)
        harmonics = np.zeros((9, 3), np.float32)
        ambient = rng.uniform(0.15, 0.9)
        harmonics[0] = ambient * warmth(0.08)
        harmonics[1:4] = rng.normal(0, 0.28 * ambient, (3, 1)) * warmth(0.15) + rng.normal(0, 0.03, (3, 3)) * ambient
        harmonics[1] += 0.12 * ambient
        harmonics[4:9] = rng.normal(0, 0.07 * ambient, (5, 1))
        return lights, harmonics

    def _shadow_map(self, canvas, triangles, direction, size, pixels):
        """Depth map [256, 256] seen from a light, and the matrix canvas -> map."""
        # Canvas coordinates with y up make a right-handed frame, like the camera's.
        direction = direction / np.linalg.norm(direction)
        up = np.array([0, 1, 0.1]) if abs(direction[1]) < 0.9 else np.array([1, 0, 0.1])
        across = np.cross(up, direction)
        across /= np.linalg.norm(across)
        frame = np.stack([across, np.cross(direction, across), direction])
        frame = frame * np.array([1, -1, 1])  # canvas y points down
        scale = SHADOW_SIZE / (size * 1.15)
        matrix = np.zeros((3, 4), np.float32)
        matrix[0, :3], matrix[1, :3], matrix[2, :3] = frame[0] * scale, -frame[1] * scale, frame[2]
        matrix[:, 3] = -matrix[:, :3] @ [size / 2, size / 2, 0]
        matrix[:2, 3] += SHADOW_SIZE / 2
        seen = np.ascontiguousarray(canvas @ matrix[:, :3].T + matrix[:, 3], np.float32)
        everything = np.ones(len(triangles), np.uint8)
        _, _, depth = native.rasterize(seen, np.ascontiguousarray(triangles), everything, SHADOW_SIZE, SHADOW_SIZE)
        return depth, np.ascontiguousarray(matrix.ravel())
