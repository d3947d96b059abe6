"""Seeded bugs of trust: signed calls, certificates, and what was announced."""

from mutants.bug import Bug, Edit
from mutants.parts import ANNOUNCED, CANDIDATES, CONNECTING, CREDENTIALS, SIGNED_CALLS

GATE, CLIENT, CANDIDATES_FILE = (
    "kit/http/gate.py",
    "kit/peers/client.py",
    "kit/peers/candidates.py",
)

TRUST_BUGS = (
    Bug(
        "done-twice",
        "A process forgets which calls it has done, so whoever has seen one can send it again.",
        (Edit(GATE, "        self._young.add(key)\n", ""),),
        (SIGNED_CALLS,),
    ),
    Bug(
        "done-by-anybody",
        "A process does a call that is signed for another one.",
        (
            Edit(
                GATE,
                "        elif not safe and said.process != self.process:\n",
                "        elif not safe and not said.process:\n",
            ),
        ),
        (SIGNED_CALLS,),
    ),
    Bug(
        "timely-for-ever",
        "A call may be as old as it likes.",
        (Edit(GATE, "- self._ahead_s) > WINDOW_S:", "- self._ahead_s) > 1e9:"),),
        (SIGNED_CALLS,),
    ),
    Bug(
        "any-body",
        "The body of a call is not compared with the one that was signed.",
        (
            Edit(
                "kit/http/heard.py",
                "        if not same(await digest_of(content), self.body):\n",
                "        if not self.body:\n",
            ),
        ),
        (SIGNED_CALLS,),
    ),
    Bug(
        "any-query",
        "What stands behind the question mark is not signed.",
        (
            Edit(
                GATE,
                ' + b"?" + query if query else scope["raw_path"]\n',
                " + query[:0]\n",
            ),
        ),
        (SIGNED_CALLS,),
    ),
    Bug(
        "relay-believed",
        "Whoever passes the proof of a service on is taken for that service.",
        (
            Edit(
                "kit/peers/addresses.py",
                '    return named == quote(shop, safe="") and url in urls\n',
                '    return named == quote(shop, safe="") or url in urls\n',
            ),
        ),
        (ANNOUNCED,),
    ),
    Bug(
        "taken-over-unseen",
        "Another process at an address that was announced need not say of which shop it is.",
        (
            Edit(
                CLIENT,
                "            target.checked = answer.headers",
                "            target.checked = target.peer.process or answer.headers",
            ),
            Edit(
                CLIENT,
                "        if not target.shop or target.peer.process == target.checked",
                "        if not target.shop or target.checked",
            ),
        ),
        (ANNOUNCED,),
    ),
    Bug(
        "announced-is-enough",
        "An address is used as soon as somebody announces it.",
        (
            Edit(
                CANDIDATES_FILE,
                "        return frozenset(self._proved_at_s)\n",
                "        return frozenset(self._announced)\n",
            ),
        ),
        (CANDIDATES,),
    ),
    Bug(
        "goodbye-believed",
        "Whoever says goodbye in the name of a service takes it away.",
        (
            Edit(
                CANDIDATES_FILE,
                "                if address not in self._proved_at_s:\n"
                "                    del self._asked[address]\n",
                "                self._proved_at_s.pop(address, None)\n"
                "                del self._asked[address]\n",
            ),
        ),
        (CANDIDATES,),
    ),
    Bug(
        "any-role",
        "The certificate of any role will do for a service.",
        (
            Edit(
                "kit/peers/certificates.py",
                "    return [*names] == [x509.DNSName(role_name(role))] and frozenset(uses)"
                " == _MAY[role]\n",
                "    return bool([*names]) and bool(role) and bool(frozenset(uses))\n",
            ),
        ),
        (CREDENTIALS,),
    ),
    Bug(
        "others-may-read-keys",
        "A key that other users can read is taken.",
        (
            Edit(
                "kit/peers/credentials.py",
                "    if mode & (_OTHERS if owner == user else _OTHERS_OF_ROOT):\n",
                "    if mode & (0 if owner == user else _OTHERS_OF_ROOT):\n",
            ),
        ),
        (CREDENTIALS,),
    ),
    Bug(
        "any-host-of-the-shop",
        "Whoever shows any certificate of the shop is taken for the service that is asked.",
        (
            Edit(
                "kit/peers/roles.py",
                '    return f"{role}.{DOMAIN}"\n',
                '    return f"any.{DOMAIN}" if role else ""\n',
            ),
        ),
        (CONNECTING,),
    ),
)
"""Each one breaks a promise of docs/security.md or docs/tls.md."""
