"""Which architects there are."""

from __future__ import annotations

from app.architects.base import Architect
from app.registry import Registry

_architects: Registry[Architect] = Registry(
    "architect",
    Architect,
    {
        "local": "app.architects.local:LocalArchitect",
        "mock": "app.architects.mock:MockArchitect",
    },
)
names, get, register, classes = _architects.names, _architects.get, _architects.register, _architects.classes
