"""The provider objects that decisions and money go through: by run, or by kind."""

from __future__ import annotations

from app.clock import Clock
from app.data.repo import tasks
from app.data.store import Store
from app.errors import ConfigError, ProviderError
from app.operations.configuration.config import from_yaml
from app.providers import registry
from app.providers.base import CrowdProvider


class Crowd:
    """Makes each provider once, from the configuration that its run was launched with."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._of_run: dict[int, CrowdProvider] = {}
        self._of_type: dict[tuple[str, str], CrowdProvider] = {}

    async def of_run(self, run_id: int) -> CrowdProvider:
        """The provider of a run. `EntryDoesNotExist`; `ProviderError` when it is not installed any more."""
        if run_id not in self._of_run:
            row = await self._store.read(tasks.get_task_run, run_id)
            try:
                args = from_yaml(row.init_params).provider
                self._of_run[run_id] = registry.get(row.provider_type)(args, self._clock)
            except ConfigError as error:
                raise ProviderError(f"The provider of run {run_id} cannot be used: {error}") from None
        return self._of_run[run_id]

    async def of_type(self, provider_type: str, requester_name: str = "") -> CrowdProvider:
        """A provider without a run, for what concerns a worker only. `ProviderError` when it is not installed."""
        key = (provider_type, requester_name)
        if key not in self._of_type:
            try:
                kind = registry.get(provider_type)
            except ConfigError as error:
                raise ProviderError(str(error)) from None
            args = kind.ArgsClass(requester_name=requester_name) if requester_name else kind.ArgsClass()
            self._of_type[key] = kind(args, self._clock)
        return self._of_type[key]
