"""Loose attributes to plain fields."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import basecaller.reads.seen
from basecaller.errors import ReadError
from basecaller.reads.check import check_length, check_name
from basecaller.reads.metadata import end_reason, integer, moment, number, run_info, text
from basecaller.reads.seen import Seen


@pytest.mark.parametrize(("value", "expected"), [
    (b"FAB43577", "FAB43577"),
    (np.bytes_(b"a\tb\n c"), "a b c"),
    (np.array([b"1", b"0", b"l"], "S1"), "10l"),
    (np.array(["1.0"], object), "1.0"),
    (np.zeros(0), ""),
    (np.array(b"\0", "S1"), ""),
    (b"\xff\xfe", "\ufffd\ufffd"),
    (np.float64(4000.0), "4000"),
    (0.25, "0.25"),
    (None, ""),
    ({}, ""),
    ("a\x1bb\x00c", "a?b?c"),
])
def test_text(value: Any, expected: str) -> None:
    assert text(value) == expected


@given(st.one_of(st.text(), st.binary(), st.floats(), st.integers(), st.none()))
def test_text_is_one_printable_line(value: Any) -> None:
    found = text(value)
    assert found.isprintable() and found == found.strip()


@pytest.mark.parametrize(("value", "expected"), [
    ("1479433093", datetime(2016, 11, 18, 1, 38, 13, tzinfo=timezone.utc)),
    (b"2019-05-13T11:11:43Z", datetime(2019, 5, 13, 11, 11, 43, tzinfo=timezone.utc)),
    ("2021-08-26T15:38:50.348565+10:00",
     datetime(2021, 8, 26, 15, 38, 50, 348565, tzinfo=timezone(timedelta(hours=10)))),
    ("2021-08-26T15:38:50.1Z", datetime(2021, 8, 26, 15, 38, 50, 100000, tzinfo=timezone.utc)),
    ("2021-08-26T15:38:50.123456789", datetime(2021, 8, 26, 15, 38, 50, 123456, tzinfo=timezone.utc)),
    ("1970-01-01T00:00:00Z", None),
    ("0", None),
    ("", None),
    ("2015-Nov-04 17:29:38", None),
    ("9" * 30, None),
    (None, None),
])
def test_moment(value: Any, expected: datetime | None) -> None:
    found = moment(value)
    assert found == expected and (found is None or found.utcoffset() is not None)


def test_end_reason_by_name_or_number() -> None:
    assert end_reason("SIGNAL_POSITIVE") == end_reason(np.uint8(5)) == "signal_positive"
    assert end_reason(None) == end_reason("") == end_reason(99) == end_reason("no such") == "unknown"


def test_numbers() -> None:
    assert number(b"8192.0") == 8192.0 and np.isnan(number(None)) and np.isnan(number("many"))
    assert integer("109") == integer(109.0) == 109 and integer("109a") == 0


def test_codes_out_of_the_script_name_of_old_runs() -> None:
    tags = {"exp_script_name": "python/recipes/nc/NC_48Hr_Sequencing_Run_FLO-MIN106_SQK-LSK108.py"}
    run = run_info(tags.get)
    assert (run.flow_cell_product_code, run.sequencing_kit) == ("FLO-MIN106", "SQK-LSK108")
    tags = {"exp_script_name": "sequencing/sequencing_PRO114_DNA_e8_2:FLO-PRO114M:SQK-LSK114"}
    run = run_info(tags.get)
    assert (run.flow_cell_product_code, run.sequencing_kit) == ("FLO-PRO114M", "SQK-LSK114")
    assert run_info({"sequencing_kit": "sqk-rad004", **tags}.get).sequencing_kit == "SQK-RAD004"


@pytest.mark.parametrize("name", ["", "@2c46", "a b", "a\tb", "ü", "x" * 255])
def test_names_that_no_output_can_carry(name: str) -> None:
    with pytest.raises(ReadError):
        check_name(name)


def test_lengths() -> None:
    check_length(1)
    check_length(2_000_000, stored_bytes=2_000_000)
    for samples, stored in ((0, None), (1 << 28, None), (1001, 1)):
        with pytest.raises(ReadError):
            check_length(samples, stored)


@given(st.lists(st.integers(0, 30)))
def test_seen_like_a_set(numbers: list[int]) -> None:
    seen, reference = Seen(), set()
    for value in numbers:
        assert seen.add(f"read {value}") == (value not in reference)
        reference.add(value)


def test_seen_beyond_what_is_recent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(basecaller.reads.seen, "RECENT", 100)
    seen = Seen()
    assert all(seen.add(str(value)) for value in range(350))
    assert not any(seen.add(str(value)) for value in range(350))
    assert seen.add("another")
