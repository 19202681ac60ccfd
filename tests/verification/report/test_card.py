"""The card: by hand where the law is exact, by brute force where a step takes time, and every caveat."""

import functools
from dataclasses import replace

import pytest

from verification.cells import estimate_text
from verification.fits.curves import fit_curve
from verification.fits.fit import OPEN, Interval
from verification.inference.bands import law_band
from verification.inference.curve_tests import with_tests
from verification.records.curves import Curve, CurvePoint
from verification.records.records import read_records
from verification.report.card import ALLOWED, card_lines, card_text
from verification.report.recommend import BY_LAW, BY_POINTS, BY_TIME, BY_TIMED_POINTS, card_of, line_of_time

SIZES = tuple(2**k for k in range(4, 10))


def judged(points):
    """A curve of (batch size, steps) or (batch size, lower, upper), with the tests that need no draws."""
    listed = tuple(CurvePoint(size, 0, float(ends[0]), ends[-1]) for size, *ends in points)
    return with_tests(fit_curve(Curve(points=listed)), 0)


@functools.cache
def exact(sizes=SIZES, c1=25_600.0, c2=100.0):
    return judged([(size, c1 / size + c2) for size in sizes])


UP_AND_DOWN = judged(
    [(2**k, s) for k, s in zip(range(4, 12), (5210, 2688, 1452, 810, 501, 352, 600, 1500), strict=True)]
)


def told(found, words):
    return [caveat for caveat in found.caveats if words in caveat]


def test_an_exact_law_by_hand():
    """c1 = 25600, c2 = 100: at 256 a run takes 200 steps, at 16 1700, at 512 150."""
    found = card_of(exact())
    assert (found.batch_size, found.allowed, found.rule) == (256, (256, 256), BY_LAW)
    assert [found.use.steps, found.smallest.steps, found.largest.steps] == pytest.approx([200, 1700, 150])
    assert [found.use.examples, found.smallest.examples] == pytest.approx([51_200, 27_200])
    assert found.b_crit == pytest.approx(256)


def test_steps_have_the_interval_of_the_law_there():
    """The profile of K(B), see `tests/verification/inference`; half of it above and below where the law fits well."""
    curve = judged([*zip(SIZES, (5210, 2688, 1452, 810, 501, 352), strict=True)])
    found = card_of(curve)
    for cost in (found.use, found.smallest, found.largest):
        band = law_band(curve, [cost.batch_size])
        assert (cost.steps, cost.interval) == (pytest.approx(band.value[0]), Interval(band.low[0], band.high[0]))
        assert cost.interval.low < cost.steps < cost.interval.high < 1.1 * cost.interval.low
    assert "batch size  steps [95%]        examples" in card_text(found)
    assert "[95%]" not in card_text(card_of(UP_AND_DOWN))


def test_a_law_that_misses_a_run_by_far_says_so_where_no_test_rejects_it():
    """Six runs that fall and rise: the plateau goes through their middle. Beside it no more batch sizes, or repeats."""
    bowl = (310, 200, 150, 180, 260, 400)
    (line,) = told(card_of(judged(list(zip(SIZES, bowl, strict=True)))), "though no test rejects it")
    assert line == (
        "the law misses a run by 73%, though no test rejects it; no batch size measured above 64 took fewer steps than "
        "its 150: repeat runs before you rely on it."
    )
    assert not told(card_of(exact()), "though no test rejects it")
    twice = [CurvePoint(size, r, k + r, k + r) for size, k in zip(SIZES, map(float, bowl), strict=True) for r in (0, 1)]
    assert not told(card_of(with_tests(fit_curve(Curve(points=tuple(twice))), 0)), "though no test rejects it")


def knowing(b_crit, low, high, curve=None):
    """The exact curve, whose fit knows of B_crit what is given."""
    law = (curve := curve or exact()).hyperbola
    told = replace(
        law,
        estimates={**law.estimates, "b_crit": b_crit},
        intervals={**law.intervals, "b_crit": Interval(low, high)},
    )
    return replace(curve, laws={**curve.laws, "H": told})


@pytest.mark.parametrize(
    ("b_crit", "use"),
    [(360, 256), (364, 512), (5000, 512), (2, 16)],  # 362 is the middle of 256 and 512; outside, the end
)
def test_it_is_the_nearest_power_of_two_inside_what_was_measured(b_crit, use):
    assert card_of(knowing(b_crit, b_crit, b_crit)).batch_size == use


