"""Commands that make the models known to Brain-Score."""

from .tables import say


def register() -> None:
    """Make Brain-Score's own load_model and score find the models."""
    from ..models.registry import MODELS
    from ..registration import register as register_models

    folder = register_models()
    names = ", ".join(row.brainscore_identifier for row in MODELS.values())
    say(f"registered {names} in {folder}")


def unregister() -> None:
    """Undo `register`."""
    from ..registration import unregister as unregister_models

    say("removed from Brain-Score" if unregister_models() else "nothing was registered")
