"""Every registered example compiles whole, forward and backward, to the same numbers."""

import subprocess
import sys
from pathlib import Path


def test_every_example_compiles_to_the_same_numbers():
    script = Path(__file__).parent / "compile_every_example.py"
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=script.parent,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    assert " 0 differ" in done.stdout
