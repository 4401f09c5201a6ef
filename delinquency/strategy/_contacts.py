"""The contact log: who was reached when, counted the way rules count.

Outcomes are words. What a word is not known to be is counted, so that an unknown outcome can only
make a cap stricter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from delinquency import schema
from delinquency.errors import InputError, Problem
from delinquency.kernels import compiled
from delinquency.schema import Column, Table, refuse_other_ids

__all__ = ["ContactLog", "instants_of", "times_without_zone"]

NONE = np.iinfo(np.int64).min
"""No such contact."""

RANG_OUT = frozenset({"no_answer", "busy", "not_connected", "out_of_service", "bounced"})
UNANSWERED = frozenset({"no_answer", "busy", "not_connected", "voicemail"})
NO_CONVERSATION = RANG_OUT | {"voicemail", "wrong_party", "sent", "delivered", "read"}
OFFERED = frozenset({"promise", "arrangement_offered", "plan_offered", "plan_agreed"})
PHONE = ("phone", "ai_voice")
CHANNELS = ("phone", "ai_voice", "sms", "email", "app", "letter", "visit", "social", "other")
"""The words for channels."""

EPISODE_DAYS = 180
"""A contact or an offer from before these days proves nothing about this delinquency."""

UNREACHABLE_AFTER = 5
"""Failed contacts in a row after which a customer counts as unreachable."""

_ZONED = r"\d\d:\d\d.*(?:[Zz]|[+-]\d\d(?::?\d\d)?)$"

_TABLE = Table(
    "contacts",
    ("account_id", "contact_row"),
    {
        "account_id": Column("id", required=True),
        "person_id": Column("id"),
        "contact_row": Column("days"),
        "channel": Column("text", required=True),
        "outcome": Column("text", required=True),
    },
)


@compiled
def _latest(unit, time, keep, units, k):  # pragma: no cover - compiled
    """Return the k most recent times of each unit, latest first; `NONE` where there are fewer."""
    result = np.full((units, k), np.iinfo(np.int64).min, dtype=np.int64)
    for row in range(len(unit)):
        who = unit[row]
        if not keep[row] or who < 0 or time[row] <= result[who, k - 1]:
            continue
        place = k - 1
        while place > 0 and result[who, place - 1] < time[row]:
            result[who, place] = result[who, place - 1]
            place -= 1
        result[who, place] = time[row]
    return result


@compiled
def _run_of_failures(unit, time, failed, since, units):  # pragma: no cover - compiled
    result = np.zeros(units, dtype=np.int64)
    for row in range(len(unit)):
        who = unit[row]
        if who >= 0 and failed[row] and time[row] > since[who]:
            result[who] += 1
    return result


class ContactLog:
    """Contacts up to an instant, matched to the accounts and persons of a table.

    Parameters
    ----------
    table : table
        ``account_id, at, channel, outcome``; ``person_id, inbound, number, consented, treatment``
        where known. Times without a zone are UTC. ``consented`` rows, agreed beforehand, count for
        no cap.
    accounts : DataFrame
        Admitted accounts.
    at : Timestamp
        Later contacts are not known yet and are left out.
    own_channels : sequence of str
        Channels beside `CHANNELS`: those of treatments that the house added.

    Raises
    ------
    InputError
        ``DLQ-100`` to ``DLQ-107`` as `schema.admit`; ``DLQ-103`` times that cannot be read, or a channel
        that no rule knows: a call under another word would escape every cap.
    """

    def __init__(
        self,
        table: Any,
        accounts: pd.DataFrame,
        at: pd.Timestamp,
        own_channels: Sequence[str] = (),
    ) -> None:
        log = _admitted(table)
        self.time = instants_of(log["at"])
        known = self.time <= at.value // 1000
        self.channel, self.channels = _words(log["channel"])
        _refuse_unknown_channels(self.channel, self.channels, {*CHANNELS, *own_channels})
        self.outcome, self.outcomes = _words(log["outcome"])
        self.outbound = known & ~_flags(log, "inbound")
        self.known = known
        self.excused = _flags(log, "consented")
        self.treatment = log.get("treatment")
        self.account = _positions(accounts["account_id"], log["account_id"])
        self.persons, self.person, self.person_of = _persons(accounts, log, self.account)
        self.number = log.get("number")
        self.n = len(accounts)
        self.at = at

    def on(self, channels: Sequence[str]) -> np.ndarray:
        """Return which rows used one of the channels."""
        return np.isin(self.channels, list(channels))[self.channel]

    def said(self, outcomes: frozenset[str] | Sequence[str]) -> np.ndarray:
        """Return which rows had one of the outcomes."""
        return np.isin(self.outcomes, list(outcomes))[self.outcome]

    def latest(
        self, counted: np.ndarray, unit: str, k: int, number: pd.Series | None = None
    ) -> np.ndarray:
        """Return each account's k most recent counted times, added up over the unit."""
        if unit == "account":
            return _latest(self.account, self.time, counted, self.n, k)
        if unit == "number" and self.number is not None and number is not None:
            codes, known = pd.factorize(number)
            rows = pd.Index(known).get_indexer(pd.Index(self.number))
            # a contact whose number nobody wrote down counts for every number of the person
            rest = _latest(self.person, self.time, counted & (rows < 0), self.persons, k)
            own = _latest(rows, self.time, counted, len(known), k)
            both = np.concatenate([own[codes], rest[self.person_of]], axis=1)
            return np.ascontiguousarray(np.sort(both, axis=1)[:, ::-1][:, :k])
        return _latest(self.person, self.time, counted, self.persons, k)[self.person_of]

    def counted(
        self, counts: str, channels: Sequence[str], inbound: bool, exclude: Sequence[str]
    ) -> np.ndarray:
        """Return which rows a cap counts."""
        rows = (self.known if inbound else self.outbound) & ~self.excused
        if channels:
            rows = rows & self.on(channels)
        left_out: frozenset[str] = frozenset(exclude)
        if counts == "connected":
            left_out |= RANG_OUT
        elif counts == "conversations":
            left_out |= NO_CONVERSATION
        elif counts == "unanswered":
            rows = rows & self.said(UNANSWERED)
        return rows & ~self.said(left_out)

    def facts(self, arrangements: frozenset[str]) -> dict[str, np.ndarray]:
        """Return what the log proves of each account, as columns that preconditions ask for.

        `arrangements` are the names of treatments that offer one, for a log that names treatments.
        """
        phoned = self.outbound & self.on(PHONE)
        spoke = self.known & ~self.said(NO_CONVERSATION)
        recent, episode = self._since(30), self._since(EPISODE_DAYS)
        offered = self.known & self.said(OFFERED)
        if self.treatment is not None:
            offered |= self.known & self.treatment.isin(arrangements).to_numpy(dtype=bool)
        last = _latest(self.account, self.time, spoke, self.n, 1)[:, 0]
        tried = self.outbound & self.said(RANG_OUT | {"voicemail", "wrong_party"})
        row = _run_of_failures(self.account, self.time, tried, last, self.n)
        by_phone = _run_of_failures(self.account, self.time, tried & phoned, last, self.n)
        return {
            "contact_tried": self._any(phoned & episode),
            "contact_happened": self._any(spoke),
            "right_party_contact": self._any(spoke & recent),
            "arrangement_offered": self._any(offered & episode),
            "phone_failed": by_phone >= 3,
            "failed_contacts_in_a_row": row,
            "unreachable": row >= UNREACHABLE_AFTER,
            "cease_requested": self._any(self.known & self.said(["cease"])),
            "dispute": self._any(self.known & self.said(["dispute"])),
            "promise_open": self._recently(["promise"], 14),
            "hardship_reported": self._recently(["hardship"], 90),
            "refusal_recorded": self._recently(["refusal"], 90),
        }

    def _any(self, rows: np.ndarray) -> np.ndarray:
        result = np.zeros(self.n, dtype=bool)
        who = self.account[rows]
        result[who[who >= 0]] = True
        return result

    def _recently(self, outcomes: Sequence[str], days: int) -> np.ndarray:
        return self._any(self.known & self.said(outcomes) & self._since(days))

    def _since(self, days: int) -> np.ndarray:
        return self.time > (self.at - pd.Timedelta(days=days)).value // 1000


