"""Hair and things people wear, as meshes in the head's own frame (mm): hair, hats, headscarves, glasses."""
import numpy as np

from . import native
from .noise import cloth_texture, hair_texture, spatial_noise


class Mesh:
    """Triangles with a texture; `turns`: whether it moves with the head (1) or stays with the shoulders (0)."""

    def __init__(self, vertices, triangles, uv, texture, tint, specular=0.1, gloss=12.0, alpha=1.0, leak=0.2, two_sided=True):
        self.vertices = np.ascontiguousarray(vertices, np.float32)
        self.triangles = np.ascontiguousarray(triangles, np.int32)
        self.uv = np.ascontiguousarray(uv, np.float32)  # [n, 3, 2]
        self.texture = texture
        self.tint = tint
        self.specular, self.gloss, self.alpha, self.leak, self.two_sided = specular, gloss, alpha, leak, two_sided


def hair_colour(rng):
    """Linear rgb."""
    palette = [(0.012, 0.010, 0.009, 0.34), (0.035, 0.020, 0.012, 0.24), (0.09, 0.05, 0.028, 0.16), (0.28, 0.18, 0.085, 0.10),
               (0.16, 0.045, 0.018, 0.05), (0.25, 0.24, 0.23, 0.06), (0.55, 0.53, 0.5, 0.04)]
    weights = np.array([p[3] for p in palette])
    colour = np.array(palette[rng.choice(len(palette), p=weights / weights.sum())][:3])
    if rng.random() < 0.02:
        colour = rng.uniform(0, 0.6, 3)
    return colour * rng.uniform(0.6, 1.6) * rng.uniform(0.9, 1.1, 3)


def grid_triangles(rows, columns, closed=False):
    """Triangles and per-corner grid positions of a rows x columns sheet; `closed` joins the last column to the first."""
    i, j = np.meshgrid(np.arange(rows - 1), np.arange(columns if closed else columns - 1), indexing="ij")
    i, j = i.ravel(), j.ravel()
    jn = (j + 1) % columns
    a, b, c, d = i * columns + j, i * columns + jn, (i + 1) * columns + jn, (i + 1) * columns + j
    triangles = np.concatenate([np.stack([a, d, c], 1), np.stack([a, c, b], 1)])
    corner = lambda ii, jj: np.stack([jj, ii], -1).astype(np.float32)
    uv = np.concatenate([np.stack([corner(i, j), corner(i + 1, j), corner(i + 1, j + 1)], 1),
                         np.stack([corner(i, j), corner(i + 1, j + 1), corner(i, j + 1)], 1)])
    return triangles.astype(np.int32), uv


def tube(path, radius, sides=6, closed=False):
    """A tube of vertices around a path [n, 3]; returns vertices and triangles."""
    path = np.asarray(path, np.float32)
    after = np.roll(path, -1, 0) if closed else np.concatenate([path[1:], path[-1:] * 2 - path[-2:-1]])
    tangent = after - path
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True) + 1e-9
    side = np.cross(tangent, [0.05, 0.1, 1.0])
    side /= np.linalg.norm(side, axis=1, keepdims=True) + 1e-9
    other = np.cross(tangent, side)
    angle = np.arange(sides) * 2 * np.pi / sides
    ring = side[:, None] * np.cos(angle)[None, :, None] + other[:, None] * np.sin(angle)[None, :, None]
    vertices = (path[:, None] + radius * ring).reshape(-1, 3)
    if closed:
        vertices = np.concatenate([vertices, vertices[:sides]])
    triangles, _ = grid_triangles(len(path) + (1 if closed else 0), sides, closed=True)
    return vertices, triangles


def _cylindrical_uv(vertices, triangles, around, along):
    angle = np.arctan2(vertices[:, 0], vertices[:, 2] + 20)
    height = np.arctan2(vertices[:, 1] - 20, np.hypot(vertices[:, 0], vertices[:, 2] + 20))
    uv = np.stack([angle * around / (2 * np.pi), height * along], 1)[triangles]
    # Triangles across the seam at the back of the head: bring their corners to one side.
    wide = np.ptp(uv[:, :, 0], axis=1) > around / 2
    shifted = uv[wide]
    shifted[:, :, 0] = np.where(shifted[:, :, 0] < 0, shifted[:, :, 0] + around, shifted[:, :, 0])
    uv[wide] = shifted
    return uv


