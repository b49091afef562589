"""
Facial expressions: weights of the 52 blendshapes (ARKit's names) and the gaze, drawn as people move rather than shape by shape.

A fifth of the faces are neutral with sealed lips. Half are presets, in which cheeks, lids and mouth act together, some of them on one
side; the rest are random mixes of single shapes, so that rare ones occur often enough. Lids and gaze are drawn for every face.
"""
import numpy as np

from .blendshapes import BLENDSHAPES, GAZE_FULL_DEGREES, SIDES, look_weights

NEUTRAL_SHARE, PRESET_SHARE = 0.22, 0.5
EXTRA_SHARE = 0.3  # of the presets, which get one more shape
# Shape -> minimum and maximum; `*` stands for both sides, which differ by a tenth or so, `~` for one side, the same in the whole preset.
PRESETS = (
    (4, {"mouthSmile*": (0.2, 1), "cheekSquint*": (0, 0.6), "mouthDimple*": (0, 0.4)}),
    (4, {"mouthSmile*": (0.5, 1), "cheekSquint*": (0.4, 1), "eyeSquint*": (0.2, 0.9), "jawOpen": (0.05, 0.6), "mouthUpperUp*": (0, 0.6),
         "noseSneer*": (0, 0.25)}),
    (2, {"mouthSmile~": (0.2, 1), "cheekSquint~": (0, 0.5), "mouthDimple~": (0, 0.5)}),
    (3, {"jawOpen": (0.05, 0.5), "mouthLowerDown*": (0, 0.6), "mouthUpperUp*": (0, 0.4), "mouthStretch*": (0, 0.3)}),
    (3, {"jawOpen": (0.05, 0.4), "mouthFunnel": (0.2, 1), "mouthPucker": (0, 0.4)}),
    (3, {"mouthPucker": (0.3, 1), "mouthFunnel": (0, 0.4), "jawOpen": (0, 0.15)}),
    (2, {"mouthPress*": (0.2, 1), "mouthRollLower": (0, 0.6), "mouthRollUpper": (0, 0.6)}),
    (2, {"mouthRollLower": (0.2, 1), "mouthRollUpper": (0.1, 1), "mouthPress*": (0, 0.3)}),
    (1, {"jawOpen": (0.2, 0.6), "mouthClose": (0.15, 0.5)}),
    (3, {"browInnerUp": (0.3, 1), "browOuterUp*": (0.3, 1), "eyeWide*": (0.2, 1), "jawOpen": (0, 0.8), "mouthFunnel": (0, 0.3)}),
    (2, {"browInnerUp": (0.2, 1), "browOuterUp*": (0.2, 1)}),
    (3, {"browDown*": (0.3, 1), "eyeSquint*": (0, 0.7), "noseSneer*": (0, 0.5), "mouthPress*": (0, 0.7), "mouthFrown*": (0, 0.4)}),
    (1, {"browDown*": (0.4, 1), "noseSneer*": (0.2, 0.8), "jawOpen": (0.3, 1), "mouthUpperUp*": (0.2, 0.9), "mouthLowerDown*": (0.2, 0.9),
         "mouthStretch*": (0.1, 0.7)}),
    (2, {"noseSneer*": (0.3, 1), "mouthUpperUp*": (0.2, 1), "browDown*": (0, 0.7), "cheekSquint*": (0.1, 0.7), "mouthShrugUpper": (0, 0.6)}),
    (3, {"browInnerUp": (0.2, 1), "mouthFrown*": (0.3, 1), "mouthShrugLower": (0, 0.8), "mouthPress*": (0, 0.4)}),
    (1, {"mouthShrugLower": (0.3, 1), "mouthShrugUpper": (0, 0.7), "mouthFrown*": (0.1, 0.7), "browOuterUp*": (0, 0.6)}),
    (1, {"cheekPuff": (0.3, 1), "mouthPucker": (0, 0.4), "mouthPress*": (0, 0.3)}),
    (1, {"eyeBlink~": (0.9, 1), "cheekSquint~": (0.2, 0.8), "mouthSmile~": (0, 0.8), "eyeSquint~": (0, 0.5)}),
    (1, {"jawOpen": (0.7, 1), "eyeBlink*": (0.5, 1), "eyeSquint*": (0.2, 1), "browDown*": (0, 0.5), "noseSneer*": (0, 0.4)}),
    (1, {"eyeBlink*": (0.9, 1), "eyeSquint*": (0.5, 1), "cheekSquint*": (0.3, 1), "noseSneer*": (0.2, 0.8), "mouthStretch*": (0.1, 0.8),
         "browDown*": (0.2, 1)}),
    (1, {"tongueOut": (0.4, 1), "jawOpen": (0.1, 0.5)}),
    (2, {"browOuterUp~": (0.3, 1), "browDown^": (0.2, 0.9)}),
    (1, {"jaw~": (0.3, 1), "mouth~": (0, 0.6)}),
    (2, {"mouth~": (0.3, 1), "mouthPucker": (0, 0.4)}),
    (1, {"jawForward": (0.3, 1), "mouthShrugLower": (0, 0.5)}),
    (2, {"eyeSquint*": (0.3, 1), "browDown*": (0, 0.5), "cheekSquint*": (0, 0.6)}),
    (1, {"mouthStretch*": (0.3, 1), "browInnerUp": (0, 1), "eyeWide*": (0, 0.8)}),
)
PRESET_CHANCE = np.array([weight for weight, _ in PRESETS], float) / sum(weight for weight, _ in PRESETS)
# Too rare in the draws above for a network to learn in a short run: single sides, the jaw and mouth moved sideways, tongue and cheeks.
RARE = tuple(name for name in BLENDSHAPES if name.endswith(SIDES) and not name.startswith("eye")) + 2 * (
    "jawLeft", "jawRight", "mouthLeft", "mouthRight", "jawForward", "jawForward", "tongueOut", "tongueOut", "cheekPuff", "cheekPuff")
