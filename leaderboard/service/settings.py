"""What an operator can set of the service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from leaderboard.jobs.check import DATA, DATA_ROOT
from leaderboard.submissions.workspace import workspace_of

MIB = 1 << 20
DAY = 24 * 3600.0


@dataclass(frozen=True)
class Bounds:
    """How much anybody may send.

    Attributes:
        upload: bytes of one file.
        body: bytes of any other request.
        uploads: files that may arrive at once.
        uploads_per_token: files of one submitter that may arrive at once.
        bytes_per_day: bytes that one submitter may send in 24 hours.
        disk_reserve: bytes that uploads leave free on the disk.
        requests: requests of one address per minute, and how many may come at once.
        token_requests: requests with one token per minute, and how many may come at once.
        silence: seconds after which an upload ends of which nothing arrives.
        rate: bytes per second that an upload must have on average after ``grace`` seconds.
        grace: seconds after which an upload must be as fast as ``rate``.
        unfinished: seconds after which an upload that did not go on is given up.
    """

    upload: int = 512 * MIB
    body: int = 64 << 10
    uploads: int = 64
    uploads_per_token: int = 16
    bytes_per_day: int = 20 << 30
    disk_reserve: int = 1 << 30
    requests: int = 600
    token_requests: int = 600
    silence: float = 30.0
    rate: int = 1024
    grace: float = 60.0
    unfinished: float = DAY


@dataclass(frozen=True)
class Settings:
    """What the service is started with.

    Attributes:
        database: an SQLAlchemy URL, or the path of an SQLite file.
        site: folder that the leaderboard is rendered into and served from.
        data: by data set, the images to check and score on: an ``.npz``.
        private: whether the images of these files are private, so that no page shows one.
        data_root: folder of downloaded data sets.
        batteries: by data set, the battery that scores it: its name, or a file of the operator. By
            default the newest of the data set.
        examples: score on the first of the images only; ``None`` for the battery's number.
        require_approval: whether a maintainer has to approve what the checks accept.
        allow_unsandboxed: whether to accept uploads where checks can only be limited, not isolated.
        checkers: how many files are checked at once.
        seed: root of the random draws of scores.
        device: where scores are computed.
        pause: seconds between two looks at what is to be done.
        bounds: how much anybody may send.
    """

    database: str
    site: Path = Path("site")
    data: Mapping[str, Path] = field(default_factory=dict)
    private: bool = False
    data_root: Path | None = None
    batteries: Mapping[str, str] = field(default_factory=dict)
    examples: int | None = None
    require_approval: bool = False
    allow_unsandboxed: bool = False
    checkers: int = 1
    seed: int = 0
    device: str = "cpu"
    pause: float = 1.0
    bounds: Bounds = field(default_factory=Bounds)

    def images(self, dataset: str) -> dict[str, Path]:
        """The files with the images of a data set that a child in the sandbox may read, by name."""
        if dataset in self.data:
            return {DATA: self.data[dataset].absolute()}
        return {} if self.data_root is None else {DATA_ROOT: self.data_root.absolute()}

    @property
    def workspace(self) -> Path:
        """The folder of the installation's files, next to the database."""
        return workspace_of(self.database).absolute()

    @property
    def datasets(self) -> tuple[str, ...]:
        """Data sets that submissions can be for: those whose images this machine has."""
        known = _datasets()
        if self.data_root is not None:
            return known
        return tuple(name for name in known if name == "digits" or name in self.data)


@cache
def _datasets() -> tuple[str, ...]:
    """The data sets of images that batteries are for."""
    from benchmark.batteries import list_batteries, load_battery
    from models_zoo.image_sets import IMAGE_SETS

    known = {load_battery(name).dataset for name in list_batteries()}
    return tuple(sorted(known & set(IMAGE_SETS)))


@cache
def usual_battery(dataset: str) -> str:
    """The name of the newest battery of a data set."""
    from benchmark.batteries import battery_for

    return battery_for(dataset).name
