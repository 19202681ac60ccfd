"""Every command keeps the options that it had in 0.1.0 and since: somebody's script asks for them."""

import re
from importlib import import_module

import pytest

_MEASURED = """--address --biases --data-dir --data-parallel --device --eval-interval --every --examples --executor
    --goal-error --hessian-points --jobs --max-steps --memory-limit --out --points --pruning --pruning-examples
    --repeats --seed --sparsity --steps --stop --trace --trials --workload"""
OPTIONS = {
    "theory.derive": """--Delta --H --L --M-G --batch-sizes --beta --bound --case --epsilon --eta --evaluate --format
        --mu --plot --without-replacement""",
    "theory.evaluation.command": "--Delta --H --L --M-G --batch-sizes --beta --bound --epsilon --eta --format --mu",
    "empirics.measure": f"""{_MEASURED} --batch-sizes --constants --list --no-constants --plan
        --draws --jitter --replicates --rerun-winner --quiet --log""",
    "empirics.constants": f"{_MEASURED} --batch-size --learning-rate --seeds",
    "verification.report.__main__": """--batch-size-for-efficiency --draws --json --markdown --minimum --save
        --step-time""",
    "kstar.batch_size": "--step-time --to",
    "paper_figures.report.__main__": "--to",
    "paper_figures.__main__": "--figure --to",
    "empirics.logs.__main__": """--batch-size-from --by --direction --goal --metric --repeated-steps --runs --step
        --steps-from --to --unit""",
    "empirics.exchange.__main__ import": "--format --goal-error --max-steps --metric --to",
    "empirics.exchange.__main__ export": "--format --to",
    "empirics.datasets.__main__": "--from --to",
    "theory.noisy_quadratic.__main__": "--batch-sizes --decay-to --dimension --format --goal --momentum --nesterov",
    "theory.worst_case": "--eta-times-L --format --steps",
}


@pytest.mark.parametrize("command", OPTIONS)
def test_no_option_is_lost(command, capsys):
    module, *words = command.split()
    with pytest.raises(SystemExit) as left:
        import_module(module).main([*words, "--help"])
    assert left.value.code == 0
    listed = set(re.findall(r"(?<![\w-])--[A-Za-z][\w-]*", capsys.readouterr().out.split("\n\n", 1)[0]))
    assert set(OPTIONS[command].split()) <= listed
