"""`python -m demo`: a small town at work, live in the terminal. See demo.cli."""

from __future__ import annotations

import sys

_OPTIONAL = {"rich": "demo", "segno": "demo", "sqlalchemy": "central", "alembic": "central"}

if __name__ == "__main__":
    try:
        from demo.cli import main
    except ModuleNotFoundError as missing:
        if missing.name not in _OPTIONAL:
            raise
        sys.exit(
            f"the demo needs the module {missing.name}, of the extra"
            f" '{_OPTIONAL[missing.name]}': pip install --editable '.[central,demo]'"
        )
    main()
