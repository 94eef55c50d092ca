"""Makes the models set by hand importable by the files of readings."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
