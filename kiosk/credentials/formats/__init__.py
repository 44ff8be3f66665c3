"""One file per credential format."""