@pytest.mark.parametrize(("b_crit", "use"), [(300, 300), (150, 128), (40, 48)])
def test_a_measured_size_counts_as_well_as_a_power_of_two(b_crit, use):
    assert card_of(knowing(b_crit, b_crit, b_crit, exact((16, 48, 300, 512)))).batch_size == use


def test_it_scales_with_the_batch_size_and_does_not_ask_in_which_unit_steps_are():
    found = card_of(
        judged([(8 * size, 30.0 * (c / size + 100)) for size, c in zip(SIZES, (25e3, 26e3) * 3, strict=True)])
    )
    assert (found.batch_size, found.allowed) == (2048, (2048, 2048))


def test_the_interval_of_b_crit_allows_others():
    found = card_of(knowing(256.0, 60.0, None))
    assert (found.batch_size, found.allowed) == (256, (64, 512))
    assert "Use batch size 256. The interval of B_crit allows 64 to 512." in card_text(found)
    assert any(ALLOWED in line for line in card_lines([found, found]))


@pytest.mark.parametrize(
    ("known", "use", "words"),
    [
        ((9000.0, 700.0, None), 512, "B_crit is only known to be above 700; larger batches than 512 may pay"),
        ((None, 9000.0, None), 512, "above 9000"),
        ((3.0, None, 9.0), 16, "B_crit is only known to be below 9; smaller batches than 16 may do"),
        ((None, None, 9.0), 16, "below 9"),
        ((5000.0, 4000.0, 6000.0), 512, "B_crit lies above 512, the largest batch size that met the goal"),
        ((2.0, 1.0, 3.0), 16, "B_crit lies below 16, the smallest batch size that met the goal"),
    ],
)
def test_an_open_end_or_an_extrapolation_takes_the_end_of_what_was_measured_and_says_so(known, use, words):
    found = card_of(knowing(*known))
    assert (found.batch_size, found.interval) == (use, Interval(*known[1:]))
    assert told(found, words)


def test_open_on_both_sides_the_points_answer():
    found = card_of(knowing(256.0, None, None))
    assert (found.rule, found.b_crit, found.interval, found.batch_size) == (BY_POINTS, None, OPEN, 256)
    assert told(found, "open on both sides")


def test_a_fit_that_did_not_converge_is_no_guide():
    law = (curve := exact()).hyperbola
    found = card_of(replace(curve, laws={**curve.laws, "H": replace(law, fit=replace(law.fit, converged=False))}))
    assert found.rule == BY_POINTS
    assert told(found, "did not converge")


def test_a_rejected_law_leaves_the_points():
    """Examples: 83360, 86016, ..., 128256 at 256 and 180224 at 512; twice the least is 166720."""
    found = card_of(UP_AND_DOWN)
    assert (found.batch_size, found.rule, found.b_crit, found.allowed) == (256, BY_POINTS, None, None)
    assert found.use.steps == pytest.approx(501)
    assert found.caveats[0].startswith("the law is rejected here by rainbow")
    assert "no batch size measured above 512 took fewer steps than its 352" in found.caveats[0]


def test_what_a_report_rejects_a_card_rejects():
    noisy = zip(SIZES, (5210.0, 2688.0, 1452.0, 810.0, 501.0, 352.0), strict=True)
    points = [CurvePoint(size, r, k + r * size % 7, k + r * size % 7) for size, k in noisy for r in (0, 1)]
    curve = with_tests(fit_curve(Curve(points=tuple(points))), 0)
    assert [card_of(curve).rule, card_of(curve, {"sparsity 0%"}).rule] == [BY_LAW, BY_POINTS]


TIMES = [(0.02, 0.00004), (1.0, 1.0), (1.0, 1e-6), (1e-6, 1.0)]


@pytest.mark.parametrize(("fixed", "per_example"), TIMES)
def test_with_step_times_it_is_the_shortest_run(fixed, per_example):
    found = card_of(exact(), step_time=line_of_time(fixed, per_example))
    total = {size: (25_600 / size + 100) * (fixed + per_example * size) for size in SIZES}
    assert found.batch_size == min(total, key=total.get)
    assert found.use.time == pytest.approx(total[found.batch_size], rel=1e-4)
    assert (found.rule, found.unit) == (BY_TIME, "time")


