"""Page numbers, under both interpreters, and properties of any row of them."""

import os
import subprocess

from hypothesis import given
from hypothesis import strategies as st

from sensors.sim.node_process import interpreter
from tests.wire.check_sequence import check_all
from tests.wire.test_samples import FOLDER, ROOT
from wire.sequence import Label, check, parse, roman

LABELS = st.none() | st.builds(Label, st.sampled_from(("arabic", "roman")), st.integers(1, 3000), st.sampled_from(("", "a", "b")))


def test_the_rows_hold_here():
    assert check_all() > 30


def test_the_rows_hold_under_micropython():
    (command,) = interpreter()
    environment = {**os.environ, "MICROPYPATH": f"{ROOT}:.frozen"}
    arguments = [command, str(FOLDER / "check_sequence.py")]
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 30


@given(st.text(max_size=50))
def test_any_text_is_a_label_or_none(text):
    label = parse(text)
    assert label is None or 1 <= label.number <= 100_000


@given(st.lists(LABELS, max_size=60))
def test_any_row_is_answered_and_names_its_own_pages(row):
    for finding in check(row):
        assert 0 <= finding.page < len(row)
        assert row[finding.page] is not None


@given(st.integers(1, 900), st.integers(6, 60), st.data())
def test_a_row_without_fault_has_no_finding_and_one_missing_page_is_named(start, count, data):
    row = [Label("arabic", number) for number in range(start, start + count)]
    assert check(row) == []
    unread = data.draw(st.sets(st.integers(1, count - 2), max_size=count // 4))
    assert check([None if at in unread else label for at, label in enumerate(row)]) == []
    lost = data.draw(st.integers(2, count - 3))
    (finding,) = check(row[:lost] + row[lost + 1 :])
    assert (finding.page, finding.kind, finding.missing) == (lost, "gap", (start + lost, start + lost))


@given(st.integers(1, 3999))
def test_a_roman_numeral_is_read_as_it_was_written(number):
    assert parse(roman(number)) == Label("roman", number)
