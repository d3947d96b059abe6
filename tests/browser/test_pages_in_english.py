"""Every page in every state, in English: nobody is kept out, and nothing is too wide."""

import pytest
from playwright.sync_api import Browser

from browser.looking import faults
from browser.stage import Stage
from browser.states import STATES, State


@pytest.mark.parametrize("state", STATES, ids=[state.name for state in STATES])
def test_a_page_keeps_nobody_out(browser: Browser, stage: Stage, state: State) -> None:
    """Axe-core finds nothing, no width makes it move sideways, and it keeps our own rules."""
    assert faults(browser, stage, state, "en") == []
