"""Some Qt bindings lose a reference to None and True with every call; such a window dies after half a minute."""

from __future__ import annotations

import subprocess
import sys

CALLS = 2000
PROGRAM = f"""
import sys
from PySide6.QtCore import QCoreApplication, QTimer

application = QCoreApplication([])
timer = QTimer()
spare = [None] * 50_000, [True] * 50_000
before = sys.getrefcount(None), sys.getrefcount(True)
for _ in range({CALLS}):
    timer.isActive()
    timer.setSingleShot(True)
    timer.blockSignals(True)
after = sys.getrefcount(None), sys.getrefcount(True)
print(max(abs(b - a) for a, b in zip(before, after)))
"""


def test_calls_into_qt_keep_the_reference_counts() -> None:
    result = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=60)
    assert int(result.stdout) < CALLS / 10