LOOKS = tuple(name for name in BLENDSHAPES if name.startswith("eyeLook"))
FREE = tuple(name for name in BLENDSHAPES if name not in LOOKS and not name.startswith("eyeBlink"))
LARGEST_GAZE = np.array([35.0, 22.0])  # yaw and pitch, degrees


def _put(rng, weights, name, value, side):
    """Adds one entry of a preset."""
    other = {"Left": "Right", "Right": "Left"}[side]
    if name.endswith("*"):
        both = np.clip(value * (1 + rng.normal(0, 0.12, 2)), 0, 1)
        pairs = [(name[:-1] + s, v) for s, v in zip(SIDES, both)]
    else:
        pairs = [(name.replace("~", side).replace("^", other), value)]
    for full, v in pairs:
        k = BLENDSHAPES.index(full)
        weights[k] = max(weights[k], v)


def sample_gaze(rng, head_yaw, head_pitch):
    """
    [4] degrees relative to the head: left yaw, left pitch, right yaw, right pitch; yaw towards the person's left (+x), pitch up. A third look into the
    camera as far as eyes can turn.
    """
    kind = rng.random()
    if kind < 0.35:
        yaw, pitch = -head_yaw + rng.normal(0, 4), head_pitch + rng.normal(0, 3)
    elif kind < 0.5:
        yaw, pitch = rng.normal(0, 3, 2)
    elif kind < 0.85:
        yaw, pitch = rng.normal(0, 15), rng.normal(-2, 9)
    else:
        yaw, pitch = rng.uniform(-1, 1, 2) * LARGEST_GAZE
    yaw, pitch = np.clip([yaw, pitch], -LARGEST_GAZE, LARGEST_GAZE)
    inward = abs(rng.normal(0, 1.2))  # the two lines of sight converge in front
    return np.array([yaw - inward, pitch, yaw + inward, pitch]) + rng.normal(0, 0.4, 4)


