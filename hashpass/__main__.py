"""`python -m hashpass`."""

import sys

from hashpass.cli import main

sys.exit(main())
