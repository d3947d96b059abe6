"""The streams of numbers that decide a cover."""

from collections import Counter

from bazar.front.storefront.cover.choices import Choices, streams


def test_a_stream_never_ends_and_never_changes() -> None:
    """More numbers than one hash holds come in the same order again."""
    first, again = Choices("book", "words"), Choices("book", "words")
    numbers = [first.below(256) for _ in range(500)]
    assert numbers == [again.below(256) for _ in range(500)]
    assert numbers[:64] != numbers[64:128]


def test_streams_of_the_same_words_are_independent() -> None:
    """A topic called like an author does not choose what he chooses."""
    rows = [[stream.below(256) for _ in range(8)] for stream in streams("x", "x", "x")]
    assert 3 == len(set(map(tuple, rows)))


def test_all_options_are_taken() -> None:
    """Each option is taken about as often as the others."""
    choices = Choices("book", "words")
    counts = Counter(choices.one("abc") for _ in range(3000))
    assert set("abc") == set(counts)
    assert min(counts.values()) > 900


def test_the_three_words_decide_together() -> None:
    """The book's stream is another one where any of its words is."""
    books = [("a", "b", "c"), ("x", "b", "c"), ("a", "x", "c"), ("a", "b", "x"), ("ab", "", "c")]
    firsts = {tuple(streams(*book).book.below(256) for _ in range(1)) for book in books}
    assert len(firsts) > 1
    rows = set()
    for book in books:
        stream = streams(*book).book
        rows.add(tuple(stream.below(256) for _ in range(8)))
    assert len(books) == len(rows)