def shell(rig, head, normals, mask, thickness, texture, tint, around=6, along=1.2, **material):
    """A second skin over the head's vertices where mask > 0, lifted by thickness * mask (mm, per vertex)."""
    lifted = head + normals * (thickness * mask)[:, None]
    keep = (mask[rig.head.triangles] > 0.03).any(1)
    triangles = rig.head.triangles[keep]
    used, inverse = np.unique(triangles, return_inverse=True)
    triangles = inverse.reshape(-1, 3).astype(np.int32)
    vertices = lifted[used]
    return Mesh(vertices, triangles, _cylindrical_uv(vertices, triangles, around, along), texture, tint, **material)


def radial_profile(head, sectors=36, levels=24, bottom=-200.0, top=110.0, smooth=True):
    """[levels, sectors] how far the head reaches from its axis (x 0, z -20), by height and azimuth; smoothed, with the nose partly left out."""
    azimuth = (np.arctan2(head[:, 0], head[:, 2] + 20) + 2 * np.pi) % (2 * np.pi)
    column = (azimuth / (2 * np.pi) * sectors).astype(int) % sectors
    row = np.clip(((head[:, 1] - bottom) / (top - bottom) * levels).astype(int), 0, levels - 1)
    profile = np.zeros((levels, sectors), np.float32)
    np.maximum.at(profile, (row, column), np.hypot(head[:, 0], head[:, 2] + 20))
    for _ in range(2):
        around = np.maximum(np.roll(profile, 1, 1), np.roll(profile, -1, 1))
        profile = np.where(profile == 0, around, profile)
    if not smooth:
        return profile
    return np.minimum((profile + np.roll(profile, 1, 1) + np.roll(profile, -1, 1)) / 3, 118)


def curtain(rng, rig, head, opening, bottom, lift, texture, tint, wave):
    """Hair that falls around the head: a sheet from temple height down to `bottom` (mm), open in front by +-`opening` rad."""
    sectors, rows = 40, 16
    top = rng.uniform(35, 60)
    profile = radial_profile(head)
    levels, columns = profile.shape
    azimuth = np.linspace(opening, 2 * np.pi - opening, sectors)
    heights = np.linspace(top, bottom, rows)
    side = rng.uniform(0.8, 1.2, 2)
    vertices = np.empty((rows, sectors, 3), np.float32)
    previous = np.zeros(sectors)
    frequency, phase = rng.uniform(0.02, 0.09), rng.uniform(0, 6.28)
    for r, y in enumerate(heights):
        level = int(np.clip((y + 200) / 310 * levels, 0, levels - 1))
        radius = np.interp(azimuth / (2 * np.pi) * columns - 0.5, np.arange(columns), profile[level])
        radius = np.maximum(radius, previous * 0.985)
        previous = radius
        # Meets the scalp at the top; full volume lower down.
        volume = lift * np.clip((top - y) / 35, 0.15, 1) * np.where(azimuth < np.pi, side[0], side[1])
        reach = radius + volume + wave * np.sin(y * frequency * 2 * np.pi + phase + 2.0 * np.sin(3 * azimuth))
        vertices[r] = np.stack([np.sin(azimuth) * reach, np.full(sectors, y), np.cos(azimuth) * reach - 20], 1)
    vertices = vertices.reshape(-1, 3)
    vertices += (spatial_noise(vertices, rng, 45) * rng.uniform(0.5, 3))[:, None] * [1, 0.2, 1]
    triangles, uv = grid_triangles(rows, sectors)
    uv = uv * np.array([4.0 / sectors, 1.5 / rows], np.float32)
    return Mesh(vertices, triangles, uv, texture, tint, specular=rng.uniform(0, 0.12), gloss=rng.uniform(8, 30), leak=0.4)


