"""Packets from hostile peers."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.data.packets import Packet, PacketError, PacketType

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=20), inner, max_size=4),
    max_leaves=10,
)


def test_a_heartbeat_needs_no_data() -> None:
    packet = Packet.from_json('{"packet_type": "heartbeat", "subject_id": "abc"}')
    assert (packet.packet_type, packet.data) == (PacketType.HEARTBEAT, {})


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "nonsense", "[" * 100_000, '{"packet_type": "heartbeat"}',
        '{"packet_type": "steal", "subject_id": "a"}', '{"packet_type": "alive", "subject_id": ""}',
        '{"packet_type": "alive", "subject_id": "a", "data": []}',
        '{"packet_type": "alive", "subject_id": "a", "client_timestamp": "now"}',
        '{"packet_type": "alive", "subject_id": "a", "client_timestamp": 1e300}',
        '{"packet_type": "alive", "subject_id": "a", "client_timestamp": NaN}',
    ],
)  # fmt: skip
def test_what_is_no_packet_is_refused(text: str) -> None:
    with pytest.raises(PacketError):
        Packet.from_json(text)


@given(JSON)
def test_any_json_is_a_packet_or_a_packet_error(value: object) -> None:
    try:
        Packet.from_dict(value)
    except PacketError:
        return


@given(st.sampled_from(PacketType), st.text(min_size=1, max_size=200), st.dictionaries(st.text(), JSON, max_size=3))
def test_a_packet_survives_the_wire(kind: PacketType, subject: str, data: dict[str, object]) -> None:
    packet = Packet(kind, subject, data, 1.5, 2.5, 3.5, 4.5)
    assert Packet.from_json(packet.to_json()) == packet
    assert json.loads(packet.to_json())["packet_type"] == str(kind)
