"""Work at scale: millions of cells in parts, packed stores, folders that an instrument fills."""