def hair(rng, rig, head, normals):
    """Hair meshes, the hair's colour, and the paint cover of the scalp [head vertices]."""
    colour = hair_colour(rng)
    texture = hair_texture(rng)
    line = rig.hairline + rng.normal(0, 4) + 3 * spatial_noise(rig.head_vertices, rng, 40)
    kind = rng.random()
    if kind < 0.06:  # bald, sometimes with a rim
        rim = (rig.head_vertices[:, 1] < rng.uniform(10, 45)) & (rng.random() < 0.6)
        cover = np.clip(line / 8, 0, 1) * rim * rng.uniform(0.2, 0.9)
        return [], colour, cover.astype(np.float32)
    receding = rng.random() < 0.15
    if receding:
        line = line - rng.uniform(10, 40) * np.clip(1 - np.abs(rig.azimuth - rng.uniform(0, 0.5)) / 0.7, 0, 1)
    fringe = rng.random() < 0.22
    if fringe:
        side = rng.normal(0, 0.35)
        signed = np.arctan2(rig.head_vertices[:, 0], rig.head_vertices[:, 2] + 20)
        line = line + rng.uniform(15, 42) * np.clip(1.4 - np.abs(signed - side) / rng.uniform(0.4, 0.8), 0, 1)
    hidden = rig.ear & (rng.random() < 0.5)
    mask = np.clip(line / rng.uniform(4, 14), 0, 1) * ~(rig.ear & ~hidden)
    thin = kind < 0.16  # a shaved head: paint only
    cover = (np.clip(line / rng.uniform(3, 10), 0, 1) * (rng.uniform(0.3, 0.9) if thin else 1)).astype(np.float32)
    if thin:
        return [], colour, cover
    height = rig.head_vertices[:, 1]
    thickness = np.interp(height, [-60, 20, 110], [rng.uniform(1, 8), rng.uniform(2, 18), rng.uniform(4, 32)])
    if fringe:
        thickness = np.where(rig.azimuth < 0.9, np.maximum(thickness, 6), thickness)
    curly = rng.random() < 0.25
    thickness = thickness * (1 + (0.5 if curly else 0.2) * spatial_noise(rig.head_vertices, rng, rng.uniform(14, 50)))
    if curly and rng.random() < 0.3:  # afro
        thickness = thickness + rng.uniform(15, 50) * np.clip((height + 10) / 60, 0, 1)
    material = dict(specular=rng.uniform(0, 0.12), gloss=rng.uniform(8, 30), leak=0.4)
    meshes = [shell(rig, head, normals, mask.astype(np.float32), np.clip(thickness, 0.5, 90), texture, colour,
                    around=rng.integers(4, 9), **material)]
    if kind > 0.52:  # longer than the scalp
        bottom = rng.choice([rng.uniform(-75, -30), rng.uniform(-230, -75)], p=[0.4, 0.6])
        meshes.append(curtain(rng, rig, head, rng.uniform(0.85, 1.75), bottom, rng.uniform(3, 24), texture, colour,
                              rng.uniform(0, 6) if rng.random() < 0.5 else 0))
    return meshes, colour, cover


def hat(rng, rig, head, normals):
    """A cap, beanie, brimmed hat or helmet: meshes, and a cover mask of what it hides."""
    texture = cloth_texture(rng)
    x, y, z = rig.head_vertices.T
    front, back = rng.uniform(32, 62), rng.uniform(-40, 40)
    edge = front + (back - front) * np.clip((40 - z) / 120, 0, 1)
    mask = np.clip((y - edge) / 5, 0, 1).astype(np.float32)
    thickness = rng.uniform(4, 16) + np.clip((y - 70) / 40, 0, 1) * rng.uniform(0, 45) * (rng.random() < 0.5)
    hard = rng.random() < 0.2
    meshes = [shell(rig, head, normals, mask, thickness * np.ones(len(head)), texture, np.ones(3), around=rng.integers(2, 10),
                    along=rng.uniform(0.5, 4), specular=0.4 if hard else 0.02, gloss=40 if hard else 8)]
    kind = rng.random()
    if kind < 0.65:
        span = rng.uniform(0.7, 1.1) if kind < 0.4 else np.pi
        reach, slope = rng.uniform(35, 85), rng.uniform(-0.1, 0.55)
        azimuth = np.linspace(-span, span, 40)
        inner = np.stack([np.sin(azimuth) * 76, np.interp(np.cos(azimuth), [-1, 1], [min(back, front), front]),
                          np.cos(azimuth) * 92 - 20], 1)
        steps = np.linspace(0, 1, 4)[:, None, None]
        fade = np.cos(azimuth / span * np.pi / 2) ** 0.5 if span < 3 else np.ones(40)
        outward = np.stack([np.sin(azimuth), np.full(40, -slope), np.cos(azimuth)], 1) * (reach * fade)[:, None]
        vertices = (inner[None] + steps * outward[None]).reshape(-1, 3)
        triangles, uv = grid_triangles(4, 40)
        meshes.append(Mesh(vertices, triangles, uv * 0.1, texture, np.ones(3) * rng.uniform(0.4, 1.1), specular=0.02))
    return meshes, mask


