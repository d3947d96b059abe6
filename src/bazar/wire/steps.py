"""The steps that services write to the log at the level `debug`, and what each means.

One table: what is not in it is written by nobody, and `docs/tracing.md` has each. `{name}` stands
for a fact of the line.
"""

from collections.abc import Mapping

STEPS: Mapping[str, str] = {
    # front
    "taken": "took the purchase of {lines}",
    "told": "told the client {status}",
    "cancel-taken": "took the request to cancel the order",
    # front, order: into a batch, with others that came meanwhile
    "sent": "put it into a call to the {upstream} service, {batch} in one",
    # front, order: one call to another service
    "asked": "asked the {upstream} service at {target}",
    "answered": "got the answer {status} of the {upstream} service at {target}",
    "no-answer": "got no answer of the {upstream} service at {target}: {reason}",
    "gave-up": "gave up asking the {upstream} service",
    # order
    "received": "received it, {batch} in one call",
    "stored": "stored the order as pending, on disk",
    "refused": "did not take it: {code}",
    "replayed": "found the order that this key has placed before, {status}",
    "undecided": "has no decision in time; the order stays pending",
    "heard": "heard what the catalog decided: {outcome}",
    "not-heard": "heard no decision: {reason}",
    "kept": "stored the order as {status}",
    "driven-again": "drives the order again, since nobody else does",
    "answer": "answered the front: {status}",
    "changed": "stored the order as {status}, on disk",
    "withdrawn": "used the key up: it orders nothing any more",
    "release-sent": "asked the catalog to give the copies back",
    "released-heard": "heard that the catalog gave the copies back, and stored that",
    "mail-noted": "noted a letter to send: {kind}",
    "mail-sent": "sent the letter: {kind}",
    "mail-failed": "could not send the letter: {kind}",
    # catalog
    "asked-for": "received the reservation, {batch} in one call",
    "decided": "decided: {outcome}",
    "decided-before": "found what was decided before: {outcome}",
    "committed": "committed that in one transaction, on disk",
    "release-asked": "received the release of the order",
    "released": "gave back {copies} copies",
}
