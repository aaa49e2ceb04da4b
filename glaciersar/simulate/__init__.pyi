from .archive import simulate_archive as simulate_archive
from .settings import ArchiveSettings as ArchiveSettings
