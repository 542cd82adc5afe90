"""`python -m signal_assets` is the command `signal-assets`."""

from signal_assets.cli import main

if __name__ == "__main__":
    main()
