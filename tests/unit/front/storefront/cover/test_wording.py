"""The words on a cover: what is dropped, what is kept, and which way they run."""

import pytest

from bazar.front.storefront.cover.wording import (
    clean,
    initial,
    runs_left,
    short_author,
    short_title,
)


@pytest.mark.parametrize(
    ("title", "short"),
    [
        ("Moby-Dick; or, The Whale", "Moby-Dick"),
        (
            "Zen and the Art of Motorcycle Maintenance: An Inquiry",
            "Zen and the Art of Motorcycle Maintenance",
        ),
        ("The Hunger Games (The Hunger Games, #1)", "The Hunger Games"),
        ("Faust: First Part", "Faust: First Part"),
        ("It: A Novel of Many, Many Pages", "It: A Novel of Many, Many Pages"),
        ("", ""),
    ],
)
def test_a_title_loses_what_only_explains_it(title: str, short: str) -> None:
    """A long title ends at its first break, unless that leaves less than four letters."""
    assert short == short_title(title)


@pytest.mark.parametrize(
    ("author", "short"),
    [
        ("Jacob and Wilhelm Grimm", "Jacob and Wilhelm Grimm"),
        ("J.K. Rowling, Mary GrandPré, Rufus Beck", "J.K. Rowling"),
        ("Terry Pratchett and Neil Gaiman", "Terry Pratchett"),
        ("Johann Wolfgang von Goethe", "Johann Wolfgang von Goethe"),
        (", and nobody else in this world", ", and nobody else in this world"),
    ],
)
def test_a_long_list_of_authors_becomes_its_first(author: str, short: str) -> None:
    """Up to 25 letters all of them stand; then only the first, and never nobody."""
    assert short == short_author(author)


@pytest.mark.parametrize(
    ("title", "letter"),
    [
        ("The Odyssey", "O"),
        ("Les Misérables", "M"),
        ("l'Étranger", "É"),
        ("ähnlich", "Ä"),
        ("1984", "1"),
        ("The", "T"),
        ("The ", "T"),
        ("??? What", ""),
        ("", ""),
    ],
)
def test_a_title_is_filed_under_its_first_letter_without_articles(title: str, letter: str) -> None:
    """A sign is no letter, and an article alone is the title."""
    assert letter == initial(clean(title))


@pytest.mark.parametrize(
    ("text", "leftwards"),
    [
        ("ألف ليلة", True),
        ("12 שעות", True),
        ("Ali علي", False),
        ("三体", False),
        ("123 …", False),
        ("", False),
    ],
)
def test_the_first_letter_with_a_direction_decides(text: str, leftwards: bool) -> None:  # noqa: FBT001 - a row of the table
    """Digits and signs have none."""
    assert leftwards == runs_left(text)


def test_a_tower_of_marks_is_cut() -> None:
    """Three marks stay on a letter; those without a letter go."""
    mark = "\u0316"
    assert f"x{mark * 3}y" == clean(f"x{mark * 30}y")
    assert "a b" == clean(f"a {mark * 2}b")


def test_spaces_of_all_kinds_are_one_space() -> None:
    """Line breaks and wide spaces in a title are spaces."""
    assert "a b c d" == clean("  a\n\tb\u00a0\u3000c\u2028d ")
