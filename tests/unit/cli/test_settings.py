"""Settings as a bookseller types them."""

import re
from decimal import Decimal
from importlib.resources import files
from pathlib import Path

import msgspec
import pytest
import typer

from bazar.catalog.shop import edited_shop
from bazar.cli.settings import parse_edit
from bazar.wire.shop import Shop, ShopEdit


@pytest.mark.parametrize(
    ("typed", "edit"),
    [
        (["name=Sea Books"], ShopEdit(name="Sea Books")),
        (["claim=1 + 1 = 2"], ShopEdit(claim="1 + 1 = 2")),
        (["address=1 Sea Road\\nAmman"], ShopEdit(address="1 Sea Road\nAmman")),
        (["keep_days=7", "open_orders_max=0"], ShopEdit(keep_days=7, open_orders_max=0)),
        (["languages=ar, en"], ShopEdit(languages=["ar", "en"])),
        (["picks=3,1"], ShopEdit(picks=[3, 1])),
        (["picks="], ShopEdit(picks=[])),
        (["post_price=4.50"], ShopEdit(post_price=Decimal("4.50"))),
        (["post_price="], ShopEdit(post_price=None)),
        (["tel="], ShopEdit(tel="")),
        (
            ["texts.imprint=We.", "texts.returns="],
            ShopEdit(texts={"imprint": "We.", "returns": ""}),
        ),
    ],
    ids=str,
)
def test_what_is_typed_becomes_an_edit(typed: list[str], edit: ShopEdit) -> None:
    """Lists with commas, new lines in two letters, nothing where a setting is taken away."""
    assert edit == parse_edit(typed)


def test_a_value_may_be_in_a_file(tmp_path: Path) -> None:
    """As it is, whatever stands in it."""
    file = tmp_path / "imprint.txt"
    file.write_text("@home\\n\n\nمكتبة\n", "utf-8")
    assert ShopEdit(texts={"imprint": "@home\\n\n\nمكتبة\n"}) == parse_edit(
        [f"texts.imprint=@{file}"]
    )


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("name", "KEY=VALUE, not 'name'"),
        ("fax=1", "there is no setting 'fax'; there are currency, name,"),
        ("texts=We.", "there is no setting 'texts'"),
        ("keep_days=x", "'keep_days=x' cannot be: it takes a whole number"),
        ("keep_days=0", "it takes at least 1"),
        ("payments=barter", "'payments=barter' cannot be: payments takes some of shop, invoice"),
        ("texts.My Page=We.", "cannot be: the name of a page takes small letters from a to z"),
        (f"texts.page={'x' * 20_001}", "cannot be: it takes at most 20,000 characters"),
        ("name=", "it may not be empty"),
        ("languages=de", "languages takes some of en, ar"),
        ("deliveries=mail", "deliveries takes some of collect, post"),
        ("countries=Deutschland", "countries takes codes of countries, two capital letters each"),
        ("countries=de", "such as DE,AT"),
        ("post_price=4,50", "post_price takes an amount such as 4.50, or nothing"),
        ("post_price=-1", "post_price takes an amount"),
        ("post_price=NaN", "post_price takes an amount"),
        ("picks=1,2,3,4", "picks takes at most 3 books"),
        ("orders_an_hour_max=1000001", "it takes at most 1,000,000"),
        ("name=@missing.txt", "cannot read missing.txt for name: No such file"),
    ],
)
def test_what_cannot_be_typed_is_one_line(
    typed: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is asked of the shop."""
    with pytest.raises(typer.Exit) as ended:
        parse_edit(["claim=fine", typed])
    assert (1 if "@" in typed else 2) == ended.value.exit_code
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


@pytest.mark.parametrize("name", sorted(set(ShopEdit.__struct_fields__) - {"texts"}))
def test_no_setting_is_refused_in_the_words_of_a_decoder(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever is wrong with its value."""
    for value in ("?!", "", "x" * 30_000, "-1", "9" * 30, "1.5", "a,b,c,d"):
        try:
            parse_edit([f"{name}={value}"])
        except typer.Exit:
            said = capsys.readouterr().err.partition(" cannot be: ")[2]
            assert said
            assert None is re.search("`|expected|regex|enum|invalid|length|array|decimal", said)


def test_a_file_that_is_no_text_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a picture would be."""
    (tmp_path / "imprint").write_bytes(b"\xff\xd8")
    with pytest.raises(typer.Exit):
        parse_edit([f"texts.imprint=@{tmp_path / 'imprint'}"])
    assert "it is not text in UTF-8" in capsys.readouterr().err


def test_the_settings_of_the_sample_can_be_kept_and_say_that_they_are_a_sample() -> None:
    """Its telephone and e-mail address are nobody's, and each text says how to replace it.

    Source: RFC 2606, section 2; the numbers 555-0100 to 555-0199 are for fiction.
    """
    content = (files("bazar.sample") / "shop.json").read_bytes()
    shop = edited_shop(Shop(version=1, currency="USD"), msgspec.json.decode(content, type=ShopEdit))
    assert {"delivery", "imprint", "privacy", "returns"} == set(shop.texts)
    for page, text in shop.texts.items():
        assert text.startswith("Sample text. Replace it before you sell: ")
        assert f"bazar shop set texts.{page}=@{page}.txt" in text
    assert (True, True) == (" 555 01" in shop.tel, shop.email.endswith(".example"))
    assert "4.50" == str(shop.post_price)
