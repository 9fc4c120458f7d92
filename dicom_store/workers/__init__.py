"""Child processes for what may hang, crash or eat memory: decoders, pydicom on hostile files, video probes.

For: `pool.Workers`, which runs one importable function in one warmed child with limits on memory, processor time and
wall-clock time. May import: the error tree and the standard library. Must not know what the jobs do.
"""

from dicom_store.workers.pool import Job, JobFailed, JobFailure, Workers

__all__ = ["Job", "JobFailed", "JobFailure", "Workers"]
