"""The mark of a kernel function: plain Python for one contract, compiled for arrays.

A kernel function takes integers and records (``contract.records``) and calls only other kernel
functions, so that one source can run both ways. ``contract.compiled`` collects what is marked here.
"""

from collections.abc import Callable
from typing import TypeVar

Function = TypeVar("Function", bound=Callable[..., object])

KERNEL: dict[str, Callable[..., object]] = {}


def kernel(function: Function) -> Function:
    """Mark ``function`` as part of the kernel; it stays the plain function that it is."""
    assert function.__name__ not in KERNEL, function.__name__
    KERNEL[function.__name__] = function
    return function
