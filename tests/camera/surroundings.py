"""What a Raspberry Pi has and a Debian tree on another machine lacks.

picamera2 and libcamera stay as they are; replaced is what lies around them:

- `kms`, bindings for screens that only Raspberry Pi OS has; picamera2 imports them for its
  preview window;
- the sensor's raw modes, since a virtual camera has no sensor;
- /dev/dma_heap: buffers are memory files, one plane of NV12 behind the other;
- the status of a frame, which libcamera 0.4 leaves unset for the virtual camera: picamera2
  would drop each one that happens to read "broken" or "cancelled";
- the pace: the virtual camera delivers as fast as it can.
"""

from __future__ import annotations

import mmap
import os
import sys
import time
import types
from pathlib import Path
from typing import Any

# Where Debian's libcamera looks; the path is compiled in.
VIRTUAL = Path("/usr/share/libcamera/pipeline/virtual/virtual.yaml")
SIZE = (640, 480)
FPS = 30
REPEATS = 4  # the virtual camera shows each picture in so many frames


def show(folder: Path) -> None:
    """Pictures 0.jpg, 1.jpg ... of `folder`, of SIZE, are what the camera sees, in turn."""
    VIRTUAL.parent.mkdir(parents=True, exist_ok=True)
    VIRTUAL.write_text(
        f"""%YAML 1.1
---
"door":
  supported_formats:
  - width: {SIZE[0]}
    height: {SIZE[1]}
    frame_rates:
    - {FPS}
  frames:
    path: "{folder}/"
  location: "CameraLocationFront"
  model: "Virtual door camera"
"""
    )


def stand_in() -> None:
    """Puts the replacements in place; before picamera2 is imported."""
    kms: Any = types.ModuleType("kms")
    kms.PixelFormat = kms.PixelFormats = types.SimpleNamespace(
        **dict.fromkeys(("RGB888", "BGR888", "XRGB8888", "XBGR8888", "YUV420", "YVU420", "NV12"))
    )
    sys.modules["kms"] = kms

    import libcamera
    from picamera2 import Picamera2, picamera2
    from picamera2.allocators.allocator import Allocator

    class Mapped:
        """One use of a buffer: its bytes, for as long as it is entered."""

        def __init__(self, allocator: Any, buffer: Any, _write: bool) -> None:
            self._memory = allocator.memory[buffer.planes[0].fd]

        def __enter__(self) -> mmap.mmap:
            return self._memory

        def __exit__(self, *_error: object) -> None:
            pass

    class MemoryFiles(Allocator):
        """Frame buffers in memory files."""

        def __init__(self) -> None:
            super().__init__()
            self.sync = Mapped
            self.memory: dict[int, mmap.mmap] = {}
            self._files: list[int] = []
            self._buffers: dict[Any, list[Any]] = {}

        def allocate(self, configuration: Any, _use_case: Any) -> None:
            self.close()
            for stream in configuration:
                self._buffers[stream.stream] = [
                    self._buffer(stream) for _ in range(stream.buffer_count)
                ]

        def _buffer(self, stream: Any) -> Any:
            file = os.memfd_create("frame")
            os.ftruncate(file, stream.frame_size)
            luma = stream.stride * stream.size.height
            planes = []
            for offset, length in ((0, luma), (luma, stream.frame_size - luma)):
                plane = libcamera.FrameBuffer.Plane()
                plane.fd, plane.offset, plane.length = file, offset, length
                planes.append(plane)
            buffer = libcamera.FrameBuffer(planes)
            self._files.append(file)
            # libcamera has a descriptor of its own for the same file.
            self.memory[buffer.planes[0].fd] = mmap.mmap(file, stream.frame_size)
            return buffer

        def buffers(self, stream: Any) -> list[Any]:
            return self._buffers[stream]

        def close(self) -> None:
            for file in self._files:
                os.close(file)
            self._files, self._buffers, self.memory = [], {}, {}

        __del__ = close  # picamera2 counts on it

    def raw_modes(camera: Any) -> list[dict[str, Any]]:
        formats = camera.camera.generate_configuration([libcamera.StreamRole.Viewfinder]).at(0)
        return [{"format": str(formats.pixel_format), "size": SIZE}]

    class Always:
        """Equal to any status."""

        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = None  # type: ignore[assignment]

    library: Any = types.ModuleType("libcamera")
    library.__dict__.update(libcamera.__dict__)
    library.FrameMetadata = types.SimpleNamespace(Status=types.SimpleNamespace(Success=Always()))
    library.Request = types.SimpleNamespace(Status=types.SimpleNamespace(Complete=Always()))

    start = Picamera2.start

    def paced_start(camera: Any, *arguments: Any, **options: Any) -> None:
        camera.pre_callback = lambda _request: time.sleep(1 / FPS)
        start(camera, *arguments, **options)

    picamera2.DmaAllocator = MemoryFiles
    picamera2.libcamera = library
    Picamera2._get_raw_modes = raw_modes
    Picamera2.start = paced_start
