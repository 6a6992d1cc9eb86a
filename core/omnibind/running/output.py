"""What an engine in a worker prints, also from C: logged, and its end kept for messages."""

from __future__ import annotations

import os

KEPT_BYTES = 64 * 1024
FATAL = "Fatal Python error: "
"""What Python begins its last words with, which are the stack, the innermost call first."""

_TOLD_CHARACTERS = 2000


class Output:
    """The end of a pipe that a worker's standard output and standard error go to.

    It must be read as long as the worker lives, or an engine that prints much would block.
    """

    def __init__(self, label: str) -> None:
        self.label = label
        self.fd, self.worker_fd = os.pipe()
        os.set_blocking(self.fd, False)
        self._kept = bytearray()
        self._line = b""

    def read(self) -> bool:
        """Take what is there, 64 kB at most; False where there is nothing or the end came."""
        try:
            piece = os.read(self.fd, KEPT_BYTES)
        except (BlockingIOError, OSError):
            return False
        if piece:
            self._kept += piece
            del self._kept[:-KEPT_BYTES]
            self._log(piece)
        return bool(piece)

    def tail(self) -> str:
        """Return the last of what was printed, a few lines of it."""
        text = self._kept.decode("utf-8", "replace").strip()
        before, fatal, stack = text.rpartition(FATAL)
        if not fatal:
            return text[-_TOLD_CHARACTERS:]
        half = _TOLD_CHARACTERS // 2
        return (before[-half:] + fatal + stack[:half]).strip()

    def close_workers(self) -> None:
        """Close the end that the worker was given a copy of."""
        if self.worker_fd >= 0:
            os.close(self.worker_fd)
            self.worker_fd = -1

    def close(self) -> None:
        """Close both ends; a line that was begun is logged as it is."""
        if self._line:
            self._log(b"\n")
        self.close_workers()
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def _log(self, piece: bytes) -> None:
        import logging

        logger = logging.getLogger("omnibind.worker")
        if not logger.isEnabledFor(logging.INFO):
            return
        *lines, rest = (self._line + piece).split(b"\n")
        if len(rest) > KEPT_BYTES:
            lines, rest = [*lines, rest], b""
        self._line = rest
        for line in lines:
            logger.info("%s: %s", self.label, line.decode("utf-8", "replace"))
