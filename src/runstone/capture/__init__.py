"""What is recorded beside a run without being asked for line by line: the machine, the code, the environment.

Knows a Target to give it to, and no tracker. Each kind can be switched on and off by `RUNSTONE_CAPTURE`.
"""

from runstone.capture.capture import Capture, Target, start_capture

__all__ = ["Capture", "Target", "start_capture"]
