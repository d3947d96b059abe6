"""Forms in which names, topics and titles are compared, and terms that books are found by."""

import pytest

from bazar.catalog.words import (
    TITLE_KEY_LENGTH,
    Part,
    name_key,
    search_words,
    sought,
    terms,
    title_key,
    topic_key,
    topic_letters,
)
from support.stored_books import book


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


@pytest.mark.parametrize(
    ("topic", "key"),
    [
        ("Distributed-Systems", "distributed systems"),
        ("distributed_systems", "distributed systems"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("Poésie", "poesie"),
        ("Children\u2019s Books", "childrens books"),
        ("C++", "c++"),
        ("C#", "c#"),
        ("TCP/IP", "tcp/ip"),
        ("½", "1/2"),
        ("\u0301", "\u0301"),
    ],
)
def test_spellings_of_a_topic_are_one(topic: str, key: str) -> None:
    """Signs make another topic; one that is nothing but marks stays as it is."""
    assert key == topic_key(topic)
    assert key == topic_key(key)


def test_a_topic_is_known_without_its_spaces() -> None:
    """As programs write it."""
    assert "distributedsystems" == topic_letters(topic_key("Distributed Systems"))


def test_the_number_of_words_has_a_limit() -> None:
    """Twenty words are looked for, the rest is not."""
    assert 20 == len(search_words("a " * 100))
    wanted = sought(" ".join(f"w{number}" for number in range(100)))
    assert wanted is not None
    assert 20 == len(wanted.words)


def test_what_is_sought_is_beginnings_of_words() -> None:
    """An apostrophe may have been a space; three characters of a run stand as they are."""
    wanted = sought("d'Art X'")
    assert wanted is not None
    assert "edart_x" == wanted.title
    apart = (Part("d", more=True), Part("art", more=True))
    assert (((Part("dart", more=True),), apart), ((Part("x", more=True),),)) == wanted.words
    wanted = sought("吾輩は猫")
    assert wanted is not None
    threes = tuple(Part(three, more=False) for three in ("吾輩は", "輩は猫"))
    assert ((threes,),) == wanted.words
    assert sought("?! +") is None


def test_a_book_has_terms_for_where_its_words_stand() -> None:
    """In the title, in its head, anywhere; its topic and its whole title are terms too."""
    one = book(
        "The Sea!",
        subtitle="Waves",
        author="Ó. Brien",
        publisher="Gone",
        topic="C++",
        description="Sea wind",
    )
    found = sorted(terms(one))
    assert len(set(found)) == len(found)
    assert ["abrien", "ac", "agone", "ao", "asea", "athe", "awaves", "awind"] == found[:8]
    assert ["ethe_sea"] == [term for term in found if term[0] == "e"]
    assert ["tsea", "tthe"] == [term for term in found if term[0] == "t"]
    assert 7 == len([term for term in found if term[0] == "h"])
    assert ["xc_2b__2b_"] == [term for term in found if term[0] == "x"]
