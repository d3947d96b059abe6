"""Lists of figures, and which settings have an effect on which experiment."""

from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from bazar.cli.main import app
from bazar.experiment.result import Vary
from bazar.experiment.run import EXPERIMENTS, settled, without_effect
from bazar.experiment.settings import NAMES, Settings, figures_of

ROOT = Path(__file__).parents[3]
VARIED = [one for experiment in EXPERIMENTS.values() for one in experiment.vary]


@pytest.mark.parametrize(
    ("text", "expected"), [("1,2,4", (1, 2, 4)), (" 4, 1,4 ", (1, 4)), ("0", (0,))]
)
def test_a_list_of_figures_is_read(text: str, expected: tuple[int, ...]) -> None:
    """Ascending, and each once."""
    assert expected == figures_of(text, 0, 8)


@pytest.mark.parametrize(
    "text", ["", ",", "1,", "x", "-1", "1.5", "9", "1;2", "٣", "1,2,3,4,5,6,7,8,0", "9" * 5000]
)
def test_no_list_of_figures_is_refused_in_words(text: str) -> None:
    """They say what is taken, and repeat no more than the beginning."""
    with pytest.raises(ValueError, match="1 to 8 whole numbers from 0 to 8") as caught:
        figures_of(text, 0, 8)
    assert len(str(caught.value)) < 200


def test_every_experiment_can_be_named() -> None:
    """And no name is of none."""
    assert set(NAMES) == set(EXPERIMENTS)


@pytest.mark.parametrize("name", NAMES)
def test_the_settings_of_an_experiment_are_real_ones(name: Any) -> None:  # noqa: ANN401
    """Its own values, and those of a quick run, which are fewer."""
    one = EXPERIMENTS[name]
    assert set(Settings.__dataclass_fields__) >= set(one.usual) >= set(one.quick)
    Settings(**settled(one, {}, quick=True))


def test_what_somebody_named_counts_more_than_a_quick_run() -> None:
    """And a quick run more than what is usual."""
    said = settled(EXPERIMENTS["clients"], {"clients": 7}, quick=True)
    assert (7, 0.2, 1.0) == (said["clients"], said["duration_s"], said["zipf"])


def test_a_setting_without_effect_is_noticed() -> None:
    """Of one experiment; where several are run, one that heeds it is enough."""
    assert ["rate"] == without_effect(["cache"], {"rate": 5.0, "clients": 3})
    assert [] == without_effect(["cache", "crash"], {"rate": 5.0})


@pytest.mark.parametrize("vary", VARIED, ids=lambda one: one.command)
def test_what_to_vary_can_be_typed(vary: Vary) -> None:
    """Each command is read without a fault, and asks something."""
    command: Any = get_command(app)
    _bazar, _experiment, *words = vary.command.split()
    context = command.commands["experiment"].make_context("experiment", words)
    named = {name for name, value in context.params.items() if value is not None}
    assert context.params["which"] in NAMES
    assert named
    assert vary.ask.endswith("?")