def sample_lids(rng, weights):
    """How far lids are shut, in place: mostly open, every eighth face shut, some half shut or on one side."""
    left, right = BLENDSHAPES.index("eyeBlinkLeft"), BLENDSHAPES.index("eyeBlinkRight")
    kind = rng.random()
    if kind < 0.12:
        value = np.array([1.0, 1.0])
    elif kind < 0.3:
        value = np.clip(rng.uniform(0, 1) + rng.normal(0, 0.04, 2), 0, 1)
    elif kind < 0.34:
        value = np.zeros(2)
        value[rng.integers(2)] = rng.uniform(0.3, 1) if rng.random() < 0.4 else 1
    elif kind < 0.6:
        value = np.clip(rng.uniform(0, 0.25) + rng.normal(0, 0.03, 2), 0, 1)
    else:
        value = np.zeros(2)
    weights[[left, right]] = np.maximum(weights[[left, right]], value)
    for side, blink in zip(SIDES, weights[[left, right]]):
        if blink > 0.4:  # wide eyes are not shut
            weights[BLENDSHAPES.index(f"eyeWide{side}")] = 0


def _rare_expression(rng, weights):
    """One to three of RARE, half of them with an open jaw, in place."""
    for _ in range(rng.integers(1, 4)):
        k = BLENDSHAPES.index(RARE[rng.integers(len(RARE))])
        weights[k] = max(weights[k], rng.uniform(0.15, 1))
    if rng.random() < 0.5:
        weights[BLENDSHAPES.index("jawOpen")] = rng.uniform(0, 0.7)


def sample_expression(rng, head_yaw=0.0, head_pitch=0.0, full_degrees=GAZE_FULL_DEGREES, rare_share=0.0):
    """
    @param head_yaw, head_pitch degrees, which a look into the camera compensates.
    @param rare_share: share of faces with one to three of RARE and nothing else.
    @returns weights [52] of BLENDSHAPES, 0..1, and gaze [4] as from `sample_gaze`.
    """
    weights = np.zeros(len(BLENDSHAPES))
    kind, side = rng.random(), SIDES[rng.integers(2)]
    if rare_share > 0 and rng.random() < rare_share:
        _rare_expression(rng, weights)
    elif kind < NEUTRAL_SHARE:
        pass
    elif kind < NEUTRAL_SHARE + PRESET_SHARE:
        strength = rng.uniform(0.35, 1) if rng.random() < 0.5 else 1.0
        for name, (low, high) in PRESETS[rng.choice(len(PRESETS), p=PRESET_CHANCE)][1].items():
            _put(rng, weights, name, strength * rng.uniform(low, high), side)
        if rng.random() < EXTRA_SHARE:
            _put(rng, weights, FREE[rng.integers(len(FREE))], rng.uniform(0, 0.8), side)
    else:
        for _ in range(rng.integers(1, 6)):
            name = FREE[rng.integers(len(FREE))]
            stem = next((name[:-len(s)] for s in SIDES if name.endswith(s) and name[:-len(s)] not in ("jaw", "mouth")), None)
            paired = stem is not None and rng.random() < 0.6
            _put(rng, weights, f"{stem}*" if paired else name, rng.uniform(0.05, 1), side)
    # Lips close over an open jaw only as far as it is open.
    close, jaw = BLENDSHAPES.index("mouthClose"), BLENDSHAPES.index("jawOpen")
    if weights[close] > weights[jaw]:
        weights[jaw] = weights[close] * rng.uniform(1, 1.3)
        weights[jaw] = min(weights[jaw], 1)
    for stem in ("jaw", "mouth"):
        pair = [BLENDSHAPES.index(stem + s) for s in SIDES]
        if weights[pair].min() > 0:
            weights[pair[rng.integers(2)]] = 0
    sample_lids(rng, weights)
    gaze = sample_gaze(rng, head_yaw, head_pitch)
    weights += look_weights(gaze, full_degrees)
    return weights, gaze
