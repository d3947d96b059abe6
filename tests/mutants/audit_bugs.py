"""Seeded bugs of what looks at the books of a shop, and of what a keeper writes twice."""

from mutants.bug import Bug, Edit
from mutants.parts import EXIT_CODES, IMPORTS, KEYED_WRITES, REMOTE, TAMPERING

AUDIT_BUGS = (
    Bug(
        "short-page-is-the-end",
        "Whoever reads a list takes a page that is not full for its last one.",
        (
            Edit(
                "tools/remote.py",
                "            if not page:\n                return\n            yield from page\n",
                "            yield from page\n"
                "            if len(page) < limit:\n"
                "                return\n",
            ),
        ),
        (REMOTE,),
    ),
    Bug(
        "audit-ignores-money",
        "The audit compares books and copies alone, not what they were sold as.",
        (
            Edit(
                "tools/audit.py",
                "    if sold_as != (taken or unsold):\n",
                "    if not sold_as:\n",
            ),
        ),
        (TAMPERING,),
    ),
    Bug(
        "audit-passes-over-lost-books",
        "The audit goes by the books that are there, not by those of the ledger.",
        (
            Edit(
                "catalog/checking.py",
                "        for book_id, total in ledger.items():\n",
                "        for book_id, total in {}.items():\n",
            ),
        ),
        (TAMPERING,),
    ),
    Bug(
        "audit-counts-no-numbers",
        "The audit does not ask whether rows of the ledger are missing.",
        (
            Edit(
                "catalog/checking.py",
                "        if numbers.rows != numbers.last:\n",
                "        if numbers.rows > numbers.last:\n",
            ),
        ),
        (TAMPERING,),
    ),
    Bug(
        "unchecked-is-different",
        "An audit that gets no answer ends as one that found a difference.",
        (Edit("cli/keeper.py", '"order", unanswered=2)', '"order", unanswered=1)'),),
        (EXIT_CODES,),
    ),
    Bug(
        "count-taken-again",
        "A count of a file that was imported before sets the stock once more.",
        (
            Edit(
                "catalog/taking.py",
                "        if row is None or counted.counted < row:\n",
                "        if row is None or counted.counted <= row:\n",
            ),
        ),
        (IMPORTS,),
    ),
    Bug(
        "key-counts-twice",
        "A restock that is sent again with its key is counted again.",
        (
            Edit(
                "catalog/once.py",
                "        if kept is not None:\n",
                "        if kept is not None and kept.request != request.what:\n",
            ),
            Edit(
                "catalog/store/shared.py",
                "INSERT INTO keyed_writes",
                "INSERT OR REPLACE INTO keyed_writes",
            ),
        ),
        (KEYED_WRITES,),
    ),
    Bug(
        "dry-run-forgets",
        "Each batch of a dry run knows nothing of those before it.",
        (
            Edit(
                "catalog/rehearsal.py",
                "            keep = request.run is not None\n",
                "            keep = False\n",
            ),
        ),
        (IMPORTS,),
    ),
    Bug(
        "letters-not-composed",
        "A name is kept as it comes, in composed letters or in parted ones.",
        (
            Edit(
                "kit/text.py",
                'unicodedata.normalize("NFC", text).replace("\\r\\n", "\\n").strip()',
                'text.replace("\\r\\n", "\\n").strip()',
            ),
        ),
        (IMPORTS,),
    ),
)
