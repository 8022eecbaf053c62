"""The command line: parses words, calls functions and prints tables; it computes nothing itself."""
