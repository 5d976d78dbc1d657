"""One module a family of event files; what a file is by its header, and how its packets are read."""
