"""The firmware of the door terminal. `docs/architecture.md` shows how its parts fit."""
