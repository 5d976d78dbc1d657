"""How the net learns, and how well it did: split, augmentation, losses, k, the training loop, metrics."""
