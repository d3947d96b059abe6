"""Which columns of a file are ours, by what they are called, and who wrote the file."""

import pytest

from bazar.formats.header import Layout, Wanted
from bazar.formats.names import SYNONYMS, normal
from bazar.formats.presets import PRESETS

TITLE_AND_PRICE = Wanted(defaults={"title": "T", "price": "1"})


def test_no_name_means_two_of_our_columns() -> None:
    """Or it would depend on their order which one it is."""
    names = [(name, column) for column, names in SYNONYMS.items() for name in names]
    twice = {name: {c for n, c in names if n == name} for name, _ in names}
    assert {} == {name: columns for name, columns in twice.items() if len(columns) > 1}


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Title,Author,ISBN,Price,Quantity", "title,author,isbn,price,quantity"),
        ("TITLE;list_price;In-Stock", "title,price,quantity"),
        ("Titel;Autor;Preis;Bestand;Verlag;Seitenzahl", "title,author,price,quantity,publisher"),
        ("Titre;Auteur;Prix TTC;Quantité;Éditeur;Année", "title,author,price,quantity,publisher"),
        ("TITULO;AUTOR;PVP;Existencias;Editorial;AÑO", "title,author,price,quantity,publisher"),
        ("العنوان;المؤلف;السعر;الكمية;الناشر;السنة", "title,author,price,quantity,publisher"),
        ("عنوان;ردمك;سعر;عدد النسخ", "title,isbn,price,quantity"),
        ("\ufeffTitle *;Price (EUR);Body (HTML)", "title,price,description"),
        ("title;price_eur;Preis in €", "title,price"),
        ("EAN-13;Artikelbezeichnung;VK-Preis;Stück", "isbn,title,price,quantity"),
    ],
)
def test_columns_are_found_by_what_they_are_called(header: str, expected: str) -> None:
    """In five languages, whatever the case, the accents and the signs between words."""
    names = header.replace(";", ",").split(",")
    layout = Layout(names, Wanted())
    assert set(expected.split(",")) <= set(layout.used)
    assert [] == list(layout.problems("EUR"))


def test_a_column_id_is_never_ours() -> None:
    """It holds the numbers of another shop; ours is called bazar_id."""
    layout = Layout(["id", "ID", "title", "price"], Wanted())
    assert ({"title", "price"}, ["id", "ID"]) == (set(layout.used), layout.unused)
    assert {"bazar_id", "title"} == set(Layout(["bazar_id", "title"], Wanted()).used)


def test_of_several_names_the_best_is_taken() -> None:
    """And where they say one thing, the others serve where its cell is empty."""
    layout = Layout(["Cost", "RRP", "Price", "ISBN10", "ISBN13", "Name", "Title"], Wanted())
    assert {"price": ["Price"], "isbn": ["ISBN13", "ISBN10"], "title": ["Title"]} == layout.used
    assert ["Cost", "RRP", "Name"] == layout.unused
    both = Layout(["Title", "title", "price"], Wanted())
    assert ["title"] == both.used["title"]
    assert [] == list(both.problems(""))


def test_what_a_person_says_comes_first() -> None:
    """A mapped column is found as it is written, else as it is meant; its own name serves too."""
    wanted = Wanted({"title": "naam", "author": "Title", "year": "", "isbn": "GTIN, UPC"})
    layout = Layout(["Naam", "title", "Title", "price", "year", "GTIN, UPC", "x=y"], wanted)
    assert {
        "title": ["Naam", "title"],
        "author": ["Title"],
        "isbn": ["GTIN, UPC"],
        "price": ["price"],
    } == layout.used
    assert ["year", "x=y"] == layout.unused


def test_a_column_that_another_is_mapped_to_serves_no_other() -> None:
    """A file whose title column holds authors should not make a title of an author."""
    swapped = Layout(["title", "author", "price"], Wanted({"title": "author", "author": "title"}))
    assert {"title": ["author"], "author": ["title"], "price": ["price"]} == swapped.used


def test_every_problem_of_a_header_is_told() -> None:
    """Each with a way out, in one go."""
    wanted = Wanted({"author": "name"}, {"quantity": "many"})
    assert [
        "has the column 'title' more than once",
        "has no column 'name' for --map author=name",
        "has no column 'price': use --map price=... or --default price=...",
        "cannot have --default quantity=many: quantity must be a whole number from 0 to 1000000000",
    ] == list(Layout(["title", "title", "x", "x"], wanted).problems("EUR"))
    assert [] == list(Layout(["x", "x", "title", "price", ""], Wanted()).problems("EUR"))


@pytest.mark.parametrize("name", ["Price (USD)", "price_usd", "Preis in $", "Price USD"])
def test_a_header_in_another_currency_is_refused(name: str) -> None:
    """As a cell in another one is."""
    layout = Layout(["title", name], Wanted())
    (problem,) = layout.problems("EUR")
    assert problem.startswith(f"has the column {name!r}, which is in USD")
    assert [] == list(layout.problems("USD"))


