"""What the services of one machine are started with."""

from pathlib import Path

from bazar.cluster import UpSettings


def test_the_front_alone_goes_by_the_public_names(tmp_path: Path) -> None:
    """The other two are asked by services, which know their addresses."""
    settings = UpSettings(
        data=tmp_path,
        host="127.0.0.1",
        public_hosts="shop.example,www.shop.example",
        port=1,
        catalog_port=2,
        order_port=3,
        currency="USD",
        log_format="text",
        metrics="secret",
        sample=None,
    )
    named = {
        child.name: child.command[child.command.index("--public-host") + 1]
        for child in settings.children()
        if "--public-host" in child.command
    }
    assert {"front": "shop.example,www.shop.example"} == named
