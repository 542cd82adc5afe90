"""Every figure that is claimed, one after another: `make bench`, or `python -m benchmarks`.

Two are left out as they take long: `python -m benchmarks.large_profile` and
`python -m benchmarks.thousand_profiles`.
"""

import os
import subprocess
import sys

BENCHMARKS = (
    "benchmarks.pass_one",
    "benchmarks.rematerialise",
    "benchmarks.tables",
    "benchmarks.company_names",
    "benchmarks.model_cost",
    "benchmarks.ledger",
)


def main() -> None:
    failed = []
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}")
    for name in BENCHMARKS:
        print(f"\n== {name} ==", flush=True)
        if subprocess.run([sys.executable, "-m", name], check=False).returncode != 0:
            failed.append(name)
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
