"""Convolutions of several trials beside those of each alone, as a CPU and as a pretend GPU takes them."""

import pytest
import torch
from tools.pretend_gpu import PretendGpu
from torch.nn import functional

from empirics.networks.convolve_each import convolve_each

SHAPES = [
    pytest.param(3, 4, 5, 2, 3, 8, 1, 1, id="3x3"),
    pytest.param(2, 3, 2, 4, 5, 7, 1, 0, id="5x5"),
    pytest.param(2, 1, 3, 2, 3, 9, 2, 0, id="stride 2"),
    pytest.param(1, 5, 2, 3, 3, 6, 1, 1, id="one trial"),
    pytest.param(4, 1, 1, 1, 1, 1, 1, 0, id="one number"),
]


@pytest.mark.parametrize(
    ("trials", "batch", "channels", "filters", "side", "size", "stride", "padding"),
    SHAPES,
)
def test_each_trial_gets_its_own_convolution_and_gradients(
    trials, batch, channels, filters, side, size, stride, padding
):
    draw = torch.Generator().manual_seed(0)
    images = torch.randn(batch, trials * channels, size, size, generator=draw, dtype=torch.float64)
    weight = torch.randn(trials, filters, channels, side, side, generator=draw, dtype=torch.float64)
    bias = torch.randn(trials, filters, generator=draw, dtype=torch.float64)

    def with_gradients(convolve, device):
        given = [one.to(device).requires_grad_() for one in (images, weight, bias)]
        found = convolve(*given)
        slopes = torch.autograd.grad((found * found.detach().cos()).sum(), given)
        return [one.detach().cpu() for one in (found, *slopes)]

    def one_by_one(images, weight, bias):
        parts = zip(images.chunk(trials, dim=1), weight, bias, strict=True)
        return torch.cat([functional.conv2d(*part, stride=stride, padding=padding) for part in parts], dim=1)

    def together(images, weight, bias):
        return convolve_each(images, weight, bias, stride=stride, padding=padding)

    expected = with_gradients(one_by_one, "cpu")
    with PretendGpu() as gpu:
        found = with_gradients(together, "cuda")
        assert bool(gpu.rows) == (trials == 1), "a plain convolution for one trial alone"
    for values in (found, with_gradients(together, "cpu")):
        for value, wanted in zip(values, expected, strict=True):
            torch.testing.assert_close(value, wanted, rtol=0, atol=1e-13 * max(float(wanted.abs().max()), 1.0))
