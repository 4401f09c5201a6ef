"""Where does it run? One function on whole accounts, here or on a cluster, with the same bits.

`score_accounts` takes the months of some whole accounts all the way: features, scores, reasons, plan. It
depends on nothing but its arguments, so it may run anywhere and over any cut of the portfolio between
accounts (and, where persons are known, between persons). `engines.spark` runs it over hash buckets on a
Spark cluster, `engines.dask` trains on a Dask cluster, `engines.mlflow` logs a bundle with its metrics and
names the champion of a registry. Each needs the extra of its name and is imported by name; nothing here is
needed on one machine, see ``docs/from_laptop_to_cluster.md``.
"""

from delinquency.engines._whole import ScoreJob, score_accounts

__all__ = ["ScoreJob", "score_accounts"]
