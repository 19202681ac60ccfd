"""Sentences that a reader can follow: no page has one of more than 30 words."""

import pytest
from tools import prose


@pytest.mark.parametrize("page", prose.pages(), ids=lambda page: page.name)
def test_sentences_are_short(page):
    long = [" ".join(words) for words in prose.sentences(page.read_text(encoding="utf-8")) if len(words) > 30]
    assert not long, "\n".join(long)


def test_readme_is_short():
    assert len((prose.ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_code_tables_and_formulas_are_no_prose():
    text = """# One two

Three `four five` $x + y$ et al. (2021) say
so, see [here](a/b.md). Six!

- seven eight
- nine

| ten | eleven |

    twelve

```
thirteen.
```
$$ c = d $$
"""
    told = [" ".join(words) for words in prose.sentences(text)]
    assert told == ["Three Code Code et al. (2021) say so, see [here].", "Six!", "seven eight", "nine"]
