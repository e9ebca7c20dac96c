"""The rules of a conversation hold whatever is said, in any order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.blueprints.chat.talk import Talk, TalkRules

rules = st.builds(
    TalkRules,
    by_turns=st.booleans(),
    max_messages=st.integers(0, 12),
    min_messages=st.integers(0, 3),
    by_agreement=st.booleans(),
)
deeds = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["speak", "end", "go on"])), max_size=40)


@given(rules=rules, seats=st.integers(2, 4), models=st.sets(st.integers(0, 3)), deeds=deeds)
def test_turns_limits_and_agreement_hold(
    rules: TalkRules, seats: int, models: set[int], deeds: list[tuple[int, str]]
) -> None:
    people = {place for place in range(seats) if place not in models}
    talk = Talk(rules, seats, people)
    last: int | None = None
    for who, deed in deeds:
        place = who % seats
        was_over, said, ready = talk.is_over, list(talk.said), set(talk.ready)
        if deed == "speak":
            taken = talk.speak(place)
            if taken and rules.by_turns:
                assert place == (0 if last is None else (last + 1) % seats)  # nobody speaks out of turn
            if taken:
                last = place
                assert talk.said[place] == said[place] + 1
                assert place not in talk.ready
        else:
            taken = talk.want_to_end(place, deed == "end")
            if taken:
                assert place in people
                assert talk.said[place] >= rules.min_messages
        if was_over:
            assert not taken  # what is over stays over
        if not taken:
            assert (talk.said, talk.ready) == (said, ready)
        if rules.max_messages:
            assert sum(talk.said) <= rules.max_messages
        agreed = rules.by_agreement and bool(people) and talk.ready >= people
        assert talk.is_over == (agreed or 0 < rules.max_messages <= sum(talk.said))


@given(seats=st.integers(2, 4), rounds=st.integers(1, 4))
def test_by_turns_everybody_speaks_equally_often(seats: int, rounds: int) -> None:
    talk = Talk(TalkRules(by_turns=True, by_agreement=False), seats, range(seats))
    for number in range(seats * rounds):
        assert [talk.may_speak(place) for place in range(seats)].count(True) == 1
        assert talk.speak(number % seats)
    assert talk.said == [rounds] * seats
