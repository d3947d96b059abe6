"""Identifiers: unguessable where they must be, in order of time, and never twice."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from bazar.kit.identity import ID_LENGTH, is_id, new_id, new_key, new_request_id


def test_an_id_has_its_form() -> None:
    """26 lower-case letters and digits, without those that look alike."""
    made = new_id()
    assert 26 == len(made)
    assert is_id(made)
    assert made == made.lower()
    assert not set("ilou") & set("".join(new_id() for _ in range(100)))


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**48 - 1))
@settings(max_examples=100, deadline=None)
def test_ids_sort_by_time(first_ms: int, second_ms: int) -> None:
    """An id of a later millisecond is larger, whatever its random part."""
    first, second = new_id(lambda: first_ms), new_id(lambda: second_ms)
    assert is_id(first)
    assert first[:10] <= second[:10] if first_ms <= second_ms else first > second


@given(st.integers(0, 2**48 - 1))
def test_an_id_begins_with_its_time(ms: int) -> None:
    """The first ten characters are the time in milliseconds, in base 32."""
    alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
    read = 0
    for letter in new_id(lambda: ms)[:10]:
        read = read * 32 + alphabet.index(letter)
    assert ms == read


def test_every_letter_is_as_likely_at_every_random_place() -> None:
    """Of 20,000 ids each letter stands at each of 16 places about 625 times: 80 random bits."""
    made = [new_id() for _ in range(20_000)]
    for place in range(10, ID_LENGTH):
        counts = Counter(one[place] for one in made)
        assert 32 == len(counts)
        assert 450 < min(counts.values())  # seven standard deviations
        assert 800 > max(counts.values())


def test_ids_of_one_millisecond_differ() -> None:
    """The random part alone tells them apart, and all of it varies."""
    made = [new_id(lambda: 1_700_000_000_000) for _ in range(2000)]
    assert 2000 == len(set(made))
    assert 1 == len({one[:9] for one in made})
    assert all(len({one[place] for one in made}) > 1 for place in range(10, 26))


def test_other_texts_are_no_ids() -> None:
    """Too short, too long, in capitals, with letters that are left out."""
    made = new_id()
    for text in ("", made[:-1], made + "0", made.upper() + "A", made[:-1] + "l", made[:-1] + "é"):
        assert not is_id(text), text


def test_request_ids_differ() -> None:
    """No two of one process are the same, and each is a proper request id."""
    made = [new_request_id() for _ in range(1000)]
    assert 1000 == len(set(made))
    assert all(len(one) <= 64 and one.replace("-", "").isalnum() for one in made)


def test_keys_have_128_random_bits() -> None:
    """22 characters that may stand between quotes as they are, never the same."""
    made = [new_key() for _ in range(1000)]
    assert 1000 == len(set(made))
    assert {22} == {len(one) for one in made}
    assert all(one.replace("-", "").replace("_", "").isalnum() for one in made)
