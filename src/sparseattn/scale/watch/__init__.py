"""A folder that an instrument fills: new files are found, classified at once, and noted in a table."""
