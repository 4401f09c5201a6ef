"""Damaged strategies and rule packs: each is accepted, or refused in lines that name the file.

Starts from sound files and cuts, repeats, swaps and replaces what stands in them. Counts what was
accepted, refused, and what got past our own errors; prints one line of JSON. First a control: a
reader without our checks must be caught.
"""

import argparse
import collections
import json
import random
import time
from importlib import resources

from delinquency.errors import InputError
from delinquency.storage import parse_yaml
from delinquency.strategy import RulePack, Strategy

STRATEGY = """\
format: 1
name: small
role: champion
period: month
last_resort: no_action
packs: [us.tcpa]
put_off_days: 7
dwell_days: {"1": 3}
stages:
  - {stage: early, dpd: [0, 30]}
  - {stage: late, dpd: [31, null]}
bands:
  - {band: A, points: [600, null]}
  - {band: B, points: [null, 600]}
house:
  - {id: h.1, kind: contact_window, mode: executable, severity: block, evidence: primary,
     channels: [phone], window: {allow: ["09:00", "20:00"]}}
cells:
  - {stage: [early, late], band: A, treatment: no_action, also: credit_line_adjust}
  - {stage: early, band: B, when: {balance: {at_least: 50}}, treatment: agent_call}
  - {stage: early, band: B, treatment: [digital_reminder, agent_call], weights: [1, 2]}
  - {stage: late, band: B, treatment: [agent_call, instalment_plan]}
"""
ODD = [
    *["null", "true", "-1", "1e999", ".nan", "''", "[]", "{}", "[[1]]", "{a: b}", "2026-13-45"],
    *["21:00", "99999999999999999999", "x" * 300, "agent_cal", "A", "&a b", "*a", "!!float 1"],
    *["a: b", "\t", "#", "\u202e", "\x00", "'", '"', "- ", "? ", "|", ">", "%YAML 1.1", "---"],
    *["...", "<<", "[null, null]", "[5, 1]", '["25:00", "x"]', "{at_least: 9, at_most: 1}"],
    *["{at_least: x}", "~", "NO", "0x10", "1_000"],
]


def damaged(text, rng):
    for _ in range(rng.randint(1, 3)):
        kind = rng.randrange(6)
        lines = text.splitlines(keepends=True) or [""]
        at = rng.randrange(len(lines))
        if kind == 0:
            del lines[at]
        elif kind == 1:
            lines.insert(rng.randrange(len(lines) + 1), lines[at])
        elif kind == 2:
            text = text[: rng.randrange(len(text) + 1)]
            continue
        elif kind == 3:
            words = lines[at].split(" ")
            words[rng.randrange(len(words))] = rng.choice(ODD)
            lines[at] = " ".join(words)
        elif kind == 4:
            place = rng.randrange(len(text) + 1)
            text = text[:place] + rng.choice(ODD) + text[place + rng.randint(0, 6) :]
            continue
        else:
            key, colon, _ = lines[at].partition(":")
            lines[at] = f"{key}{colon} {rng.choice(ODD)}\n" if colon else lines[at]
        text = "".join(lines)
    return text


def unchecked(text, name):
    """The control: a reader that trusts what it reads."""
    data = parse_yaml(text, name).data
    return [cell["stage"] for cell in data["cells"]], data["stages"][0]["dpd"][0] + 1


def outcome(read, text, name):
    try:
        read(text, name)
    except InputError as error:
        named = all(name in str(problem) for problem in error.problems)
        whole = named and all(problem.code and problem.fix for problem in error.problems)
        return "refused" if whole else "refused without file, rule or fix"
    except Exception as error:
        return f"escaped: {type(error).__name__}"
    return "accepted"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rng = random.Random(given.seed)
    folder = resources.files("delinquency.strategy").joinpath("data/packs")
    packs = [
        folder.joinpath(f"{n}.yaml").read_text("utf-8") for n in ("us.tcpa", "ie.cpc", "us.ffiec")
    ]
    started, seen = time.perf_counter(), collections.Counter()
    control = collections.Counter(
        outcome(unchecked, damaged(STRATEGY, rng), "strategy.yaml") for _ in range(300)
    )
    assert any(key.startswith("escaped") for key in control), "the control was not caught"
    for number in range(given.count):
        if number % 2:
            seen[outcome(Strategy.from_text, damaged(STRATEGY, rng), "strategy.yaml")] += 1
        else:
            seen[outcome(RulePack.from_text, damaged(rng.choice(packs), rng), "pack.yaml")] += 1
    seconds = round(time.perf_counter() - started, 1)
    print(json.dumps({"count": given.count, "seconds": seconds, **dict(sorted(seen.items()))}))


if __name__ == "__main__":
    main()