def scarf(rng, rig, head, normals):
    """A headscarf that leaves the oval of the face free; covers hair, ears and neck."""
    x, y, z = rig.head_vertices.T
    width, height = rng.uniform(56, 68), rng.uniform(76, 92)
    oval = np.hypot(x / width, (y + 22) / height)
    mask = np.clip((oval - 1) / 0.06, 0, 1)
    mask = np.where(z < 5, 1.0, mask) * np.clip((y + 235) / 20, 0, 1)
    thickness = rng.uniform(4, 14) * (1 + 0.25 * spatial_noise(rig.head_vertices, rng, 60))
    thickness = thickness + np.clip((-90 - y) / 40, 0, 1) * rng.uniform(5, 25)
    texture = cloth_texture(rng)
    return [shell(rig, head, normals, mask.astype(np.float32), thickness.astype(np.float32), texture, np.ones(3),
                  around=rng.integers(2, 8), along=rng.uniform(0.5, 3), specular=0.03, gloss=8)]


def glasses(rng, eyes, ears):
    """Frames and lenses in front of two eye centres [2, 3]; the temples end at ears [2, 3]. Returns meshes, lenses."""
    half_width, half_height = rng.uniform(19, 29), rng.uniform(13, 25)
    half_height = min(half_height, half_width)
    power = rng.uniform(1.8, 5)
    radius = rng.uniform(0.6, 2.8)
    drop = rng.uniform(-1, 6)
    forward = rng.uniform(17, 23)
    dark = rng.random() < 0.4
    angle = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    outline = np.stack([np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** (2 / power) * half_width,
                        np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** (2 / power) * half_height], 1)
    colour = rng.choice([rng.uniform(0.0, 0.05), rng.uniform(0.05, 0.8)]) * rng.uniform(0.4, 1, 3)
    vertices, triangles, lenses = [], [], []
    count = 0

    def put(path, closed=False, thickness=1.0):
        nonlocal count
        v, t = tube(path, radius * thickness, closed=closed)
        vertices.append(v)
        triangles.append(t + count)
        count += len(v)

    rims, rimmed = [], not (dark and rng.random() < 0.2) and rng.random() < 0.93
    spread = max(half_width + 3, np.abs(eyes[:, 0]).mean())
    for side, eye in zip((-1, 1), eyes):
        centre = np.array([side * spread, eyes[:, 1].mean() - drop, eyes[:, 2].mean() + forward])
        bend = -0.012 * (outline[:, 0] * side) ** 1 * 0.5 - 0.003 * outline[:, 0] ** 2
        rim = centre + np.stack([outline[:, 0], outline[:, 1], bend], 1)
        rims.append(rim)
        if rimmed:
            put(rim, closed=True)
        fan = np.stack([np.zeros(28, int), np.arange(28) + 1, (np.arange(28) + 1) % 28 + 1], 1)
        lens_colour = rng.uniform(0, 0.04, 3) if dark else np.ones(3) * rng.uniform(0.2, 0.7)
        lenses.append(Mesh(np.concatenate([centre[None] + [[0, 0, 1.5]], rim]), fan, np.zeros((28, 3, 2)), None, lens_colour,
                           specular=rng.uniform(0.2, 1.5), gloss=rng.uniform(30, 200),
                           alpha=rng.uniform(0.65, 0.98) if dark else rng.uniform(0.0, 0.16)))
    lens_centre = lambda rim: rim.mean(0)
    inner = [rims[0][np.argmax(rims[0][:, 0])], rims[1][np.argmin(rims[1][:, 0])]]
    middle = (inner[0] + inner[1]) / 2 + [0, rng.uniform(1, 5), 3]
    put(np.stack([inner[0], (inner[0] + middle) / 2 + [0, 1, 1], middle, (inner[1] + middle) / 2 + [0, 1, 1], inner[1]]))
    for side, rim, ear in zip((-1, 1), rims, ears):
        outer = rim[np.argmax(side * rim[:, 0])]
        hinge = np.array([side * max(abs(ear[0]) + 2, abs(outer[0]) + 2), outer[1] + 2, outer[2] - 8])
        put(np.stack([outer, hinge, (hinge + ear) / 2 + [side * 2, 2, 0], ear + [side * 2, 0, 0], ear + [0, -12, -12]]))
    del lens_centre
    vertices, triangles = np.concatenate(vertices), np.concatenate(triangles)
    frame = Mesh(vertices, triangles, np.zeros((len(triangles), 3, 2)), None, colour, specular=rng.uniform(0.05, 0.8),
                 gloss=rng.uniform(10, 60))
    return [frame], lenses


