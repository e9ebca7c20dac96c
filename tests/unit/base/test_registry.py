"""Classes by the name of their type: ours, those of installed packages, those registered by hand."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

import app.registry
from app.errors import ConfigError
from app.registry import Registry


class Fruit:
    FRUIT_TYPE = "fruit"


class Apple(Fruit):
    FRUIT_TYPE = "apple"


class Pear(Fruit):
    FRUIT_TYPE = "pear"


class Stone:
    FRUIT_TYPE = "stone"


@pytest.fixture
def fruits(monkeypatch: pytest.MonkeyPatch) -> Registry[Fruit]:
    """Ours is the apple; a package brings pears, a stone, and two that cannot be loaded."""
    brought = {"juicy": "Pear", "hard": "Stone", "rotten": "Plum"}
    points = [EntryPoint(name, f"{__name__}:{cls}", "crowdesk.fruits") for name, cls in brought.items()]
    points += [EntryPoint("gone", "no_such_package:Fig", "crowdesk.fruits")]
    points += [EntryPoint("apple", f"{__name__}:Pear", "crowdesk.fruits")]
    points += [EntryPoint("leek", f"{__name__}:Pear", "crowdesk.vegetables")]

    def of_group(*, group: str) -> list[EntryPoint]:
        return [point for point in points if point.group == group]

    monkeypatch.setattr(app.registry, "entry_points", of_group)
    return Registry("fruit", Fruit, {"apple": f"{__name__}:Apple"})


def test_ours_come_first_and_nobody_takes_their_name(fruits: Registry[Fruit]) -> None:
    assert fruits.names() == ["apple", "gone", "hard", "juicy", "rotten"]
    assert fruits.get("apple") is Apple


def test_a_package_brings_a_class_under_the_name_of_its_entry_point(fruits: Registry[Fruit]) -> None:
    assert fruits.get("juicy") is Pear
    assert fruits.names() == ["apple", "gone", "hard", "juicy", "rotten"]


def test_a_class_that_was_registered_is_known_under_its_own_type_or_a_given_one(fruits: Registry[Fruit]) -> None:
    fruits.register(Pear)
    fruits.register(Pear, "conference")
    assert (fruits.get("pear"), fruits.get("conference")) == (Pear, Pear)
    assert {"pear", "conference"} < set(fruits.names())


def test_what_is_no_such_class_is_refused(fruits: Registry[Fruit]) -> None:
    with pytest.raises(ConfigError, match=r"Stone.* is no Fruit\.") as refused:
        fruits.get("hard")
    assert refused.value.key == "fruit._fruit_type"
    assert "stone" not in fruits.classes


@pytest.mark.parametrize("kind", ["gone", "rotten"])
def test_a_package_that_is_broken_is_told_as_a_fault_of_the_world(fruits: Registry[Fruit], kind: str) -> None:
    with pytest.raises(ConfigError, match=f'The fruit "{kind}" cannot be loaded from .* Install the package'):
        fruits.get(kind)


def test_an_unknown_type_is_answered_with_the_nearest_or_with_all(fruits: Registry[Fruit]) -> None:
    with pytest.raises(ConfigError, match=r'There is no fruit "aple"\. Did you mean "apple"\?'):
        fruits.get("aple")
    with pytest.raises(ConfigError, match="There are: apple, gone, hard, juicy, rotten"):
        fruits.get("xyz")
