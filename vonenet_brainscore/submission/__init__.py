"""Submitting to the Brain-Score leaderboard: packaging, the leaderboard's rules, and a check before the upload."""
