"""Archives: results of a database as one checked file, to publish them or to move them."""

from leaderboard.archives.importing import Imported, import_archive
from leaderboard.archives.reading import Archive, read_archive
from leaderboard.archives.writing import write_archive

__all__ = ["Archive", "Imported", "import_archive", "read_archive", "write_archive"]
