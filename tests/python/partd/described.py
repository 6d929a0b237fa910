"""The public names of a package like partd, with what can be called and how: one a line, sorted."""

import functools
import importlib
import inspect

MODULES = ("buffer", "compressed", "core", "dict", "encode", "file", "numpy", "pandas", "pickle", "python", "utils", "zmq")
_overridden = ("__enter__", "__exit__", "__getstate__", "__setstate__", "_delete", "_get", "_iset")


def parameters(value):
    """Of a call: 'name', 'name=' if it need not be given, '*name', '**name'; None of what cannot be called."""
    if not callable(value):
        return None
    try:
        found = inspect.signature(value).parameters.values()
    except (TypeError, ValueError):  # written in C
        return None
    marks = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    return [marks.get(p.kind, "") + p.name + ("=" if p.default is not p.empty else "") for p in found]


def _line(name, value):
    found = parameters(value)
    return name if found is None else f"{name}({', '.join(found)})"


def _is_public(name, value, package):
    if name.startswith("_") or inspect.ismodule(value) or value is None:
        return False
    return getattr(value, "__module__", package).split(".")[0] in (package, "functools")


def _members(name, cls):
    for member, value in vars(cls).items():
        if not member.startswith("_") or member in _overridden:
            yield _line(f"{name}.{member}", value)


def describe(package):
    lines = [name for name in vars(importlib.import_module(package)) if name[0].isupper()]
    for module_name in MODULES:
        full_name = f"{package}.{module_name}"
        try:
            module = importlib.import_module(full_name)
        except ImportError:  # it needs what is not installed
            continue
        for name, value in vars(module).items():
            if not _is_public(name, value, package):
                continue
            is_from_elsewhere = getattr(value, "__module__", full_name) not in (full_name, "functools")
            lines.append(f"{module_name}.{name}" if is_from_elsewhere else _line(f"{module_name}.{name}", value))
            if inspect.isclass(value) and not is_from_elsewhere:
                lines += _members(f"{module_name}.{name}", value)
    return sorted(set(lines))
