"""
Pictures for the detector: rendered people on backgrounds, among things that are not faces.

What keeps false boxes down is a variety of body-like things without a face: torsos without heads, limbs with sleeves, pieces of
hair, neck or cheek, upside-down heads, backs of heads. They appear from the first step on, in most pictures.
"""
import cv2
import numpy as np

from .augment import add_noise, blend, blur_or_shrink, grain, light_field, random_shape, skin_colour, soften, tone, tone_cutout
from .backgrounds import Backgrounds, load_backgrounds, load_objects, random_patch
from .faceless_things import draw_body, draw_folds, draw_hand
from .head_crops import HeadShards

SCENE_SIZE = 320
MAX_FACES = 48
CROWD_SHARE = 0.15  # of the training pictures: people behind people
CROWD_SIDES = (15.0, 50.0)  # px of their faces
SMALLEST_FACE = 18.0  # px, mean side of the box; smaller ones are neither rewarded nor penalised
FINEST_PARTS = 6.0  # a face with fewer resolvable parts across than this, after blur or low resolution, is neither rewarded nor penalised
LARGEST_PIECE = 128  # px of a mined piece (mine.py)
FACELESS_YAW = 100.0
UNDEGRADED_SHARE = 0.25  # of the pictures of training
STRONG_NOISE_SHARE = 0.15  # of the degraded ones: a camera in the dark, stronger than in the hold-out
BACK_YAW = 130.0  # between the two, a cheek and the tip of the nose are visible: neither rewarded nor penalised


def over(image, cutout, x, y):
    """Draws a premultiplied BGRA cut-out over the picture in place; returns the box of its visible part, or None."""
    height, width = cutout.shape[:2]
    x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + width, image.shape[1]), min(y + height, image.shape[0])
    if x1 <= x0 or y1 <= y0:
        return None
    part = cv2.split(cutout[y0 - y:y1 - y, x0 - x:x1 - x])
    rest = cv2.bitwise_not(part[3])
    image[y0:y1, x0:x1] = cv2.add(cv2.merge(part[:3]), cv2.multiply(image[y0:y1, x0:x1], cv2.merge([rest, rest, rest]), scale=1 / 255))
    return x0, y0, x1, y1


def spot(rng, extent, size, outside=0.4):
    """Random start of something of this extent, with at most the fraction `outside` of it beyond the edge of a picture of `size` px."""
    low, high = sorted((-extent * outside, size - extent * (1 - outside)))
    return int(rng.uniform(low, high))


