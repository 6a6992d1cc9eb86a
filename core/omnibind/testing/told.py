"""How a suite's run on one folder is told: a sentence a test, the reasons below, a last line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .suite import Suite

_SIGNS = {"passed": "ok  ", "failed": "FAIL", "skipped": "skip"}


class Told:
    """A pytest plugin that prints the outcome of every test and says why one fails.

    Args:
        folder: The folder that is checked.
        config: Configuration that goes over what the test classes say.
    """

    def __init__(self, folder: Path, config: dict[str, Any]) -> None:
        self.folder = folder
        self.config = config
        self.counts = {"passed": 0, "failed": 0, "skipped": 0}
        self.reasons: dict[str, list[str]] = {}

    @property
    def is_wrong(self) -> bool:
        """True where something failed or nothing was checked."""
        return bool(self.counts["failed"]) or not self.counts["passed"]

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Use the configuration that was asked for; an engine that is missing is a failure."""
        for item in items:
            class_ = getattr(item, "cls", None)
            if class_ is not None and issubclass(class_, Suite) and "_told" not in vars(class_):
                class_._told = True
                class_.must_run = True
                class_.config = {**class_.config, **self.config}

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Say why a test file can't be read."""
        if report.failed:
            self._count("failed", Path(report.nodeid).name, report.longreprtext)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Say how a test ended; setting up and tearing down count where they fail or skip."""
        if report.when != "call" and report.passed:
            return
        sentence = report.nodeid.rpartition("::")[2].removeprefix("test_").replace("_", " ")
        reason = ""
        if report.skipped and isinstance(report.longrepr, tuple):
            reason = report.longrepr[2].removeprefix("Skipped: ")
        elif report.failed:
            reason = _reason(report)
        self._count(report.outcome, sentence, reason)

    def finish(self) -> None:
        """Print the reasons and the last line."""
        for reason, sentences in self.reasons.items():
            more = f" (and {len(sentences) - 1} more)" if len(sentences) > 1 else ""
            print(f"\n{sentences[0]}{more}:\n{_indented(reason)}")
        name = f"{self.folder.parent.name}/{self.folder.name}"
        passed, failed, skipped = self.counts.values()
        verdict = "does not keep its contract" if self.is_wrong else "keeps its contract"
        print(f"\n{name} {verdict}: {passed} hold, {failed} fail, {skipped} don't apply")

    def _count(self, outcome: str, sentence: str, reason: str) -> None:
        self.counts[outcome] += 1
        tail = f" ({reason})" if outcome == "skipped" else ""
        print(f"{_SIGNS[outcome]} {sentence}{tail}", flush=True)
        if outcome == "failed":
            self.reasons.setdefault(reason, []).append(sentence)


def _reason(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is None:
        return report.longreprtext.strip()
    message: str = crash.message.removeprefix("AssertionError: ")
    # What follows an assert's own message is pytest's account of the expression.
    kept = message.partition("\nassert ")[0]
    captured = report.capstderr.strip()[-500:]
    return f"{kept}\n{captured}" if captured else kept


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
