"""A moderator for two people: one tells, the other one guesses by a form; then they change places."""

from app.blueprints.task_runner import TaskRunner

PATIENCE = 300
"""Seconds that one step may take; who is silent longer is let go."""
GUESSES = ["the first", "the second", "the third"]


class TwoTruths(TaskRunner):
    """Made anew for each pair. After a restart of the program it begins with the round that was not finished."""

    async def run_assignment(self, agents):
        first, second = agents
        done = sum(1 for update in first.past_updates if (update.get("task_data") or {}).get("round_over"))
        rounds = [(first, second), (second, first)]
        for teller, guesser in rounds[done:]:
            await self.play(teller, guesser)

    async def play(self, teller, guesser):
        """One round: three sentences, a guess, the answer."""
        await self.say(guesser, f"{teller.name} writes three things. One of them is wrong.", False)
        await self.say(teller, "Write three things about the topic in one message. One of them has to be wrong.", True)
        told = await self.listen(teller)
        await guesser.observe(
            {
                "text": told,
                "id": teller.name,
                "task_data": {
                    "live_update_requested": True,
                    "respond_with_form": [{"type": "choices", "question": "Which one is wrong?", "choices": GUESSES}],
                },
            }
        )
        guess = await self.form_answer(guesser)
        await self.say(guesser, "Thank you. Now wait for the answer.", False)
        await teller.observe(
            {
                "text": f"{guesser.name} thinks that {guess} is wrong.",
                "id": "Moderator",
                "task_data": {
                    "live_update_requested": True,
                    "respond_with_form": [{"type": "choices", "question": "Is that right?", "choices": ["yes", "no"]}],
                },
            }
        )
        right = await self.form_answer(teller) == "yes"
        words = f"{guesser.name} has found it." if right else f"{guesser.name} was fooled."
        for agent in (teller, guesser):
            await agent.observe(
                {
                    "text": words,
                    "id": "Moderator",
                    "task_data": {"live_update_requested": False, "round_over": True, "respond_with_form": None},
                }
            )

    async def say(self, agent, text, your_turn):
        """The moderator says something to one of them."""
        await agent.observe({"text": text, "id": "Moderator", "task_data": {"live_update_requested": your_turn}})

    async def listen(self, agent):
        """The next message with words in it."""
        while True:
            said = await agent.get_live_update(timeout=PATIENCE)
            if str(said.get("text") or "").strip():
                return said["text"]

    async def form_answer(self, agent):
        """The answer to the form that they have before them."""
        while True:
            said = await agent.get_live_update(timeout=PATIENCE)
            answers = (said.get("task_data") or {}).get("form_responses")
            if answers:
                return answers[0]["response"]
