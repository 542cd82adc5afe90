"""`python -m signal_assets.sandbox --port N` serves until interrupted."""

import argparse
from pathlib import Path

from signal_assets.sandbox.server import run

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m signal_assets.sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--state-file", type=Path, help="keeps faults and counts over a restart")
    parser.add_argument("--warm", action="store_true", help="load everything before the start")
    arguments = parser.parse_args()
    run(arguments.port, arguments.state_file, warm=arguments.warm)
