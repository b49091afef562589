"""The 52 expression shapes under ARKit's names, in the order of the model's columns, with the gaze, and how both mirror."""
import numpy as np

SIDES = ("Left", "Right")
BLENDSHAPES = (
    "eyeBlinkLeft", "eyeLookDownLeft", "eyeLookInLeft", "eyeLookOutLeft", "eyeLookUpLeft", "eyeSquintLeft", "eyeWideLeft",
    "eyeBlinkRight", "eyeLookDownRight", "eyeLookInRight", "eyeLookOutRight", "eyeLookUpRight", "eyeSquintRight", "eyeWideRight",
    "jawForward", "jawLeft", "jawRight", "jawOpen",
    "mouthClose", "mouthFunnel", "mouthPucker", "mouthLeft", "mouthRight", "mouthSmileLeft", "mouthSmileRight", "mouthFrownLeft",
    "mouthFrownRight", "mouthDimpleLeft", "mouthDimpleRight", "mouthStretchLeft", "mouthStretchRight", "mouthRollLower",
    "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthPressLeft", "mouthPressRight", "mouthLowerDownLeft",
    "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight",
    "cheekPuff", "cheekSquintLeft", "cheekSquintRight", "noseSneerLeft", "noseSneerRight", "tongueOut",
)
GAZE = ("leftYaw", "leftPitch", "rightYaw", "rightPitch")  # degrees: + towards the person's left, + up
GAZE_FULL_DEGREES = {"up": 25.0, "down": 30.0, "in": 35.0, "out": 35.0}  # at which an eyeLook… shape reaches 1; the model's own take precedence
EXPRESSION_OUTPUTS = len(BLENDSHAPES) + len(GAZE)


def _other_side(name):
    for side, other in (("Left", "Right"), ("Right", "Left")):
        if name.endswith(side):
            return name[:-len(side)] + other
    return name


# For a mirrored face, [52 weights, 4 gaze angles] become values[..., MIRROR] * MIRROR_SIGNS.
MIRROR = np.array([*(BLENDSHAPES.index(_other_side(name)) for name in BLENDSHAPES), 54, 55, 52, 53])
MIRROR_SIGNS = np.array([*np.ones(len(BLENDSHAPES)), -1, 1, -1, 1], np.float32)

def side_pairs(names):
    """
    Rows (left, right) of `names` that are the same shape on either side of the face. Looks are not included: eyes turn together, and
    what turns one outwards turns the other inwards.
    """
    return [(left, names.index(_other_side(name))) for left, name in enumerate(names)
            if name.endswith("Left") and not name.startswith("eyeLook") and _other_side(name) in names]


# Hidden by opaque glasses or by a mask: these are not learned from such a picture.
EYE_COLUMNS = np.array([i for i, name in enumerate(BLENDSHAPES) if name.startswith("eye")])
MOUTH_COLUMNS = np.array([i for i, name in enumerate(BLENDSHAPES) if name.startswith(("jaw", "mouth", "cheekPuff", "tongue"))])
GAZE_COLUMNS = np.arange(len(BLENDSHAPES), EXPRESSION_OUTPUTS)


def look_weights(gaze, full_degrees=GAZE_FULL_DEGREES):
    """[52] the eyeLook… weights that go with a gaze [4]; the rest 0."""
    weights = np.zeros(len(BLENDSHAPES))
    for side, outward, (yaw, pitch) in (("Left", 1, gaze[:2]), ("Right", -1, gaze[2:])):
        for name, angle in (("Up", pitch), ("Down", -pitch), ("Out", outward * yaw), ("In", -outward * yaw)):
            weights[BLENDSHAPES.index(f"eyeLook{name}{side}")] = np.clip(angle / full_degrees[name.lower()], 0, 1)
    return weights
