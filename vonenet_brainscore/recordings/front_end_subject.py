"""A front end without a back end as a subject."""

from collections.abc import Sequence
from typing import Any

from .subject import Subject


class FrontEndSubject(Subject):
    """A VOneBlock alone: it represents V1 and refuses regions and tasks that need a trained back end."""

    why = "is a V1 front end without a back end"

    def start_recording(self, recording_target: str, time_bins: Sequence[tuple[int, int]] = ((50, 200),)) -> None:
        """As `Subject.start_recording`; ValueError for a region that is not in the map."""
        if str(recording_target) not in self.region_layer_map:
            raise ValueError(f"{self.identifier} {self.why}: no layer represents the region")
        super().start_recording(recording_target, time_bins)

    def start_task(self, task: Any, *args: Any, **kwargs: Any) -> None:
        """ValueError: tasks are read from a trained back end."""
        raise ValueError(f"{self.identifier} {self.why}: it can do no tasks")
