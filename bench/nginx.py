"""The limit that the shop is compared with: nginx, which answers with ready-made bytes, no more."""

import grp
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.client import succeeds
from bench.lab.titles import BOOKS
from bench.load import Load
from bench.rows import INFO, MANY_BOOKS, PAGE, Group
from bench.systems import STOCK, System, Target

_PAGE_FILE = "book.page"
_SBIN = ("/usr/local/sbin", "/usr/sbin")
_NGINX = """
daemon off;
worker_processes 1;
{user}
pid {folder}/{name}.pid;
error_log {folder}/{name}.error.log;
events {{ worker_connections 4096; }}
http {{
  access_log {folder}/{name}.access.log combined buffer=64k flush=1s;
  client_body_temp_path {folder}/{name}-body;
  proxy_temp_path {folder}/{name}-proxy;
  fastcgi_temp_path {folder}/{name}-fastcgi;
  uwsgi_temp_path {folder}/{name}-uwsgi;
  scgi_temp_path {folder}/{name}-scgi;
  default_type application/json;
  keepalive_requests 1000000000;
  {upstream}
  server {{
    listen {address};
    {locations}
  }}
}}
"""
_UPSTREAM = "upstream behind {{ server {0}; keepalive 512; keepalive_requests 1000000000; }}"
_FORWARD = """location / {
      proxy_pass http://behind;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }"""


def find_nginx() -> str | None:
    """Return where nginx is, also where that is not on an ordinary user's path, or None."""
    return shutil.which("nginx", path=os.pathsep.join([os.environ.get("PATH", ""), *_SBIN]))


def plain_samples() -> dict[str, bytes]:
    """Return answers as the shop gives them, by load, for a run without the shop."""
    book_id, title, topic, price = BOOKS[0]
    info: dict[str, object] = {"id": book_id, "title": title, "topic": topic, "quantity": STOCK}
    info |= {"price": price, "currency": "USD", "author": "", "year": None, "isbn": None}
    bought: dict[str, object] = {"order_id": "0" * 26, "message": f"bought book {title}"}
    bought |= {"status": "confirmed", "id": book_id, "title": title, "quantity": 1}
    return {
        INFO.name: json.dumps(info | {"description": "", "version": 1}).encode(),
        MANY_BOOKS.name: json.dumps(
            bought | {"price": price, "total": price, "currency": "USD"}
        ).encode(),
        PAGE.name: f"<!doctype html><title>{title}</title><p>{title}".encode(),
    }


class Nginx(System):
    """The limit: nginx answers with ready-made JSON, over one more hop or two.

    Three servers of one worker process each, as the shop has three processes: `first` passes on
    to `middle`, `middle` to `last`, and only `last` answers. It also has the page of a book, in a
    file that it keeps open, and gives it to who asks for that without a hop between.
    """

    name = "nginx"
    rows = ("nginx -> nginx", "nginx, three hops", "nginx alone")

    def __init__(self, folder: Path, samples: Mapping[str, bytes]) -> None:
        """Serve these answers of the shop, by the name of the load."""
        super().__init__(folder)
        self._samples = samples
        (folder / _PAGE_FILE).write_bytes(samples[PAGE.name])

    def launch(self) -> None:
        """Start all three, the last one first, each with a prefix in the folder."""
        first, middle, last = (url.removeprefix("http://") for url in self.urls)
        made = f"""location /info/ {{ return 200 '{self._text(INFO)}'; }}
    location /purchase/ {{ return 201 '{self._text(MANY_BOOKS)}'; }}
    location /book/ {{
      root {self.folder};
      default_type "text/html; charset=utf-8";
      open_file_cache max=8;
      try_files /{_PAGE_FILE} =404;
    }}"""
        self._start("last", last, "", made)
        self._start("middle", middle, _UPSTREAM.format(last), _FORWARD)
        self._start("first", first, _UPSTREAM.format(middle), _FORWARD)

    def is_ready(self) -> bool:
        """Ask for a book through each of them."""
        return all(succeeds(f"{url}/info/1") for url in self.urls)

    def targets(self, group: Group) -> Sequence[Target]:
        """Return the hops of a group's rows, which are the same for all of them."""
        first, middle, last = self.urls
        proxied, three_hops, alone = self.rows
        if group.shows:
            return [Target(alone, PAGE, last)]
        if group.buys:
            return [Target(three_hops, MANY_BOOKS, first)]
        return [Target(proxied, INFO, middle)]

    def label(self, root: str, command: Sequence[str]) -> str:
        """Tell the worker from its master."""
        return f"{root} {'worker' if 'worker' in ' '.join(command) else 'master'}"

    def _start(self, name: str, address: str, upstream: str, locations: str) -> None:
        # As root, nginx would give its worker to a user who cannot enter the folder.
        user = f"user root {grp.getgrgid(0).gr_name};" if os.getuid() == 0 else ""
        text = _NGINX.format(
            folder=self.folder,
            name=name,
            user=user,
            address=address,
            upstream=upstream,
            locations=locations,
        )
        config = self.folder / f"{name}.conf"
        config.write_text(text)
        errors = self.folder / f"{name}.error.log"
        command = [
            find_nginx() or "nginx",
            "-p",
            str(self.folder),
            "-e",
            str(errors),
            "-c",
            str(config),
        ]
        self.processes.start(name, command)

    def _text(self, load: Load) -> str:
        """Return an answer as text in single quotes; nginx would read a $ as a variable."""
        text = self._samples[load.name].decode().strip()
        return text.replace("\\", "\\\\").replace("'", "\\'").replace("$", "S")
