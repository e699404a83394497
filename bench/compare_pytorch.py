#!/usr/bin/env python3
"""Step time of a CNN at batch 64 in steady state: Tenon's backends beside PyTorch, in one run.

    bench/compare_pytorch.py [--tenon builddir/cli/tenon] [--threads 2] [--rounds 5]
                             [--device cpu --device opencl] [--torch-device cpu] [--json FILE]

The net is mnist-cnn's (347,146 parameters) with Adam, on the built-in digits. Each round runs every
contestant once, in turn, so that a machine whose speed drifts treats all alike; what counts is the
ratio within a round. Both sides shuffle, train on every sample, and read the loss at the end of the
epoch only. The first epoch warms up. PyTorch is asked for with this interpreter, else python3 and
/usr/bin/python3.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

TORCH_CODE = r"""
import json, sys, time, torch
device, threads, epochs, samples, batch = sys.argv[1], *map(int, sys.argv[2:])
torch.set_num_threads(threads)
torch.manual_seed(1)
# f32 on both sides: no TF32. And cuDNN may try out which algorithm is fastest.
torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.benchmark = True
net = torch.nn.Sequential(
    torch.nn.Conv2d(1, 32, 3), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Flatten(),
    torch.nn.Linear(5408, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10)).to(device)
assert sum(p.numel() for p in net.parameters()) == 347146
x = torch.rand(samples, 1, 28, 28, device=device)
y = torch.randint(0, 10, (samples,), device=device)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
loss_of = torch.nn.CrossEntropyLoss()
def sync():
    if device != "cpu":
        torch.cuda.synchronize()
times = []
for epoch in range(epochs):
    order = torch.randperm(samples, device=device)
    sync(); begin = time.perf_counter(); total = 0
    steps = samples // batch
    for i in range(steps):
        index = order[i * batch:(i + 1) * batch]
        optimizer.zero_grad()
        loss = loss_of(net(x[index]), y[index])
        loss.backward()
        optimizer.step()
        total = total + loss.detach()
    float(total); sync()
    times.append((time.perf_counter() - begin) / steps * 1000)
print(json.dumps({"ms": times[1:], "version": torch.__version__}))
"""


def find_torch():
    for python in (sys.executable, "python3", "/usr/bin/python3"):
        try:
            done = subprocess.run([python, "-c", "import torch; print(torch.__version__)"],
                                  capture_output=True, text=True)
        except FileNotFoundError:
            continue
        if done.returncode == 0:
            return python, done.stdout.strip()
    return None, None


def run_torch(python, args):
    command = [python, "-c", TORCH_CODE, args.torch_device, str(args.threads), str(args.epochs),
               str(args.samples), "64"]
    done = subprocess.run(command, capture_output=True, text=True,
                          env=dict(os.environ, OMP_NUM_THREADS=str(args.threads)))
    if done.returncode:
        sys.exit(f"PyTorch failed:\n{done.stderr}")
    return statistics.median(json.loads(done.stdout)["ms"])


def run_tenon(args, device):
    command = [args.tenon, "train", "digits-cnn", "--device", device, "--threads", str(args.threads),
               "--epochs", str(args.epochs), "--no-save", "--json", "--strict",
               "--set", f"data.train={args.samples}", "--set", "data.test=100",
               "--set", "data.validation=null", "--set", "train.monitor=null"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    epochs = [e for e in map(json.loads, done.stdout.splitlines()) if e["event"] == "epoch"]
    return statistics.median(e["seconds"] * 1000 / (e["samples"] / 64) for e in epochs[1:])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tenon", default="builddir/cli/tenon")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--samples", type=int, default=6400)
    parser.add_argument("--device", action="append", help="Tenon's, may be repeated")
    parser.add_argument("--torch-device", default="cpu", help="cpu or cuda")
    parser.add_argument("--json", help="write the figures there")
    args = parser.parse_args()
    devices = args.device or ["cpu", "opencl"]
    python, version = find_torch()
    names = devices + ([f"PyTorch {version} {args.torch_device}"] if python else [])
    times = {name: [] for name in names}
    for _ in range(args.rounds):
        for device in devices:
            times[device].append(run_tenon(args, device))
        if python:
            times[names[-1]].append(run_torch(python, args))
    print(f"mnist-cnn, batch 64, {args.threads} threads: milliseconds a step over {args.rounds} rounds")
    for name in names:
        t = times[name]
        line = f"  {name:<24} min {min(t):7.2f}  median {statistics.median(t):7.2f}  max {max(t):7.2f}"
        if python and name != names[-1]:
            ratios = [b / a for a, b in zip(t, times[names[-1]])]
            line += f"   {statistics.median(ratios):.2f}x as fast as PyTorch" \
                    f" (rounds: {min(ratios):.2f} to {max(ratios):.2f})"
        print(line)
    if not python:
        print("  PyTorch is not installed (Debian: python3-torch)")
    if args.json:
        with open(args.json, "w") as file:
            json.dump({"threads": args.threads, "ms_per_step": times}, file, indent=1)


if __name__ == "__main__":
    main()
