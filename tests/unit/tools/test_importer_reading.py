"""Importing a file: the pairs that map its columns, and what is read from it."""

from decimal import Decimal

import pytest

from bazar.tools.importing import ImportFileError, Reject, parse_pairs
from bazar.wire.books import NewBook
from support.importing import Desk

# Pairs


def test_pairs_may_be_repeated_or_separated_by_commas() -> None:
    """Both ways, and both mixed, should give the same mapping; spaces should not matter."""
    expected = {"title": "original_title", "author": "authors", "year": "when"}
    assert expected == parse_pairs(["title=original_title, author = authors", "year=when"], "--map")


def test_a_default_may_hold_commas_and_equals_signs() -> None:
    """With one pair per text, everything after the first equals sign should be the value."""
    pairs = parse_pairs(["topic=ships, trains", "description=a=b"], "--default")
    assert {"topic": "ships, trains", "description": "a=b"} == pairs


def test_no_pairs_are_an_empty_mapping() -> None:
    """An option that was not given should map nothing."""
    assert {} == parse_pairs([], "--map")


@pytest.mark.parametrize("text", ["title", "=name", "", "author", ",title=a"])
def test_a_malformed_pair_is_refused(text: str) -> None:
    """The message should name the option and the form that it wants."""
    with pytest.raises(ImportFileError, match="--map wants COLUMN=VALUE, not "):
        parse_pairs([text], "--map")


def test_an_unknown_column_is_refused_with_the_list_of_ours() -> None:
    """Somebody who mistypes a column should see all of them."""
    with pytest.raises(ImportFileError) as caught:
        parse_pairs(["titel=name"], "--map")
    message = str(caught.value)
    assert "--map titel=name" in message
    assert "bazar_id, isbn, title, author, year, topic, price, quantity, description" in message


def test_a_column_given_twice_is_refused() -> None:
    """Two values for one column should not silently become one of them."""
    with pytest.raises(ImportFileError, match="--map names title twice: 'a' and 'b'"):
        parse_pairs(["title=a", "title=b"], "--map")


def test_the_name_of_a_column_may_hold_commas_and_equals_signs() -> None:
    """Only a comma with one of our columns behind it parts two pairs."""
    expected = {"isbn": "GTIN, UPC, EAN, or ISBN", "title": "a=b", "price": "x, y"}
    assert expected == parse_pairs(
        ["isbn=GTIN, UPC, EAN, or ISBN,title=a=b", "price=x, y"], "--map"
    )


def test_a_column_can_be_switched_off() -> None:
    """By mapping it to nothing; a default for nothing would say nothing."""
    assert {"year": "", "title": "name"} == parse_pairs(["year=,title=name"], "--map")
    with pytest.raises(ImportFileError, match="--default wants COLUMN=VALUE, not 'year='"):
        parse_pairs(["year="], "--default")


def test_a_column_id_is_never_ours() -> None:
    """Who maps it is told how ours is called."""
    for text in ("id=", "id=number"):
        with pytest.raises(ImportFileError, match="ours is called bazar_id"):
            parse_pairs([text], "--map")


# What is read


def test_every_column_arrives(desk: Desk) -> None:
    """A full row should arrive with all its values, each in its type."""
    report = desk.take(
        "bazar_id,isbn,title,author,year,topic,price,quantity,description\n"
        '7,978-0-439-02348-1,"Fire, fire",A. Author,1999,gardens,19.90,12,"Two\nlines"\n'
    )
    expected = NewBook(
        id=7,
        isbn="9780439023481",
        title="Fire, fire",
        author="A. Author",
        year=1999,
        topic="gardens",
        price=Decimal("19.90"),
        quantity=12,
        description="Two\nlines",
    )
    assert [expected] == desk.shop.books
    assert (1, 1, 0) == (report.rows, report.created, report.warned)


def test_title_and_price_are_enough(desk: Desk) -> None:
    """Without other columns a book should be general, out of stock and without an ISBN."""
    desk.take("title,price\nA,1\n")
    assert [NewBook(title="A", price=Decimal(1), topic="general", quantity=0)] == desk.shop.books


def test_spaces_around_cells_and_names_of_columns_are_trimmed(desk: Desk) -> None:
    """Spaces that nobody sees should not matter, no-break spaces neither."""
    desk.take(" title ,price , year\n  A\u00a0, 1.50 , 2008 \n")
    assert [("A", Decimal("1.50"), 2008)] == [(b.title, b.price, b.year) for b in desk.shop.books]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_byte_order_mark_and_any_end_of_line_are_fine(desk: Desk, mark: bytes, end: str) -> None:
    """Files of spreadsheets should be read as they are, with the rows where they are."""
    report = desk.take(mark + f"title,price{end}Ä,1{end}B,x{end}".encode())
    assert ["Ä"] == [book.title for book in desk.shop.books]
    assert [3] == [reject.row for reject in report.rejects]


