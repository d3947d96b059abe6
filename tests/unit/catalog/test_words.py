"""Forms in which names, titles and Arabic words are compared."""

import pytest

from bazar.catalog.words import TITLE_KEY_LENGTH, folded_arabic, name_key, search_words, title_key


@pytest.mark.parametrize(
    ("written", "sought"),
    [
        ("مُقَدِّمَة", "مقدمة"),
        ("أحمد", "احمد"),
        ("مكتبة", "مكتبه"),
        ("إلى", "الي"),
        ("آخر", "اخر"),
        ("مؤلف", "مولف"),
        ("قارئ", "قاري"),
        ("كـتـاب", "كتاب"),
    ],
)
def test_spellings_of_an_arabic_word_are_one(written: str, sought: str) -> None:
    """With marks of vowels or without, with hamza or without, whichever of the last letters."""
    assert folded_arabic(written) == folded_arabic(sought)
    assert 1 == len(search_words(written))
    assert search_words(sought) == search_words(written)


@pytest.mark.parametrize(
    "name", ["Émile  Zola", "emile zola", "emile-zola", "E\u0301mile Zola", "ÉMILE ZOLA."]
)
def test_spellings_of_a_name_are_one(name: str) -> None:
    """In any case, composed or not, and as an address holds it."""
    assert "emile zola" == name_key(name)


def test_names_of_other_scripts_keep_their_letters() -> None:
    """An Arabic one is folded as in a search."""
    assert name_key("أحمد شوقي") == name_key("احمد شوقى")
    assert "" != name_key("лев толстой") == name_key("Лев-ТОЛСТОЙ")
    assert "" == name_key("?!")


def test_a_title_comes_by_its_beginning() -> None:
    """So that a cursor that holds it stays short."""
    assert "the sea " * 5 == title_key("The Sea, " * 60)
    assert TITLE_KEY_LENGTH == len(title_key("x" * 500))
