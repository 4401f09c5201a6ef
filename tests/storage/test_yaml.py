"""People's YAML: version 1.2, nothing that runs, every mistake with its place."""

import pytest
from pydantic import model_validator

from delinquency.errors import InputError
from delinquency.settings import Model, Name, read_settings
from delinquency.storage import parse_yaml, read_yaml


def test_values_are_those_of_yaml_1_2():
    """A time, a country and a long id stay what the person wrote."""
    text = "a: 21:00\nb: NO\nc: on\nd: 0o17\ne: true\nf: ~\ng: 1e3\nh: [1, x]\ni: '7'\n"

    data = parse_yaml(text, "f.yaml").data

    assert data == {
        **{"a": "21:00", "b": "NO", "c": "on", "d": "0o17", "e": True, "f": None},
        **{"g": 1000.0, "h": (1, "x"), "i": "7"},
    }


def test_every_key_and_value_knows_its_place():
    """Line and column count from one; what is not there is where it would have stood."""
    document = parse_yaml("a:\n  b: [1, 22]\n", "f.yaml")

    assert document.key("a", "b") == "f.yaml:2:3"
    assert document.at("a", "b", 1) == "f.yaml:2:10"
    assert document.at("a", "c") == "f.yaml:2:3"
    assert document.at("z") == "f.yaml:1:1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "DLQ-201 f.yaml: is empty"),
        ("- 1\n", "DLQ-201 f.yaml: is not a mapping"),
        ("a: &x 1\nb: 2\n", "f.yaml:1:4: DLQ-201 uses an anchor"),
        ("a: !!python/object:os.system x\n", "f.yaml:1:4: DLQ-201 uses a tag"),
        ("a: 1\n--- \nb: 2\n", "f.yaml:2:1: DLQ-201 holds more than one document"),
        ("%YAML 1.1\n---\na: 1\n", "f.yaml:2:1: DLQ-201 asks for another YAML"),
        ("[a]: 1\n", "f.yaml:1:1: DLQ-201 has a key that is not plain text"),
        ("a: " + "[" * 13 + "]" * 13, "f.yaml:1:15: DLQ-201 is nested more than 12 deep"),
    ],
)
def test_what_makes_yaml_dangerous_is_refused(text, message):
    """Anchors explode, tags run code, old versions read NO as false."""
    with pytest.raises(InputError) as caught:
        parse_yaml(text, "f.yaml")

    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("text", "place", "code"),
    [
        ("a: 1\nb: 2\na: 3\n", "f.yaml:3:1", "DLQ-203"),
        ("a: .inf\n", "f.yaml:1:4", "DLQ-205"),
        ("a: 12345678901234567\n", "f.yaml:1:4", "DLQ-205"),
    ],
)
def test_what_can_be_read_past_is_kept_for_the_caller(text, place, code):
    """So that it is told together with all other mistakes of the file."""
    problems = parse_yaml(text, "f.yaml").problems

    assert [(problem.where, problem.code) for problem in problems] == [(place, code)]


def test_a_file_of_another_size_or_encoding_is_refused(tmp_path):
    """Too large, not UTF-8, a folder, or not there."""
    (tmp_path / "large.yaml").write_bytes(b"a: " + b"x" * (1 << 20))
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")

    for name in ("large.yaml", "binary.yaml", "absent.yaml", "."):
        with pytest.raises(InputError, match="DLQ-201"):
            read_yaml(tmp_path / name)


class Alarm(Model):
    """A settings file of two keys."""

    name: Name
    days: int = 7


def test_all_mistakes_of_a_settings_file_come_together_in_order(tmp_path):
    """Read by place, with the nearest key: one edit of the file mends them all."""
    path = tmp_path / "alarm.yaml"
    path.write_text("days: x\nnme: roll\ndays: 3\n", "utf-8")

    with pytest.raises(InputError) as caught:
        read_settings(Alarm, path)

    lines = str(caught.value).splitlines()
    assert [line.removeprefix(f"{path}:").split(" ")[:2] for line in lines] == [
        ["1:7:", "DLQ-205"],
        ["2:1:", "DLQ-202"],
        ["3:1:", "DLQ-203"],
    ]
    assert 'did you mean "name"?' in lines[1]


class Pair(Model):
    """A file with a rule on the whole of it."""

    low: int
    high: int

    @model_validator(mode="after")
    def _in_order(self):
        if self.low > self.high:
            raise ValueError("low is above high")
        return self


def test_a_rule_on_the_whole_file_is_told_at_its_start(tmp_path):
    """What no single key is to blame for."""
    path = tmp_path / "pair.yaml"
    path.write_text("low: 2\nhigh: 1\n", "utf-8")

    with pytest.raises(InputError, match=r"pair.yaml:1:1: DLQ-205 low is above high"):
        read_settings(Pair, path)
