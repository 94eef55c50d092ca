"""One YAML file to plain values: YAML's safe subset, minus two of its traps.

A key written twice is an error (YAML keeps the last and says nothing), and 1e-3 is a number (YAML
1.1 reads text unless it is written 1.0e-3).
"""

import re
from pathlib import Path
from typing import Any

import yaml

from training.parsing import ConfigError

SCIENTIFIC = re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$")


class _Loader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise ConfigError(key.value, f"given twice, again {_line(key.start_mark)}")
                seen.add(key.value)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver("tag:yaml.org,2002:float", SCIENTIFIC, list("-+.0123456789"))


def load_yaml(path: Path | str) -> dict[str, Any]:
    """The mapping in a YAML file; ConfigError for one that is missing, malformed or no mapping."""
    try:
        loaded = yaml.load(Path(path).read_text(encoding="utf-8"), Loader=_Loader)
    except OSError as error:
        raise ConfigError(str(path), f"cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ConfigError(str(path), f"wants UTF-8 text ({error.reason})") from error
    except yaml.MarkedYAMLError as error:
        where = f" {_line(error.problem_mark)}" if error.problem_mark else ""
        raise ConfigError(str(path), f"is not YAML: {error.problem}{where}") from error
    except yaml.YAMLError as error:
        raise ConfigError(str(path), f"is not YAML: {error}") from error
    except ConfigError as error:
        raise ConfigError(f"{path}: {error.path}", error.problem) from None
    except ValueError as error:
        # What looks like a date but is none, such as 2020-13-45.
        raise ConfigError(str(path), f"is not YAML: {error}") from error
    if not isinstance(loaded, dict):
        raise ConfigError(str(path), f"wants a mapping at the top, got {loaded!r:.60}")
    return loaded


def _line(mark: yaml.Mark) -> str:
    return f"on line {mark.line + 1}"
