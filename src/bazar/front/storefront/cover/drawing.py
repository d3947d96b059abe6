"""Writing SVG: tags with attributes alone, numbers as short as they can be, text escaped."""

from html import escape

WIDTH = 240
HEIGHT = 360
CENTRE = WIDTH // 2


def number(value: float) -> str:
    """Write a length with at most one decimal."""
    return f"{value:.1f}".removesuffix(".0")


def tag(name: str, content: str | None = None, /, **attributes: str | float) -> str:
    """Write a tag; `stroke_width=2` becomes `stroke-width="2"`."""
    written = "".join(
        f' {key.replace("_", "-")}="{value if isinstance(value, str) else number(value)}"'
        for key, value in attributes.items()
    )
    return f"<{name}{written}/>" if content is None else f"<{name}{written}>{content}</{name}>"


def text_content(text: str) -> str:
    """Write text so that nothing in it is a tag."""
    return escape(text, quote=False)


def colour(digits: str) -> str:
    """Write a colour of a palette."""
    return f"#{digits}"


def rect(x: float, y: float, width: float, height: float, **attributes: str | float) -> str:
    """Write a rectangle."""
    return tag("rect", x=x, y=y, width=width, height=height, **attributes)


def circle(x: float, y: float, radius: float, **attributes: str | float) -> str:
    """Write a circle."""
    return tag("circle", cx=x, cy=y, r=radius, **attributes)


def path(d: str, fill: str) -> str:
    """Write a filled path."""
    return tag("path", d=d, fill=colour(fill))


def line_art(d: str, stroke: str, width: float = 1.2) -> str:
    """Write a path that is only drawn, not filled."""
    return tag("path", d=d, fill="none", stroke=colour(stroke), stroke_width=width)


def rule(x: float, y: float, width: float, stroke: str) -> str:
    """Write a thin horizontal line."""
    return line_art(f"M{number(x)} {number(y)}h{number(width)}", stroke, 1)
