"""Labels in words: every field that decides is told, in two languages."""

import pytest

from delinquency.history import LabelSpec, Population, label_in_words
from delinquency.history._label_spec import PRESETS

WORDS = {
    "behaviour_90_12": (
        "90 or more days past due at any time in the 12 months after the snapshot, or charged off;"
        " of open accounts 0 to 29 days past due at the snapshot, 6 months or more on book",
        "快照后 12 个月内曾逾期 90 天及以上，或已核销；仅限未结清、"
        "快照时逾期 0 至 29 天、账龄 6 个月及以上账户",
    ),
    "roll_forward": (
        "in a worse bucket than at the snapshot at any time in the month after the snapshot, or"
        " charged off; of open accounts",
        "快照后 1 个月内曾处于比快照时更差的逾期段，或已核销；仅限未结清账户",
    ),
    "cure_30": (
        "never without arrears in the month after the snapshot; of open accounts 1 to 5 days past"
        " due at the snapshot",
        "快照后 1 个月内从未还清欠款；仅限未结清、快照时逾期 1 至 5 天账户",
    ),
    "recovery_180": (
        "less than 50% of what was owed at the snapshot is paid in the 12 months after the"
        " snapshot; of accounts 180 or more days past due at the snapshot",
        "快照后 12 个月内还款不足快照时欠款的 50%；仅限快照时逾期 180 天及以上账户",
    ),
    "redefault_12": (
        "30 or more days past due at any time in the 12 months after the snapshot, or charged"
        " off; of open accounts 0 days past due at the snapshot, 30 or more days past due the"
        " month before",
        "快照后 12 个月内曾逾期 30 天及以上，或已核销；仅限未结清、快照时逾期 0 天、上月逾期 30 天及以上账户",
    ),
}


@pytest.mark.parametrize("name", WORDS)
def test_presets_in_words(name):
    """As a person would say them."""
    spec = LabelSpec.preset(name)

    assert (label_in_words(spec), label_in_words(spec, "zh")) == WORDS[name]


def test_what_decides_is_told():
    """Two labels that differ differ in words, whatever field it is."""
    specs = [
        *PRESETS.values(),
        LabelSpec(),
        LabelSpec(at_end=True),
        LabelSpec(indeterminate=10),
        LabelSpec(event="paid_share", share=0.3),
        LabelSpec(population=Population(open_only=False)),
    ]
    for lang in ("en", "zh"):
        words = [label_in_words(spec, lang) for spec in specs]
        assert len(set(words)) == len(specs)
        assert not any("LabelSpec" in text or "_" in text for text in words)
