"""Reasons in words, English and Chinese; the figures come from the row that gave the reason."""

from __future__ import annotations

from typing import Any

import pandas as pd

__all__ = [
    "calibration",
    "day_of",
    "early_read",
    "feature_shift",
    "missing_shift",
    "rank_order",
    "score_shift",
    "segment",
]


def day_of(value: Any) -> str:
    """Return a date as ``YYYY-MM-DD``; empty when it is missing."""
    return "" if pd.isna(value) else str(pd.Timestamp(value).date())


def score_shift(row: Any, limit: float) -> tuple[str, str]:
    psi, low, high = (f"{row[name]:.3f}" for name in ("psi", "low", "high"))
    floor = f"{row['noise_95']:.4f}"
    return (
        f"The score has shifted: PSI {psi} ({low} to {high}) against the training accounts; the limit"
        f" is {limit:g}, and chance alone stays below {floor}.",
        f"评分分布已偏移：与训练样本相比 PSI 为 {psi}（{low} 至 {high}）；限值 {limit:g}，"
        f"纯属偶然时低于 {floor}。",
    )


def feature_shift(count: int, row: Any, limit: float) -> tuple[str, str]:
    psi, low, high = (f"{row[name]:.3f}" for name in ("psi", "low", "high"))
    some = f"{count} features" if count > 1 else "One feature"
    have = "have" if count > 1 else "has"
    return (
        f"{some} that the score leans on {have} shifted, most of all {row['name']}: PSI {psi} ({low} to"
        f" {high}); the limit is {limit:g}.",
        f"评分所依赖的 {count} 个特征已偏移，最明显的是 {row['name']}：PSI 为 {psi}（{low} 至 {high}）；"
        f"限值 {limit:g}。",
    )


def missing_shift(count: int, row: Any, limit: float) -> tuple[str, str]:
    was, now = f"{row['missing_reference']:.1%}", f"{row['missing']:.1%}"
    return (
        f"Missing values have changed: {row['name']} from {was} to {now} ({count} in all); the limit is"
        f" {limit:.0%}.",
        f"缺失率已变化：{row['name']} 由 {was} 变为 {now}（共 {count} 个特征）；限值 {limit:.0%}。",
    )


def calibration(row: Any, limit: float) -> tuple[str, str]:
    day = day_of(row["month"])
    en, zh = _promise(row, limit)
    return (
        f"The probabilities are too {_side(row, 'low', 'high')}: in the snapshot of {day} {en}",
        f"概率偏{_side(row, '低', '高')}：{day} 快照{zh}",
    )


def segment(row: Any) -> tuple[str, str]:
    """Say what is beyond its limit in one segment; see `delinquency.monitoring.judge_segments`."""
    en, zh = _SEGMENT[row["question"]](row)
    return f"In the segment {row['segment']} {en}", f"客群 {row['segment']} {zh}"


def _segment_shift(row: Any) -> tuple[str, str]:
    figure, low, high = (f"{row[name]:.3f}" for name in ("figure", "low", "high"))
    what, zh = (
        ("the score", "评分") if row["question"] == "score_shift" else (f"{row['name']}",) * 2
    )
    return (
        f"{what} has shifted since training: PSI {figure} ({low} to {high}) over {int(row['n']):,} accounts;"
        f" the limit is {row['limit']:g}, and chance alone stays below {row['noise']:.4f}.",
        f"{zh} 自训练以来已偏移：{int(row['n']):,} 个账户的 PSI 为 {figure}（{low} 至 {high}）；"
        f"限值 {row['limit']:g}，纯属偶然时低于 {row['noise']:.4f}。",
    )


def _segment_calibration(row: Any) -> tuple[str, str]:
    names = {"intercept": "figure", "intercept_low": "low", "intercept_high": "high"}
    told = {name: row[key] for name, key in names.items()}
    told |= {"bads": row["bads"], "expected": row["promised"], "n": 1}
    en, zh = _promise(told, row["limit"])
    return (
        f"the probabilities are too {_side(told, 'low', 'high')}: {en}",
        f"概率偏{_side(told, '低', '高')}：{zh}",
    )


def _segment_rank(row: Any) -> tuple[str, str]:
    figure, low, high = (f"{row[name]:.3f}" for name in ("figure", "low", "high"))
    least = f"{row['limit']:.3f}"
    return (
        f"the score ranks worse than it did there at training: AUC {figure} ({low} to {high}), and"
        f" {least} is the least allowed.",
        f"排序能力低于训练时：AUC 为 {figure}（{low} 至 {high}），最低允许 {least}。",
    )


_SEGMENT = {
    "score_shift": _segment_shift,
    "feature_shift": _segment_shift,
    "calibration": _segment_calibration,
    "rank_order": _segment_rank,
}


def _side(row: Any, low: str, high: str) -> str:
    return low if row["intercept"] > 0 else high


def _promise(row: Any, limit: float) -> tuple[str, str]:
    names = ("intercept", "intercept_low", "intercept_high")
    shift, low, high = (f"{row[name]:+.2f}" for name in names)
    came, promised = f"{int(row['bads']):,}", f"{row['expected'] * row['n']:,.1f}"
    return (
        f"{came} bads came where {promised} were promised (log-odds {shift}, {low} to {high}; the limit"
        f" is ±{limit:g}).",
        f"实际坏户 {came} 个，预期 {promised} 个（对数几率 {shift}，{low} 至 {high}；限值 ±{limit:g}）。",
    )


def rank_order(row: Any, auc: float, loss: float) -> tuple[str, str]:
    now, low, high = (f"{row[name]:.3f}" for name in ("auc", "auc_low", "auc_high"))
    day = day_of(row["month"])
    return (
        f"The score ranks worse: AUC {now} ({low} to {high}) in the snapshot of {day}, {auc:.3f} at"
        f" training; it may fall by {loss:g}.",
        f"排序能力下降：{day} 快照 AUC 为 {now}（{low} 至 {high}），训练时为 {auc:.3f}；允许下降 {loss:g}。",
    )


def early_read(row: Any, limit: float) -> tuple[str, str]:
    day, age, within = day_of(row["snapshot_date"]), int(row["age"]), int(row["within"])
    bads, expected = f"{int(row['bads']):,}", f"{row['expected_so_far']:,.1f}"
    low, high, ratio = f"{row['low']:,.1f}", f"{row['high']:,.1f}", f"{row['ratio']:.2f}"
    return (
        f"The snapshot of {day} has brought {bads} bads after {age} of {within} months, where score and"
        f" roll rates let {expected} expect (by chance {low} to {high}): {ratio} times; the limit is"
        f" {limit:g}.",
        f"{day} 快照满 {age}/{within} 个月，已出现坏户 {bads} 个；按评分与滚动率预期 {expected} 个"
        f"（偶然范围 {low} 至 {high}），为 {ratio} 倍；限值 {limit:g} 倍。",
    )
