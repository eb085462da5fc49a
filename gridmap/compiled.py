"""Compiling kernels with numba: ahead of use, kept on disk. Imports numba only.

A kernel with a signature is compiled, or read from the disk, when its module is imported; so whoever imports the
module at set-up has warmed it up. Kernels that call each other stand in one module: what is kept on disk is
renewed when the text of the kernel's own module changes, not when another's does.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numba
from numba import types

P = ParamSpec("P")
R = TypeVar("R")

_log = logging.getLogger(__name__)

# Read-only arrays, so that mapped files fit too; a writable array may be passed for one.
FLOATS = types.Array(types.float64, 1, "C", readonly=True)
FLOAT_ROWS = types.Array(types.float64, 2, "C", readonly=True)
INTS = types.Array(types.int32, 1, "C", readonly=True)
INT_ROWS = types.Array(types.int32, 2, "C", readonly=True)
LONG_ROWS = types.Array(types.int64, 2, "C", readonly=True)
BYTES = types.Array(types.uint8, 1, "C", readonly=True)
SHORTS = types.Array(types.int16, 1, "C", readonly=True)
LONGS = types.Array(types.int64, 1, "C", readonly=True)
OUT_INTS = types.Array(types.int32, 1, "C")
OUT_BYTES = types.Array(types.uint8, 1, "C")
OUT_LONGS = types.Array(types.int64, 1, "C")
OUT_FLOATS = types.Array(types.float64, 1, "C")
FLOAT = types.float64
INT = types.int64


def kernel(*signature: types.Type, nogil: bool = True) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Compile a function for arguments of these types, at once; without types, when a kernel that calls it is.

    The machine code is kept in ``NUMBA_CACHE_DIR``, else in the package's ``__pycache__``, else in the user's
    cache folder, whichever can be written. When none can, every start compiles anew, and the log says so.
    Kernels run without the interpreter's lock, unless one keeps it (``nogil=False``) for what it calls.
    """

    def compile_kernel(function: Callable[P, R]) -> Callable[P, R]:
        if not signature:
            return numba.njit(nogil=nogil)(function)
        try:
            return numba.njit(signature, nogil=nogil, cache=True)(function)
        except RuntimeError as error:
            if "cannot cache function" not in str(error):
                raise
            _log.warning("no folder for compiled code, set NUMBA_CACHE_DIR to one: %s", error)
            return numba.njit(signature, nogil=nogil)(function)

    return compile_kernel