def test_columns_that_are_not_ours_are_passed_over(desk: Desk) -> None:
    """Further columns, even several without a name, should not matter."""
    desk.take("x,title,,price,\n1,A,2,3,4\n")
    assert [("A", Decimal(3))] == [(book.title, book.price) for book in desk.shop.books]


def test_a_mapped_column_is_used(desk: Desk) -> None:
    """A value should come from the column that it is mapped to, not from the one of its name."""
    desk.take("name,title,price\nA,B,1\n", mapping={"title": "name"})
    assert ["A"] == [book.title for book in desk.shop.books]


def test_an_empty_mapped_cell_falls_back_to_the_column_of_our_name(desk: Desk) -> None:
    """Where the mapped cell is empty, the file's own column should serve; for every column."""
    desk.take(
        "name,title,when,year,price\n ,B,,1999,1\nA,B,1998,1999,1\n",
        mapping={"title": "name", "year": "when"},
    )
    assert [("B", 1999), ("A", 1998)] == [(book.title, book.year) for book in desk.shop.books]


def test_the_fallback_comes_before_the_default(desk: Desk) -> None:
    """A default should serve only where neither column has a value."""
    desk.take(
        "name,title,price\n,B,1\n,,1\n", mapping={"title": "name"}, defaults={"title": "none"}
    )
    assert ["B", "none"] == [book.title for book in desk.shop.books]


def test_a_column_that_another_is_mapped_to_is_no_fallback(desk: Desk) -> None:
    """A file whose title column holds authors should not make a title of an author."""
    report = desk.take("name,title,price\n,Doe,1\n", mapping={"title": "name", "author": "title"})
    assert [Reject(2, "title", "", "title must be 1 to 500 characters")] == report.rejects


def test_defaults_fill_empty_cells_and_missing_columns(desk: Desk) -> None:
    """A default should serve for a column that is not there and for cells that are empty."""
    desk.take(
        "title,quantity\nA,\nB,3\n",
        defaults={"price": "9.99", "quantity": "5", "topic": "ships, trains"},
    )
    expected = [(Decimal("9.99"), 5, "ships, trains"), (Decimal("9.99"), 3, "ships, trains")]
    assert expected == [(book.price, book.quantity, book.topic) for book in desk.shop.books]


def test_a_row_shorter_than_the_header_ends_in_empty_cells(desk: Desk) -> None:
    """Programs that leave out empty cells at the end should be understood."""
    desk.take("title,price,author,year\nA,1\n")
    assert [NewBook(title="A", price=Decimal(1), topic="general")] == desk.shop.books


def test_rows_without_any_value_are_passed_over(desk: Desk) -> None:
    """Blank lines and rows of empty cells should count as no rows, before the header too."""
    report = desk.take("\ntitle,price\n\n , \n,\nA,1\n\n", defaults={"title": "x", "price": "2"})
    assert 1 == report.rows
    assert [[6]] == [[row.row for row in request.rows] for request in desk.shop.sent]


def test_a_row_has_the_number_that_a_spreadsheet_shows(desk: Desk) -> None:
    """With cells of several lines, rows should be numbered as there: a person mends them there."""
    report = desk.take('title,price\n"A\n\na",1\n"B\nb",x\nC,y\n')
    assert [2] == [row.row for row in desk.shop.sent[0].rows]
    assert [(3, "x"), (4, "y")] == [(reject.row, reject.value) for reject in report.rejects]


def test_a_file_with_only_a_header_is_an_empty_import(desk: Desk) -> None:
    """Without rows nothing should be sent or reported, and nothing should fail."""
    assert 0 == desk.take("title,price\n").rows
    assert [] == desk.shop.sent
    assert [] == desk.progress


def test_only_the_end_of_a_list_adds_it_up(desk: Desk) -> None:
    """A book may be called so; what is left out is told."""
    report = desk.take("title,price,quantity\nTotal,1,1\nA,2,1\nSubtotal,3,2\n\nTotal,3,2\n")
    assert ["Total", "A"] == [book.title for book in desk.shop.books]
    assert (2, ["rows that are no books, they add up those above: 2"]) == (
        report.rows,
        report.file.notes,
    )


def test_a_list_without_copies_is_told_loudly(desk: Desk) -> None:
    """Nobody could buy its new books; not where a person says how many there are."""
    (note,) = desk.take("title,price\nA,1\n").file.notes
    assert note.startswith("NO COLUMN OF COPIES")
    assert [] == desk.take("title,price\nA,1\n", defaults={"quantity": "1"}).file.notes


def test_isbns_among_the_numbers_of_a_shop_are_told(desk: Desk) -> None:
    """Then their column is not among those that are not used."""
    for sku, notes, unused in (("9780439023481", 1, []), ("A-1", 0, ["SKU"])):
        report = desk.take(f"title,price,quantity,SKU\nA,1,1,{sku}\n")
        assert (notes, unused) == (len(report.file.notes), report.file.unused)
