"""Child of bench.register: `estate conflicts --file`, and the same counts found otherwise."""

from __future__ import annotations

import csv
import ipaddress
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from bench.measure import peak_mb, timed
from yunzhang.estate.addresses.prefix_list import count_conflicts


def count_by_masking(path: Path) -> dict[str, dict[str, int]]:
    """The pairs of a list of IPv4 CIDRs: each looks its own and all wider CIDRs up by masking.

    Nothing of the product is used. A pair of a CIDR and one around it is found from the inner one.
    """
    with path.open(encoding="utf-8", newline="") as file:
        rows = [(row["domain"], _ends(row["prefix"])) for row in csv.DictReader(file)]
    everywhere = _pairs(Counter((("", *place)) for _, place in rows))
    inside = _pairs(Counter((domain, *place) for domain, place in rows))
    across = {name: everywhere[name] - inside[name] for name in everywhere}
    return {"within": inside, "across": across}


def _ends(prefix: str) -> tuple[int, int]:
    network = ipaddress.IPv4Network(prefix)
    return int(network.network_address), network.prefixlen


def _pairs(counts: Counter[tuple[str, int, int]]) -> dict[str, int]:
    lengths = sorted({length for _, _, length in counts})
    masks = {length: (1 << 32) - (1 << (32 - length)) for length in lengths}
    equal = sum(count * (count - 1) // 2 for count in counts.values())
    nested = sum(
        count * counts.get((owner, place & masks[wider], wider), 0)
        for (owner, place, length), count in counts.items()
        for wider in lengths
        if wider < length
    )
    return {"equal": equal, "nested": nested}


def measure(path: Path) -> dict[str, Any]:
    """Seconds, memory and counts of a list. Raises RuntimeError when the counts differ."""
    seconds, found = timed(lambda: count_conflicts(path))
    peak = peak_mb()
    told = found.as_json()
    expected = count_by_masking(path)
    if found.bad or {name: told[name] for name in expected} != expected:
        raise RuntimeError(f"{len(found.bad)} bad lines, {told}, by masking {expected}")
    return {"seconds": seconds, "peak_mb": peak, "lines": found.lines} | expected


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(Path(sys.argv[1]))))
