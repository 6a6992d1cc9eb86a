"""Host memory on macOS and Windows, as their own system libraries tell it."""

from __future__ import annotations

import ctypes
import sys

if sys.platform == "darwin":

    def held(pid: int) -> int | None:
        """Return the footprint of a process; None where that isn't told."""
        told = (ctypes.c_uint64 * 16)()  # rusage_info_v0: 16 bytes of identity, then numbers
        if ctypes.CDLL(None).proc_pid_rusage(pid, 0, ctypes.byref(told)) != 0:
            return None
        return int(told[2 + 7])  # ri_phys_footprint

    def free_and_total() -> tuple[int, int] | None:
        """Return the bytes that a program could take now, and all there are."""
        import os

        system = ctypes.CDLL(None)
        counts = (ctypes.c_uint32 * 64)()  # vm_statistics64: free, active, inactive, …
        size = ctypes.c_uint32(38)
        if system.host_statistics64(system.mach_host_self(), 4, counts, ctypes.byref(size)) != 0:
            return None
        page = os.sysconf("SC_PAGE_SIZE")
        total = os.sysconf("SC_PHYS_PAGES") * page
        return (counts[0] + counts[2]) * page, total

elif sys.platform == "win32":
    from ctypes import wintypes

    class _Status(ctypes.Structure):
        _fields_ = [
            ("length", wintypes.DWORD),
            ("load", wintypes.DWORD),
            ("total", ctypes.c_uint64),
            ("free", ctypes.c_uint64),
            ("more", ctypes.c_uint64 * 5),
        ]

    class _Counters(ctypes.Structure):
        _fields_ = [
            ("length", wintypes.DWORD),
            ("faults", wintypes.DWORD),
            ("sizes", ctypes.c_size_t * 8),
            ("private", ctypes.c_size_t),
        ]

    def held(pid: int) -> int | None:
        """Return the private bytes of a process; None where that isn't told."""
        kernel = ctypes.WinDLL("kernel32")
        kernel.OpenProcess.restype = wintypes.HANDLE
        kernel.K32GetProcessMemoryInfo.argtypes = [wintypes.HANDLE, ctypes.c_void_p, wintypes.DWORD]
        kernel.CloseHandle.argtypes = [wintypes.HANDLE]
        process = kernel.OpenProcess(0x1000, False, pid)  # PROCESS_QUERY_LIMITED_INFORMATION
        if not process:
            return None
        told = _Counters(length=ctypes.sizeof(_Counters))
        has_told = kernel.K32GetProcessMemoryInfo(process, ctypes.byref(told), told.length)
        kernel.CloseHandle(process)
        return int(told.private) if has_told else None

    def free_and_total() -> tuple[int, int] | None:
        """Return the bytes that a program could take now, and all there are."""
        told = _Status(length=ctypes.sizeof(_Status))
        if not ctypes.WinDLL("kernel32").GlobalMemoryStatusEx(ctypes.byref(told)):
            return None
        return told.free, told.total

else:

    def held(pid: int) -> int | None:
        """Nobody tells it here."""
        return None

    def free_and_total() -> tuple[int, int] | None:
        """Nobody tells it here."""
        return None
