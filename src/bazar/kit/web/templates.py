"""Templates: HTML with everything escaped that is not markup already, compiled once.

A name that a template does not get is a fault, and no empty text.
"""

from collections.abc import Mapping

from jinja2 import BytecodeCache, Environment, PackageLoader, StrictUndefined, Template
from jinja2.bccache import Bucket

from bazar.kit.web.texts import Texts


class _Compiled(BytecodeCache):
    """Compiled templates of this process: every language shares them, since only texts differ."""

    def __init__(self) -> None:
        self._known: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._known:
            bucket.bytecode_from_string(self._known[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._known[bucket.key] = bucket.bytecode_to_string()


_COMPILED = _Compiled()


class Templates:
    """The templates of a package, in one language."""

    def __init__(self, package: str, texts: Texts, shared: Mapping[str, object]) -> None:
        """Read templates from `package/templates`.

        Args:
            package: its dotted name.
            texts: what they say.
            shared: names that each of them knows.
        """
        self._environment = Environment(
            loader=PackageLoader(package),
            autoescape=True,
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=StrictUndefined,
            bytecode_cache=_COMPILED,
            extensions=["jinja2.ext.do"],
        )
        kwargs = {"sort_keys": True, "separators": (",", ":")}
        self._environment.policies["json.dumps_kwargs"] = kwargs
        self._environment.globals.update(shared)
        self._environment.globals.update(
            _=texts.gettext,
            ngettext=texts.ngettext,
            pgettext=texts.pgettext,
            npgettext=texts.npgettext,
            language=texts.language,
            direction=texts.direction,
        )
        self._known: dict[str, Template] = {}

    def draw(self, name: str, /, **values: object) -> str:
        """Return a template filled with values."""
        template = self._known.get(name)
        if template is None:
            template = self._known[name] = self._environment.get_template(name)
        return template.render(values)
