"""More of the plain way: ResNet-8 as a module, momentum by its recursion, GraSP and SynFlow from their definitions."""

import math

import numpy as np
import torch
from reference.empirics import plain
from torch import nn
from torch.nn import functional


class HalvingConvolution(nn.Conv2d):
    """Output (i, j) is the sum over a, b in 0..2 of weight (a, b) x input (2i + a, 2j + b), zero beyond the image."""

    def __init__(self, inputs, outputs):
        super().__init__(inputs, outputs, 3, stride=2)

    def forward(self, images):
        examples, _, height, width = images.shape
        result = self.bias[:, None, None].repeat(examples, 1, height // 2, width // 2)
        for a in range(3):
            for b in range(3):
                seen = torch.einsum("oc,nchw->nohw", self.weight[:, :, a, b], images[:, :, a::2, b::2])
                result[:, :, : seen.shape[2], : seen.shape[3]] += seen
        return result


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = HalvingConvolution(inputs, outputs) if stride == 2 else nn.Conv2d(inputs, outputs, 3, padding=1)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)

    def forward(self, images):
        active = torch.relu(images)
        shortcut = images
        if self.conv1.stride != (1, 1):
            pooled = functional.avg_pool2d(active, 2)
            shortcut = torch.cat([pooled, torch.zeros_like(pooled)], dim=1)
        return self.conv2(torch.relu(self.conv1(active))) + shortcut


class ResNet8(nn.Module):
    channels = 3

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(self.channels, 16, 3, padding=1)
        self.block1, self.block2, self.block3 = Block(16, 16, 1), Block(16, 32, 2), Block(32, 64, 2)
        self.linear = nn.Linear(64, 10)

    def forward(self, images):
        hidden = self.block3(self.block2(self.block1(self.conv1(images))))
        return self.linear(torch.relu(hidden).mean(dim=(2, 3)))


class GreyResNet8(ResNet8):
    channels = 1


def trajectory(optimizer, start, gradients, rates, momentum):
    """Return the weights after each step of a scalar recursion, one number at a time."""
    weight, velocity, path = start, 0.0, []
    if optimizer == "adamw":
        return adamw_trajectory(start, gradients, rates, momentum)
    for gradient, rate in zip(gradients, rates, strict=True):
        velocity = momentum * velocity + gradient
        if optimizer == "sgd":
            weight -= rate * gradient
        elif optimizer == "momentum":
            weight -= rate * velocity
        else:
            weight -= rate * (gradient + momentum * velocity)
        path.append(weight)
    return path


def adamw_trajectory(weight, gradients, rates, beta1):
    """Return the weights after each step of AdamW with beta2 = 0.99, epsilon = 0.001 and decay 0.1."""
    path = []
    for steps, rate in enumerate(rates, start=1):
        past = list(enumerate(gradients[:steps], start=1))
        first = sum((1 - beta1) * beta1 ** (steps - k) * gradient for k, gradient in past) / (1 - beta1**steps)
        second = sum((1 - 0.99) * 0.99 ** (steps - k) * gradient**2 for k, gradient in past) / (1 - 0.99**steps)
        weight = weight - rate * 0.1 * weight - rate * first / (math.sqrt(second) + 0.001)
        path.append(weight)
    return path


def softened_gradient(kind, flat, images, labels, temperature):
    """Return the gradient of the mean cross-entropy of outputs divided by a temperature."""
    network = plain.plain_network(kind, flat)
    loss = nn.CrossEntropyLoss()(network(images.double()) / temperature, labels)
    return torch.cat([part.flatten() for part in torch.autograd.grad(loss, list(network.parameters()))])


def grasp_scores(kind, flat, images, labels, step):
    """Return w times H g, the Hessian applied by a central difference of two gradients."""
    flat = torch.as_tensor(flat).double()
    gradient = softened_gradient(kind, flat, images, labels, 200.0)
    direction = gradient / gradient.norm()
    ahead = softened_gradient(kind, flat + step * direction, images, labels, 200.0)
    behind = softened_gradient(kind, flat - step * direction, images, labels, 200.0)
    return (flat * (ahead - behind) / (2 * step) * gradient.norm()).numpy()


def synflow_mask(kind, flat, is_bias, sparsity, image_shape):
    """Return SynFlow's mask after a hundred rounds, each round scored and ranked afresh."""
    mask = np.ones(len(flat), dtype=bool)
    for number in range(1, 101):
        network = plain.plain_network(kind, np.abs(flat) * mask)
        network(torch.ones(1, *image_shape, dtype=torch.float64)).sum().backward()
        slopes = torch.cat([parameter.grad.flatten() for parameter in network.parameters()]).numpy()
        scores = np.where(is_bias | ~mask, -1.0, np.abs(flat) * mask * slopes)
        kept = round(len(flat) * (1 - sparsity / 100) ** (number / 100))
        best_first = sorted(range(len(flat)), key=lambda index: (-scores[index], index))
        mask = np.zeros(len(flat), dtype=bool)
        mask[best_first[:kept]] = True
    return mask