@pytest.mark.parametrize(("times", "where"), [*zip(TIMES, (None, None, "above 512", "below 16"), strict=True)])
def test_a_run_that_would_be_shorter_beyond_is_told(times, where):
    """The shortest run has B = sqrt(256 t0/t1), by result 18: 358, 16, 16000 and 0.016."""
    told = [one for one in card_of(exact(), step_time=line_of_time(*times)).caveats if "the shortest run lies" in one]
    assert [where in one for one in told] == ([True] if where else [])


def test_a_rejected_law_with_step_times():
    """K (1 + B/256): 256 takes 501 * 2 = 1002, 512 takes 352 * 3 = 1056."""
    found = card_of(UP_AND_DOWN, step_time=line_of_time(1.0, 1.0 / 256))
    assert (found.batch_size, found.rule) == (256, BY_TIMED_POINTS)
    assert found.use.time == pytest.approx(1002)


def test_measured_seconds_are_used_between_the_sizes_that_were_timed():
    curve = exact()
    found = card_of(replace(curve, curve=replace(curve.curve, seconds_per_step={32: 1.0, 128: 1.0})))
    assert (found.batch_size, found.unit) == (128, "seconds")  # the same time a step: the largest that was timed
    assert [found.smallest.batch_size, found.largest.batch_size] == [32, 128]
    assert found.use.time == pytest.approx(300)
    once = card_of(replace(curve, curve=replace(curve.curve, seconds_per_step={32: 1.0})))
    assert (once.batch_size, once.unit) == (256, "")
    assert told(once, "the time of a step is known at one batch size only")


def test_caveats_of_counting_seeds_searches_and_goals():
    few = card_of(judged([*zip(SIZES, (400, 200, 100, 50, 25, 2), strict=True)]))
    assert told(few, "K* is 3 steps or fewer at B = 512")
    assert told(few, "not between seeds")
    missed = card_of(judged([*((p.batch_size, p.upper) for p in exact().curve.points), (1024, 50, None)]))
    assert told(missed, "the goal was never met at B = 1024.")
    assert missed.largest.batch_size == 512
    points = tuple(replace(p, metaparameters={"learning_rate": 0.1}) for p in exact().curve.points)
    searched = replace(exact(), curve=replace(exact().curve, points=points))
    assert told(card_of(searched), "one search point won at all 6 batch sizes")
    assert not told(card_of(exact()), "search point")


STEPS = (5210, 2688, 1452, 810, 501, 352)


def replicated(*replicates):
    """A curve of one list of steps a replicate; None is a run that missed the goal in 6000 steps."""
    points = [
        CurvePoint(size, replicate, 6000.0 if steps is None else float(steps), steps and float(steps))
        for replicate, row in enumerate(replicates)
        for size, steps in zip(SIZES, row, strict=True)
    ]
    return with_tests(fit_curve(Curve(points=tuple(points)).without_equal_repeats()), 0)


def test_where_one_run_missed_the_goal_the_answer_without_that_batch_size_is_told():
    whole = replicated(STEPS, (5350, 2800, 1400, 850, 520, 340), (5100, 2600, 1500, 790, None, 360))
    other = fit_curve(whole.curve.without([256])).hyperbola
    said = estimate_text(other.estimates["b_crit"], other.intervals["b_crit"])
    (caveat,) = told(card_of(whole), "not always met")
    assert caveat.endswith(f"at B = 256; without B = 256, where other runs met it, B_crit is {said}.")
    never = card_of(replicated((*STEPS[:-1], None), (*STEPS[:-1], None)))
    assert told(never, "goal was") == ["the goal was never met at B = 512."]
    both = card_of(replicated((None, *STEPS[1:-1], None), (*STEPS[:-1], None)))
    assert [one.partition(" at ")[0] for one in told(both, "the goal was")] == [
        "the goal was never met",
        "the goal was not always met",
    ]


