"""The catalogue of faults, each with the line that says what a client sees."""

from signal_assets.sandbox.fault_board import Fault

CATALOGUE: tuple[Fault, ...] = ()
