"""A choice of features as a file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delinquency.errors import InputError
from delinquency.features import FeatureSpec, catalogue

FAMILIES = tuple(catalogue()["family"].unique())


@st.composite
def specs(draw):
    windows = tuple(draw(st.sets(st.integers(1, 60), min_size=1, max_size=5)))
    names = list(catalogue(windows)["name"])
    families = draw(st.none() | st.lists(st.sampled_from(FAMILIES), min_size=1, unique=True))
    chosen = draw(st.none() | st.lists(st.sampled_from(names), min_size=1, unique=True))
    return FeatureSpec(windows, families, chosen)


@given(spec=specs())
def test_a_spec_survives_the_file(tmp_path_factory, spec):
    """Written and read again, it is the same choice."""
    path = tmp_path_factory.mktemp("spec") / "features.yaml"
    spec.to_yaml(path)

    assert FeatureSpec.from_yaml(path) == spec


def test_keys_left_out_mean_all(tmp_path):
    """The shortest file is one line."""
    path = tmp_path / "features.yaml"
    path.write_text("format: 1\n", encoding="utf-8")

    assert FeatureSpec.from_yaml(path) == FeatureSpec()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("format: 1\nwindow: [3]\n", 'f.yaml:2:1: DLQ-202 unknown key "window". fix: did you mean'),
        ("format: 1\nwindows: [3, 6, 3]\n", "f.yaml:2:17: DLQ-205 a window is a whole number"),
        ("format: 1\nwindows: [3, 06:00]\n", "f.yaml:2:14: DLQ-205"),
        ("format: 1\nwindows: [yes, 0, 1.5]\n", "f.yaml:2:11: DLQ-205"),
        ("format: 1\nwindows: 3\n", "f.yaml:2:1: DLQ-205 windows are a list"),
        ("format: 1\nwindows: [true]\n", "f.yaml:2:11: DLQ-205"),
        ("format: 1\nfamilies: [arears]\n", 'f.yaml:2:12: DLQ-206 .* did you mean "arrears"'),
        ("format: 1\nfamilies:\n", "f.yaml:2:1: DLQ-205 families are a list"),
        (
            "format: 1\nwindows: [6]\nnames:\n  - dpd_max_6m\n  - dpd_max_3m\n",
            "f.yaml:5:5: DLQ-206",
        ),
        ("format: 1\nnames: [NO]\n", "f.yaml:2:9: DLQ-206"),
        ("format: 2\n", "f.yaml:1:1: DLQ-205 format is not known"),
        ("windows: [3]\n", "f.yaml:1:1: DLQ-205 format is not known"),
        (
            "format: 1\nformat: 1\n",
            'f.yaml:2:1: DLQ-203 key "format" stands twice, first in line 1',
        ),
        ("format: 1\n  windows: [3]\n", "f.yaml:2:10: DLQ-201 is not YAML"),
        ("format: [1\n", "f.yaml:2:1: DLQ-201 is not YAML"),
        ("- 3\n", "DLQ-201 .*f.yaml: is not a mapping"),
        ("", "DLQ-201 .*f.yaml: is empty"),
    ],
)
def test_a_mistake_is_named_by_file_line_and_column(tmp_path, text, message):
    """What a person can act on without opening our code."""
    path = tmp_path / "f.yaml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(InputError, match=message):
        FeatureSpec.from_yaml(path)


def test_all_mistakes_of_one_pass_come_together(tmp_path):
    """Three mistakes, three lines."""
    path = tmp_path / "f.yaml"
    path.write_text("format: 1\nwindow: [3]\nfamilies: [arears]\nnames: [x]\n", encoding="utf-8")

    with pytest.raises(InputError) as caught:
        FeatureSpec.from_yaml(path)

    assert [problem.code for problem in caught.value.problems] == ["DLQ-202", "DLQ-206", "DLQ-206"]


def test_a_file_that_is_not_there(tmp_path):
    """Or is no text."""
    (tmp_path / "f.yaml").write_bytes(b"\xff\xfe\x00")

    for name in ("g.yaml", "f.yaml"):
        with pytest.raises(InputError, match="DLQ-201"):
            FeatureSpec.from_yaml(tmp_path / name)


@given(text=st.text(alphabet="format: 1windsam[]{},-&*!|>'\"\n\t#%@`?~", max_size=80))
def test_no_text_gets_past_the_error_family(tmp_path_factory, text):
    """Whatever the file holds, the answer is a spec or a refusal of ours."""
    path = tmp_path_factory.mktemp("fuzz") / "f.yaml"
    path.write_text("format: 1\n" + text, encoding="utf-8")
    try:
        FeatureSpec.from_yaml(path)
    except InputError as error:
        assert all(problem.code.startswith("DLQ-2") for problem in error.problems)