def test_repeats_that_agree_in_everything_are_one():
    """Their scatter of 0 is no scatter between seeds, and rejects no law."""
    once, thrice = replicated(STEPS), replicated(STEPS, STEPS, STEPS)
    assert thrice.hyperbola.intervals == once.hyperbola.intervals
    same = "all repeats took the same steps and count once: is the goal tested rarely, or the seed unused?"
    assert told(card_of(thrice), same)
    assert told(card_of(thrice), "not between seeds")
    assert not told(card_of(thrice), "rejected")
    assert not told(card_of(once), "all repeats")
    assert not told(card_of(replicated(STEPS, [k + 1 for k in STEPS])), "all repeats")
    points = thrice.curve.points + tuple(replace(p, replicate=1, metaparameters={"lr": 0.1}) for p in once.curve.points)
    assert len(Curve(points=points).without_equal_repeats().points) == 12  # another rate won: no copy
    stated = tuple(CurvePoint(size, seed, 90.0, 100.0) for size in SIZES for seed in (0, 1))
    assert len(Curve(points=stated).without_equal_repeats().points) == 12


def test_a_replicate_that_does_not_count_is_named():
    third = (5100, 2600, None, None, None, None)
    (caveat,) = told(card_of(replicated(STEPS, [1.1 * k for k in STEPS], third)), "intervals are between")
    assert caveat == "intervals are between 2 replicates; replicate 2 is known at fewer than 3 batch sizes."


def test_counts_off_a_grid_that_is_not_stated_are_told():
    rounded = [100 * -(-k // 100) for k in STEPS]
    words = "all counts are multiples of 100: if the goal was tested every 100 steps"
    assert told(card_of(judged(list(zip(SIZES, rounded, strict=True)))), words)
    stated = judged([(size, k - 100, float(k)) for size, k in zip(SIZES, rounded, strict=True)])
    assert not told(card_of(stated), "multiples")
    assert not told(card_of(judged(list(zip(SIZES, STEPS, strict=True)))), "multiples")


@pytest.mark.parametrize(
    ("points", "why"),
    [
        ([(16, 9)], "a fit needs 3 batch sizes"),
        ([(16, 9, None), (32, 9, None), (64, 9, None)], "there are 0"),
        ([(16, 0, 9), (32, 0, 9), (64, 0, 9)], "the goal was met at the first test"),
    ],
)
def test_no_answer_says_why(points, why):
    found = card_of(judged(points))
    assert (found.use, found.batch_size, found.rule) == (None, None, "")
    assert told(found, why)
    assert card_text(found).startswith("No batch size can be recommended from this curve.")
    assert len(card_lines([found, found])) > 1


def test_two_points_are_compared_without_a_law():
    found = card_of(judged([(16, 100), (32, 90)]))
    assert (found.batch_size, found.rule) == (32, BY_POINTS)
    assert card_of(judged([(16, 100), (64, 90)])).batch_size == 16


def test_a_card_in_words_fits_100_columns():
    cards = [card_of(one) for one in (exact(), UP_AND_DOWN, judged([(size, 65_536 / size) for size in SIZES]))]
    lines = "\n".join([*map(repr, cards), *card_lines(cards)]).splitlines()
    assert max(map(len, lines)) <= 100
    (row,) = [line for line in card_lines(cards) if line.split()[:2] == ["0%", "256"] and "51200" in line]
    assert row.split()[2:] == ["200", "[200,", "200]", "51200", "16:", "1700", "512:", "150"]


def test_cards_too_wide_for_lines_are_shown_in_full():
    steps = (5.21e12, 2.6e12, 1.552e12, 7.9e11, 5.31e11, 3.52e11)
    vast = judged([(256 * size, k) for size, k in zip(SIZES, steps, strict=True)])
    found = [card_of(vast, step_time=line_of_time(1e9, 1e9 / 7)) for _ in range(2)]
    lines = "\n".join(card_lines(found)).splitlines()
    assert max(map(len, lines)) <= 100
    assert lines.count("Sparsity 0%") == 2
    assert lines[1:9] == ["Sparsity 0%", *repr(found[0]).splitlines()[:7]]


@pytest.mark.parametrize("name", ["seconds_per_step", "Seconds per step", "sec_per_step"])
def test_a_column_of_seconds_is_read(tmp_path, name):
    rows = ["16,0,100,0.5", "16,1,102,0.7", "32,0,60,", "64,0,40,2"]
    path = tmp_path / "logs.csv"
    path.write_text(f"batch_size,replicate,steps,{name}\n" + "\n".join(rows) + "\n")
    (curve,) = read_records(path).curves
    assert curve.seconds_per_step == pytest.approx({16: 0.6, 64: 2.0})
    path.write_text("batch_size,steps,seconds_per_step\n16,100,0\n")
    with pytest.raises(ValueError, match="row 2, column seconds_per_step: need a number > 0"):
        read_records(path)
