"""`python -m vonenet_brainscore` is the command line."""

from .cli.main import main

main()