def _admitted(table: Any) -> pd.DataFrame:
    frame = schema.to_frame(table, "contacts")
    if "at" not in frame:
        fix = "add the time of each contact"
        raise InputError(Problem("DLQ-102", 'column "at" is missing', "contacts", 1, fix))
    return schema.admit(frame.assign(contact_row=np.arange(len(frame))), _TABLE)


def instants_of(times: pd.Series) -> np.ndarray:
    """Return times as microseconds in UTC.

    Raises
    ------
    InputError
        ``DLQ-103`` when one is missing or unreadable.
    """
    try:
        if pd.api.types.is_numeric_dtype(times.dtype):
            raise ValueError
        plain = pd.api.types.is_datetime64_any_dtype(times.dtype)
        read = pd.to_datetime(times, utc=True, format=None if plain else "ISO8601")
        if read.isna().any():
            raise ValueError
    except (ValueError, TypeError, OverflowError):
        fix = "write each time as ISO, with its zone"
        problem = Problem("DLQ-103", "a time is missing or unreadable", "contacts.at", fix=fix)
        raise InputError(problem) from None
    return read.dt.tz_localize(None).to_numpy().astype("datetime64[us]").view("int64")


def times_without_zone(contacts: Any) -> int:
    """Return how many times of a contact log name no zone; they are taken as UTC.

    A call at nine in New York, written down as ``09:00``, is then counted four hours early: in another
    day or window at the edge of one.

    Examples
    --------
    >>> times_without_zone(pd.DataFrame({"at": ["2026-06-29T09:00-04:00", "2026-06-29 09:00"]}))
    1
    """
    times = schema.to_frame(contacts, "contacts").get("at")
    if times is None:
        return 0
    if pd.api.types.is_datetime64_any_dtype(times.dtype):
        return len(times) if getattr(times.dtype, "tz", None) is None else 0
    return int((~times.dropna().astype("str").str.contains(_ZONED)).sum())


