"""
Where a run's first weights come from: a training checkpoint, the output of `export`, or a weight pack.

A pack stores convolutions with BatchNorm folded into them. Read back, BatchNorm only adds the bias; this would change as soon
as training feeds it batch statistics, so `open_batch_norm` then gives it the statistics of real batches and the scale and
shift that undo them: the same function, ready to be trained.
"""
import json
from pathlib import Path

import numpy as np
import torch

from .networks import MobileNetV1

STORED_WEIGHTS = {"float32": np.float32, "float16": np.float16, "uint8": np.uint8}
TENSOR_TYPES = {"float32": np.float32, "float16": np.float16, "int32": np.int32, "uint32": np.uint32, "uint8": np.uint8}


def _layers(folder):
    """Name -> float32 array of a tfjs Layers artifact."""
    described = json.loads((folder / "model.json").read_text())
    tensors = {}
    for group in described["weightsManifest"]:
        data, offset = b"".join((folder / path).read_bytes() for path in group["paths"]), 0
        for weight in group["weights"]:
            quantization = weight.get("quantization", {"dtype": "float32"})
            values = np.frombuffer(data, STORED_WEIGHTS[quantization["dtype"]], int(np.prod(weight["shape"])), offset)
            offset += values.nbytes
            if quantization["dtype"] == "uint8":
                values = values * quantization["scale"] + quantization["min"]
            tensors[weight["name"]] = values.astype(np.float32).reshape(weight["shape"])
        if offset != len(data):
            raise ValueError(f"{folder}: weights have {len(data)} bytes, expected {offset}")
    return tensors


def _tensors(folder):
    described = json.loads((folder / "tensors.json").read_text())
    data = (folder / described["data"]).read_bytes()
    return {t["name"]: np.frombuffer(data, TENSOR_TYPES[t["dtype"]], int(np.prod(t["shape"])), t["byteOffset"]).reshape(t["shape"])
            for t in described["tensors"]}


def _unfolded(network, tensors):
    """State of `network` with the folded convolutions of a pack loaded; layers that the pack lacks stay unchanged."""
    state, used = {key: value.clone() for key, value in network.state_dict().items()}, set()
    for name, values in tensors.items():
        layer, kind = name.rsplit("/", 1)
        layer = "fc_param" if layer == "fc" else layer
        if layer.endswith(".negate"):  # CReLU's sign
            continue
        weight = state.get(f"{layer}.weight")
        if weight is None:
            raise ValueError(f"the network has no layer {layer}")
        if kind == "bias":
            head, _, last = layer.rpartition(".")
            norm = f"{head}.{last.replace('conv', 'bn', 1)}".lstrip(".")
            if f"{layer}.bias" in state:
                target = f"{layer}.bias"
            else:
                target = f"{norm}.bias"
                eps = dict(network.named_modules())[norm].eps
                state[f"{norm}.weight"].fill_(1)
                state[f"{norm}.running_mean"].zero_()
                state[f"{norm}.running_var"].fill_(1 - eps)
            array = values
        else:
            target = f"{layer}.weight"
            # Depthwise [h, w, channels, 1] -> [channels, 1, h, w]; [h, w, in, out] -> [out, in, h, w]; dense [in, out] -> [out, in].
            array = values.transpose(2, 3, 0, 1) if kind == "depthwise_kernel" else values.transpose(3, 2, 0, 1) if values.ndim == 4 else values.T
        if tuple(state[target].shape) != array.shape:
            raise ValueError(f"{name} is {list(array.shape)}, in the network it is {list(state[target].shape)}")
        state[target] = torch.from_numpy(np.ascontiguousarray(array))
        used.add(target)
    missing = [key for key in state if key.endswith(("conv.weight", "conv_sep.weight", "fc_param.weight")) and key not in used]
    if missing:
        raise ValueError(f"the pack's network lacks {missing[0]}")
    return state


def read_pack(folder, role, network_of, name=None):
    """
    @param role `regressor` or `detector`.
    @param network_of function manifest entry -> the torch network that the weights go into.
    @param name of the network; default: the pack's first of that role.
    @returns {"state_dict", "folded": True}; a regressor's also has "mean", "std" [62], "widen", and with an expression head
      "expression_mean", "expression_std" [56].
    """
    folder = Path(folder)
    models = json.loads((folder / "pack.json").read_text())["models"]
    entry = next((m for m in models if m["role"] == role and name in (None, m["name"])), None)
    if entry is None:
        raise ValueError(f"{folder} has no {role}{f' named {name}' if name else ''}")
    stored = {"state_dict": _unfolded(network_of(entry), _layers(folder / Path(entry["path"]).parent)), "folded": True}
    if role == "regressor":
        statistics = next(m for m in models if m["name"] == entry["normalization"])
        values = _tensors(folder / Path(statistics["path"]).parent)
        names = {"mean": "mean", "std": "std", "expression_mean": "actingMean", "expression_std": "actingStd"}
        stored.update({name: torch.tensor(values[kept]) for name, kept in names.items() if kept in values}, widen=entry["widthMultiplier"])
    return stored


def regressor_of(entry):
    """The network that a regressor's manifest entry describes, with its expression head, if any."""
    return MobileNetV1(entry["widthMultiplier"], expression_outputs=entry.get("actingOutputCount", 0))


def load_start(path, role, network_of, name=None):
    """Loads what `--init` names: a pack (folder), or a checkpoint or the output of `export` (file, with its statistics beside it)."""
    path = Path(path)
    if path.is_dir():
        return read_pack(path, role, network_of, name)
    stored = torch.load(path, map_location="cpu")
    statistics = path.with_name(f"{path.stem}-mean-std.npz")
    if role == "regressor" and "mean" not in stored:
        if not statistics.exists():
            raise ValueError(f"{path} has no statistics, and {statistics.name} does not exist beside it")
        values = np.load(statistics)
        stored.update({name: torch.tensor(values[name]) for name in values.files})
    return stored


def open_batch_norm(network, inputs):
    """Gives each BatchNorm the statistics of what it receives for `inputs`, and the scale and shift that undo them."""
    seen = {}
    hooks = [module.register_forward_pre_hook(lambda m, args: seen.__setitem__(m, (args[0].mean((0, 2, 3)), args[0].var((0, 2, 3), unbiased=False))))
             for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    training = network.training
    network.eval()
    with torch.no_grad():
        network(inputs)
        for hook in hooks:
            hook.remove()
        for module, (mean, variance) in seen.items():
            scale = module.weight / torch.sqrt(module.running_var + module.eps)
            shift = module.bias - scale * module.running_mean
            module.running_mean.copy_(mean)
            module.running_var.copy_(variance)
            module.weight.copy_(scale * torch.sqrt(variance + module.eps))
            module.bias.copy_(shift + scale * mean)
    network.train(training)


def widened(state, seed=0):
    """
    State of a MobileNet of twice the width that computes the same ("Net2Net", ICLR 2016): every channel is doubled, and what
    reads a channel splits its weight between the two at random, so that training can tell them apart.
    """
    generator = torch.Generator().manual_seed(seed)
    result = {}
    for key, value in state.items():
        if value.ndim == 0:
            result[key] = value.clone()
            continue
        head = key.startswith("fc_")
        if not head:
            value = torch.cat([value, value])
        if key.endswith("conv_sep.weight") or (head and value.ndim == 2):
            share = torch.rand(value.shape, generator=generator) * 0.6 + 0.2
            value = torch.cat([value * share, value * (1 - share)], 1)
        result[key] = value.clone()
    return result
