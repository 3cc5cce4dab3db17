"""One door for every form of a network: a flat folder, CIM files, with status files beside them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from notifier.intake import network_cim, network_csv, network_status
from notifier.intake.network_cases import read_cases as read_cases  # the reader of both is one door
from notifier.intake.network_csv import NetworkImport, UnreadableNetwork

_MODELS = (".xml", ".xml.gz", ".rdf")


def _silent(_stage: str, _rows: int) -> None:
    return


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What was handed in, sorted out: a flat ``folder`` or CIM ``models`` with ``customers``."""

    folder: Path | None = None
    models: tuple[Path, ...] = ()
    customers: tuple[Path, ...] = ()
    statuses: tuple[Path, ...] = ()

    @property
    def has_model(self) -> bool:
        return self.folder is not None or bool(self.models)

    @property
    def model_files(self) -> tuple[Path, ...]:
        """The files that make the model what it is, in the order of their names."""
        if self.folder is not None:
            return tuple(network_csv.files_of(self.folder))
        return tuple(sorted((*self.models, *self.customers), key=lambda path: path.name))


def sort_out(paths: Sequence[Path]) -> Sources:
    """Tells models, customer lists and status files apart, in folders or by themselves.

    A folder with ``nodes.csv`` is the flat form, else its XML files are CIM; ``*.dt`` are
    switch-status files. Raises ``UnreadableNetwork`` where a path is missing or where there is
    more than one model.
    """
    flat: list[Path] = []
    models: list[Path] = []
    customers: list[Path] = []
    statuses: list[Path] = []
    for path in paths:
        if path.is_dir():
            if any((path / name).is_file() for name in ("nodes.csv", "nodes.csv.gz")):
                flat.append(path)
            else:
                models += (f for f in sorted(path.iterdir()) if _is_model(f))
                customers += sorted(path.glob("*.csv"))
            statuses += (f for f in sorted(path.iterdir()) if f.suffix.lower() == ".dt")
        elif not path.is_file():
            raise UnreadableNetwork(f"{path.name} 不存在 / there is no {path.name}")
        elif path.suffix.lower() == ".dt":
            statuses.append(path)
        elif path.suffix.lower() == ".csv":
            customers.append(path)
        else:
            models.append(path)
    if len(flat) > 1 or (flat and models):
        raise UnreadableNetwork(
            "一次只能导入一个网络 / one network at a time: one folder of tables, or CIM files"
        )
    return Sources(
        folder=flat[0] if flat else None,
        models=tuple(models),
        customers=tuple(customers),
        statuses=tuple(statuses),
    )


def read_model(
    sources: Sources,
    statuses: Sequence[network_status.StatusFile] = (),
    *,
    progress: Callable[[str, int], None] = _silent,
) -> NetworkImport:
    """Reads the model alone, nothing laid over it. Raises ``UnreadableNetwork``."""
    if sources.folder is not None:
        return network_csv.read_folder(sources.folder, progress=progress)
    return network_cim.read_files(
        sources.models, customers=sources.customers, statuses=statuses, progress=progress
    )


def read_network(path: Path, *, progress: Callable[[str, int], None] = _silent) -> NetworkImport:
    """Reads a network from a folder, or from one CIM file.

    Switch-status files (``*.dt``) in the folder are applied in the order of their names' times.
    Raises ``UnreadableNetwork``.
    """
    sources = sort_out([path])
    if not sources.has_model:
        raise UnreadableNetwork(
            f"{path.name} 中没有 nodes.csv 或 CIM 文件 / holds neither nodes.csv nor CIM files"
        )
    statuses = [network_status.read_file(file) for file in sources.statuses]
    read = read_model(sources, statuses, progress=progress)
    return network_status.apply(read, statuses) if statuses else read


def _is_model(path: Path) -> bool:
    return path.name.lower().endswith(_MODELS)
