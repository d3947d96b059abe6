"""Texts as they are kept and compared."""

from unicodedata import category, normalize

import pytest

from bazar.kit.text import INVISIBLE, bare, visible

PERSIAN = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
HINDI = "\u0915\u094d\u200d\u0937"


def test_what_nobody_sees_is_a_format_character() -> None:
    """Each of them, and none that is seen."""
    assert {"Cf"} == set(map(category, INVISIBLE))
    assert len(set(INVISIBLE)) == len(INVISIBLE)


@pytest.mark.parametrize("sign", INVISIBLE)
def test_what_nobody_sees_is_not_kept(sign: str) -> None:
    """Inside a word, around it, and alone."""
    assert "Dune" == visible(f"{sign}Du{sign}{sign}ne{sign}") == bare(f"Du{sign}ne")
    assert "" == visible(sign * 3)


@pytest.mark.parametrize("text", [PERSIAN, FAMILY, HINDI])
def test_a_joiner_is_kept_where_letters_join(text: str) -> None:
    """And left out of what is compared, as at the end of a word."""
    assert text == visible(text)
    joiner = next(one for one in text if one in INVISIBLE)
    assert text.replace(joiner, "") == bare(text)
    assert text == visible(f"{joiner}{text}{joiner}")


def test_texts_are_compared_in_composed_letters() -> None:
    """Also where a sign that nobody sees stood between a letter and its mark."""
    assert "Caf\u00e9" == bare(normalize("NFD", "Caf\u00e9")) == bare("Cafe\u200b\u0301")
