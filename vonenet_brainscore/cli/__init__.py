"""The command line: words to functions, results to tables. Nothing is computed here."""
