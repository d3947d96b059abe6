"""Addresses of pages are made from titles, and stay readable in every script."""

import pytest

from bazar.front.storefront.links import author_path, slug, topic_path


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("The Phantom of the Opera", "the-phantom-of-the-opera"),
        ("Moby-Dick; or, The Whale", "moby-dick"),
        ("The Arabian Nights: Tales from a Thousand and One", "the-arabian-nights"),
        ("Les Misérables (Volume 1)", "les-miserables"),
        ("Ḥayy ibn Yaqẓān", "hayy-ibn-yaqzan"),
        ("R.U.R.", "r-u-r"),
        ("Горе от ума", "горе-от-ума"),  # noqa: RUF001  Cyrillic
        ("الف ليلة وليلة", "الف-ليلة-وليلة"),
        ("Йод", "йод"),
        ("源氏物語", "源氏物語"),
        ("?!", "-"),
        ("w" * 80, "w" * 60),
    ],
)
def test_a_slug_is_the_first_part_of_a_title(title: str, expected: str) -> None:
    """Only Latin letters lose their accents: in other scripts they make another letter."""
    assert expected == slug(title)


@pytest.mark.parametrize(
    ("author", "expected"),
    [
        ("H. G. Wells", "/by/h-g-wells"),
        ("Émile Zola", "/by/emile-zola"),
        ("İhsan Groß", "/by/ihsan-gross"),
        ("نَجِيب محفوظ", "/by/نجيب-محفوظ"),
        ("???", ""),
        ("x" * 201, ""),
    ],
)
def test_an_author_is_in_an_address_as_a_whole(author: str, expected: str) -> None:
    """Without accents and vowel marks, which not everybody writes; of signs alone there is none."""
    assert expected == author_path(author)


def test_a_topic_is_quoted_whole() -> None:
    """A slash in it is no other page."""
    assert "/browse/arts%2Fcrafts" == topic_path("arts/crafts")
