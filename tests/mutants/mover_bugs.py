"""Seeded bugs of a shop that moves to another database."""

from mutants.bug import Bug, Edit
from mutants.parts import COMPARED, KILLED_MOVE, NUMBERS, SHUT_FIRST

MOVER_BUGS = (
    Bug(
        "opened-before-shut",
        "The new databases can be opened before the old folder is shut, and both sell.",
        (
            Edit(
                "mover/run.py",
                "    note_moved(settings.data, to)  "
                "# the old shop is shut before the new one can be opened\n"
                "    await _end(pairs)\n",
                "    await _end(pairs)\n    note_moved(settings.data, to)\n",
            ),
        ),
        (SHUT_FIRST,),
    ),
    Bug(
        "noted-afterwards",
        "The last key is noted after its rows are committed; a move killed between has them twice.",
        (
            Edit(
                "mover/copying.py",
                "                    await self._state.advance(",
                "                await self._state.advance(",
            ),
        ),
        (KILLED_MOVE,),
    ),
    Bug(
        "numbers-begin-again",
        "Numbers that rows had which are gone are given again, and a letter is about another wish.",
        (
            Edit(
                "mover/run.py",
                "pair.target.count_from(table.name, pair.source.last_given(table.name))",
                "pair.target.count_from(table.name, 0)",
            ),
        ),
        (NUMBERS,),
    ),
    Bug(
        "compared-with-itself",
        "The proof reads the new rows alone, so whatever the old shop has besides is not missed.",
        (
            Edit(
                "mover/proof.py",
                "        if here.digest() != there.digest():\n",
                "        if here.digest() != there.digest() and not new:\n",
            ),
        ),
        (COMPARED,),
    ),
)
