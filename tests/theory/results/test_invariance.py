"""Result 19 on the project's own optimisers: a rewritten network is trained in the same steps, bit for bit."""

import pytest
import torch

from empirics.workloads.optimizers import OPTIMIZERS

START = torch.tensor([[0.9, -0.4, 0.3]], dtype=torch.float64)


def gradient(w):
    """Return the gradient of a loss that is no quadratic: the sum of log(1 + w²), and the product of the weights."""
    return 2 * w / (1 + w * w) + torch.stack([w[:, 1] * w[:, 2], w[:, 0] * w[:, 2], w[:, 0] * w[:, 1]], dim=1)


def trained(name, zoom=1.0, stretch=1.0, *, moved=True, steps=50):
    """Return a times the weights after training s f(a u) from w/a, the optimiser's settings moved along or not."""
    a, f = (zoom, stretch) if moved else (1.0, 1.0)
    adaptive = name == "adamw"
    rate = torch.tensor([[0.1 / a if adaptive else 0.1 / (a * a * f)]], dtype=torch.float64)
    u = START / zoom
    rule = OPTIMIZERS[name]([{"momentum": 0.7, "epsilon": 1e-3 * a * f, "weight_decay": 0.05 * a}], u)
    for _ in range(steps):
        rule.update(u, zoom * stretch * gradient(zoom * u), rate)
    return zoom * u


@pytest.mark.parametrize("stretch", [1.0, 4.0])
@pytest.mark.parametrize("zoom", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_rewritten_network_takes_the_same_steps(name, zoom, stretch):
    there = trained(name, zoom, stretch)
    assert not torch.equal(there, START)
    assert torch.equal(there, trained(name))


@pytest.mark.parametrize(("zoom", "stretch"), [(2.0, 1.0), (1.0, 4.0)])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_with_its_old_settings_it_does_not(name, zoom, stretch):
    assert not torch.allclose(trained(name, zoom, stretch, moved=False), trained(name))
