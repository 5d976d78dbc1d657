"""How hard are the simulated cells? A linear model on the pixels against a small CNN.

    python benchmarks/simulator_difficulty.py opd events stained

Both learn from the first cells of each class and are tested on the ones after them, which are other cells.
The linear model may choose its penalty on the test cells: its figure is the best that it could have.
"""

import argparse
import json
import time

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, cross_entropy

from sparseattn.simulate import CLASSES, simulate_cell


def draw(instrument: str, numbers: range, seed: int) -> tuple[Tensor, Tensor]:
    """Return images (N, C, 64, 64) and classes (N,)."""
    images, classes = [], []
    for number in numbers:
        for position, name in enumerate(CLASSES):
            image = simulate_cell(instrument, name, number, seed).image.astype(np.float32)
            images.append(image[None] if image.ndim == 2 else image)
            classes.append(position)
    stack = np.stack(images)
    if instrument == "stained":
        stack = stack.transpose(0, 3, 1, 2)
    return torch.from_numpy(np.ascontiguousarray(stack)), torch.tensor(classes)


def balanced_accuracy(scores: Tensor, classes: Tensor) -> float:
    right = (scores.argmax(1) == classes).float()
    return float(torch.stack([right[classes == position].mean() for position in range(len(CLASSES))]).mean())


def linear(train: tuple[Tensor, Tensor], test: tuple[Tensor, Tensor]) -> float:
    """Multinomial logistic regression on 32 x 32 pixels, the best of four penalties."""
    pixels, test_pixels = (avg_pool2d(images, 2).flatten(1) for images, _ in (train, test))
    mean, deviation = pixels.mean(0), pixels.std(0) + 1e-3 * pixels.std()
    pixels, test_pixels = (pixels - mean) / deviation, (test_pixels - mean) / deviation
    best = 0.0
    for penalty in (1e-3, 1e-2, 1e-1, 1.0):
        torch.manual_seed(0)
        model = nn.Linear(pixels.shape[1], len(CLASSES))
        nn.init.zeros_(model.weight)
        optimiser = torch.optim.LBFGS(model.parameters(), max_iter=60, line_search_fn="strong_wolfe")

        def loss(model=model, penalty=penalty, optimiser=optimiser) -> Tensor:
            optimiser.zero_grad()
            value = cross_entropy(model(pixels), train[1]) + penalty * model.weight.square().sum()
            value.backward()
            return value

        optimiser.step(loss)
        with torch.no_grad():
            best = max(best, balanced_accuracy(model(test_pixels), test[1]))
    return best


def small_cnn(channels: int) -> nn.Module:
    layers: list[nn.Module] = []
    for width, stride in zip((16, 16, 32, 32, 64, 64), (1, 2, 1, 2, 1, 2), strict=True):
        layers += [nn.Conv2d(channels, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, len(CLASSES)))


def convolutional(train: tuple[Tensor, Tensor], test: tuple[Tensor, Tensor], epochs: int, seed: int) -> float:
    """The small CNN with flips and quarter turns, one cycle of the learning rate."""
    torch.manual_seed(seed)
    axes = (0, 2, 3)
    mean, deviation = train[0].mean(axes, keepdim=True), train[0].std(axes, keepdim=True)
    images, test_images = (train[0] - mean) / deviation, (test[0] - mean) / deviation
    model = small_cnn(images.shape[1])
    batch = 50
    steps = epochs * (len(images) // batch)
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 6e-3, total_steps=steps)
    for _ in range(epochs):
        for chosen in torch.randperm(len(images)).split(batch):
            turned = images[chosen]
            if torch.rand(()) < 0.5:
                turned = turned.flip(-1)
            turned = torch.rot90(turned, int(torch.randint(4, ())), (-2, -1))
            loss = cross_entropy(model(turned), train[1][chosen], label_smoothing=0.05)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    model.eval()
    with torch.no_grad():
        scores = model(test_images)
    table = torch.zeros(len(CLASSES), len(CLASSES), dtype=torch.int64)
    for true, found in zip(test[1], scores.argmax(1), strict=True):
        table[true, found] += 1
    print("\n".join(f"  {name:12}{row.tolist()}" for name, row in zip(CLASSES, table, strict=True)))
    return balanced_accuracy(scores, test[1])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("instruments", nargs="+", choices=["opd", "events", "stained"])
    parser.add_argument("--train", type=int, default=200, help="cells a class to learn from")
    parser.add_argument("--test", type=int, default=100, help="cells a class to test on")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for instrument in arguments.instruments:
        start = time.process_time()
        train = draw(instrument, range(1, arguments.train + 1), arguments.seed)
        last = arguments.train + arguments.test
        test = draw(instrument, range(arguments.train + 1, last + 1), arguments.seed)
        cells = len(train[1]) + len(test[1])
        milliseconds = (time.process_time() - start) / cells * 1000
        result = {
            "instrument": instrument,
            "cells": [len(train[1]), len(test[1])],
            "ms_a_cell": round(milliseconds, 1),
            "linear": round(linear(train, test), 3),
            "small_cnn": round(convolutional(train, test, arguments.epochs, arguments.seed), 3),
        }
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
