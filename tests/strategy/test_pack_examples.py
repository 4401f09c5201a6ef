"""The examples in the rule packs: each executable rule passes one case and stops another."""

import pandas as pd
import pytest

from delinquency.strategy import RulePack, catalogue, eligible, list_rules

PACKS = [RulePack.load(name) for name in RulePack.shipped()]
HOUSE = RulePack.house_example()
CASES = [
    pytest.param(pack, rule, example, id=f"{rule.id}-{number}-{example.outcome}")
    for pack in [*PACKS, HOUSE]
    for rule in pack.rules
    for number, example in enumerate(rule.examples)
]


def only(pack, rule):
    """Return the pack with this rule alone, so that nothing else answers for it."""
    return RulePack(pack.file.model_copy(update={"rules": (rule,)}))


def answer(pack, rule, example):
    home = pack.file.jurisdiction
    home = "" if home == "any" else home
    account = {"jurisdiction": home, "days_past_due": 100, **example.account}
    rows = [{"account_id": n, "person_id": 1, "time_zone": example.zone, **account} for n in (1, 2)]
    contacts = pd.DataFrame(
        [
            {"account_id": c.account, "at": c.at, "channel": c.channel, "outcome": c.outcome,
             "inbound": c.inbound}
            for c in example.contacts
        ] or [{"account_id": 99, "at": "2020-01-01T00:00Z", "channel": "phone", "outcome": "busy",
               "inbound": False}]
    )  # fmt: skip
    shipped = catalogue()
    # a rule may name a treatment that only a house of its own would add; only the rule shall speak
    entry = shipped.get(example.treatment, shipped["promise_to_pay"])
    alone = {"treatment": example.treatment, "requires": (), "rung": 1, "dpd": (-9999, 9999)}
    entry = entry.model_copy(update=alone)
    table = eligible(
        pd.DataFrame(rows),
        contacts,
        at=example.at,
        packs=[only(pack, rule)],
        treatments={example.treatment: entry},
    )
    return table.iloc[0]


def names(text):
    return {part.partition("?")[0].partition("=")[0] for part in text.split(", ")}


@pytest.mark.parametrize(("pack", "rule", "example"), CASES)
def test_an_example_has_its_outcome(pack, rule, example):
    """The rule alone does to the example what the pack file says it does."""
    row = answer(pack, rule, example)

    assert (rule.id in names(row["blocked_by"])) == (example.outcome == "blocks")
    assert (rule.id in names(row["warnings"])) == (example.outcome == "warns")
    if rule.notices:
        assert (rule.id in names(row["notices"])) == (example.outcome == "demands")
    if example.earliest:
        assert row["earliest_at"] == pd.Timestamp(example.earliest)


def test_all_18_packs_and_98_rules_are_here():
    """Every rule is executable, or information that says who serves it."""
    rules = [rule for pack in PACKS for rule in pack.rules]

    assert (len(PACKS), len(rules)) == (18, 98)
    assert len({rule.id for rule in rules}) == 98
    assert all(rule.served_by for rule in rules if rule.mode == "information")


def test_every_executable_rule_has_a_case_on_each_side():
    """One example that passes, and one that is stopped, warned of, or demanded."""
    for pack in [*PACKS, HOUSE]:
        for rule in pack.rules:
            outcomes = {example.outcome for example in rule.examples}
            if rule.mode == "executable":
                assert "passes" in outcomes and len(outcomes) > 1, rule.id


def test_what_nobody_checked_never_blocks():
    """No source, no blocking: such rules warn, and say so."""
    table = list_rules()

    assert not ((table["evidence"] == "unchecked") & ~table["unverified"]).any()
    assert not (table["unverified"] & (table["acts"] == "blocks")).any()
    assert len(list_rules(unverified=True)) == table["unverified"].sum() > 0
