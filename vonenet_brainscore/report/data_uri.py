"""Files inside a page."""

import base64


def data_uri(media_type: str, content: bytes) -> str:
    """A data: URI that holds a file."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"
