"""Builds what pip asks for by meson-python, and completes its wheels."""

from __future__ import annotations

import importlib.util
import os
import tempfile
from pathlib import Path
from typing import Any

import mesonpy
from complete_wheel import complete_wheel
from mesonpy import (
    build_editable,
    build_sdist,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
)

__all__ = [
    "build_editable", "build_sdist", "build_wheel", "get_requires_for_build_editable", "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
]


def build_wheel(
    wheel_directory: str, config_settings: dict[str, Any] | None = None, metadata_directory: str | None = None
) -> str:
    _prefer_pybind11_of_this_python()
    with tempfile.TemporaryDirectory() as directory:
        name = mesonpy.build_wheel(directory, config_settings, metadata_directory)
        return complete_wheel(Path(directory, name), Path(wheel_directory)).name


def _prefer_pybind11_of_this_python() -> None:
    """The system's may be too old for it."""
    found = importlib.util.find_spec("pybind11")
    if found is not None and found.submodule_search_locations:
        directory = os.path.join(found.submodule_search_locations[0], "share", "pkgconfig")
        others = os.environ.get("PKG_CONFIG_PATH")
        os.environ["PKG_CONFIG_PATH"] = f"{directory}:{others}" if others else directory
