"""A sweep of stubs in a process of its own, for what must not befall the tests': `python sweep_process.py JSON`.

The JSON says where results go, which seeds are swept and what is done to the process first; what came out is printed.
`carry_out` does the same in a process that was forked, and sends what came out.
"""

import ctypes
import json
import multiprocessing
import os
import sys
import traceback
import warnings
from pathlib import Path

import sweep_stubs

CLONE_NEWNS, MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 0x20000, 1, 32, 4096, 16384, 1 << 18
_IMPORTS = [f"vonenet_brainscore.{name}" for name in ("recordings.loading", "benchmarks.v1_properties", "sweep.work")]
_libc = ctypes.CDLL(None, use_errno=True)


def fork_server():
    """A context whose processes are forked from one that has imported what a sweep takes, most of what each would do.

    Their environment is that of the first call; `carry_out` brings another.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["sweep_process", "distributed", *_IMPORTS])
    return context


def mount(source, target, kind, flags, data=None):
    """What mount(2) does, for this process alone; OSError where it may not."""
    words = [None if word is None else str(word).encode() for word in (source, target, kind)]
    if _libc.mount(*words, flags, None if data is None else data.encode()):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(target))


def mounts_of_our_own():
    if _libc.unshare(CLONE_NEWNS):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    mount(None, "/", None, MS_REC | MS_PRIVATE)


def small_disk(folder, kilobytes):
    """A disk of so many kilobytes at a folder."""
    mount("tmpfs", folder, "tmpfs", 0, f"size={kilobytes}k")


def read_only(folder):
    """A folder in which nothing can be written, not even by root."""
    mount(folder, folder, None, MS_BIND)
    mount(folder, folder, None, MS_BIND | MS_REMOUNT | MS_RDONLY)


def main(order):
    """Sweep as ordered; problems, scores and warnings."""
    from vonenet_brainscore import score_models

    sweep_stubs.dask_setup(None)
    if "small_disk" in order or "read_only" in order:
        mounts_of_our_own()
    if "small_disk" in order:
        small_disk(order["output"], order["small_disk"])
    if "read_only" in order:
        read_only(order["read_only"])
    if "die_in_write" in order:
        sweep_stubs.die_in_write(order["die_in_write"])
    settings = {"seed": range(order["seeds"]), **sweep_stubs.TINY}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        found = score_models(
            "voneresnet50",
            [sweep_stubs.PREF_OR, sweep_stubs.PEAK_SF],
            settings,
            output=order["output"],
            workers=1,
            cache=order.get("cache", False),
            progress=False,
        )
    return {
        "scores": found["score"].values.ravel().tolist(),
        "problems": found["problem"].values.ravel().tolist(),
        "not_kept": found.attrs["not_kept"],
        "warnings": [str(each.message) for each in caught if each.category is UserWarning],
        "records": len(list(Path(order["output"], "records").glob("*.json"))),
        "files": sorted(path.name for path in Path(order["output"]).iterdir()),
    }


def carry_out(order, environment, sending):
    """`main` under an environment; what it returns, or the traceback, is sent."""
    os.environ.clear()
    os.environ.update(environment)
    try:
        sending.send(main(order))
    except BaseException:
        sending.send(traceback.format_exc())


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
