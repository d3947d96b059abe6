"""`mdns:` among addresses: which shop, and on which interfaces, in one word."""

import pytest

from bazar.kit.peers.addresses import Looking


@pytest.mark.parametrize(
    "looking",
    [
        Looking(),
        Looking("bazar", ("127.0.0.1",)),
        Looking("Café, Ω & 書店 @ 50 % + more/less", ("fe80::1", "eth0.5")),
        Looking("mdns:", ("10.0.0.2", "fd00::2")),
    ],
)
def test_a_word_says_which_shop_and_where(looking: Looking) -> None:
    """It is read as it was meant, and can stand between commas."""
    word = str(looking)
    assert looking == Looking.read(word)
    assert "," not in word
    assert word.startswith("mdns:")


def test_the_bare_word_means_the_usual_shop_everywhere() -> None:
    """Which is what nobody said anything about."""
    assert Looking("bazar", ()) == Looking.read("mdns:")
