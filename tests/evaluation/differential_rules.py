"""Engine against naive evaluation: python tests/evaluation/differential_rules.py [--cases 20000].

The long target of the property in tests/unit/rules/test_match.py: random rules over random items,
sentence ends, fields and CJK included. Prints the first case that differs and exits with 1.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.unit.rules import differential


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for seed in range(options.seed, options.seed + options.cases):
        found = differential.difference(seed)
        if found:
            print(found)
            return 1
    print(f"{options.cases} cases of three rules and three items, none different")
    return 0


if __name__ == "__main__":
    sys.exit(main())
