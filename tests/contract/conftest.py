"""Makes `registered_examples` importable by the files of laws."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
