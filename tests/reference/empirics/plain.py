"""The plain way of doing what `empirics` does: one trial, one example, one step at a time, in float64.

Nothing here comes from `empirics`. The networks are ordinary modules with relu before the pooling; everything else is a
loop over them.
"""

import functools

import numpy as np
import scipy.stats
import sklearn.datasets
import torch
from torch import nn

INIT, ORDER, SPLIT, PROBE = 0, 1, 2, 3  # the numbers under which stored runs draw


class SmallCnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.linear = nn.Linear(32 * 2 * 2, 10)
        self.pool = nn.MaxPool2d(2)

    def forward(self, images):
        hidden = self.pool(torch.relu(self.conv1(images)))
        hidden = self.pool(torch.relu(self.conv2(hidden)))
        return self.linear(torch.flatten(hidden, 1))


class SimpleCnn(SmallCnn):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 5)
        self.conv2 = nn.Conv2d(32, 64, 5)
        self.linear = nn.Linear(64 * 4 * 4, 10)


def plain_network(kind, flat, dtype=torch.float64):
    """Return a module of class `kind` that holds the flat weights."""
    network = kind().to(dtype)
    nn.utils.vector_to_parameters(torch.as_tensor(flat, dtype=dtype), network.parameters())
    return network


def flat_weights(network):
    return nn.utils.parameters_to_vector(network.parameters()).detach().clone()


def loss_and_gradient(kind, flat, images, labels):
    network = plain_network(kind, flat)
    loss = nn.CrossEntropyLoss()(network(torch.as_tensor(images).double()), labels)
    loss.backward()
    gradient = torch.cat([parameter.grad.flatten() for parameter in network.parameters()])
    return float(loss.detach()), gradient.numpy()


def largest_logit_by_absolute_values(kind, flat, images):
    """Return the largest logit when every weight and pixel is taken by its absolute value.

    Each partial sum of the true network is smaller, so u x terms x this bounds the rounding of a logit.
    """
    network = plain_network(kind, torch.as_tensor(flat).abs())
    with torch.no_grad():
        return float(network(torch.as_tensor(images).double().abs()).max())


def local_smoothness(kind, before, after, mask, images, labels):
    """Return max over gamma of |grad(w + gamma d) - grad(w)| / |gamma d| from eleven separate gradients."""
    before, after = np.asarray(before, np.float64), np.asarray(after, np.float64)
    at_start = loss_and_gradient(kind, before, images, labels)[1][mask]
    ratios = []
    for tenths in range(1, 11):
        moved = before + (tenths / 10) * (after - before)
        change = loss_and_gradient(kind, moved, images, labels)[1][mask] - at_start
        ratios.append(np.sqrt(np.sum(change**2)) / np.sqrt(np.sum((moved - before) ** 2)))
    return max(ratios)


def gradient_variance(kind, flat, mask, images, labels):
    """Return the summed variance of the per-example gradients, one example at a time."""
    each = [
        loss_and_gradient(kind, flat, images[row : row + 1], labels[row : row + 1])[1][mask]
        for row in range(len(labels))
    ]
    return float(np.sum(np.var(np.stack(each), axis=0)))


def snip_scores(kind, flat, images, labels, loss_factor=1.0):
    """Return |dL/dc| at c = 1 for explicit masks c, the sum of L over batches of 100."""
    network = plain_network(kind, flat)
    weights = {name: value.detach() for name, value in network.named_parameters()}
    masks = {name: torch.ones_like(value, requires_grad=True) for name, value in weights.items()}
    for start in range(0, len(labels), 100):
        masked = {name: masks[name] * weights[name] for name in weights}
        batch = torch.as_tensor(images[start : start + 100]).double()
        logits = torch.func.functional_call(network, masked, (batch,))
        (loss_factor * nn.CrossEntropyLoss()(logits, labels[start : start + 100])).backward()
    return np.concatenate([masks[name].grad.abs().numpy().ravel() for name in weights])


