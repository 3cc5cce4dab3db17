"""One door for every form of a network: a flat folder, CIM files, with status files beside them."""

from collections.abc import Callable
from pathlib import Path

from notifier.intake import network_cim, network_csv, network_status
from notifier.intake.network_cases import read_cases as read_cases  # the reader of both is one door
from notifier.intake.network_csv import NetworkImport, UnreadableNetwork


def _silent(_stage: str, _rows: int) -> None:
    return


def read_network(path: Path, *, progress: Callable[[str, int], None] = _silent) -> NetworkImport:
    """Reads a network from a folder, or from one CIM file.

    A folder with ``nodes.csv`` is the flat form, else one with XML files is CIM; switch-status
    files (``*.dt``) in it are applied in the order of their names' times. Raises
    ``UnreadableNetwork``.
    """
    if path.is_file():
        return network_cim.read_files([path], progress=progress)
    if not path.is_dir():
        raise UnreadableNetwork(f"{path.name} 不存在 / there is no {path.name}")
    statuses = [
        network_status.read_file(file)
        for file in sorted(path.iterdir())
        if file.suffix.lower() == ".dt"
    ]
    if any((path / name).is_file() for name in ("nodes.csv", "nodes.csv.gz")):
        read = network_csv.read_folder(path, progress=progress)
    else:
        models = sorted(
            file
            for file in path.iterdir()
            if file.name.lower().endswith((".xml", ".xml.gz", ".rdf"))
        )
        if not models:
            raise UnreadableNetwork(
                f"{path.name} 中没有 nodes.csv 或 CIM 文件 / holds neither nodes.csv nor CIM files"
            )
        read = network_cim.read_files(
            models,
            customers=sorted(path.glob("*.csv")),
            statuses=statuses,
            progress=progress,
        )
    return network_status.apply(read, statuses) if statuses else read
