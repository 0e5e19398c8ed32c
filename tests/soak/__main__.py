"""See the package: prints the report; the exit code says whether all is well."""

from __future__ import annotations

import argparse
import secrets
import shutil
import sys
import tempfile
from pathlib import Path

from tests.soak.soak import Soak


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak")
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="soak-"))
    account = Soak(folder, options.runs, options.seed).run()
    print(account)
    if not account.is_clean:
        print(f"Kept for a look: {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