def test_a_file_without_titles_can_only_change_books() -> None:
    """With an update, and something that tells which books, and what of them."""
    updates = Wanted(updates=True)
    assert Layout(["isbn", "stock"], updates).is_feed
    assert Layout(["bazar_id", "price"], updates).is_feed
    assert [] == list(Layout(["isbn", "stock"], updates).problems("EUR"))
    for header, wanted in (
        (["isbn", "stock"], Wanted()),
        (["isbn", "author"], updates),
        (["author", "stock"], updates),
        (["isbn", "stock", "title"], updates),
    ):
        assert not Layout(header, wanted).is_feed
        assert [] != list(Layout(header, wanted).problems("EUR"))


def test_a_program_is_known_by_its_header() -> None:
    """In any order of its columns; each of those that are named is looked for."""
    for preset in PRESETS:
        header = [*{*preset.signature, *(n for names in preset.columns.values() for n in names)}]
        layout = Layout([*reversed(header), "x"], TITLE_AND_PRICE)
        assert layout.preset is not None
        assert preset.name == layout.preset.name
        for column, names in preset.columns.items():
            assert list(names) == layout.used.get(column, [])
        assert [] == list(layout.problems(""))


def test_columns_of_rejected_rows_are_passed_over() -> None:
    """With their mark or without, as a spreadsheet may have left them."""
    own = ["bazar_row", "bazar_column", "bazar_value", "bazar_reason"]
    for behind in (own, [*own, "bazar_written_0123456789abcdef"]):
        layout = Layout(["title", "price", *behind], Wanted())
        assert (2, []) == (layout.own, layout.unused)
    assert ["reason"] == Layout(["title", "price", "reason"], Wanted()).unused


def test_names_are_compared_without_what_does_not_matter() -> None:
    """Case, accents, spaces and signs; and letters of Arabic that are typed one for another."""
    assert "isbn13" == normal(" ISBN-13 ") == normal("isbn_13") == normal("I.S.B.N. 13")
    assert normal("Écrivain") == normal("ecrivain")
    assert normal("أسم الكتاب") == normal("اسم_الكتاب")
    assert normal("المجموعة") == normal("المجموعه")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Name;Vorname;Titel;Preis", {"title": ["Titel"], "author": ["Vorname + Name"]}),
        ("Nom;Prénom;Titre;Prix", {"title": ["Titre"], "author": ["Prénom + Nom"]}),
        ("Apellidos;Nombre;Título;PVP", {"title": ["Título"], "author": ["Nombre + Apellidos"]}),
        ("Autor;Vorname;Titel;Preis", {"title": ["Titel"], "author": ["Vorname + Autor"]}),
        ("Artikel;Titel;Name;Preis", {"title": ["Titel"]}),
        ("Name;Author;Price", {"title": ["Name"], "author": ["Author"]}),
        ("Nombre;Autor;Precio", {"title": ["Nombre"], "author": ["Autor"]}),
        (
            "title;creators;first_name;last_name;price",
            {"title": ["title"], "author": ["creators"]},
        ),
    ],
)
def test_a_name_is_a_title_only_where_nothing_else_is(
    header: str, expected: dict[str, list[str]]
) -> None:
    """A first name beside it makes an author of the two."""
    used = Layout(header.split(";"), Wanted()).used
    assert expected == {column: used[column] for column in ("title", "author") if column in used}


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("Qté en stock", "quantity"),
        ("Qty in Stock", "quantity"),
        ("Bestand gesamt", "quantity"),
        ("Aktueller Bestand", "quantity"),
        ("Stock disponible", "quantity"),
        ("Current Quantity Main St", "quantity"),
        ("Prix vente", "price"),
        ("Precio venta", "price"),
        ("Precio de la venta", "price"),
        ("Retail", "price"),
        ("Date parution", "year"),
        ("Número páginas", "pages"),
        ("Product ISBN", "isbn"),
        ("ISBN No. 13", "isbn"),
    ],
)
def test_small_words_do_not_matter(name: str, column: str) -> None:
    """Nor do words that say nothing new beside a name of ours."""
    assert [name] == Layout([name], Wanted()).used.get(column)


@pytest.mark.parametrize(
    "name",
    [
        "Bestand reserviert",
        "Quantity sold",
        "New Quantity Main St",
        "Prix achat",
        "Precio compra",
        "Total price",
        "Title of the series",
        "has_isbn",
        "isbn_valid",
        "Mindestbestellmenge",
        "of the",
    ],
)
def test_other_words_do(name: str) -> None:
    """What was bought, sold or put aside is no count and no price of ours."""
    assert {} == Layout([name], Wanted()).used
