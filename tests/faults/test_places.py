"""Full disks and folders in which nothing may be written: one line, and nothing finished is lost."""

import shutil

import pytest
from samples.fault_runs import SMALL, assert_as_undisturbed, left_of, stored
from tools.fault_places import allow_writing, forbid_writing, open_folder, read_only_view, small_disk

pytestmark = pytest.mark.slow
GO_ON = "run the same command again"


def assert_one_error(run, message):
    """Check that a run's last line is its only error, and that no process of it is left."""
    lines = run.stderr.splitlines()
    assert [line for line in lines if line.startswith("error: ")] == lines[-1:]
    assert message in lines[-1]
    assert "Traceback" not in run.stderr
    assert left_of(run.pid) == []


@pytest.mark.parametrize("kilobytes", [4, 40, 80, 96, 128, 160, 200])
def test_a_run_whose_files_cannot_grow_says_so_and_goes_on_later(kilobytes, warm, undisturbed, tmp_path):
    folder = tmp_path / "run"
    run, code = warm.run(*SMALL, "--out", folder, most_bytes=1024 * kilobytes)
    assert code or kilobytes > 4
    if code:
        assert code == 2
        assert_one_error(run, GO_ON)
    assert set(run.reported) <= stored(folder)
    again, code = warm.run(*SMALL, "--out", folder)
    assert code == 0, again.stderr
    assert_as_undisturbed(folder, undisturbed)


@pytest.mark.parametrize("kilobytes", [64, 128, 160, 192, 256, 320])
def test_a_run_on_a_full_disk_says_so_and_goes_on_when_there_is_room(kilobytes, warm, undisturbed, tmp_path):
    (tmp_path / "disk").mkdir()
    with small_disk(tmp_path / "disk", kilobytes) as disk:
        run, code = warm.run(*SMALL, "--out", disk / "run", checkpoints=True)
        assert code or kilobytes > 64
        if code:
            assert code == 2
            assert_one_error(run, GO_ON)
        assert set(run.reported) <= stored(disk / "run")
        shutil.copytree(disk / "run", tmp_path / "run")
    again, code = warm.run(*SMALL, "--out", tmp_path / "run")
    assert code == 0, again.stderr
    assert_as_undisturbed(tmp_path / "run", undisturbed)


@pytest.mark.parametrize("begun", [True, False], ids=["a run", "nothing yet"])
def test_a_folder_without_permission_to_write_is_one_line_and_left_alone(begun, warm, undisturbed):
    with open_folder() as place:
        if begun:
            shutil.copytree(undisturbed.folder, place / "run")
        forbid_writing(place)
        run, code = warm.run(*SMALL, "--replicates", "2", "--out", place / "run", as_nobody=True)
        allow_writing(place)
        assert code == 2
        assert_one_error(run, str(place / "run"))
        assert run.stderr.count("\n") == 1
        if begun:
            assert_as_undisturbed(place / "run", undisturbed)
        else:
            assert list(place.iterdir()) == []


def test_a_run_on_read_only_media_is_one_line_and_left_alone(warm, undisturbed, tmp_path):
    (tmp_path / "view").mkdir()
    with read_only_view(undisturbed.folder.parent, tmp_path / "view") as view:
        run, code = warm.run(*SMALL, "--replicates", "2", "--out", view / "run")
        assert code == 2
        assert_one_error(run, str(view / "run"))
        assert run.stderr.count("\n") == 1
        assert_as_undisturbed(view / "run", undisturbed)
