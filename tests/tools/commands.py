"""Commands as they are typed, but called in this process, and what they leave and say."""

import csv
import signal


def code_of(main, *words):
    """Call a command; return its exit code. What it does to this process's answer to being ended is undone."""
    previous = signal.getsignal(signal.SIGTERM)
    try:
        return main([str(word) for word in words])
    except SystemExit as leaving:
        return leaving.code
    finally:
        signal.signal(signal.SIGTERM, previous)


def rows(path):
    """Return the rows of a table, each a dictionary of texts."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def assert_one_line(capsys, message):
    """Check that nothing was said but one line on stderr, with a message in it."""
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert message in err
