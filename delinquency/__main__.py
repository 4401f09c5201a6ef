"""``python -m delinquency`` is the same as the ``delinquency`` command."""

from delinquency.cli import main

if __name__ == "__main__":
    main()
