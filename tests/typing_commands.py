"""Typing a command line in a test."""

import sys

from vonenet_brainscore.cli import main as cli


def typed(monkeypatch, capsys):
    """A function of the words of a command line that returns the exit status and what was printed."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["vonenet-brainscore", *map(str, words)])
        try:
            cli.main()
            status = 0
        except SystemExit as stop:
            status = stop.code
        return status, capsys.readouterr().out

    return run
