"""`python -m bench` lists the benchmarks."""

from __future__ import annotations

import ast
import os
import sys
from pathlib import Path


def main() -> None:
    """Prints each benchmark with the first line of its docstring."""
    for path in sorted(Path(__file__).parent.glob("[!_]*.py")):
        about = ast.get_docstring(ast.parse(path.read_text())) or ""
        print(f"python -m bench.{path.stem:10} {about.splitlines()[0]}")


if __name__ == "__main__":
    try:
        main()
        sys.stdout.flush()
    except BrokenPipeError:  # `| head` has left; nor may the interpreter write at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
