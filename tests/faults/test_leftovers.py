"""What a killed process leaves in a run folder, and who takes it away."""

from empirics.measure import main

WORDS = ("--sparsity", "0", "--batch-sizes", "128", "--trials", "1", "--max-steps", "4", "--goal-error", "0.5")


def test_leftovers_of_a_killed_run_are_removed_and_a_checkpoint_still_needed_is_kept(tmp_path):
    words = [*WORDS, "--pruning-examples", "100", "--no-constants", "--jobs", "1", "--out", str(tmp_path)]
    assert main(words) == 0
    measured = sorted(path.name for path in tmp_path.iterdir())
    (tmp_path / ".curves.csv.123").write_text("half a tab")
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "S0-r0-B128.npz").write_bytes(b"of a study that was stored before the kill")
    (tmp_path / "checkpoints" / ".S0-r0-B128.npz.123").write_bytes(b"half a checkpoint")
    other = tmp_path / "checkpoints" / "S0-r0-B64.npz"
    other.write_bytes(b"of a study that is not asked for now")
    assert main(words) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*measured, "checkpoints"])
    assert list((tmp_path / "checkpoints").iterdir()) == [other]
    other.unlink()
    assert main(words) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == measured
