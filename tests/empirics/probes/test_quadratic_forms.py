"""tr(H Sigma) and the form along the gradient against closed forms, all sign vectors taken in turn."""

import itertools

import numpy as np
import pytest
import torch
from reference.empirics import constants as slow
from samples import constants_workloads as exact

from empirics.networks.gradient import loss_and_gradient
from empirics.probes.curvature import product_at
from empirics.probes.field import loss_field
from empirics.probes.quadratic_forms import noise_directions, quadratic_forms
from empirics.probes.sample import Sample
from empirics.workloads.own import load_own_workload

EXAMPLES = 7


class EverySign:
    """Stands for a random generator: gives every vector of signs in turn."""

    def __init__(self):
        self._left = itertools.product((0, 1), repeat=EXAMPLES)

    def integers(self, _end, size):
        return np.array(next(self._left))[:size]


def forms_of(population, mask):
    """Return weights, inputs, classes and both forms of logistic regression on seven examples."""
    images, labels = torch.from_numpy(exact.INPUTS[:EXAMPLES]), torch.from_numpy(exact.CLASSES[:EXAMPLES])
    network = load_own_workload("samples.constants_workloads:logistic_regression").network
    kept, weights = torch.from_numpy(mask[None].astype(float)), np.random.default_rng(1).normal(size=mask.size) * mask
    sample = Sample(images, labels, population)
    field = loss_field(network, kept, images, labels, loss_and_gradient)
    vectors = noise_directions(network, weights, kept, sample, loss_and_gradient, 2**EXAMPLES, EverySign())
    return weights, field(weights)[1], quadratic_forms(product_at(field, weights), field(weights)[1], vectors), vectors


@pytest.mark.parametrize("population", [EXAMPLES, 50])
@pytest.mark.parametrize("kept", [1.0, 0.5])
def test_both_forms_are_the_closed_forms(population, kept):
    mask = np.random.default_rng(0).random(2 * len(exact.CURVATURES)) < kept
    weights, gradient, found, vectors = forms_of(population, mask)
    inputs = exact.INPUTS[:EXAMPLES].astype(float)
    hessian = exact.logistic_hessian(weights, inputs)
    each = exact.logistic_gradients(weights, inputs, exact.CLASSES[:EXAMPLES]) * mask
    unbiased = EXAMPLES / (EXAMPLES - 1) * (population - 1) / population
    covariance = np.cov(each.T, ddof=0) * unbiased
    assert found.gradient == pytest.approx(gradient @ hessian @ gradient, rel=1e-6)
    assert found.noise == pytest.approx(np.trace(hessian @ covariance), rel=1e-6)
    assert np.mean([vector @ vector for vector in vectors]) == pytest.approx(
        slow.unbiased_from_pairs(each, population)[0], rel=1e-9
    )


def test_the_error_is_the_scatter_between_vectors():
    mask = np.ones(2 * len(exact.CURVATURES), dtype=bool)
    weights, _, found, vectors = forms_of(EXAMPLES, mask)
    hessian = exact.logistic_hessian(weights, exact.INPUTS[:EXAMPLES].astype(float))
    values = [vector @ hessian @ vector for vector in vectors]
    assert found.error == pytest.approx(np.std(values, ddof=1) / np.sqrt(len(values)), rel=1e-5)


def test_where_there_is_no_product_there_are_no_forms():
    assert quadratic_forms(lambda _: None, np.ones(2), [np.ones(2), np.ones(2)]) is None
