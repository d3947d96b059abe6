"""What the commands that ask a running shop share: the options that find it, and --json."""

import inspect
import os
import shlex
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar

import msgspec
import typer

from bazar.cli.helping import same_command
from bazar.cli.naming import BookName, OrderName, book_name, find_book, find_order, order_name
from bazar.cli.network import (
    SHOP_OPTION,
    Interfaces,
    NobodyFoundError,
    ShopName,
    announced_addresses,
    looking,
)
from bazar.cli.terminal import (
    DATA_DEFAULT,
    INTERRUPTED,
    REFUSED,
    UNKNOWN,
    NamedData,
    SecretFile,
    Tls,
    fail,
    misused,
    print_json,
    visible,
)
from bazar.kit.errors import StartupError
from bazar.kit.http.idempotency import InvalidKey, parse_key
from bazar.kit.identity import new_key
from bazar.kit.lock import is_held
from bazar.kit.peers.addresses import MDNS
from bazar.kit.peers.credentials import read_credentials
from bazar.kit.process.config import SECRET_FILE, service_url, service_urls, under_tls
from bazar.kit.secret import check_own, check_secret, read_secret
from bazar.tools.remote import LOCK_FILE, SHOP_FILE, Addresses, RemoteError, ServiceName
from bazar.tools.shop import Shop

T = TypeVar("T")
_OF_A_SHOP = ("catalog.db", "order.db", "postgres", "started")
"""Files and folders that a data folder has once a shop was opened or restored there."""
SERVICES: tuple[ServiceName, ...] = ("front", "catalog", "order")

