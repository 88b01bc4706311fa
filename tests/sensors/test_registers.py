"""Values in Modbus registers: our reading of every format and order against pymodbus', and how few requests read a map."""

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.client.mixin import ModbusClientMixin

from sensors.catalogue.modbus import channel_tables, mistakes, presets, value_maps
from sensors.errors import ChipError
from sensors.registers import FORMATS, ORDERS, SPAN_MAX, ValueMap, spans

THEIRS = {
    "int16": ModbusClientMixin.DATATYPE.INT16,
    "uint16": ModbusClientMixin.DATATYPE.UINT16,
    "int32": ModbusClientMixin.DATATYPE.INT32,
    "uint32": ModbusClientMixin.DATATYPE.UINT32,
    "float32": ModbusClientMixin.DATATYPE.FLOAT32,
}


@given(
    words=st.lists(st.integers(0, 0xFFFF), min_size=2, max_size=2), kind=st.sampled_from(FORMATS), order=st.sampled_from(["ABCD", "CDAB"])
)
def test_every_format_reads_as_pymodbus_reads_it(words: list[int], kind: str, order: str) -> None:
    value = ValueMap("temperature", 0, format=kind, order=order)
    theirs = ModbusClientMixin.convert_from_registers(words[: value.width], THEIRS[kind], word_order="little" if order == "CDAB" else "big")
    assert isinstance(theirs, int | float)
    if isinstance(theirs, float) and not math.isfinite(theirs):
        with pytest.raises(ChipError, match="no number"):
            value.decode(words[: value.width])
        return
    assert value.decode(words[: value.width])[1] == theirs


@pytest.mark.parametrize(
    ("order", "words"), [("ABCD", "0x41c8 0x0000"), ("CDAB", "0x0000 0x41c8"), ("BADC", "0xc841 0x0000"), ("DCBA", "0x0000 0xc841")]
)
def test_the_four_orders_of_a_float(order: str, words: str) -> None:
    assert struct.pack(">f", 25.0).hex() == "41c80000"
    value = ValueMap("temperature", 0, format="float32", order=order)
    assert value.decode([int(word, 16) for word in words.split()]) == (25.0, 25.0)


@given(
    raw=st.integers(-30000, 30000),
    kind=st.sampled_from([kind for kind in FORMATS if not kind.startswith("u")]),
    order=st.sampled_from(ORDERS),
    scale=st.sampled_from([1.0, 0.1, 0.01, -0.5, 10.0]),
    offset=st.sampled_from([0.0, -40.0, 100.0]),
)
def test_what_a_device_shows_is_read_again(raw: int, kind: str, order: str, scale: float, offset: float) -> None:
    value = ValueMap("temperature", 0, format=kind, order=order, scale=scale, offset=offset)
    shown = raw * scale + offset
    assert value.decode(value.encode(shown))[0] == pytest.approx(shown, abs=1e-3)


def test_a_4_to_20_ma_loop_is_linear_and_a_broken_one_has_no_value() -> None:
    loop = ValueMap("relative_humidity", 0, format="uint16", scale=100 / 16000, offset=-25, raw_low=3600, raw_high=21000)
    assert loop.decode([4000])[0] == 0.0
    assert loop.decode([12000])[0] == 50.0
    assert loop.decode([20000])[0] == 100.0
    with pytest.raises(ChipError, match="says 0, outside of 3600 to 21000: a broken loop"):
        loop.decode([0])
    with pytest.raises(ChipError, match="sign for no value"):
        ValueMap("temperature", 0, invalid=-32768).decode([0x8000])


maps = st.builds(ValueMap, st.just("temperature"), st.integers(0, 400), st.sampled_from([3, 4]), st.sampled_from(["int16", "float32"]))


@given(values=st.lists(maps, min_size=1, max_size=20), gap=st.integers(0, 10))
def test_requests_cover_every_value_whole_and_none_is_too_long(values: list[ValueMap], gap: int) -> None:
    found = spans(values, gap=gap)
    for value in values:
        assert any(
            span.function == value.function and span.register <= value.register and value.registers.stop <= span.register + span.count
            for span in found
        )
    assert all(1 <= span.count <= SPAN_MAX for span in found)
    assert len(found) <= len(values)


def test_neighbours_come_in_one_request() -> None:
    side_by_side = [ValueMap("temperature", 1), ValueMap("relative_humidity", 2)]
    assert len(spans(side_by_side, gap=0)) == 1
    apart = [ValueMap("temperature", 1), ValueMap("relative_humidity", 5)]
    assert len(spans(apart, gap=0)) == 2
    assert len(spans(apart, gap=3)) == 1


def test_every_preset_is_in_order_and_names_its_source() -> None:
    for name, table in presets().items():
        assert mistakes({"preset": name}) == [], name
        assert table["words"] and "://" in table["source"], name
        assert value_maps({"preset": name})


def test_a_preset_can_be_narrowed_changed_and_added_to() -> None:
    options = {
        "preset": "ss-aerasgard",
        "only": ["co2", "temperature"],
        "channel": {"temperature": {"register": 4, "scale": 0.1}, "humid": {"quantity": "relative_humidity", "register": 6, "scale": 0.1}},
    }
    assert list(channel_tables(options)) == ["co2", "temperature", "humid"]
    found = {value.quantity: (value.register, value.function) for value in value_maps(options)}
    assert found == {"co2": (1, 4), "temperature": (4, 4), "relative_humidity": (6, 4)}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "preset or channel is missing"),
        ({"preset": "xy-md03"}, "is not one of"),
        ({"preset": "xy-md02", "only": ["co2"]}, '"co2" is not one of temperature, relative_humidity'),
        ({"channel": {"warmth": {"register": 0}}}, '"warmth" is not a quantity'),
        ({"preset": "xy-md02", "channel": {"t2": {"register": 0, "quantity": "temperature"}}}, "already measured by temperature"),
        ({"channel": {"co2": {"register": 0, "raw_low": 5, "raw_high": 5}}}, "not less than raw_high"),
        ({"channel": {"co2": {"register": 0, "scale": 0}}}, "every value the same"),
    ],
)
def test_a_map_that_cannot_be_is_told(options: dict[str, object], words: str) -> None:
    assert words in " ".join(words for _, words in mistakes(options))
