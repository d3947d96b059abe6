"""What the documents of all services say alike."""

from collections.abc import Mapping, Sequence

from bazar.kit.http.teaching import Teaching
from bazar.wire.teaching.errors import DETAILS
from bazar.wire.teaching.examples import EXAMPLES
from bazar.wire.teaching.headers import ARGUMENTS, HEADERS, PARAMETERS
from bazar.wire.teaching.members import MEMBERS

_RULES = """
Bodies are JSON in UTF-8, with a `Content-Length`. A price is a number with exactly the decimals of
its currency; times are UTC, as in RFC 3339. An unknown member of a body, and an unknown or doubled
argument of a query string, are refused.

Every error is a problem document (RFC 9457) with a `code` that does not change. `definite: true`
says that nothing was changed; after `definite: false` nobody knows, so ask again with the same
`Idempotency-Key`: what it did is done once.
"""
_OPERATIONS = {
    "healthz": "For whoever starts the process again where it hangs. It looks at nothing else.",
    "readyz": "Catalog and order service have asked their database. The front is ready even while "
    "they are away, since it holds nothing that could be lost.",
    "metrics": "Requests and their times by route, purchases by outcome, what waits. They tell "
    "what is sold, so they want the service secret.",
}
_BACKUPS = {
    "begin_backup": "The database is copied beside itself while the shop goes on, so there has to "
    "be room for as much again. Asked again with the same `id`, it is the same backup.",
    "backup": "Ask until `made` is true; then the pieces can be read.",
    "backup_content": "Give the bytes that you have as `after`. Keep the pieces together, and "
    "compare the whole with `sha256`.",
    "end_backup": "The copy is deleted. A new backup ends the one before, too.",
}
WATCHING = "Whether the service is well."


def teaching(
    about: str,
    tags: Mapping[str, str],
    operations: Mapping[str, str],
    answered: Mapping[str, Mapping[int, Sequence[str]]],
    *,
    stores: bool = True,
) -> Teaching:
    """Return what the document of a service says beside its routes and types.

    Args:
        about: what the service is for.
        tags: its groups of routes.
        operations: what each of its own is for, by the name of the handler.
        answered: headers of its answers.
        stores: whether it has a database of its own, which can be backed up.
    """
    return Teaching(
        about=f"{about.strip()}\n{_RULES}".strip(),
        tags={**tags, "operations": WATCHING},
        operations={**_OPERATIONS, **(_BACKUPS if stores else {}), **operations},
        parameters=PARAMETERS,
        members=MEMBERS,
        arguments=ARGUMENTS,
        examples=EXAMPLES,
        details=DETAILS,
        headers=HEADERS,
        answered=answered,
    )
