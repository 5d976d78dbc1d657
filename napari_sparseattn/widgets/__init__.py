"""Small views of the workspace, a package a tab."""
