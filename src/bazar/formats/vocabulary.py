"""What files call formats, conditions, languages and months, in five languages, to what we do."""

from bazar.formats.names import normal

_FORMATS = {
    "paperback": """paperback | softcover | soft cover | softback | mass market paperback
        | mass market | trade paperback
        | pocket | pb | pbk | pbk. | paper back | paper | taschenbuch | broschur
        | broschiert | kartoniert | tb | softcover (broschiert) | broché | poche | livre de poche
        | br. | tapa blanda | rústica | bolsillo | libro de bolsillo
        | غلاف ورقي | ورقي | غلاف عادي""",
    "hardback": """hardback | hardcover | hard cover | hard back | hb | hbk | hc | library binding
        | cloth | hardbound | bound | leather bound | leather | case laminate | gebunden
        | gebundene ausgabe | gebundenes buch | leinen | festeinband | pappband | geb. | halbleinen
        | relié | cartonné | couverture rigide | rel. | tapa dura | cartoné | encuadernado
        | غلاف مقوى | مجلد | تجليد فني | غلاف صلب""",
    "audio": """audio | audiobook | audio book | audio cd | audio cassette | cd | cd-audio | mp3
        | mp3 cd | audible audio | audiobuch | hörbuch | hörspiel | livre audio | audiolibro
        | كتاب صوتي | صوتي""",
    "map": "map | maps | sheet map | folded map | karte | landkarte | carte | plan | mapa | خريطة",
    "other": """other | ebook | e-book | kindle | kindle edition | epub | pdf | mobi | digital
        | spiral-bound | spiral bound | spirale | board book | board books | ring-bound | comic
        | calendar | dvd | vhs | sonstiges | sonstige | pappbilderbuch | kalender | numérique
        | autre | livre numérique | otro | otros | libro electrónico | espiral | كتاب إلكتروني
        | أخرى | آخر""",
}
_CONDITIONS = {
    "new": "new | brand new | neu | neuware | neuf | nuevo | nueva | جديد",
    "as-new": """as new | as-new | like new | fine | fine/fine | mint | used like new | wie neu
        | neuwertig | sehr gut bis neuwertig | comme neuf | como nuevo | كالجديد | شبه جديد""",
    "very-good": """very good | very-good | near fine | very good+ | vg | vg+ | vg/vg
        | used very good | sehr gut
        | très bon | très bon état | muy bueno | muy bien | muy buen estado
        | جيد جدا | ممتاز""",
    "good": """good | used | used good | good+ | g | second hand | secondhand | pre-owned | gut
        | gebraucht | bon | bon état | occasion | d'occasion | bueno | bien | usado | segunda mano
        | buen estado | جيد | مستعمل""",
    "fair": """fair | acceptable | used acceptable | poor | reading copy | worn | akzeptabel
        | befriedigend | ausreichend | schlecht | correct | acceptable | état correct | moyen
        | état moyen | mauvais | aceptable | regular | malo | مقبول""",
}
_LANGUAGES = {
    "ar": "ara | arabic | arabisch | arabe | árabe | العربية | عربي | عربية",
    "bg": "bul | bulgarian | bulgarisch | bulgare | búlgaro",
    "ca": "cat | catalan | katalanisch | catalán",
    "cs": "ces | cze | czech | tschechisch | tchèque | checo",
    "da": "dan | danish | dänisch | danois | danés",
    "de": "deu | ger | german | deutsch | allemand | alemán | الألمانية | ألماني",
    "el": "ell | gre | greek | griechisch | grec | griego",
    "en": "eng | english | englisch | anglais | inglés | الإنجليزية | الانجليزية | إنجليزي",
    "es": "spa | spanish | spanisch | espagnol | español | castellano | الإسبانية | إسباني",
    "et": "est | estonian | estnisch | estonien | estonio",
    "fa": "fas | per | persian | farsi | persisch | persan | persa | الفارسية",
    "fi": "fin | finnish | finnisch | finnois | finés | finlandés",
    "fr": "fra | fre | french | französisch | français | francés | الفرنسية | فرنسي",
    "grc": "grc | ancient greek | greek, ancient | altgriechisch | grec ancien | griego antiguo",
    "he": "heb | hebrew | hebräisch | hébreu | hebreo | العبرية",
    "hi": "hin | hindi",
    "hr": "hrv | croatian | kroatisch | croate | croata",
    "hu": "hun | hungarian | ungarisch | hongrois | húngaro",
    "it": "ita | italian | italienisch | italien | italiano | الإيطالية",
    "ja": "jpn | japanese | japanisch | japonais | japonés | اليابانية",
    "ko": "kor | korean | koreanisch | coréen | coreano",
    "la": "lat | latin | latein | lateinisch | latín | اللاتينية",
    "lt": "lit | lithuanian | litauisch | lituanien | lituano",
    "lv": "lav | latvian | lettisch | letton | letón",
    "nl": "nld | dut | dutch | niederländisch | holländisch | néerlandais | neerlandés | holandés",
    "no": "nor | norwegian | norwegisch | norvégien | noruego",
    "pl": "pol | polish | polnisch | polonais | polaco",
    "pt": "por | portuguese | portugiesisch | portugais | portugués | البرتغالية",
    "ro": "ron | rum | romanian | rumänisch | roumain | rumano",
    "ru": "rus | russian | russisch | russe | ruso | الروسية",
    "sk": "slk | slo | slovak | slowakisch | slovaque | eslovaco",
    "sl": "slv | slovenian | slovene | slowenisch | slovène | esloveno",
    "sr": "srp | serbian | serbisch | serbe | serbio",
    "sv": "swe | swedish | schwedisch | suédois | sueco",
    "tr": "tur | turkish | türkisch | turc | turco | التركية",
    "uk": "ukr | ukrainian | ukrainisch | ukrainien | ucraniano",
    "vi": "vie | vietnamese | vietnamesisch | vietnamien | vietnamita",
    "zh": "zho | chi | chinese | chinesisch | chinois | chino | الصينية",
}


def _turned(words: dict[str, str]) -> dict[str, str]:
    return {
        normal(word): ours for ours, theirs in words.items() for word in [ours, *theirs.split("|")]
    }


FORMATS = _turned(_FORMATS)
CONDITIONS = _turned(_CONDITIONS)
LANGUAGES = _turned(_LANGUAGES)
"""Normal forms of words to what we call it."""
MONTHS = frozenset(
    normal(name)[:3]
    for name in [
        "jan",
        "feb",
        "mar",
        "apr",
        "may",
        "jun",
        "jul",
        "aug",
        "sep",
        "oct",
        "nov",
        "dec",
        "mär",
        "mai",
        "okt",
        "dez",
        "fév",
        "avr",
        "juin",
        "juil",
        "aoû",
        "déc",
        "ene",
        "abr",
        "ago",
        "dic",
        "set",
        "يناير",
        "فبراير",
        "مارس",
        "أبريل",
        "مايو",
        "يونيو",
        "يونيه",
        "يوليو",
        "يوليه",
        "أغسطس",
        "سبتمبر",
        "أكتوبر",
        "نوفمبر",
        "ديسمبر",
        "كانون",
        "شباط",
        "آذار",
        "نيسان",
        "أيار",
        "حزيران",
        "تموز",
        "آب",
        "أيلول",
        "تشرين",
        "جانفي",
        "فيفري",
        "أفريل",
        "ماي",
        "جوان",
        "جويلية",
        "أوت",
    ]
)
"""How months begin."""
