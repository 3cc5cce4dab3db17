"""Tables that align and JSON that is whole, however it is written."""

import io
import json

from hypothesis import given
from hypothesis import strategies as st

from notifier.commands import console

_TEXT = st.text(st.sampled_from("ab中文（）é 、1"), max_size=30)


def written(write) -> str:  # type: ignore[no-untyped-def]
    out = io.StringIO()
    write(console.Console(out=out, err=io.StringIO()))
    return out.getvalue()


@given(st.lists(st.tuples(_TEXT, _TEXT), min_size=1, max_size=5))
def test_columns_start_at_the_same_place(rows: list[tuple[str, str]]) -> None:
    """Counted as a terminal does: a wide character takes two columns."""
    lines = written(
        lambda c: c.table(("甲 a", "乙"), [(left, "|" + right) for left, right in rows])
    ).splitlines()

    starts = {console._width(line[: line.index("|")]) for line in lines[2:]}
    assert len(starts) == 1


def test_a_long_cell_is_cut_and_an_empty_table_is_not_printed() -> None:
    """People get a line, machines get it all."""
    cut = written(lambda c: c.table(("x",), [("停" * 100,)]))

    assert "…" in cut
    assert max(map(console._width, cut.splitlines())) <= 48
    assert written(lambda c: c.table(("x",), [])) == ""


@given(st.lists(st.dictionaries(_TEXT, _TEXT, max_size=2), max_size=4))
def test_a_streamed_list_is_one_json_document(items: list[dict[str, str]]) -> None:
    """The same as if it had been written at once."""

    def write(c: console.Console) -> None:
        array = c.json_array({"head": {"deep": [1]}}, "items")
        for item in items:
            array.add(item)
        array.close({"count": len(items)})

    assert json.loads(written(write)) == {
        "head": {"deep": [1]},
        "items": items,
        "count": len(items),
    }


def test_findings_come_gravest_first_and_the_rest_is_counted() -> None:
    """A file with thousands of findings stays readable."""
    finding = {"code": "a.b", "severity": "info", "found": "", "expected": "", "row": 3}
    shown = written(lambda c: c.findings([finding] * 50 + [finding | {"severity": "error"}]))

    assert shown.splitlines()[3].startswith("error")
    assert "11 more" in shown
