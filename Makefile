# The commands of the project. Each target works as the first one ever typed in a fresh clone.
PYTHON ?= python3
BIN := .venv/bin
RUN ?= runs/digits
MEASURE ?= --sparsity 0 50 70 90
INSTALLED := .venv/installed

.PHONY: measure evidence test docs check slow lint types clean

# Measure the curves and constants of the embedded digits, test the claims on them, draw the figures.
measure: $(INSTALLED)
	$(BIN)/python -m empirics.measure $(MEASURE) --out $(RUN)
	$(BIN)/python -m verification.report $(RUN) --save
	$(BIN)/python -m paper_figures $(RUN)

# Renew all that is made of the kept runs: verdicts, records, figure 1 of each, README's other picture, the findings and
# README's table.
KEPT := $(sort $(patsubst %/curves.csv,%,$(wildcard evidence/*/curves.csv)))
evidence: $(INSTALLED)
	for run in $(KEPT); do \
	  $(BIN)/python -m verification.report $$run --save >/dev/null && \
	  $(BIN)/python -m paper_figures $$run --figure 1 || exit 1; \
	done
	$(BIN)/python -m paper_figures evidence/digits-sgd --figure smoothness
	$(BIN)/python -m verification.record $(KEPT)
	$(BIN)/python -m verification.findings $(KEPT) --to docs/findings.md --readme README.md

test: $(INSTALLED)
	$(BIN)/python -m pytest -q -n auto --dist worksteal -m "not slow" tests verification
	$(BIN)/python -m pytest -q --doctest-modules kstar theory empirics verification paper_figures --ignore-glob='*/test_*.py'

# The documentation as a site, which needs no network: open site/index.html. A warning is an error.
docs: $(INSTALLED)
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs site

check: lint types test

slow: $(INSTALLED)
	$(BIN)/python -m pytest -q -n auto --dist worksteal -m slow --durations=10 tests verification

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED)
	$(BIN)/mypy

$(INSTALLED): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -c constraints.txt 'torch==2.13.0' -e '.[dev]'
	touch $@

clean:
	rm -rf .venv site docs/reference build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
