"""Roles in a shop, and the names that stand for them in certificates."""

from typing import Literal, get_args

Role = Literal["front", "catalog", "order", "keeper"]
"""A service, or whoever types commands."""
ROLES: tuple[Role, ...] = get_args(Role)
DOMAIN = "bazar.internal"
"""Of all names of roles; no public authority signs a name that ends in `.internal`."""


def role_name(role: str) -> str:
    """Return what stands for a role in its certificate."""
    return f"{role}.{DOMAIN}"
