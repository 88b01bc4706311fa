"""Targets laid under a camera at the start of a session: what the picture of a known sheet says of the camera, the lens and the light.

`measure_target(image, kind=...)` finds the target in a photograph and measures what it can of it. Kinds:

- `sheet`: our own printed sheet (`python -m scanner_line.targets FILE.pdf`): ppi, sharpness (SFR), tone, noise, evenness of the light;
- `colour`: a card of 24 patches laid out as the ColorChecker Classic: colour, white balance, tone, noise;
- `ruler`: a millimetre scale: ppi;
- `auto`: whatever of these lies in the picture.
"""

from scanner_line.targets.measuring import KINDS, measure_target
from scanner_line.targets.result import Levels, TargetResult

__all__ = ["KINDS", "Levels", "TargetResult", "measure_target"]
