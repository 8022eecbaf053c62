"""Two sweeps' records held against each other, entry by entry."""

import json
from pathlib import Path


def differences(one, other):
    """Where the records of two sweeps' folders differ: a line for each file that one lacks and for each entry.

    Partial files count, which a worker left that was killed while it wrote.
    """
    found = []
    texts = [
        {path.name: path.read_text() for path in Path(folder, "records").glob("*.json")} for folder in (one, other)
    ]
    for name in sorted(texts[0].keys() | texts[1].keys()):
        if name not in texts[0] or name not in texts[1]:
            found.append(f"{name} is in {one if name in texts[0] else other} alone")
        elif texts[0][name] != texts[1][name]:
            lines = list(_between(*(json.loads(text[name])["score"] for text in texts), "score"))
            found += [f"{name}: {line}" for line in lines or ["the order of its entries"]]
    return found


def _between(one, other, where):
    """Lines for the entries in which two scores of `kept_scores` differ; to the last bit, and NaN equals NaN."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        if one["kind"] == other["kind"] == "mapping":
            one, other = ({name: value for name, value in each["items"]} for each in (one, other))
        for name in sorted(one.keys() | other.keys()):
            yield from _between(one.get(name), other.get(name), f"{where}.{name}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, pair in enumerate(zip(one, other, strict=True)):
            yield from _between(*pair, f"{where}[{index}]")
    elif json.dumps(one) != json.dumps(other):
        yield f"{where} is {one!r} and {other!r}"
