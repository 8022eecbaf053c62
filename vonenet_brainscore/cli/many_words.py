"""How options are written: ``--models A B`` for several words, ``--back_end`` or ``--back-end``."""

from collections.abc import Collection, Sequence
from typing import Any

from typer.core import TyperCommand


class ManyWords(TyperCommand):
    """A command in which ``--models A B`` is ``--models A --models B``, for each option that may be repeated."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse as typer does, with the flag inserted before each of its words."""
        several = (option.opts for option in self.params if getattr(option, "multiple", False))
        repeated = {either_spelling(flag) for flags in several for flag in flags}
        return super().parse_args(ctx, flag_before_each(args, repeated))


def either_spelling(flag: str) -> str:
    """A flag as it is looked up, so that ``--back_end`` and ``--back-end`` are one."""
    return flag.replace("_", "-")


def flag_before_each(words: Sequence[str], flags: Collection[str]) -> list[str]:
    """Words of a command line, those after one of the flags, in `either_spelling`, each with that flag before it."""
    spread: list[str] = []
    flag, flags_words = "", 0
    for word in words:
        if word.startswith("--"):
            flag, flags_words = (word, 0) if either_spelling(word) in flags else ("", 0)
            spread.append(word)
        else:
            spread += [flag, word] if flag and flags_words else [word]
            flags_words += 1
    return spread
