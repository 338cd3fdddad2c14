"""Drawing with Pillow at twice the size, shrunk at the end, so that lines are smooth."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

Box = tuple[float, float, float, float]


class Canvas:
    """One picture under way; all lengths are those of the finished picture.

    Arguments:
        size: width and height in pixels.
        scale: how many times larger it is drawn.
        paper: colour of the ground.
    """

    def __init__(self, size: tuple[int, int], scale: int, paper: str) -> None:
        from PIL import Image, ImageDraw

        self._size, self._scale = size, scale
        self._image: Any = Image.new("RGB", (size[0] * scale, size[1] * scale), paper)
        self._draw: Any = ImageDraw.Draw(self._image)
        self._origin = np.zeros(2)

    @contextmanager
    def window(self, box: Box, ground: str) -> Iterator[None]:
        """Draw into a part of the picture only, which is filled first."""
        from PIL import Image, ImageDraw

        whole, brush = self._image, self._draw
        left, top, right, bottom = (round(side * self._scale) for side in box)
        self._image = Image.new("RGB", (right - left, bottom - top), ground)
        self._draw, self._origin = ImageDraw.Draw(self._image), np.array([box[0], box[1]])
        yield
        whole.paste(self._image, (left, top))
        self._image, self._draw, self._origin = whole, brush, np.zeros(2)

    def line(self, points: NDArray[np.float64], colour: str, width: float) -> None:
        """A line through `(n, 2)` points; fewer than two draw nothing."""
        if len(points) > 1:
            self._draw.line(self._at(points), fill=colour, width=max(1, round(width * self._scale)), joint="curve")

    def ribbon(self, points: NDArray[np.float64], colour: str, width: float) -> None:
        """A broad line through `(n, 2)` points, round at each of them, so that bends have no gaps."""
        self.line(points, colour, width)
        radius = round(width * self._scale) / 2
        for x, y in self._at(points):
            self._draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)

    def polygon(self, points: NDArray[np.float64], colour: str) -> None:
        """A filled polygon."""
        self._draw.polygon(self._at(points), fill=colour)

    def disc(self, middle: NDArray[np.float64], radius: float, colour: str, rim: str) -> None:
        """A filled disc with a thin rim."""
        corners = self._at(np.stack([middle - radius, middle + radius]))
        self._draw.ellipse(corners, fill=colour, outline=rim, width=self._scale)

    def box(self, box: Box, colour: str) -> None:
        """A filled rectangle."""
        self._draw.rectangle(self._at(np.array(box).reshape(2, 2)), fill=colour)

    def text(self, at: tuple[float, float], words: str, colour: str, size: float, anchor: str = "la") -> None:
        """Words; the anchor is Pillow's."""
        from PIL import ImageFont

        font = ImageFont.load_default(size * self._scale)
        self._draw.text(self._at(np.array([at]))[0], words, fill=colour, font=font, anchor=anchor)

    def picture(self) -> Any:
        """The finished picture, a Pillow image."""
        from PIL import Image

        return self._image.resize(self._size, Image.Resampling.LANCZOS)

    def _at(self, points: NDArray[np.float64]) -> list[tuple[float, float]]:
        moved = (points - self._origin) * self._scale
        return [(float(x), float(y)) for x, y in moved]
