"""
From nothing to networks for a pack, with a budget: `python3 -m tddfa_training.train_all --minutes 20 --out DIR`.

Renders the hold-out and the first heads and people with all processes, then trains both regressors and the detector beside each other while
rendering goes on, looks for the detector's mistakes on the way, and exports at the end. On a GPU about twenty minutes do (16 cores that
render); on a CPU the three are trained one after another, and the minutes are shared among them. Started again it goes on where it stopped.
"""
import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from .paths import runs_folder
from .runtime import training_device

HEADS_PX = 240  # of a canvas of 316 mm: finer than a crop's 120 px of 200 mm
PEOPLE_SHARDS = 24
FIRST_HEAD_SHARDS, HEAD_SHARDS = 24, 400
DETECTOR_SHARE, WIDE_SHARE = 0.35, 0.35  # of the minutes where one is trained after another


def started(module, *arguments, log=None, nice=0):
    """A process of this package; what it prints goes into the file `log`."""
    command = ["nice", "-n", str(nice), sys.executable, "-m", f"tddfa_training.{module}", *map(str, arguments)]
    out = open(log, "a") if log else None
    return subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT if out else None)


def waited(processes):
    for process in processes:
        if process.wait() != 0:
            raise SystemExit(f"{' '.join(process.args[3:])} ended with {process.returncode}")


def render(split, shards, processes, nice=0, people=False):
    room = ("--out", runs_folder() / "people", "--canvas-px", 320, "--canvas-mm", 420, "--faceless", 0.08) if people else ("--canvas-px", HEADS_PX)
    return started("render_heads", "--split", split, "--shards", shards, "--processes", max(1, processes), *room,
                   log=runs_folder() / f"render-{'people' if people else 'heads'}-{split}.log", nice=nice)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=20, help="for training; rendering before it and the export after it take a few more")
    parser.add_argument("--out", type=Path, required=True, help="folder for mb05.pth, mb1.pth, faceboxes.pth and the statistics")
    parser.add_argument("--init", type=Path, help="a weight pack (a folder) to go on from")
    parser.add_argument("--name", default="all", help="the runs are NAME-x05, NAME-x10 and NAME-faceboxes")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="that render and compose")
    parser.add_argument("--pool", type=int, default=40_000, help="rendered heads in a GPU's memory for each regressor")
    args = parser.parse_args()
    runs = runs_folder()
    runs.mkdir(parents=True, exist_ok=True)
    gpu = training_device(args.device).type == "cuda"
    begun = time.time()

    def say(text):
        print(f"{(time.time() - begun) / 60:.1f} min: {text}", flush=True)

    third = max(1, args.processes // 3)
    waited([render("held-out", 2, min(2, args.processes)), render("held-out", 1, 1, people=True), render("train", FIRST_HEAD_SHARDS, 2 * third),
            render("train", PEOPLE_SHARDS, third, people=True)])
    say("the first heads are rendered")
    background = [render("train", HEAD_SHARDS, third if gpu else 1, nice=5)]

    def regressor(name, widen, minutes, init, rate):
        start = () if init is None else ("--init", init) if isinstance(init, str) else ("--init", args.init, "--init-name", init[0])
        return started("train_regressor", "--run", f"{args.name}-{name}", "--widen", widen, "--minutes", minutes, "--samples", 10 ** 9, "--rate", rate, *start,
                       "--device", args.device, "--pool", args.pool, "--workers", 1, log=runs / f"{args.name}-{name}.log")

    def detector(minutes):
        start = () if args.init is None else ("--init", args.init)
        return started("train_detector", "--run", f"{args.name}-faceboxes", "--minutes", minutes, "--pictures", 10 ** 9, "--device", args.device,
                       "--workers", max(1, args.processes // 2), "--evaluate-every", 120_000 if gpu else 9600, *start, log=runs / f"{args.name}-faceboxes.log", nice=0)

    if gpu:
        training = [regressor("x05", 0.5, args.minutes, args.init and ("open-mb05",), 2e-3), regressor("x10", 1.0, args.minutes, args.init and ("open-mb1",), 2e-3),
                    detector(args.minutes)]
        while any(process.poll() is None for process in training):
            if (runs / f"{args.name}-faceboxes" / "averaged.pth").exists():
                started("mine", "--run", f"{args.name}-faceboxes", "--pictures", 600, "--seed", int(time.time()), log=runs / "mine.log", nice=5).wait()
            time.sleep(5)
        waited(training)
    else:
        share = args.minutes * (1 - DETECTOR_SHARE - WIDE_SHARE)
        waited([regressor("x05", 0.5, share, args.init and ("open-mb05",), 2e-3)])
        waited([regressor("x10", 1.0, args.minutes * WIDE_SHARE, args.init and ("open-mb1",) or f"{runs / f'{args.name}-x05'}/best-ema.pth", 1.2e-3)])
        waited([detector(args.minutes * DETECTOR_SHARE)])
    for process in background:
        process.terminate()
    say("trained")
    waited([started("export", "--run", f"{args.name}-{run}", "--out", args.out / name) for run, name in (("x05", "mb05"), ("x10", "mb1"), ("faceboxes", "faceboxes"))])
    say(f"exported to {args.out}; npm run train:pack -- --mb05 {args.out}/mb05.pth --mb1 {args.out}/mb1.pth --detector {args.out}/faceboxes.pth makes a pack of them")


if __name__ == "__main__":
    main()
