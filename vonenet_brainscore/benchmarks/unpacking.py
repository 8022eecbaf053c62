"""Brain-Score's archives of stimuli, unpacked atomically."""

import shutil
import zipfile
from pathlib import Path
from tempfile import mkdtemp


def unpack(archive: str | Path) -> str:
    """The folder of an archive's files, unpacked next to the archive if it is not there yet.

    Brain-Score's own `unzip` considers any existing folder complete, even if another process is still filling it or was
    stopped midway. Here the folder appears atomically, and an incomplete one is replaced.
    """
    archive = Path(archive)
    folder = archive.with_suffix("")
    with zipfile.ZipFile(archive) as opened:
        if _is_whole(folder, opened):
            return str(folder)
        unpacked = Path(mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            opened.extractall(unpacked)  # never outside: it ignores '..' and leading slashes
            unpacked.chmod(0o755)  # mkdtemp's folder is private to its owner; the cache may be shared
            if not _is_whole(folder, opened):
                shutil.rmtree(folder, ignore_errors=True)
                unpacked.rename(folder)
        except OSError:
            if not _is_whole(folder, opened):  # otherwise another process was first
                raise
        finally:
            shutil.rmtree(unpacked, ignore_errors=True)
    return str(folder)


def _is_whole(folder: Path, opened: zipfile.ZipFile) -> bool:
    if not folder.is_dir():
        return False
    sizes = {path.name: path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    return all(
        sizes.get(Path(entry.filename).name) == entry.file_size for entry in opened.infolist() if not entry.is_dir()
    )
