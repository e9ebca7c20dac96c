"""Entry links and the cookie that follows them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.architects.router.entry import (
    Entry,
    EntryRefused,
    admit,
    cookie_name,
    find_cookie,
    make_cookie,
    make_entry_token,
    name_visitor,
    read_cookie,
    read_entry_token,
)

NOW = 1_000.0


def test_a_personal_link_lets_its_worker_in_until_it_expires() -> None:
    token = make_entry_token("secret", "7", "bob", NOW + 10)
    assert read_entry_token("secret", "7", token, NOW) == Entry("7", "bob", None, NOW + 10)
    with pytest.raises(EntryRefused, match="expired") as refused:
        read_entry_token("secret", "7", token, NOW + 11)
    assert refused.value.code == "entry_expired"


@pytest.mark.parametrize(
    ("secret", "run"), [("other", "7"), ("secret", "8")], ids=["signed with another secret", "of another run"]
)
def test_a_link_that_is_not_of_this_run_lets_nobody_in(secret: str, run: str) -> None:
    token = make_entry_token(secret, run, "bob", NOW + 10)
    with pytest.raises(EntryRefused) as refused:
        read_entry_token("secret", "7", token, NOW)
    assert refused.value.code == "entry_forged"


@given(st.text(max_size=60), st.integers(0, 200))
def test_no_change_to_a_token_changes_whom_it_lets_in(piece: str, place: int) -> None:
    token = make_entry_token("secret", "7", "bob", NOW + 10)
    changed = token[:place] + piece + token[place + len(piece) :]
    try:
        entry = read_entry_token("secret", "7", changed, NOW)
    except EntryRefused:
        assert changed != token
    else:
        assert entry == Entry("7", "bob", None, NOW + 10)  # base64 has several spellings of the same bytes


@pytest.mark.parametrize("place", [0, 5, 20, 60])
def test_another_letter_in_the_payload_is_refused(place: int) -> None:
    token = make_entry_token("secret", "7", "bob", NOW + 10)
    letter = "A" if token[place] != "A" else "B"
    with pytest.raises(EntryRefused):
        read_entry_token("secret", "7", token[:place] + letter + token[place + 1 :], NOW)


def test_a_link_is_no_cookie_and_a_cookie_no_link() -> None:
    token = make_entry_token("secret", "7", "bob", NOW + 10)
    cookie = make_cookie("secret", Entry("7", "bob", None, NOW + 10))
    assert read_cookie("secret", "7", token, NOW) is None
    with pytest.raises(EntryRefused):
        read_entry_token("secret", "7", cookie, NOW)


def test_the_open_link_makes_a_visitor_without_a_name_and_keeps_who_was_there() -> None:
    opened = Entry("7", None, None, NOW + 10)
    first = admit(opened, None)
    assert first.worker_name is None
    assert first.visitor is not None
    named = name_visitor(first, "  Ann   Lee ")
    assert (named.worker_name, named.visitor) == ("Ann Lee", first.visitor)
    again = admit(Entry("7", None, None, NOW + 99), named)
    assert again == Entry("7", "Ann Lee", first.visitor, NOW + 99)
    assert admit(opened, Entry("7", "bob", None, NOW)).visitor not in (None, first.visitor)


def test_a_personal_link_replaces_whoever_was_there() -> None:
    personal = Entry("7", "bob", None, NOW + 10)
    assert admit(personal, Entry("7", "Ann", "v", NOW + 10)) == personal


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "a\x00b", "a\u202eb"])
def test_a_name_that_cannot_be_one_is_refused(name: str) -> None:
    with pytest.raises(EntryRefused) as refused:
        name_visitor(Entry("7", None, "v", NOW), name)
    assert refused.value.code == "bad_name"


def test_a_personal_name_cannot_be_changed() -> None:
    with pytest.raises(EntryRefused):
        name_visitor(Entry("7", "bob", None, NOW), "eve")


def test_a_cookie_is_read_until_it_expires() -> None:
    entry = Entry("7", "bob", "v", NOW + 10)
    value = make_cookie("secret", entry)
    header = f"a=b; {cookie_name('7')}={value}; c"
    assert find_cookie(header, cookie_name("7")) == value
    assert find_cookie(header, cookie_name("8")) is None
    assert read_cookie("secret", "7", value, NOW) == entry
    assert read_cookie("secret", "7", value, NOW + 11) is None
    assert read_cookie("secret", "8", value, NOW) is None


def test_cookies_of_two_runs_on_one_host_have_two_names() -> None:
    assert cookie_name("1") != cookie_name("2")
