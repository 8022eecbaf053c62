"""One page that shows models side by side: their scores, pictures, numbers to download and provenance."""
