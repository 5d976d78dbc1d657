"""Simulated white blood cells of five types, through three instruments, with ground truth.

The physics is described, with formulas and sources, in docs/simulators.md.
"""

from sparseattn.simulate.cell_model import CLASSES
from sparseattn.simulate.write import INSTRUMENTS, simulate, simulate_cell

__all__ = ["CLASSES", "INSTRUMENTS", "simulate", "simulate_cell"]
