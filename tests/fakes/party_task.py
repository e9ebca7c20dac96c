"""A live task of any number of partners: what each says is told to the others, until somebody says "bye"."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from app.args import arg
from app.blueprints.base import BlueprintArgs, LiveUpdate
from app.blueprints.live_agent import LiveAgent
from app.blueprints.mock.blueprint import MockBlueprint, MockBlueprintArgs


@dataclass
class PartyArgs(MockBlueprintArgs):
    """A mock task in which people talk."""

    _blueprint_type: str = arg("party", help="The kind of task.")


class PartyBlueprint(MockBlueprint):
    """Everybody hears everybody else."""

    BLUEPRINT_TYPE: ClassVar[str] = "party"
    ArgsClass: ClassVar[type[BlueprintArgs]] = PartyArgs
    HAS_ONBOARDING: ClassVar[bool] = True
    IS_LIVE: ClassVar[bool] = True

    async def run_assignment(self, agents: Sequence[LiveAgent]) -> None:
        talking = [asyncio.create_task(self._listen(agent, agents)) for agent in agents]
        try:
            await asyncio.gather(*talking)
        finally:
            for each in talking:
                each.cancel()
            await asyncio.gather(*talking, return_exceptions=True)

    async def _listen(self, speaker: LiveAgent, agents: Sequence[LiveAgent]) -> None:
        while True:
            said = str((await speaker.get_live_update(timeout=100_000)).get("said", ""))
            for agent in agents:
                if agent is not speaker:
                    await agent.observe({"text": said})
            if said == "bye":
                return

    def onboarding_data(self) -> Mapping[str, Any]:
        return {"question": "Is this an introduction?"}

    def check_onboarding(self, inputs: Any, outputs: Any) -> bool:
        return bool(outputs == {"answer": "yes"})

    def returning_data(self, inputs: Any, history: Sequence[LiveUpdate]) -> Any:
        return {**inputs, "past_live_updates": [each.content for each in history]}
