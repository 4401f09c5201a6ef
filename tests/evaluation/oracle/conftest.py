"""The scripts here need other tools; the tests read what they wrote."""

collect_ignore_glob = ["*.py"]
