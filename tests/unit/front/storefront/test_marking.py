"""Words of a query are marked in texts, and spelt as texts spell them."""

from markupsafe import Markup

from bazar.front.storefront.marking import BEGINNING_LENGTH_MAX, beginning, marked, nearest

TEXTS = ["The Phantom of the Opera", "Gaston Leroux", "Dracula", "Bram Stoker"]


def test_words_are_marked_where_they_begin_a_word() -> None:
    """In any case; everything else is escaped."""
    expected = Markup("The <mark>Sea</mark>, &lt;b&gt; <mark>seas</mark> and ease")
    assert expected == marked("The Sea, <b> seas and ease", "sea")


def test_a_query_is_no_pattern() -> None:
    """And no markup."""
    assert Markup("a+b &amp; .*") == marked("a+b & .*", ".* <i>x")
    assert Markup("a") == marked("a", "")


def test_the_nearest_spelling_is_found() -> None:
    """Word by word; what is spelt well stays."""
    assert "dracula" == nearest("Drakula", TEXTS)
    assert "phantom opera" == nearest("fantom opera", TEXTS)


def test_nothing_is_said_where_nothing_is_near() -> None:
    """Nor where all is spelt as in the texts."""
    assert "" == nearest("xyzzy", TEXTS)
    assert "" == nearest("dracula", TEXTS)
    assert "" == nearest("dracula xyzzy", TEXTS)


def test_a_result_shows_the_beginning_of_a_description() -> None:
    """Cut between words, and never sent whole: what is cut off would only be hidden."""
    assert "Short." == beginning("Short.")
    shown = beginning("word " * 1000)
    assert shown.endswith("word\N{HORIZONTAL ELLIPSIS}")
    assert len(shown) <= BEGINNING_LENGTH_MAX + 1
