"""Small networks, batches and studies on the pretend GPU."""

import numpy as np
import torch

from empirics.networks.build import build_network
from empirics.specification.request import Request
from empirics.specification.specification import resolve
from empirics.training.engine import Split
from empirics.training.laboratory import Laboratory
from empirics.training.torch_engine import TorchEngine
from empirics.workloads.find import find_workload

# The built-in networks for images so small that a step takes a moment.
NETWORKS = {
    name: build_network(name, shape)
    for name, shape in {"small-cnn": (1, 8, 8), "simple-cnn": (1, 16, 16), "resnet-8": (3, 8, 8)}.items()
}
POINT = {
    "learning_rate": 0.05,
    "momentum": 0.9,
    "decay_steps": 5.0,
    "end_learning_rate_factor": 0.1,
    "weight_decay": 0.1,
}
EXAMPLES = 40


def examples(shape, device="cuda"):
    """Return a training set of random images that is its own validation set."""
    random = np.random.default_rng(1)
    images = torch.from_numpy(random.standard_normal((EXAMPLES, *shape), np.float32)).to(device)
    labels = torch.from_numpy(random.integers(10, size=EXAMPLES)).to(device)
    return Split(images, labels, images, labels)


def rows_of(steps, batch_size, seed=2):
    """Return the examples of some batches."""
    return np.random.default_rng(seed).integers(EXAMPLES, size=(steps, batch_size))


def block_of(network="small-cnn", rule="momentum", trials=3, device="cuda", captures=True, rates=(0.05,)):
    """Return half-pruned trials at their start; `rule` is an optimiser, with a schedule after a slash."""
    network, random = NETWORKS[network], np.random.default_rng(0)
    engine = TorchEngine(
        network.on_gpu(), find_workload(f"mnist/simple-cnn/{rule}"), torch.device(device), captures=captures
    )
    weights = np.stack([network.initial_weights(random) for _ in range(trials)]).astype(np.float32)
    masks = random.random(weights.shape) < 0.5
    points = [POINT | {"learning_rate": rates[trial % len(rates)]} for trial in range(trials)]
    return engine.block(range(trials), weights, masks, points)


def state_of(blocks):
    """Return trial -> its weights and update rule's tensors, and how many steps it took, on the host."""
    found = {}
    for block in blocks:
        state = {name: value.cpu() for name, value in block.state().items()}
        for place, trial in enumerate(block.trials):
            found[trial] = {name: value[place] if value.dim() else value for name, value in state.items()}
    return found


def laboratory_on_gpu(**words):
    """Return a laboratory of the digits on the pretend GPU, dense and in float32."""
    return Laboratory(*resolve(Request(**{"engine": "torch", "device": "cuda"} | words), cuda_available=True))