Url = Annotated[
    str | None,
    typer.Option(envvar="BAZAR_URL", help="Address of the front [default: as 'bazar up' left it]."),
]
CatalogUrl = Annotated[
    str | None, typer.Option("--catalog", envvar="BAZAR_CATALOG", help="Address of the catalog.")
]
OrderUrl = Annotated[
    str | None, typer.Option("--order", envvar="BAZAR_ORDER", help="Address of the order service.")
]
Key = Annotated[str | None, typer.Option(help="Idempotency key: the same key never does it twice.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


_UP_WITHOUT_TLS = (
    "'bazar up' speaks no TLS, since nothing leaves its machine: leave --tls out, or name the "
    "addresses of services elsewhere with --catalog and --order"
)


class AddressError(StartupError):
    """An option that should hold an address holds none, or one is missing."""


class NoShopError(StartupError):
    """No shop is open where somebody looks for one."""


def find_shop(  # noqa: PLR0913  one parameter an option
    *,
    url: Url = None,
    catalog: CatalogUrl = None,
    order: OrderUrl = None,
    shop_name: ShopName = SHOP_OPTION,
    interface: Interfaces = "",
    data: NamedData = None,
    secret_file: SecretFile = None,
    tls: Tls = None,
    asked: Collection[ServiceName] = SERVICES,
) -> Shop:
    """Return the shop that the options name, else the one that runs on this data folder.

    Args:
        url: address of the front.
        catalog: address of the catalog.
        order: address of the order service.
        shop_name: whose announcements count, where an address is `mdns:`.
        interface: where they are listened for.
        data: the data folder; None: nobody named one, so it is the usual one.
        secret_file: holds the service secret.
        tls: folder of the certificates; None: services are asked as their addresses say.
        asked: the services that will be asked; the others' addresses do not matter.

    Raises:
        StartupError: an option is no address, the secret may not be used, or nobody announces
            itself.
    """
    named = {"front": url, "catalog": catalog, "order": order}
    sought = [service for service in asked if named[service] is None]
    folder = data or DATA_DEFAULT
    try:
        left = _left_by_up(folder, sought, named=data is not None) if sought else None
        keeper = [service for service in asked if service != "front"]
        known = left or _usual(tls)
        if tls and left and set(keeper) & set(sought):
            raise AddressError(_UP_WITHOUT_TLS)
        addresses = _addresses(
            (url or known.front, catalog or known.catalog, order or known.order),
            secured=keeper if tls else (),
        )
        found = bool(left and set(keeper) & set(sought))
        secret = _client_secret(folder, secret_file, found_there=found) if keeper else None
    except OSError as error:
        message = f"cannot look into the data folder {folder}: {error.strerror}"
        raise StartupError(message) from error
    credentials = read_credentials(tls, "keeper") if tls and keeper else None
    there = looking(shop_name, interface)
    addresses = announced_addresses(addresses, asked, there, secret or "", credentials)
    where: dict[str, Path] = dict.fromkeys(sought if left else (), folder)
    return Shop(addresses, secret or "", found_in=where, tls=credentials)


def _usual(tls: Path | None) -> Addresses:
    """Return where a shop usually is."""
    usual = Addresses()
    if tls is None:
        return usual
    return msgspec.structs.replace(
        usual, catalog=under_tls(usual.catalog), order=under_tls(usual.order)
    )


def _addresses(given: tuple[str, str, str], *, secured: Collection[str]) -> Addresses:
    """Return the addresses of front, catalog and order service, checked.

    Args:
        given: they are.
        secured: the services that are asked under TLS.

    Raises:
        AddressError: one is none, or is not under TLS where all has to be.
    """
    front, catalog, order = given
    try:
        return Addresses(
            front if front == MDNS else service_url(front, "--url", found=True),
            service_urls(catalog, "--catalog", tls="catalog" in secured),
            service_urls(order, "--order", tls="order" in secured),
        )
    except StartupError as error:
        raise AddressError(str(error)) from error


def _left_by_up(data: Path, sought: Sequence[ServiceName], *, named: bool) -> Addresses | None:
    """Return the addresses that `bazar up` left in the data folder, where it runs.

    Where a shop is in the folder and none runs there, nothing is asked: another shop may be at
    the addresses that it had, or at those that are usual. Nor where somebody named the folder, and
    it says of no shop where it is: only who names nothing means the usual addresses.

    Args:
        data: the folder.
        sought: the services whose addresses nobody named.
        named: whether somebody named the folder.

    Raises:
        StartupError: no shop of the folder is open, or somebody else may have put them there.
    """
    file = data / SHOP_FILE
    is_up = is_held(data / LOCK_FILE)
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        if is_up:
            message = f"the shop of {data} is just opening or closing; ask again in a moment"
            raise NoShopError(message) from None
        if _is_closed(data):
            raise NoShopError(_closed(data)) from None
        if named:
            raise NoShopError(_unknown(data, sought)) from None
        return None
    except OSError as error:
        message = f"cannot read {file}: {error.strerror}; name the shop's addresses instead"
        raise StartupError(message) from error
    check_own(data)
    check_own(file)
    if not is_up:
        raise NoShopError(_closed(data))
    try:
        return msgspec.json.decode(content, type=Addresses)
    except msgspec.DecodeError as error:
        message = f"{file} does not say where the shop is; close the shop, and open it again"
        raise StartupError(message) from error


def _is_closed(data: Path) -> bool:
    """Tell whether a folder has a shop of which nothing runs."""
    there = any((data / name).exists() for name in _OF_A_SHOP)
    return there and not any(is_held(data / f"{name}.lock") for name in _OF_A_SHOP)


def _closed(data: Path) -> str:
    named = "" if data == DATA_DEFAULT else f" --data {shlex.quote(str(data))}"
    return (
        f"the shop of {data} is closed. Open it with 'bazar up{named}'; a shop elsewhere is named "
        "by its addresses, or by its data folder with --data"
    )


def _unknown(data: Path, sought: Sequence[ServiceName]) -> str:
    """Return why a folder that somebody named leads to no shop, and what would."""
    options = " and ".join(f"--{_OPTIONS[service]}" for service in sought)
    if any((data / name).exists() for name in _OF_A_SHOP):
        return f"{data} does not say where its shop is; name the addresses with {options}"
    there = "no shop is open in" if data.exists() else "there is no folder"
    return (
        f"{there} {data}. Open one with 'bazar up --data {shlex.quote(str(data))}'; a shop "
        f"elsewhere is named by its addresses, with {options}"
    )


def _client_secret(data: Path, secret_file: Path | None, *, found_there: bool) -> str | None:
    """Return the secret for a shop, or none.

    Args:
        data: the data folder.
        secret_file: the one that was named.
        found_there: whether only a file in the data folder says where the shop is. It may be a
            trap, so the shop gets that folder's own secret and no other.

    Raises:
        StartupError: the secret is not proper, or would go to an address that nobody named.
    """
    kept, variable = data / SECRET_FILE, os.environ.get("BAZAR_SECRET")
    given = None
    if secret_file is not None:
        given = read_secret(secret_file)
    elif variable:
        given = check_secret(variable)
    if not kept.exists():
        if found_there and given:
            message = (
                f"only {data / SHOP_FILE} says where the shop is, so it does not get the secret "
                f"of {'--secret-file' if secret_file else 'BAZAR_SECRET'}: name its addresses "
                "with --catalog and --order, or another data folder with --data"
            )
            raise StartupError(message)
        return given
    if not found_there:
        return given or read_secret(kept)
    check_own(kept)
    own = read_secret(kept)
    if secret_file is not None and given != own:
        message = (
            f"only {data / SHOP_FILE} says where the shop is, and {secret_file} holds another "
            "secret than that folder: name the shop's addresses with --catalog and --order, or "
            "leave --secret-file out"
        )
        raise StartupError(message)
    return own


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What a command found, and how it is shown to a person."""

    value: T
    show: Callable[[T], None]
    fine: bool = True
    """Whether the exit code is 0."""
    code: int = REFUSED
    """The exit code where it is not."""
    note: str = ""
    """What a person is told below: of a list, how much of it was shown, and how to see the rest.
    With --json it goes to standard error, so that programs do not meet it."""


_OPTIONS: dict[ServiceName, str] = {"front": "url", "catalog": "catalog", "order": "order"}
_FINDING = {
    name: option
    for name, option in inspect.signature(find_shop).parameters.items()
    if name != "asked"
}
_JSON = inspect.Parameter("as_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Json)


def asks(
    *services: ServiceName,
    unanswered: int = 1,
    closed: Callable[[Path, str], Answer[Any]] | None = None,
) -> Callable[[Callable[..., Answer[Any]]], Callable[..., None]]:
    """Make a command of a function that asks these services of a shop.

    To the function's own options come those that find the shop, with the secret where more than
    the front is asked, and `--json`. The function gets the shop first; one of the shared options
    only where it names it. What it returns is shown; what the shop refuses is one line and exit
    code 1.

    Args:
        services: that are asked.
        unanswered: the exit code where the shop does not answer, for a command whose 1 says
            something else.
        closed: answers for a data folder, and why no shop was found there.
    """

    def command_of(function: Callable[..., Answer[Any]]) -> Callable[..., None]:
        _shop, *own = inspect.signature(function).parameters.values()
        finding = _finding(services, own)
        shared = {**finding, "as_json": _JSON}

        @wraps(function)
        def command(**given: Any) -> None:  # noqa: ANN401  options of any type
            folder = given["data"] or DATA_DEFAULT
            try:
                asked = _asked(services, given)
                shop = find_shop(**{name: given[name] for name in finding}, asked=asked)
                known = {**_with_ids(shop, given, services[0]), "data": folder}
                answer = function(shop, **{option.name: known[option.name] for option in own})
            except (NoShopError, NobodyFoundError) as error:
                if closed is None:
                    fail(str(error), unanswered)
                answer = closed(folder, str(error))
            except AddressError as error:
                misused(str(error))
            except (StartupError, RemoteError) as error:
                fail(str(error), unanswered)
            if given["as_json"]:
                print_json(answer.value)
            else:
                answer.show(answer.value)
            if answer.note:
                typer.echo(visible(answer.note), err=given["as_json"])
            if not answer.fine:
                raise typer.Exit(answer.code)

        options = [
            *(_as_typed(option) for option in own if option.name not in shared),
            *shared.values(),
        ]
        command.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]
        command.__annotations__ = {option.name: option.annotation for option in options}
        return command

    return command_of


def _finding(
    services: Collection[ServiceName], own: Collection[inspect.Parameter]
) -> dict[str, inspect.Parameter]:
    """Return the options that find a shop, of a command with these services and own options.

    The reference of an order is looked up where the orders are, with the secret.
    """
    offered = {*services, *(["order"] if any(_reads(one, order_name) for one in own) else ())}
    left_out = {option for service, option in _OPTIONS.items() if service not in offered}
    left_out |= {"secret_file", "tls"} if offered == {"front"} else set()
    return {name: option for name, option in _FINDING.items() if name not in left_out}


def _asked(services: Sequence[ServiceName], given: Mapping[str, Any]) -> Sequence[ServiceName]:
    """Return which services a command asks, with what it was given."""
    spoken = [value for value in given.values() if isinstance(value, OrderName)]
    if not spoken or "order" in services:
        return services
    if given["url"] and not given["order"]:
        message = (
            f"{spoken[0].word!r} is a reference, which only the order service knows: name its "
            "address with --order, or the whole id of the order"
        )
        raise AddressError(message)
    return [*services, "order"]


def _with_ids(shop: Shop, given: Mapping[str, Any], asked: ServiceName) -> dict[str, Any]:
    """Return the options of a command, with the ids of what people name otherwise."""
    known = dict(given)
    for name, value in given.items():
        if isinstance(value, BookName):
            known[name] = find_book(shop, value, asked)
        elif isinstance(value, OrderName):
            known[name] = find_order(shop, value)
    return known


def _as_typed(option: inspect.Parameter) -> inspect.Parameter:
    """Return a parameter as the parser sees it: what names a book is a word there."""
    if not _reads(option, book_name):
        return option
    told = option.annotation.__metadata__
    return option.replace(annotation=Annotated.__class_getitem__((str, *told)))  # type: ignore[attr-defined]


def _reads(option: inspect.Parameter, parser: Callable[[str], object]) -> bool:
    """Tell whether a parameter is read by a parser."""
    told = getattr(option.annotation, "__metadata__", ())
    return any(getattr(one, "parser", None) is parser for one in told)


def with_key(key: str | None, ask: Callable[[str], T]) -> T:
    """Ask with the key that was given, or a new one; where nobody knows, tell how to ask again."""
    if key is None:
        key = new_key()
    elif key.startswith('"'):
        key = read_key(key)
    wanted = key
    return once(lambda: ask(wanted), key)


def once(
    ask: Callable[[], T],
    key: str | None = None,
    again: str = "the same command again is safe",
) -> T:
    """Ask for a change; where nobody knows whether it happened, tell the same command again.

    Args:
        ask: what it is safe to ask twice.
        key: by which the shop knows it again; None: it does so without.
        again: what comes of the same command, where the first one may have happened.
    """
    happened = f"It may have happened; {again}: {same_command(key)}"
    try:
        return ask()
    except RemoteError as error:
        if error.sent and error.definite:
            fail(str(error))
        if error.sent:
            fail(f"{error}\n{happened}", UNKNOWN)
        fail(f"{error}\nNothing was sent; the same command again is safe: {same_command(key)}")
    except KeyboardInterrupt:
        fail(f"interrupted\n{happened}", INTERRUPTED)


def read_key(text: str) -> str:
    """Return the key of a quoted header value, as an error of the shop shows it."""
    try:
        return parse_key([text])
    except InvalidKey as error:
        misused(error.detail)
