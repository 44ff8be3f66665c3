"""A wall clock that jumps, for the processes that it is put under.

A small library under the C library (LD_PRELOAD) adds what stands in a file to the time of day;
CLOCK_BOOTTIME and CLOCK_MONOTONIC go on, as on a kiosk whose clock is set. libfaketime 0.9.10
cannot do this to Python 3.11: its clock_nanosleep fails on the monotonic clock (EINVAL).
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from pathlib import Path

_SOURCE = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *offset;
static const int64_t none;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("CHAOS_WALL");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *at = fd < 0 ? MAP_FAILED : mmap(NULL, 8, PROT_READ, MAP_SHARED, fd, 0);
    if (fd >= 0)
        close(fd);
    offset = at == MAP_FAILED ? &none : at;
}

int clock_gettime(clockid_t id, struct timespec *now)
{
    int done = (int)syscall(SYS_clock_gettime, id, now);
    if (done == 0 && offset && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        now->tv_sec += *offset;
    return done;
}

time_t time(time_t *into)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (into)
        *into = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *now, void *zone)
{
    struct timespec precise;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &precise);
    now->tv_sec = precise.tv_sec;
    now->tv_usec = precise.tv_nsec / 1000;
    return 0;
}
"""


def why_not() -> str:
    """Why no clock can jump here; empty when it can."""
    return "" if shutil.which("gcc") else "gcc is not installed: no clock jumps"


def library(folder: Path) -> Path:
    """Builds the library in `folder`."""
    made = folder / "wall.so"
    command = ["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-x", "c", "-", "-o", str(made)]
    subprocess.run(command, input=_SOURCE, text=True, check=True)
    return made


class Wall:
    """The clock on the wall of one kiosk."""

    def __init__(self, library: Path, file: Path) -> None:
        self._file = file
        file.write_bytes(bytes(8))
        self.environment = {"LD_PRELOAD": str(library), "CHAOS_WALL": str(file)}

    def jump(self, offset_s: int) -> None:
        """So far from the right time from now on, for processes that run, too."""
        fd = os.open(self._file, os.O_WRONLY)
        try:
            os.pwrite(fd, struct.pack("=q", offset_s), 0)
        finally:
            os.close(fd)
