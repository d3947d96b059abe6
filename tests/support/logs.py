"""Logs of a purchase, as three services write them."""

from pathlib import Path

ORDER_ID = "01m8e045wbtxqz992v9jnxfdsx"
ORDER = "01m8e045wb-nxfdsx"
FRONT, ORDERS, CATALOG = "127.0.0.1:5000#f1", "127.0.0.1:5002#o1", "127.0.0.1:5001#c1"


def text_line(at_ms: float, service: str, event: str, process: str, facts: str) -> str:
    """Return a line as a service writes it, so many milliseconds after noon."""
    us = round(at_ms * 1000)
    at = f"2026-11-27T12:00:{us // 1_000_000:02}.{us % 1_000_000:06}Z"
    level = "debug" if event == "step" else "info"
    return f"{service:<8}| at={at} level={level} event={event} {facts} process={process}\n"


class Logs:
    """A folder of logs, a file a service, which a test writes line by line."""

    def __init__(self, folder: Path) -> None:
        """Write into this folder."""
        self.folder = folder
        self.ahead_ms: dict[str, float] = {}
        """By how much the clock of a process is ahead."""
        self.now_ms = 0.0

    def write(self, process: str, event: str, facts: str, after_ms: float = 1.0) -> None:
        """Write what a process does, a moment after the last thing that happened anywhere."""
        self.now_ms += after_ms
        service = {"0": "front", "1": "catalog", "2": "order", "3": "catalog"}[
            process.partition("#")[0][-1]
        ]
        at_ms = self.now_ms + self.ahead_ms.get(process, 0.0)
        name = f"{service}-{process.partition('#')[0].rpartition(':')[2]}.log"
        with (self.folder / name).open("a") as file:
            file.write(text_line(at_ms, service, event, process, facts))

    def step(self, process: str, step: str, facts: str, after_ms: float = 1.0) -> None:
        """Write a step."""
        self.write(process, "step", f"step={step} {facts}", after_ms)

    def taken(self, request_id: str = "r-100001", call: str = "call-1", key: str = "key-1") -> None:
        """Write what front and order service do up to the question to the catalog."""
        of = f"request_id={request_id} key={key}"
        self.step(FRONT, "taken", f"{of} lines=1x2")
        self.step(FRONT, "sent", f"{of} call={call} batch=1 upstream=order")
        self.step(FRONT, "asked", f"call={call} upstream=order target=http://127.0.0.1:5002")
        self.step(ORDERS, "received", f"{of} call={call} batch=1")

    def stored(self, request_id: str = "r-100001", key: str = "key-1") -> None:
        """Write that the order is stored."""
        self.step(ORDERS, "stored", f"request_id={request_id} key={key} order={ORDER}")

    def asks_catalog(self, process: str = CATALOG, call: str = "call-2") -> None:
        """Write that the catalog is asked, and hears it."""
        target = process.partition("#")[0]
        self.step(ORDERS, "sent", f"order={ORDER} call={call} batch=1 upstream=catalog")
        self.step(ORDERS, "asked", f"call={call} upstream=catalog target=http://{target}")
        self.step(process, "asked-for", f"order={ORDER} call={call} batch=1")

    def decides(self, process: str = CATALOG, outcome: str = "reserved") -> None:
        """Write that the catalog decides and commits."""
        self.step(process, "decided", f"order={ORDER} outcome={outcome}")
        self.step(process, "committed", f"order={ORDER} batch=1")

    def answers(self, process: str = CATALOG, call: str = "call-2") -> None:
        """Write that the catalog answers, and that this is heard."""
        target = process.partition("#")[0]
        self.request(process, call, "/reservations")
        facts = f"call={call} upstream=catalog target=http://{target} status=200"
        self.step(ORDERS, "answered", facts)

    def told(self, request_id: str = "r-100001", call: str = "call-1", status: int = 201) -> None:
        """Write that the order service answers, and the front its client."""
        of = f"request_id={request_id} key=key-1 order={ORDER}"
        self.step(ORDERS, "answer", f"{of} call={call} status={status}")
        self.request(ORDERS, call, "/placements")
        facts = f"call={call} upstream=order target=http://127.0.0.1:5002 status=200"
        self.step(FRONT, "answered", facts)
        self.step(FRONT, "told", f"{of} status={status}")
        self.request(FRONT, request_id, "/purchase/2", status, " reference=NXFDSX")

    def request(
        self, process: str, request_id: str, path: str, status: int = 200, also: str = ""
    ) -> None:
        """Write the line of a request, which is its end."""
        facts = f"method=POST path={path} status={status} ms=1.00 request_id={request_id}{also}"
        self.write(process, "request", facts)

    def purchase(self) -> None:
        """Write a whole purchase."""
        self.taken()
        self.stored()
        self.asks_catalog()
        self.decides()
        self.answers()
        self.step(ORDERS, "heard", f"order={ORDER} outcome=reserved")
        self.step(ORDERS, "kept", f"order={ORDER} status=confirmed")
        self.told()
