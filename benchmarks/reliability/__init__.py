"""What survives: labels when the app is killed, models when the command line is, and long use of the app."""
