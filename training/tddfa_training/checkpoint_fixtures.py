"""
Writes test/fixtures/checkpoints/: a very small MobileNet-V1 with random weights, saved in the various ways people save
networks, and torch's results with it.

    python -m tddfa_training.checkpoint_fixtures ../test/fixtures/checkpoints

ONNX and Keras files are made if `onnx`, `keras` and `h5py` are installed.
"""
import argparse
import copy
import gzip
import io
import json
import os
import pathlib
import pickle
import random

import numpy
import torch
from torch import nn

from .networks import MobileNetV1, to_input

WIDTH = 1 / 32


class Settings:
    """User-defined settings, which no checkpoint reader knows."""

    def __init__(self):
        self.rate = 0.1
        self.layers = {"stem": [3, 32]}


class Wrapped(nn.Module):
    """A network inside another module, as in training frameworks, optionally with its running average."""

    def __init__(self, name, network, averaged=None):
        super().__init__()
        setattr(self, name, network)
        if averaged is not None:
            self.ema = averaged


class SmallNetwork(MobileNetV1):
    """Without the head that only training uses."""

    def __init__(self):
        super().__init__(WIDTH)
        del self.fc_lm

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        for name, module in self.named_children():
            if name.startswith("dw"):
                x = module(x)
        return self.fc_param(x.mean((2, 3)))


def make_network(seed):
    torch.manual_seed(seed)
    network = SmallNetwork()
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if not tensor.is_floating_point():
                continue
            # Multiples of 1/8 compress well; variances are positive.
            values = torch.randint(4, 13, tensor.shape) if name.endswith("running_var") else torch.randint(-8, 9, tensor.shape)
            tensor.copy_(values / 8)
    return network.eval()


def output_of(network, picture):
    with torch.no_grad():
        return network(picture)[0].tolist()


def averaged_model(network):
    """A running average after three updates, with the weights of `network`."""
    averaged = torch.optim.swa_utils.AveragedModel(network)
    averaged.n_averaged += 3
    return averaged


def checkpoints(plain, averaged):
    """Content by name."""
    state, average = plain.state_dict(), averaged.state_dict()
    optimizer = torch.optim.Adam(plain.parameters())
    for parameter in plain.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    plain.load_state_dict(state)
    settings = argparse.Namespace(width=WIDTH, folder=pathlib.PurePosixPath("/data"), device=torch.device("cpu"))
    yield "plain", state
    yield "compiled", torch.compile(plain).state_dict()
    yield "parallel-twice", nn.DataParallel(nn.DataParallel(plain)).state_dict()
    yield "parallel-compiled", nn.DataParallel(torch.compile(plain)).state_dict()
    yield "model", Wrapped("model", plain).state_dict()
    yield "net-backbone", Wrapped("net", Wrapped("backbone", plain)).state_dict()
    yield "lightning", {
        "epoch": 3, "global_step": 100, "pytorch-lightning_version": "2.1.0",
        "state_dict": {**Wrapped("net", plain).state_dict(), "criterion.weight": torch.ones(3)},
        "optimizer_states": [optimizer.state_dict()], "lr_schedulers": [], "callbacks": {"best": torch.tensor(0.5)},
        "hyper_parameters": settings,
    }
    yield "settings-beside", {
        "state_dict": state, "args": settings, "config": Settings(), "dtype": torch.float16, "device": torch.device("cpu"),
        "python": random.getstate(), "numpy": numpy.float64(0.5), "epoch": 7,
    }
    yield "ema", {"model": state, "ema": average}
    yield "model-ema", {"model_ema": average, "model": state, "optimizer": optimizer.state_dict()}
    yield "averaged", averaged_model(averaged).state_dict()
    yield "averaged-beside", {"swa": averaged_model(averaged).state_dict(), "weights": state}
    yield "ema-inside", Wrapped("model", plain, averaged_model(averaged)).state_dict()
    yield "whole-module", plain
    yield "whole-module-beside", {"epoch": 1, "model": plain, "ema": None}


def other_kinds():
    """Tensors that no converter reads, next to some that are read, and alone."""
    ones = torch.ones(3)
    kinds = {
        "complex": ones.to(torch.complex64), "quantized": torch.quantize_per_tensor(ones, 0.1, 0, torch.quint8),
        "eight_bits": ones.to(torch.float8_e4m3fn), "uint16": ones.to(torch.uint16), "sparse": torch.eye(3).to_sparse(),
    }
    yield "kinds-beside", {"state_dict": {"weight": ones}, **kinds}
    yield "kinds-alone", {"weight": ones.to(torch.float8_e4m3fn), "bias": ones.to(torch.float8_e4m3fn)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out")
    out = pathlib.Path(parser.parse_args().out)
    out.mkdir(parents=True, exist_ok=True)
    plain, averaged = make_network(1), make_network(2)
    picture = to_input(numpy.arange(120 * 120 * 3, dtype=numpy.int64).reshape(1, 120, 120, 3) * 7919 % 251)
    outputs = {"plain": output_of(plain, picture), "averaged": output_of(averaged, picture)}
    (out / "outputs.json").write_text(json.dumps(outputs) + "\n")
    for number, (name, content) in enumerate(checkpoints(plain, averaged)):
        buffer = io.BytesIO()
        # Alternates torch's two formats; whole modules use both.
        torch.save(content, buffer, _use_new_zipfile_serialization=number % 2 == 0)
        write_gzip(out / f"{name}.pth.gz", buffer.getvalue())
    for name, content in other_kinds():
        buffer = io.BytesIO()
        torch.save(content, buffer)
        write_gzip(out / f"{name}.pth.gz", buffer.getvalue())
    write_gzip(out / "pickled.pkl.gz", pickle.dumps({"weight": torch.ones(3)}))
    layer = nn.Linear(2, 2)
    torch.export.save(torch.export.export(layer, (torch.ones(1, 2),)), out / "program.pt2")
    write_gzip(out / "program.pt2.gz", (out / "program.pt2").read_bytes())
    (out / "program.pt2").unlink()
    with torch.no_grad():
        traced = torch.jit.trace(plain, picture)
    buffer = io.BytesIO()
    torch.jit.save(traced, buffer)
    write_gzip(out / "torchscript.pt.gz", buffer.getvalue())
    write_others(out, plain, picture)


def write_others(out, network, picture):
    try:
        import onnx  # noqa: F401
    except ImportError:
        print("skipping ONNX: onnx is not installed")
    else:
        buffer = io.BytesIO()
        torch.onnx.export(copy.deepcopy(network), picture, buffer, dynamo=False)
        write_gzip(out / "network.onnx.gz", buffer.getvalue())
    os.environ["KERAS_BACKEND"] = "torch"
    try:
        import keras
    except ImportError:
        print("skipping Keras: keras or h5py is not installed")
        return
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    for ending in ("keras", "h5"):
        model.save(out / f"network.{ending}")
        write_gzip(out / f"network.{ending}.gz", (out / f"network.{ending}").read_bytes())
        (out / f"network.{ending}").unlink()


def write_gzip(path, content):
    with open(path, "wb") as file, gzip.GzipFile("", "wb", 9, file, 0) as packed:
        packed.write(content)
    print(path.name, path.stat().st_size)


if __name__ == "__main__":
    main()
