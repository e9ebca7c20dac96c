"""Which crowd providers there are."""

from __future__ import annotations

from app.providers.base import CrowdProvider
from app.registry import Registry

_providers: Registry[CrowdProvider] = Registry(
    "provider",
    CrowdProvider,
    {
        "inhouse": "app.providers.inhouse.provider:InhouseProvider",
        "mock": "app.providers.mock.provider:MockProvider",
    },
)
names, get, register = _providers.names, _providers.get, _providers.register
