"""
Trains all networks of a pack from scratch, within a time budget: `python3 -m tddfa_training.train_all --minutes 20 --out DIR`.

Renders the hold-outs and the first heads and people with all processes, then trains both regressors, the detector and the networks for eyes
and mouths in parallel while rendering continues, mines the detector's mistakes along the way, and exports at the end. On a GPU about twenty
minutes are enough (with 16 cores for rendering); on a CPU they are trained one after another and share the minutes. When restarted, it
resumes where it stopped, except for the networks for eyes and mouths, which start again.
"""
import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from .paths import runs_folder
from .runtime import training_device

# Render options of each training, in a folder of that name.
RENDERS = {
    "heads": ("--canvas-px", 240),  # of 316 mm: finer than a crop's 120 px of 200 mm
    "people": ("--canvas-px", 320, "--canvas-mm", 420, "--faceless", 0.08),
    "fine": ("--canvas-px", 240, "--canvas-mm", 220, "--poses", "frontal"),
}
# For the training renders only: too rare to learn from at the frequencies of a lifelike hold-out.
MORE_OF = {"people": ("--masks", 0.25), "fine": ("--rare", 0.35)}
HELD_OUT_SHARDS = {"heads": 2, "people": 1, "fine": 3}
FIRST_SHARDS = {"heads": 24, "people": 20, "fine": 16}
LAST_SHARDS = {"heads": 400, "people": 48, "fine": 400}
# Shares of the minutes when training one after another; the half-width regressor gets the rest.
WIDE_SHARE, DETECTOR_SHARE, REFINE_SHARE = 0.3, 0.3, 0.2


def started(module, *arguments, log=None, nice=0):
    """A process of this package; its output goes to the file `log`."""
    command = ["nice", "-n", str(nice), sys.executable, "-m", f"tddfa_training.{module}", *map(str, arguments)]
    out = open(log, "a") if log else None
    return subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT if out else None)


def waited(processes):
    for process in processes:
        if process.wait() != 0:
            raise SystemExit(f"{' '.join(process.args[3:])} exited with {process.returncode}")


def render(kind, split, shards, processes, nice=0):
    return started("render_heads", "--out", runs_folder() / kind, "--split", split, "--shards", shards, "--processes", max(1, processes),
                   *RENDERS[kind], *(MORE_OF.get(kind, ()) if split == "train" else ()), log=runs_folder() / f"render-{kind}-{split}.log", nice=nice)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=20, help="training time; rendering before it and the export after it take a few minutes more")
    parser.add_argument("--out", type=Path, required=True, help="output folder for the networks, NAME.pth, and their statistics")
    parser.add_argument("--init", type=Path, help="weight pack (a folder) to continue from")
    parser.add_argument("--name", default="all", help="the runs are NAME-x05, NAME-x10 and NAME-faceboxes")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="processes that render and compose")
    parser.add_argument("--pool", type=int, default=25_000, help="rendered heads, and composed pictures, in GPU memory for each training; 25,000 fit in 80 GB")
    args = parser.parse_args()
    runs = runs_folder()
    runs.mkdir(parents=True, exist_ok=True)
    gpu = training_device(args.device).type == "cuda"
    begun = time.time()

    def say(text):
        print(f"{(time.time() - begun) / 60:.1f} min: {text}", flush=True)

    third = max(1, args.processes // 3)
    waited([render(kind, "held-out", shards, min(shards, third)) for kind, shards in HELD_OUT_SHARDS.items()]
           + [render(kind, "train", shards, third) for kind, shards in FIRST_SHARDS.items()])
    say("the first heads have been rendered")
    background = [render(kind, "train", shards, args.processes // (8 if kind == "people" else 4) if gpu else 1, nice=0 if gpu else 10) for kind, shards in LAST_SHARDS.items()]

    def regressor(name, widen, minutes, init, rate):
        start = () if init is None else ("--init", init) if isinstance(init, str) else ("--init", args.init, "--init-name", init[0])
        return started("train_regressor", "--run", f"{args.name}-{name}", "--widen", widen, "--minutes", minutes, "--samples", 10 ** 9, "--rate", rate, *start,
                       "--device", args.device, "--pool", args.pool, "--workers", 1, log=runs / f"{args.name}-{name}.log")

    def detector(minutes):
        start = () if args.init is None else ("--init", args.init)
        return started("train_detector", "--run", f"{args.name}-faceboxes", "--minutes", minutes, "--pictures", 10 ** 9, "--device", args.device,
                       "--pool", args.pool, "--workers", max(1, args.processes // 4), "--evaluate-every", 120_000 if gpu else 9600, *start, log=runs / f"{args.name}-faceboxes.log", nice=0)

    def refiner(minutes, *kind):
        fine = runs_folder() / "fine"
        return started("train_refine", "--data", fine / "train", "--held-out", fine / "held-out", "--out", args.out, "--minutes", minutes, "--device", args.device,
                       "--pool", args.pool, *kind, log=runs / f"{args.name}-refine{''.join(kind[1:])}.log")

    try:
        if gpu:
            training = [regressor("x05", 0.5, args.minutes, args.init and ("open-mb05",), 2e-3), regressor("x10", 1.0, args.minutes, args.init and ("open-mb1",), 2e-3),
                        detector(args.minutes), *(refiner(args.minutes, "--kind", kind) for kind in ("eye", "mouth"))]
            while any(process.poll() is None for process in training):
                if (runs / f"{args.name}-faceboxes" / "averaged.pth").exists():
                    started("mine", "--run", f"{args.name}-faceboxes", "--pictures", 600, "--seed", int(time.time()), log=runs / "mine.log", nice=5).wait()
                time.sleep(5)
            waited(training)
        else:
            share = args.minutes * (1 - DETECTOR_SHARE - WIDE_SHARE - REFINE_SHARE)
            waited([regressor("x05", 0.5, share, args.init and ("open-mb05",), 2e-3)])
            waited([regressor("x10", 1.0, args.minutes * WIDE_SHARE, args.init and ("open-mb1",) or f"{runs / f'{args.name}-x05'}/best-ema.pth", 1.2e-3)])
            waited([detector(args.minutes * DETECTOR_SHARE)])
            waited([refiner(args.minutes * REFINE_SHARE)])
    finally:
        for process in background:
            process.terminate()
    say("trained")
    waited([started("export", "--run", f"{args.name}-{run}", "--out", args.out / name) for run, name in (("x05", "mb05"), ("x10", "mb1"), ("faceboxes", "faceboxes"))])
    say(f"exported to {args.out}; to make a pack: npm run train:pack -- --mb05 {args.out}/mb05.pth --mb1 {args.out}/mb1.pth --detector {args.out}/faceboxes.pth "
        f"--refine-eyes {args.out}/refine-eye.pth --refine-mouth {args.out}/refine-mouth.pth")


if __name__ == "__main__":
    main()
