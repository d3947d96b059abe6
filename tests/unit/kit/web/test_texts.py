"""Texts are filled in, and what is put into markup is escaped."""

from markupsafe import Markup

from bazar.kit.web.texts import texts

ENGLISH = texts("bazar.words", "en")
ARABIC = texts("bazar.words", "ar")


def test_a_text_without_values_may_hold_a_percent_sign() -> None:
    """Only where there is something to fill in is it filled in."""
    assert "100 %" == ENGLISH.gettext("100 %")


def test_values_stand_where_the_text_wants_them() -> None:
    """By their names, so a language may put them in another order."""
    assert "a, b" == ENGLISH.gettext("%(one)s, %(two)s", two="b", one="a")


def test_beside_markup_every_other_value_is_escaped() -> None:
    """A link in a sentence stays one; a title that looks like markup does not become any."""
    filled = ENGLISH.gettext("%(a)s%(b)s", a=Markup("<b>"), b="<i>")
    assert Markup("<b>&lt;i&gt;") == filled
    assert isinstance(filled, Markup)


def test_a_language_knows_its_direction() -> None:
    """Arabic runs leftwards."""
    assert ("ltr", "rtl") == (ENGLISH.direction, ARABIC.direction)


def test_what_nobody_translated_stays_as_it_is() -> None:
    """A name that the keeper typed is no text of ours."""
    assert "Qwerty" == ARABIC.gettext("Qwerty")
