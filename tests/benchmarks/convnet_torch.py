"""The classic ConvNet in PyTorch: channels last, tensors in memory, two threads; trains an epoch a line of input.

Run in the rivals' environment with an .npz of x_train (N, 32, 32) uint8, y_train, x_test, y_test, and a seed. Answers
`epoch` with seconds and `accuracy` with the share of the test set that is right.
"""

import sys
from time import perf_counter

import numpy as np
import torch
from torch import nn

BATCH = 64
torch.set_num_threads(2)


def main(path: str, seed: str) -> None:
    torch.manual_seed(int(seed))
    with np.load(path) as saved:
        x, x_test = (torch.from_numpy(saved[name].astype("float32") / 255)[:, None] for name in ("x_train", "x_test"))
        y, y_test = (torch.from_numpy(saved[name].astype("int64")) for name in ("y_train", "y_test"))
    network = nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    ).to(memory_format=torch.channels_last)  # fmt: skip
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    loss_of = nn.CrossEntropyLoss()
    for line in sys.stdin:
        if line.strip() == "epoch":
            started = perf_counter()
            order = torch.randperm(len(x))
            for start in range(0, len(x), BATCH):
                rows = order[start : start + BATCH]
                optimizer.zero_grad()
                loss_of(network(x[rows]), y[rows]).backward()
                optimizer.step()
            print(perf_counter() - started, flush=True)
        else:
            with torch.no_grad():
                print(float((network(x_test).argmax(1) == y_test).float().mean()), flush=True)


main(*sys.argv[1:])
