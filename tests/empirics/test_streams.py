import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference.empirics import plain

from empirics.streams import ExampleOrder, Stream, generator, split_indices


def test_the_first_replicates_split_is_the_published_one():
    indices = np.arange(60_000)
    np.random.RandomState(0).shuffle(indices)
    validation, training = split_indices(0, 0, 60_000, 6_000)
    np.testing.assert_array_equal(validation, indices[:6_000])
    np.testing.assert_array_equal(training, indices[6_000:])


def test_first_validation_indices_are_pinned():
    assert split_indices(0, 0, 60_000, 6_000)[0][:4].tolist() == [3048, 19563, 58303, 8870]


@given(st.integers(0, 2**32 - 1), st.integers(0, 20), st.integers(2, 200), st.data())
def test_a_split_parts_all_examples(seed, replicate, examples, data):
    validating = data.draw(st.integers(1, examples - 1))
    validation, training = split_indices(seed, replicate, examples, validating)
    assert len(validation) == validating
    assert sorted([*validation, *training]) == list(range(examples))


def test_splits_of_seeds_and_replicates_differ():
    splits = [tuple(split_indices(seed, replicate, 500, 50)[0]) for seed in (0, 1) for replicate in (0, 1, 2)]
    assert len(set(splits)) == len(splits)


def test_the_numbers_of_the_streams_are_those_of_stored_runs():
    assert {stream.name: int(stream) for stream in Stream} == {
        "INIT": plain.INIT,
        "ORDER": plain.ORDER,
        "SPLIT": plain.SPLIT,
        "PROBE": plain.PROBE,
        "PRUNING": 4,
        "LANCZOS": 5,
        "BATCHES": 6,
        "SIGNS": 7,
        "JITTER": 8,
    }


def test_a_stream_is_that_of_its_seed_and_path():
    drawn = generator(7, Stream.ORDER, 2, 5).random(4)
    np.testing.assert_array_equal(drawn, plain.draws(7, plain.ORDER, 2, 5).random(4))


def test_streams_do_not_repeat_each_other():
    paths = [(), (0,), (1,), (0, 0), (0, 1), (1, 0), (0, 0, 0), (0, 0, 1), (0, 1, 0)]
    first = [generator(seed, stream, *path).random() for seed in (0, 1) for stream in Stream for path in paths]
    assert len(set(first)) == len(first)


def test_drawing_leaves_other_streams_and_global_state_alone():
    expected = generator(0, Stream.ORDER, 0).random(3)
    global_state = repr(np.random.get_state())  # noqa: NPY002 - that nobody touches it is the point
    generator(0, Stream.INIT, 0).random(1000)
    split_indices(0, 0, 100, 10)
    ExampleOrder(0, (0,), 10).batch(0, 100)
    assert repr(np.random.get_state()) == global_state  # noqa: NPY002
    np.testing.assert_array_equal(generator(0, Stream.ORDER, 0).random(3), expected)


@given(st.integers(1, 40), st.integers(1, 100), st.integers(0, 5))
def test_every_batch_size_reads_the_same_sequence(examples, batch_size, replicate):
    steps = 3 * examples // batch_size + 3
    order = ExampleOrder(0, (replicate,), examples)
    read = np.concatenate([order.batch(step, batch_size) for step in range(steps)])
    assert read.tolist() == plain.example_stream(0, (replicate,), examples, steps * batch_size)


@given(st.integers(1, 40), st.integers(1, 100), st.lists(st.integers(0, 30), min_size=1, max_size=8))
def test_the_order_can_be_entered_at_any_step_in_any_sequence(examples, batch_size, steps):
    stream = plain.example_stream(4, (1,), examples, (max(steps) + 1) * batch_size)
    order = ExampleOrder(4, (1,), examples)
    for step in steps:
        assert order.batch(step, batch_size).tolist() == stream[step * batch_size : (step + 1) * batch_size]


@given(st.integers(1, 60), st.integers(0, 4))
def test_an_epoch_holds_each_example_once(examples, epoch):
    drawn = ExampleOrder(0, (0,), examples).batch(epoch, examples)
    assert sorted(drawn.tolist()) == list(range(examples))


def test_epochs_seeds_and_replicates_have_their_own_order():
    orders = [
        tuple(ExampleOrder(seed, path, 50).batch(epoch, 50))
        for seed in (0, 1)
        for path in ((0,), (1,), (0, 3, 1))
        for epoch in (0, 1)
    ]
    assert len(set(orders)) == len(orders)


@pytest.mark.parametrize("batch_size", [1, 50, 51, 173])
def test_a_batch_has_the_size_asked_for_across_epoch_borders(batch_size):
    order = ExampleOrder(0, (0,), 50)
    assert [len(order.batch(step, batch_size)) for step in range(60)] == [batch_size] * 60