def mesh_normals(mesh):
    return native.vertex_normals(mesh.vertices, mesh.triangles)


def mask(rng, marks, head):
    """
    A medical mask, respirator or cloth over nose and mouth, bridging what lies under it. `marks` [68, 3] of the face, `head` its skin's
    vertices. Sometimes it sits below the nose.
    """
    kind = rng.random()  # pleated 60 %, respirator 15 %, cloth 15 %, a scarf down to the neck 10 %
    rows, columns = 18, 30
    span = rng.uniform(0.75, 1.15) if kind < 0.75 else rng.uniform(1.0, 1.5)
    azimuth = np.linspace(-span, span, columns)
    below = rng.random() < 0.07
    top = (marks[33, 1] - 3 if below else marks[28, 1] + rng.uniform(-7, 5)) - rng.uniform(6, 16) * (np.abs(azimuth) / span) ** 1.5
    chin = marks[8, 1]
    bottom = (chin - rng.uniform(2, 10)) * np.ones(columns) if kind < 0.9 else chin - rng.uniform(35, 80) + 8 * np.cos(azimuth)
    bottom = bottom + rng.uniform(4, 22) * (np.abs(azimuth) / span) ** 2
    profile = radial_profile(head, sectors=60, levels=36, smooth=False)
    profile = np.maximum(profile, np.roll(profile, 1, 0))  # a height between two levels belongs partly to both
    levels, sectors = profile.shape
    y = top + (bottom - top) * np.linspace(0, 1, rows)[:, None]
    level = np.clip((y + 200) / 310 * levels - 0.5, 0, levels - 1.001)
    low, share = level.astype(int), level - level.astype(int)
    position = (azimuth % (2 * np.pi)) / (2 * np.pi) * sectors - 0.5
    left, across = np.floor(position).astype(int), position - np.floor(position)
    at = lambda row: profile[row, left % sectors] * (1 - across) + profile[row, (left + 1) % sectors] * across
    radius = at(low) * (1 - share) + at(np.minimum(low + 1, levels - 1)) * share
    for _ in range(12):  # cloth spans hollows
        radius[1:-1] = np.maximum(radius[1:-1], (radius[:-2] + radius[2:]) / 2)
        radius[:, 1:-1] = np.maximum(radius[:, 1:-1], (radius[:, :-2] + radius[:, 2:]) / 2 - 0.15)
    down = np.linspace(0, 1, rows)[:, None]
    radius = radius + rng.uniform(1.5, 3.5)
    if kind < 0.6:  # pleats
        radius = radius + rng.uniform(0.6, 1.8) * np.sin(down * 2 * np.pi * rng.integers(3, 5)) * np.sin(np.pi * down)
    elif kind < 0.75:  # a cup
        radius = radius + rng.uniform(4, 14) * np.sin(np.pi * down) ** 0.7 * np.cos(azimuth / span * np.pi / 2) ** 0.5
    else:
        radius = radius + rng.uniform(0.5, 2) * np.sin(6 * azimuth + 7 * down * rng.uniform(0.3, 1) + rng.uniform(0, 6))
    vertices = np.stack([np.sin(azimuth) * radius, y, np.cos(azimuth) * radius - 20], 2).reshape(-1, 3)
    vertices += (spatial_noise(vertices, rng, 30) * rng.uniform(0.2, 0.9))[:, None]
    triangles, uv = grid_triangles(rows, columns)
    plain = kind < 0.75 and rng.random() < 0.8
    if plain:
        colours = ((0.30, 0.55, 0.72), (0.80, 0.82, 0.84), (0.012, 0.012, 0.014), (0.45, 0.68, 0.62), (0.72, 0.45, 0.55), (0.08, 0.10, 0.2), (0.4, 0.4, 0.42))
        tint = np.array(colours[rng.choice(len(colours), p=[0.34, 0.24, 0.2, 0.06, 0.06, 0.05, 0.05])]) * rng.uniform(0.75, 1.15)
        texture = None
    else:
        tint, texture = np.ones(3), cloth_texture(rng)
    cloth = Mesh(vertices, triangles, uv * np.array([3.0 / columns, 3.0 / rows], np.float32), texture, tint, specular=rng.uniform(0, 0.08), gloss=8)
    meshes = [cloth]
    if kind < 0.9:  # loops to the ears
        grid = vertices.reshape(rows, columns, 3)
        strands, faces, count = [], [], 0
        for column, sign in ((0, -1), (columns - 1, 1)):
            for row in (0, rows - 1):
                ear = np.array([sign * rng.uniform(68, 76), marks[27, 1] - (5 if row == 0 else 35), -22.0])
                v, t = tube(np.stack([grid[row, column], (grid[row, column] + ear) / 2 + [sign * 3, 0, 0], ear]), rng.uniform(0.5, 1.3), sides=4)
                strands.append(v)
                faces.append(t + count)
                count += len(v)
        faces = np.concatenate(faces)
        meshes.append(Mesh(np.concatenate(strands), faces, np.zeros((len(faces), 3, 2)), None, np.ones(3) * rng.choice([0.02, 0.7])))
    if 0.6 <= kind < 0.75 and rng.random() < 0.4:  # a valve
        middle = vertices.reshape(rows, columns, 3)[rows // 2, columns // 2 + int(rng.integers(-5, 6))]
        angle = np.linspace(0, 2 * np.pi, 16, endpoint=False)
        rim = middle + np.stack([np.cos(angle) * 11, np.sin(angle) * 11, np.full(16, 2.0)], 1)
        fan = np.stack([np.zeros(16, int), np.arange(16) + 1, (np.arange(16) + 1) % 16 + 1], 1)
        meshes.append(Mesh(np.concatenate([middle[None] + [[0, 0, 5]], rim]), fan, np.zeros((16, 3, 2)), None, np.ones(3) * rng.uniform(0.02, 0.8)))
    return meshes


def strand_texture(rng, size=64):
    """Linear RGBA of a lock: streaks along v that thin out towards the tip (v = 1)."""
    texture = hair_texture(rng, size)
    reach = np.clip(rng.normal(0.85, 0.2, size), 0.2, 1.1)  # how far each strand reaches
    reach *= np.clip(1.15 - np.abs(np.linspace(-1, 1, size)) ** 2 * rng.uniform(0.3, 1), 0, 1)
    along = np.linspace(1, 0, size)[:, None]  # rows of a texture count from v = 1
    cover = np.clip((reach[None] - along) * 6, 0, 1) * np.clip(rng.uniform(0.25, 1.1, size)[None] * 1.4, 0, 1)
    texture[..., 3] = cover
    return texture


def locks(rng, rig, head, normals, colour):
    """Ribbons of hair with transparent edges: a fringe over the brows, locks down the temples, or strands that stick out, as one mesh."""
    kind = rng.random()
    signed = np.arctan2(rig.head_vertices[:, 0], rig.head_vertices[:, 2] + 20)
    if kind < 0.5:  # fringe
        pool = (rig.hairline > 0) & (rig.hairline < 22) & (np.abs(signed - rng.normal(0, 0.25)) < rng.uniform(0.3, 0.9))
        count, length = int(rng.integers(10, 46)), rng.uniform(22, 62)
    elif kind < 0.75:  # temples and cheeks
        pool = (rig.hairline > 0) & (rig.hairline < 30) & (np.abs(signed) > 0.7) & (np.abs(signed) < 1.5)
        count, length = int(rng.integers(6, 30)), rng.uniform(40, 150)
    else:  # all around
        pool = rig.hairline > 2
        count, length = int(rng.integers(15, 70)), rng.uniform(15, 70)
    pool = np.nonzero(pool & ~rig.ear)[0]
    if not len(pool):
        pool = np.nonzero(rig.hairline > 2)[0]
    roots = rng.choice(pool, count)
    steps = 7
    position = head[roots] + normals[roots] * rng.uniform(3, 12)
    outward = normals[roots]
    comb = np.array([rng.normal(0, 0.6), -1.0, 0.25])
    direction = outward * rng.uniform(0.4, 1.4) + comb + rng.normal(0, 0.25, (count, 3))
    curl, phase = (rng.uniform(2, 9) if rng.random() < 0.35 else 0.0), rng.uniform(0, 6.28, count)
    lengths = length * np.exp(rng.normal(0, 0.25, count))
    widths = rng.uniform(3, 11, count)
    profile = radial_profile(head)
    levels, sectors = profile.shape
    path = [position]
    for k in range(1, steps):
        direction = direction / np.linalg.norm(direction, axis=1, keepdims=True)
        position = position + direction * (lengths / (steps - 1))[:, None]
        row = np.clip(((position[:, 1] + 200) / 310 * levels).astype(int), 0, levels - 1)
        angle = np.arctan2(position[:, 0], position[:, 2] + 20)
        column = ((angle % (2 * np.pi)) / (2 * np.pi) * sectors).astype(int) % sectors
        reach = np.hypot(position[:, 0], position[:, 2] + 20)
        # The profile is the maximum of a sector; a lock lies slightly below it.
        wanted = np.maximum(reach, profile[row, column] - 2 + rng.uniform(0, 3, count))
        position = np.stack([np.sin(angle) * wanted, position[:, 1], np.cos(angle) * wanted - 20], 1)
        path.append(position + curl * np.stack([np.sin(phase + k * 1.7), np.zeros(count), np.cos(phase + k * 1.7)], 1))
        direction = direction + [0, -0.55, 0]
    path = np.stack(path, 1)  # [count, steps, 3]
    along = np.gradient(path, axis=1)
    across = np.cross(along, path * [1, 0, 1] + [0, 0, 20])
    across /= np.linalg.norm(across, axis=2, keepdims=True) + 1e-9
    taper = np.linspace(1, rng.uniform(0.3, 0.9), steps)[None, :, None] * widths[:, None, None] / 2
    vertices = np.stack([path - across * taper, path + across * taper], 2).reshape(-1, 3)
    triangles, uv = grid_triangles(steps, 2)
    uv = uv * np.array([1.0, 0.97 / (steps - 1)], np.float32) + [0, 0.015]
    every = (triangles[None] + (np.arange(count) * 2 * steps)[:, None, None]).reshape(-1, 3)
    shift = rng.uniform(0, 0.5, (count, 1, 1, 1)) * [1, 0]
    coordinates = (uv[None] * [0.5, 1] + shift).reshape(-1, 3, 2)
    return Mesh(vertices, every, coordinates, strand_texture(rng), colour * rng.uniform(0.8, 1.3), specular=rng.uniform(0, 0.12),
                gloss=rng.uniform(8, 30), leak=0.4)