def snip_mask(scores, sparsity):
    """Return the mask of the best scores; among equals the first come first."""
    best_first = sorted(range(len(scores)), key=lambda index: (-scores[index], index))
    mask = np.zeros(len(scores), dtype=bool)
    mask[best_first[: round(len(scores) * (1 - sparsity / 100))]] = True
    return mask


def draws(seed, *path):
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=path)))


def initial_weights(kind, random):
    """Draw one trial's weights by inverting the truncated normal's distribution function."""
    parts = []
    for parameter in kind().parameters():
        if parameter.ndim == 1:
            parts.append(np.zeros(len(parameter)))
        else:
            unit = scipy.stats.truncnorm.ppf(random.random(parameter.numel()), -2, 2)
            parts.append(unit / scipy.stats.truncnorm.std(-2, 2) / np.sqrt(parameter[0].numel()))
    return np.concatenate(parts)


def example_stream(seed, path, examples, length):
    """Return the first `length` examples of the endless stream, epoch after epoch."""
    stream, epoch = [], 0
    while len(stream) < length:
        stream.extend(draws(seed, ORDER, *path, epoch).permutation(examples).tolist())
        epoch += 1
    return stream[:length]


@functools.cache
def digits():
    """Return scikit-learn's digits, normalised, and their labels."""
    pixels, labels = sklearn.datasets.load_digits(return_X_y=True)
    pixels = pixels.reshape(-1, 1, 8, 8) / 16
    return (pixels - pixels.mean()) / pixels.std(), labels


@functools.cache
def split_digits(seed=0):
    """Return training images and labels, validation images and labels."""
    images, labels = digits()
    indices = np.arange(len(labels))
    np.random.RandomState(seed).shuffle(indices)
    first_tenth, rest = indices[:179], indices[179:]
    tensors = torch.from_numpy(images), torch.from_numpy(labels)
    return tensors[0][rest], tensors[1][rest], tensors[0][first_tenth], tensors[1][first_tenth]


def train(kind, flat, mask, rate, batches, *, dtype=torch.float64):
    """Train by w <- w - rate x gradient on the kept weights; yield step, whether all is finite, and the network."""
    keep = torch.as_tensor(mask, dtype=dtype)
    network = plain_network(kind, torch.as_tensor(flat, dtype=dtype) * keep, dtype)
    for step, (images, labels) in enumerate(batches, start=1):
        network.zero_grad()
        loss = nn.CrossEntropyLoss()(network(images.to(dtype)), labels)
        loss.backward()
        gradient = torch.cat([parameter.grad.flatten() for parameter in network.parameters()])
        weights = flat_weights(network) - rate * gradient * keep
        nn.utils.vector_to_parameters(weights, network.parameters())
        yield step, bool(torch.isfinite(loss)) and bool(torch.isfinite(weights).all()), network


def count_errors(network, images, labels):
    """Return how many examples are wrong; one whose logits are not numbers is."""
    with torch.no_grad():
        logits = network(images.to(next(network.parameters()).dtype))
    right = (logits.argmax(dim=1) == labels) & torch.isfinite(logits).all(dim=1)
    return int((~right).sum())


def plain_trial(kind, flat, mask, rate, *, seed, replicate, batch_size, max_steps, interval, most_errors, dtype):
    """Train one digits trial to its own end; return what ended it and at which step."""
    images, labels, validation_images, validation_labels = split_digits(seed)
    stream = example_stream(seed, (replicate,), len(labels), max_steps * batch_size)
    rows = [stream[step * batch_size : (step + 1) * batch_size] for step in range(max_steps)]
    batches = ((images[row], labels[row]) for row in rows)
    for step, finite, network in train(kind, flat, mask, rate, batches, dtype=dtype):
        if not finite:
            return "infeasible", step
        due = step % interval == 0 or step == max_steps
        if due and count_errors(network, validation_images, validation_labels) <= most_errors:
            return "complete", step
    return "incomplete", max_steps