def _words(values: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    if isinstance(values.dtype, pd.CategoricalDtype):
        codes, known = values.cat.codes.to_numpy(), values.cat.categories
    else:
        codes, known = pd.factorize(values)
    # a missing word is a word of its own that no list of exclusions holds, so it counts
    words = np.array([*map(str, known), ""], dtype=object)
    return np.where(codes < 0, len(words) - 1, codes), words


def _refuse_unknown_channels(codes: np.ndarray, words: np.ndarray, known: set[str]) -> None:
    wrong = np.array([word not in known for word in words])[codes]
    if wrong.any():
        count = int(wrong.sum())
        what = f"{count:,} of {len(wrong):,} channels are missing or unknown"
        fix = "use " + ", ".join(sorted(known))
        raise InputError(Problem("DLQ-103", what, "contacts.channel", count, fix))


def _flags(log: pd.DataFrame, name: str) -> np.ndarray:
    if name not in log:
        return np.zeros(len(log), dtype=bool)
    values = log[name]
    if not pd.api.types.is_bool_dtype(values.dtype):
        fix = "use true and false"
        problem = Problem("DLQ-103", "expected a yes/no column", f"contacts.{name}", fix=fix)
        raise InputError(problem)
    return values.to_numpy(dtype=bool, na_value=False)


def _positions(ids: pd.Series, wanted: pd.Series) -> np.ndarray:
    refuse_other_ids(ids, wanted, "accounts, contacts")
    return pd.Index(ids).get_indexer(pd.Index(wanted))


def _persons(
    accounts: pd.DataFrame, log: pd.DataFrame, account: np.ndarray
) -> tuple[int, np.ndarray, np.ndarray]:
    """Return the number of persons, the person of each contact, and of each account."""
    if "person_id" not in accounts:
        own = np.arange(len(accounts))
        return len(accounts), account, own
    codes, known = pd.factorize(accounts["person_id"])
    named = np.where(account < 0, -1, codes[account])
    if "person_id" in log:
        by_name = _positions(pd.Series(known), log["person_id"])
        named = np.where(by_name < 0, named, by_name)
    return len(known), named, codes
