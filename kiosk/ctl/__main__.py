"""`python -m kiosk.ctl` is kioskctl."""

import sys

from kiosk.ctl import main

sys.exit(main())
