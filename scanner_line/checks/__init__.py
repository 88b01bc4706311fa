"""Page quality checks: pure functions from a photograph to measures, and from measures to a verdict.

Two steps, so that the heavy one can run in a worker process: `measure(jpeg, profile)` looks at the pixels and returns small,
picklable `Measures` (also as JSON); `judge_page(measures, baseline, profile)` compares them with the batch so far. The caller adds
what it accepts to the batch with `baseline.add(page_id, measures)` and takes replaced pages out with `baseline.forget(page_id)`.
"""

from scanner_line.checks.baseline import Baseline
from scanner_line.checks.judging import judge_page, unreadable
from scanner_line.checks.measures import Measures, measure
from scanner_line.checks.results import CHECK_NAMES, CheckResult, Judgement, Verdict, verdict_of

__all__ = [
    "CHECK_NAMES",
    "Baseline",
    "CheckResult",
    "Judgement",
    "Measures",
    "Verdict",
    "judge_page",
    "measure",
    "unreadable",
    "verdict_of",
]
