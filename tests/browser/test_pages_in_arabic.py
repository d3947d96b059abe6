"""Every page in every state, in Arabic: nobody is kept out, and nothing is too wide."""

import pytest

from browser.chromium import Browsers
from browser.looking import faults
from browser.stage import Stage
from browser.states import STATES, State


@pytest.mark.parametrize("state", STATES, ids=[state.name for state in STATES])
def test_a_page_keeps_nobody_out(browsers: Browsers, stage: Stage, state: State) -> None:
    """Axe-core finds nothing, no width makes it move sideways, and it keeps our own rules."""
    assert browsers.look(lambda browser: faults(browser, stage, state, "ar")) == []