class SceneSampler:
    """Endless random pictures with their boxes."""

    def __init__(self, folder, held_out=False, size=SCENE_SIZE, pictures=None, objects=None, degraded=True):
        """
        `pictures` are backgrounds (BGR uint8), `objects` cut-outs (BGRA); default: the installed ones. Without `degraded`,
        pictures are as composed, without uneven light, blur, noise and the like.
        """
        self.degraded, self.held_out = degraded, held_out
        self.objects = load_objects(held_out) if objects is None else objects
        self.heads = HeadShards(folder, refine=False)
        self.pictures = Backgrounds(load_backgrounds(held_out) if pictures is None else pictures)
        self.size = size
        self.mined = []  # BGR pieces that a detector mistook for faces (mine.py)
        self._sort()

    def refresh(self):
        self.heads.refresh()
        self._sort()

    def _sort(self):
        self.yaws = np.array([abs(self.heads.shards[shard][1]["pose"][row][0]) for shard, row in self.heads.index])
        self.with_face, self.without_face = np.nonzero(self.yaws < FACELESS_YAW)[0], np.nonzero(self.yaws >= FACELESS_YAW)[0]

    def person(self, rng, index, side, dressed=False):
        """A cut-out (BGRA, premultiplied) with a face box of mean side `side`, and that box; `dressed` ones always have some body."""
        picture, labels = self.heads.head(int(index))
        box = labels["box"]
        scale = side / ((box[2] - box[0] + box[3] - box[1]) / 2)
        size = max(8, int(round(picture.shape[0] * scale)))
        scale = size / picture.shape[0]
        toned = rng.random() < 0.75
        if scale < 1:
            picture = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
        cutout = cv2.cvtColor(picture, cv2.COLOR_RGBA2BGRA)
        if toned:
            cutout = tone_cutout(rng, cutout)
        if scale >= 1:
            cutout = cv2.resize(cutout, (size, size), interpolation=cv2.INTER_LINEAR)
        box = box * scale
        if rng.random() < 0.5:
            cutout = np.ascontiguousarray(cutout[:, ::-1])
            box = np.array([size - box[2], box[1], size - box[0], box[3]])
        if rng.random() < 0.3:
            angle = rng.normal(0, 12)
            matrix = cv2.getRotationMatrix2D((float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2), angle, 1)
            cutout = cv2.warpAffine(cutout, matrix, (size, size))
            # The box of the rotated face: its inscribed ellipse, rotated.
            half = np.array([box[2] - box[0], box[3] - box[1]]) / 2
            c, s = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
            turned = np.sqrt([(half[0] * c) ** 2 + (half[1] * s) ** 2, (half[0] * s) ** 2 + (half[1] * c) ** 2])
            centre = (box[:2] + box[2:]) / 2
            box = np.array([*(centre - turned), *(centre + turned)])
        if dressed or rng.random() < 0.6:
            cutout = self._body(rng, cutout)
        if rng.random() < 0.2:
            cutout = soften(cutout, max(0.3, rng.uniform(0.3, 1.2) * max(1.0, side / 90)))
        return cutout, box

    def _body(self, rng, cutout):
        """Extends it below the cut: the last rows stretched downwards, with folds."""
        size = cutout.shape[1]
        rows = max(2, size // 24)
        length = int(size * rng.uniform(0.2, 1.2))
        strip = cv2.resize(cutout[-rows:], (size, length), interpolation=cv2.INTER_LINEAR)
        folds = cv2.resize(rng.standard_normal((6, 8)).astype(np.float32), (size, length), interpolation=cv2.INTER_CUBIC)
        shade = 1 + np.float32(rng.uniform(0.03, 0.2)) * folds
        channels = cv2.split(strip)
        shaded = [cv2.min(cv2.multiply(channel, shade, dtype=cv2.CV_8U), channels[3]) for channel in channels[:3]]
        return np.concatenate([cutout, cv2.merge([*shaded, channels[3]])])

    def clutter(self, rng, image, most, largest=220):
        """Blobs, boxes and shapes of any colour, including skin, in place."""
        for _ in range(rng.integers(0, most + 1)):
            height, width = np.exp(rng.uniform(np.log(10), np.log(largest), 2)).astype(int)
            mask = random_shape(rng, height, width)
            if rng.random() < 0.45:
                patch = random_patch(rng, self.pictures, height, width).astype(np.float32)
            else:
                colour = skin_colour(rng) if rng.random() < 0.6 else rng.uniform(0, 255, 3)
                x, y = np.linspace(-1, 1, width)[None], np.linspace(-1, 1, height)[:, None]
                slope = rng.normal(0, 0.35, 2)
                shade = 1 + slope[0] * x + slope[1] * y
                if rng.random() < 0.6:
                    shade = shade * (1 - rng.uniform(0.2, 0.6) * (x ** 2 + y ** 2) / 2)
                patch = np.clip(colour * shade[..., None], 0, 255)
            if rng.random() < 0.4:
                mask = cv2.GaussianBlur(mask, (0, 0), rng.uniform(0.6, 3))
            blend(image, patch, mask, spot(rng, width, self.size, 0.3), spot(rng, height, self.size, 0.3))

    def object(self, rng, image):
        """An animal, a fruit, a tool, a vehicle … at any size and angle, in place."""
        if not self.objects:
            return
        cutout = self.objects[rng.integers(len(self.objects))]
        scale = np.exp(rng.uniform(np.log(24), np.log(300))) / max(cutout.shape[:2])
        height, width = (max(4, int(n * scale)) for n in cutout.shape[:2])
        cutout = cv2.resize(cutout, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        if rng.random() < 0.5:
            cutout = cutout[:, ::-1]
        if rng.random() < 0.3:
            cutout = np.rot90(cutout, rng.integers(1, 4))
        if rng.random() < 0.6:
            cutout = tone_cutout(rng, cutout)
        height, width = cutout.shape[:2]
        over(image, np.ascontiguousarray(cutout), spot(rng, width, self.size), spot(rng, height, self.size))

    def limb(self, rng, image):
        """An arm or a leg, shaded round, perhaps with a sleeve, anywhere and at any angle, in place."""
        length = int(np.exp(rng.uniform(np.log(30), np.log(320))))
        width = int(np.clip(length * rng.uniform(0.12, 0.5), 6, 140))
        size = int(np.hypot(length, width)) + 4
        colour = skin_colour(rng) if rng.random() < 0.75 else rng.uniform(0, 255, 3)
        across = (np.arange(size) - size / 2)[None]
        rows = np.arange(length)[:, None]
        half = width / 2 * np.linspace(1, rng.uniform(0.4, 1), length)[:, None]
        u = across / half
        inside = np.abs(u) < 1
        light = rng.uniform(-0.6, 0.6)
        shade = np.clip(1 - (np.clip(u, -1, 1) - light) ** 2 * rng.uniform(0.3, 0.8), 0.1, 1.2)
        shade = shade * (1 + 0.2 * rng.random() * np.sin(rows / length * rng.uniform(1, 6) + rng.uniform(0, 6)))
        patch = np.zeros((size, size, 4), np.float32)
        top = (size - length) // 2
        patch[top:top + length, :, :3] = colour * (shade * inside)[..., None]
        patch[top:top + length, :, 3] = inside * 255
        if rng.random() < 0.5:
            sleeve = int(length * rng.uniform(0.1, 0.7))
            cloth = rng.uniform(0, 255, 3)
            patch[top:top + sleeve, :, :3] = cloth * (shade * inside)[:sleeve, :, None]
            if rng.random() < 0.4:
                stripes = np.sin(rows[:sleeve, 0] * rng.uniform(0.2, 1.2)) > 0
                patch[top:top + sleeve, :, :3][stripes] *= rng.random(3)
        matrix = cv2.getRotationMatrix2D((size / 2, size / 2), rng.uniform(0, 360), 1)
        patch = cv2.warpAffine(np.clip(patch, 0, 255).astype(np.uint8), matrix, (size, size))
        over(image, patch, spot(rng, size, self.size), spot(rng, size, self.size))

    def hand(self, rng, image, side, x, y):
        """A hand with its forearm, `side` px from wrist to fingertips, its palm about (x, y), in place."""
        patch = draw_hand(rng, skin_colour(rng), max(8, int(side)))
        over(image, patch, int(x - patch.shape[1] / 2), int(y - patch.shape[0] / 2))

    def stray_hand(self, rng, image):
        """A hand of any size anywhere, in place."""
        self.hand(rng, image, np.exp(rng.uniform(np.log(14), np.log(200))), *rng.uniform(0, self.size, 2))

    def body(self, rng, image):
        """A dressed body without a head, in place."""
        patch = draw_body(rng, skin_colour(rng), float(np.exp(rng.uniform(np.log(20), np.log(260)))))
        over(image, patch, spot(rng, patch.shape[1], self.size), spot(rng, patch.shape[0], self.size))

    def folds(self, rng, image):
        """A piece of creased cloth or leather, in place."""
        height, width = np.exp(rng.uniform(np.log(24), np.log(280), 2)).astype(int)
        mask = random_shape(rng, height, width)
        if rng.random() < 0.5:
            mask = cv2.GaussianBlur(mask, (0, 0), rng.uniform(0.6, 3))
        blend(image, draw_folds(rng, height, width), mask, spot(rng, width, self.size, 0.3), spot(rng, height, self.size, 0.3))

    def faceless_person(self, rng, image):
        """A headless torso, an upside-down head, or a piece of hair, neck or cheek, in place."""
        cutout, box = self.person(rng, self.with_face[rng.integers(len(self.with_face))], float(np.exp(rng.uniform(np.log(25), np.log(280)))))
        height = box[3] - box[1]
        kind = rng.random()
        if kind < 0.45:
            piece = cutout[int(np.clip(box[3] + height * rng.uniform(0.0, 0.15), 0, len(cutout) - 4)):]
            if rng.random() < 0.5:
                piece = np.rot90(piece, rng.integers(1, 4))
        elif kind < 0.6:
            piece = cutout[::-1]
        else:
            for _ in range(20):
                w, h = (int(max(4, height * rng.uniform(0.25, 0.9))) for _ in range(2))
                x, y = int(rng.uniform(0, max(cutout.shape[1] - w, 1))), int(rng.uniform(0, max(cutout.shape[0] - h, 1)))
                shared = max(0, min(x + w, box[2]) - max(x, box[0])) * max(0, min(y + h, box[3]) - max(y, box[1]))
                if shared < 0.25 * height * (box[2] - box[0]) and (cutout[y:y + h, x:x + w, 3] > 128).mean() > 0.4:
                    break
            else:
                return
            piece = cutout[y:y + h, x:x + w]
            mask = random_shape(rng, *piece.shape[:2])
            piece = (piece * (mask[..., None] / 255.0)).astype(np.uint8)
        h, w = piece.shape[:2]
        if h > 2 and w > 2:
            over(image, np.ascontiguousarray(piece), spot(rng, w, self.size), spot(rng, h, self.size))

    def mistake(self, rng, image):
        """Something that a detector mistook for a face, in place."""
        piece = self.mined[rng.integers(len(self.mined))]
        # Mined pieces are stored no larger than this: one of this size was larger in its picture.
        shrunk = rng.uniform(1, 2.4) if max(piece.shape[:2]) >= LARGEST_PIECE else 1.0
        scale = float(np.clip(shrunk * np.exp(rng.normal(0, 0.4)), 12 / min(piece.shape[:2]), 0.9 * self.size / max(piece.shape[:2])))
        piece = cv2.resize(piece, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        if rng.random() < 0.5:
            piece = piece[:, ::-1]
        if rng.random() < 0.5:
            piece = tone(rng, piece)
        height, width = piece.shape[:2]
        mask = np.full((height, width), 255, np.uint8)
        if rng.random() < 0.5:  # the piece's edge must not distinguish it from a face
            cv2.rectangle(mask, (0, 0), (width - 1, height - 1), 0, max(1, min(height, width) // 12))
            mask = cv2.blur(mask, (max(1, width // 8), max(1, height // 8)))
        blend(image, piece, mask, spot(rng, width, self.size, 0.2), spot(rng, height, self.size, 0.2))

    def portrait(self, rng, index, side):
        """One person (a row of the shards) with a face of mean side `side` in front of something, undegraded: picture, box [4]."""
        image = random_patch(rng, self.pictures, self.size, self.size)
        self.clutter(rng, image, 3)
        cutout, box = self.person(rng, index, side)
        width, height = box[2] - box[0], box[3] - box[1]
        x = int(round(rng.uniform(0, max(self.size - width, 1)) - box[0]))
        y = int(round(rng.uniform(0, max(self.size - height, 1)) - box[1]))
        over(image, cutout, x, y)
        return image, box + [x, y, x, y]

    def cover(self, rng, image, box, share):
        """A copy with a square of `share` of the box's mean side over part of the face, skin-coloured or not."""
        result, side = image.copy(), max(2, int((box[2] - box[0] + box[3] - box[1]) / 2 * share))
        colour = skin_colour(rng) if rng.random() < 0.5 else rng.uniform(0, 255, 3)
        x, y = (int(rng.uniform(box[i] - side / 2, box[i + 2] - side / 2)) for i in (0, 1))
        blend(result, np.clip(np.full((side, side, 3), colour), 0, 255), random_shape(rng, side, side), x, y)
        return result

    def scene(self, rng, faces=True):
        """BGR uint8 [size, size, 3] and boxes [MAX_FACES, 5]: corners in px, then 1 for a face, -1 for do-not-care, 0 for none."""
        size = self.size
        image = random_patch(rng, self.pictures, size, size)
        if rng.random() < 0.3:
            image = soften(image, rng.uniform(0.5, 5))
        self.clutter(rng, image, 5)
        # Share of pictures with any, minimum number, and limit (exclusive).
        things = [(0.5, 1, 5, self.object), (0.6, 0, 5, self.limb), (0.6, 1, 4, self.faceless_person)]
        if not self.held_out:  # the hold-out stays as it was before these were added, so that runs can be compared
            things += [(0.3, 1, 3, self.folds), (0.3, 1, 4, self.body), (0.35, 1, 4, self.stray_hand)]
        if self.mined:
            things.append((0.5, 1, 4, self.mistake))
        for share, least, limit, lay in things:
            if rng.random() < share:
                for _ in range(rng.integers(least, limit)):
                    lay(rng, image)
        kind = rng.random()
        count = 0 if not faces or kind < 0.15 else 1 if kind < 0.5 else int(rng.integers(2, 5)) if kind < 0.85 else int(rng.integers(5, 13))
        largest = 0.95 * size if count <= 2 else 0.5 * size if count < 5 else 0.22 * size
        sides = np.sort(np.exp(rng.uniform(np.log(16), np.log(largest), count)))
        if count == 1 and rng.random() < 0.6:
            sides = rng.uniform(0.15 * size, 0.95 * size, 1)
        crowd = not self.held_out and faces and rng.random() < CROWD_SHARE
        if crowd:
            sides = np.sort(rng.uniform(*CROWD_SIDES) * np.exp(rng.normal(0, 0.25, int(rng.integers(12, MAX_FACES - 4)))).clip(0.6, 1.8))
        boxes, covers = [], []
        for row, side in enumerate(sides):
            pool = self.without_face if len(self.without_face) and rng.random() < 0.1 else self.with_face
            index = pool[rng.integers(len(pool))]
            cutout, box = self.person(rng, index, side, crowd)
            width, height = box[2] - box[0], box[3] - box[1]
            for _ in range(12):
                place = np.array([spot(rng, width, size, 0.25), spot(rng, height, size, 0.25)], float)
                target = np.array([*place, place[0] + width, place[1] + height])
                others = np.array(boxes).reshape(-1, 4)
                low, high = np.maximum(others[:, :2], target[:2]), np.minimum(others[:, 2:], target[2:])
                shared = np.clip(high - low, 0, None).prod(1)
                smaller = np.minimum((others[:, 2:] - others[:, :2]).prod(1), width * height)
                if crowd or (shared < 0.3 * smaller).all():
                    break
            else:
                continue
            if crowd:  # the smallest stand at the back, each row in front of the one above it
                place[1] = size * (0.05 + 0.85 * row / len(sides)) + rng.normal(0, 0.04) * size
            x, y = int(round(place[0] - box[0])), int(round(place[1] - box[1]))
            visible = over(image, cutout, x, y)
            if visible is None:
                continue
            x0, y0, x1, y1 = visible
            opaque = np.zeros((size, size), bool)
            opaque[y0:y1, x0:x1] = cutout[y0 - y:y1 - y, x0 - x:x1 - x, 3] > 128
            for j, other in enumerate(boxes):
                u0, v0, u1, v1 = np.clip(other, 0, size).astype(int)
                if u1 > u0 and v1 > v0:
                    covers[j] += opaque[v0:v1, u0:u1].mean()
            if self.yaws[index] < BACK_YAW:
                boxes.append(box + [x, y, x, y])
                covers.append(0.0 if self.yaws[index] < FACELESS_YAW else 1.0)
        before = image.copy()
        for box in boxes:
            if rng.random() < 0.22:
                width, height = box[2] - box[0], box[3] - box[1]
                h, w = max(4, int(height * rng.uniform(0.15, 0.6))), max(4, int(width * rng.uniform(0.15, 0.6)))
                patch = random_patch(rng, self.pictures, h, w) if rng.random() < 0.5 else np.full((h, w, 3), skin_colour(rng))
                x = box[rng.integers(2) * 2] + rng.normal(0, 0.15) * width
                blend(image, np.clip(patch, 0, 255).astype(np.float32), random_shape(rng, h, w), int(x - w / 2), int(box[1] + rng.uniform(0.2, 1) * height - h / 2))
            if not self.held_out and rng.random() < 0.15:  # in the hair, at the cheek, on the shoulder
                around, reach = rng.uniform(0, 2 * np.pi), rng.uniform(0.55, 0.95)
                width, height = box[2] - box[0], box[3] - box[1]
                self.hand(rng, image, rng.uniform(0.5, 1.0) * height, (box[0] + box[2]) / 2 + np.cos(around) * reach * width,
                          (box[1] + box[3]) / 2 + np.sin(around) * reach * height)
        if rng.random() < 0.25:
            self.clutter(rng, image, 1, 60)
        hidden = (image != before).any(2)
        for j, box in enumerate(boxes):
            x0, y0, x1, y1 = np.clip(box, 0, size).astype(int)
            if x1 > x0 and y1 > y0:
                covers[j] += hidden[y0:y1, x0:x1].mean()
        picture = image
        finest = 1.0
        if self.degraded and (self.held_out or rng.random() >= UNDEGRADED_SHARE):
            if rng.random() < 0.25:
                picture = light_field(rng, picture)
            if rng.random() < 0.7:
                picture = tone(rng, picture)
            picture, finest = blur_or_shrink(rng, picture, 0.8)
            if not self.held_out and rng.random() < STRONG_NOISE_SHARE:
                picture = cv2.add(picture, grain(rng, size, size, 3) * np.float32(rng.uniform(8, 30)), dtype=cv2.CV_8U)
            picture = add_noise(rng, picture, 0.8)
        result = np.zeros((MAX_FACES, 5), np.float32)
        filled = 0
        for box, cover in zip(boxes, covers):
            clipped = np.clip(box, 0, size)
            inside = (clipped[2:] - clipped[:2]).prod() / (box[2:] - box[:2]).prod()
            if inside < 0.15 or filled == MAX_FACES:
                continue
            wanted = cover < 0.5 and inside > 0.5 and (box[2:] - box[:2]).mean() >= max(SMALLEST_FACE, FINEST_PARTS * finest)
            # A box may extend past the edge, as the face does; far outside, nothing of it is visible.
            result[filled] = [*(box if inside > 0.8 else clipped), 1 if wanted else -1]
            filled += 1
        return picture, result

    def batch(self, rng, count):
        """images [count, size, size, 3] BGR uint8, boxes [count, MAX_FACES, 5]."""
        images, boxes = np.empty((count, self.size, self.size, 3), np.uint8), np.empty((count, MAX_FACES, 5), np.float32)
        for i in range(count):
            images[i], boxes[i] = self.scene(rng)
        return images, boxes
