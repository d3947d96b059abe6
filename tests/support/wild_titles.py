"""Titles and authors that no catalogue has: seeded words of many scripts, some of them ugly."""

from collections.abc import Iterator
from random import Random

ALPHABETS = {
    "latin": "aaabcdeeefghiiijklmnooopqrsssttuuvwxyz",
    "capitals": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "wide": "MWmw@%",
    "accented": "äöüßéèçñøåœšžāḥṭḍőłřğ",
    "greek": "αβγδεζηθικλμνξοπρστυφχψωΑΒΓΔΩ",
    "cyrillic": "абвгдежзийклмнопрстуфхцчшщыэюяЖШЮ",
    "arabic": "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
    "hebrew": "אבגדהוזחטיכלמנסעפצקרשת",
    "han": "三体红楼梦西游记水浒传论语道德经",
    "kana": "あいうえおかきくけこアイウエオカキクケコー。、",
    "hangul": "한국어소설의제목은길다",
    "devanagari": "कखगघचछजझटठडढणतथदधनपफबभमयरलवशषसह",
    "thai": "กขคงจฉชซญดตถทธนบปผฝพฟภมยรลวศสห",
    "georgian": "აბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰ",
    "digits": "0123456789",
    "signs": ".,:;!?-—/()[]&<>\"'…#*+=",
    "emoji": "📚🎉😀🚀🌍",
    "marks": "e\u0301o\u0308a\u0327\u0300\u0323",
}
"""The letters that words of each kind are made of."""
_KINDS = tuple(ALPHABETS)
_WORDS_MAX = 9
_LETTERS_MAX = 14
_LONG_LETTERS_MAX = 60


def word(random: Random, kind: str) -> str:
    """Return a word of a kind; one in twenty is a monster."""
    letters_max = _LONG_LETTERS_MAX if random.random() < 0.05 else _LETTERS_MAX
    return "".join(random.choices(ALPHABETS[kind], k=random.randint(1, letters_max)))


def phrase(random: Random) -> str:
    """Return some words, mostly of one kind, as titles are."""
    kind = random.choice(_KINDS)
    words = random.randint(0, _WORDS_MAX)
    return " ".join(
        word(random, kind if random.random() < 0.85 else random.choice(_KINDS))
        for _ in range(words)
    )


def wild_books(seed: int, count: int) -> Iterator[tuple[str, str, str]]:
    """Yield titles, authors and topics."""
    random = Random(seed)
    for _ in range(count):
        yield phrase(random), phrase(random), phrase(random)
