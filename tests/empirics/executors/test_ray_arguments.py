"""What `--executor ray` says and does where no cluster is needed to see it."""

import sys

import pytest
from samples.tasks import Break, Echo, Refuse
from tools.commands import assert_one_line, code_of

from empirics.executors import ray_cluster, ray_worker
from empirics.executors.ray_worker import Board, Worker
from empirics.measure import main
from empirics.specification.request import Request
from empirics.specification.specification import resolve
from empirics.store.provenance import provenance


def assert_refused(words, message, folder, capsys):
    """Check that the command says one line, ends with 2 and writes nothing."""
    assert code_of(main, *words, "--out", folder / "run") == 2
    assert_one_line(capsys, message)
    assert list(folder.iterdir()) == []


def test_without_ray_the_command_says_what_to_install(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ray", None)
    message = "error: --executor ray needs Ray, which is not installed: pip install 'kstar-scaling[ray]'"
    assert_refused(("--executor", "ray"), message, tmp_path, capsys)
    assert_refused(("--executor", "ray", "--address", "auto"), message, tmp_path, capsys)


def test_an_address_needs_ray(tmp_path, capsys):
    assert_refused(("--address", "auto"), "--address auto: goes with --executor ray", tmp_path, capsys)


def test_an_address_that_nobody_answers_is_given_up_in_time(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(ray_cluster, "_load_ray", lambda: None)
    monkeypatch.setattr(ray_cluster, "_ANSWER_SECONDS", 0.5)
    monkeypatch.setattr(ray_cluster, "_PROBE", "import time; time.sleep(60)")
    words = ("--executor", "ray", "--address", "10.0.0.1:6379")
    message = "--address 10.0.0.1:6379: no Ray cluster answered in 0.5 s; start one with `ray start --head`"
    assert_refused(words, message, tmp_path, capsys)


def test_an_address_that_is_none_is_told_with_rays_reason(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(ray_cluster, "_load_ray", lambda: None)
    monkeypatch.setattr(ray_cluster, "_PROBE", "import sys; sys.exit('some lines\\nInvalid format: ' + sys.argv[1])")
    words = ("--executor", "ray", "--address", "nowhere")
    assert_refused(words, "no Ray cluster to be joined (Invalid format: nowhere)", tmp_path, capsys)


class Noted:
    """An actor's handle whose posts can be read."""

    def __init__(self):
        self.posts = []
        self.post = self

    def remote(self, *post):
        self.posts.append(post)


@pytest.fixture
def worker(digits, laboratory):
    board = Noted()
    specification, _ = resolve(Request(), cuda_available=False)
    made = Worker(specification, digits, provenance()["versions"], board)
    made._laboratory = laboratory
    return made, board.posts


def test_a_worker_answers_with_the_result_or_with_why_there_is_none(worker):
    worker, _ = worker
    answer, peak = worker.work(7, Echo("a"))
    assert answer == ("result", ["a", 6090])
    assert peak > 10e6
    assert worker.work(8, Refuse("b"))[0] == ("input error", "--option 7: must be less")
    (kind, text), _ = worker.work(9, Break("c"))
    assert kind == "error"
    assert text.endswith("ZeroDivisionError: a bug in the task\n")


def test_a_worker_posts_its_steps_now_and_then(worker, monkeypatch):
    worker, posts = worker
    worker.work(7, Echo("a"))
    assert posts == [(7, 1)]
    monkeypatch.setattr(ray_worker, "_POST_SECONDS", -1.0)
    worker.work(8, Echo("b"))
    assert posts[1:] == [(8, 1), (8, 2)]


def test_a_machine_with_other_versions_is_refused(digits):
    specification, _ = resolve(Request(), cuda_available=False)
    worker = Worker(specification, digits, {"torch": "1.0"}, None)
    kind, text = worker.set_up()
    assert kind == "input error"
    assert text.endswith("this one {'torch': '1.0'}; equal them")


def test_a_board_tells_each_step_once():
    board = Board()
    for number, step in ((0, 1), (1, 5), (0, 2)):
        board.post(number, step)
    assert board.take() == {0: 2, 1: 5}
    assert board.take() == {}
