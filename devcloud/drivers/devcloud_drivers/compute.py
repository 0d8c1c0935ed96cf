"""``nova-compute`` that can load our driver.

Nova looks a driver up below ``nova.virt``; making that package search this folder too
leaves the installed Nova as it was released.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nova.virt
from nova.cmd import compute

if __name__ == "__main__":
    nova.virt.__path__.append(str(Path(__file__).resolve().parent))
    sys.argv[0] = "nova-compute"
    sys.exit(compute.main())
