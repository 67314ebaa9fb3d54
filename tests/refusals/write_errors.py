"""Write docs/errors.md from the wrong calls of the tests: ``python tests/refusals/write_errors.py``."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from refusals import document

    document.DOCUMENT.write_text(document.document(), encoding="utf-8")
    sys.stdout.write(f"{document.DOCUMENT}\n")
