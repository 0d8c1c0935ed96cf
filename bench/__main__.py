"""Runs one bench and prints its measures."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path

from bench.measure import Measure

NAMES = sorted(
    f.stem
    for f in Path(__file__).parent.glob("*.py")
    if f.stem not in ("measure", "__init__", "__main__")
)


def main() -> int:
    """Print the measures; 0 when every goal held."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--quick", action="store_true", help="a smaller sample")
    chosen = parser.parse_args()
    measures: list[Measure] = importlib.import_module(f"bench.{chosen.name}").run(chosen.quick)
    if chosen.json:
        result = {"bench": chosen.name, "measures": [m.as_json() for m in measures]}
        sys.stdout.write(json.dumps(result, ensure_ascii=False, indent=1) + "\n")
    else:
        for measure in measures:
            mark = "✓" if measure.holds else "✗"
            told = f"{measure.value:,.3g} {measure.unit} (goal {measure.goal:,.3g})"
            sys.stdout.write(f"{mark} {measure.name}: {told}\n")
    return 0 if all(measure.holds for measure in measures) else 1


if __name__ == "__main__":
    sys.exit(main())
