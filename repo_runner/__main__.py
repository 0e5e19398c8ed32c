"""`python -m repo_runner`."""

import sys

from repo_runner.cli import main

sys.exit(main())
