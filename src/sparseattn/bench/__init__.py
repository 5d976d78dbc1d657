"""How fast the net is beside others, in one run on one machine."""
