"""A function in a process of its own: what it held on the GPU is free when it has ended."""

from __future__ import annotations

import multiprocessing
import traceback
from typing import Any


def apart(function: Any, *args: Any, **options: Any) -> Any:
    """Call a function in a new process; an error, such as too little memory, is a finding too."""
    context = multiprocessing.get_context("spawn")
    reading, writing = context.Pipe(duplex=False)
    child = context.Process(target=_call, args=(writing, function, args, options))
    child.start()
    writing.close()
    try:
        return reading.recv()
    except EOFError:
        child.join()
        return {"error": f"the process ended with exit code {child.exitcode}"}
    finally:
        child.join()


def _call(writing: Any, function: Any, args: tuple[Any, ...], options: dict[str, Any]) -> None:
    try:
        writing.send(function(*args, **options))
    except Exception as error:  # whatever it is, the parent tells it and goes on to the next setting
        traceback.print_exc()
        writing.send({"error": f"{type(error).__name__}: {error}"[:300]})
