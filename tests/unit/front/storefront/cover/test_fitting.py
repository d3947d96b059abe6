"""Fitting: the largest size, balanced lines, hyphens and an end where there must be one."""

from bazar.front.storefront.cover.faces import NASKH, SANS_BOLD, SERIF, width_em
from bazar.front.storefront.cover.fitting import Box, fit, fit_line

BOX = Box(200, 180, 40, 18)


def test_a_short_title_is_as_large_as_it_may() -> None:
    """Nothing is larger than the largest size."""
    assert (["Emma"], 40) == fit("Emma", SERIF, BOX)[:2]


def test_no_larger_size_would_do() -> None:
    """The size below the largest that is taken is not taken without need."""
    fitted = fit("The Importance of Being Earnest", SERIF, BOX)
    larger = BOX._replace(largest=int(fitted.size) + 1, smallest=int(fitted.size) + 1)
    assert fitted.size < BOX.largest
    assert fitted.lines != fit("The Importance of Being Earnest", SERIF, larger).lines


def test_lines_are_balanced() -> None:
    """Words move down until the lines are about as long as each other, with no line more."""
    fitted = fit("a a a a a a a b", SERIF, Box(3.8 * 18, 180, 18, 18))
    assert ["a a a a", "a a a b"] == fitted.lines


def test_lines_fit_width_height_and_number() -> None:
    """A narrow, a low and a short box each make the type smaller."""
    title = "Twenty Thousand Leagues Under the Sea"
    size = fit(title, SERIF, BOX).size
    for box in (BOX._replace(width=130), BOX._replace(height=90), BOX._replace(lines_max=2)):
        fitted = fit(title, SERIF, box)
        assert fitted.size < size
        assert fitted.height <= box.height
        assert len(fitted.lines) <= box.lines_max
        assert all(width_em(line, SERIF) * fitted.size <= box.width for line in fitted.lines)


def test_a_word_that_fits_at_no_size_is_broken_where_a_syllable_begins() -> None:
    """A compound gets hyphens, and none of its letters is lost."""
    word = "Donaudampfschifffahrtsgesellschaftskapitän"
    lines = fit(word, SERIF, BOX).lines
    assert ["Donaudampfschiff-", "fahrtsgesells-", "chaftskapitän"] == lines
    assert word == "".join(line.removesuffix("-") for line in lines)


def test_a_hyphen_of_its_own_is_not_doubled() -> None:
    """A word that has a hyphen where it breaks keeps that one."""
    assert "--" not in "".join(fit("abcdefghi-" * 9, SERIF, BOX._replace(width=90)).lines)


def test_scripts_without_case_break_without_a_hyphen() -> None:
    """Thai words stand without spaces, and readers expect no hyphen."""
    lines = fit("ภาษาไทยสำหรับทุกคนที่ต้องการเรียนรู้", SERIF, BOX._replace(width=100)).lines
    assert len(lines) > 1
    assert "-" not in "".join(lines)


def test_what_has_no_room_ends_with_an_ellipsis() -> None:
    """The last line says that the title goes on."""
    fitted = fit("word " * 100, SERIF, BOX)
    assert (6, 18) == (len(fitted.lines), fitted.size)
    assert fitted.lines[-1].endswith("word…")
    assert width_em(fitted.lines[-1], SERIF) * 18 <= BOX.width


def test_square_letters_break_anywhere_but_before_a_full_stop() -> None:
    """Chinese and Japanese lines break between letters; no line begins with a sign."""
    lines = fit("吾輩は猫である。名前はまだ無い。", SERIF, Box(6 * 40 + 1, 180, 40, 40)).lines
    assert "吾輩は猫である。名前はまだ無い。" == "".join(lines)
    assert len(lines) > 1
    assert all(line[0] not in "。、ー" for line in lines)


def test_a_letter_keeps_its_marks_and_what_is_joined_to_it() -> None:
    """Nothing breaks between a letter and its accent, or inside a family of emoji."""
    family = "👩\u200d👩\u200d👧"
    for line in fit(family * 30, SERIF, BOX).lines:
        assert "" == line.rstrip("…").replace(family, "")
    for line in fit("e\u0323\u0301" * 120, SERIF, BOX).lines:
        assert not line.startswith(("\u0323", "\u0301"))


def test_one_line_takes_the_size_that_its_width_allows() -> None:
    """A word on a band is as large as the band is wide."""
    fitted = fit_line("Metamorphosis", SANS_BOLD, Box(190, 60, 54, 18))
    assert 1 == len(fitted.lines)
    assert 190 - 12 < width_em("Metamorphosis", SANS_BOLD) * fitted.size <= 190


def test_no_text_has_no_lines_and_no_height() -> None:
    """A book without an author leaves no gap."""
    assert ([], 0) == (fit("", SERIF, BOX).lines, fit("", SERIF, BOX).height)


def test_naskh_lines_have_more_air() -> None:
    """Letters that hang and tower need lines further apart."""
    text = "موسم الهجرة إلى الشمال"
    box = BOX._replace(largest=30, smallest=30)
    assert fit(text, NASKH, box).height > 1.2 * fit(text, SERIF, box).height
