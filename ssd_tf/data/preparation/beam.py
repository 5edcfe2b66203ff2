# Copyright 2026 The ssd_tf Authors. SPDX-License-Identifier: Apache-2.0
"""Writes shards in an Apache Beam pipeline, for data sets that need Spark, Flink or Dataflow.

A worker does what a thread of the local runner does: it calls `write_shard` on the job of one shard. Workers need this
package installed, and must see the images and the output folder under the same paths as the machine that starts the
pipeline: a shared file system. Jobs and results are files beside the shards, so that the pipeline carries no more than
their names, however many images there are: runners limit the size of what a pipeline carries.
"""

import contextlib
import dataclasses
import io
import pathlib
import pickle
from collections.abc import Sequence
from typing import Any

from ssd_tf.data.preparation.shards import ShardJob, ShardResult, finished, note_path, write_shard, written
from ssd_tf.utils.errors import UserError
from ssd_tf.utils.files import atomic_path
from ssd_tf.utils.imports import import_extra

# A job's file is its shard's name and this.
JOB_SUFFIX = ".job"


def open_pipeline(options: Sequence[str]) -> Any:
    """An apache_beam.Pipeline with nothing in it.

    Args:
      options: Beam's own, such as ["--runner=FlinkRunner"]; without a --runner Beam takes its DirectRunner.

    Raises:
      ValueError: apache-beam is not installed, or an option is wrong.
    """
    words = [option for option in options if not option.startswith("--")]
    if words:
        raise UserError(f"Beam options: expected the form --name=value. Received: {' '.join(words)}")
    beam = import_extra("apache_beam")
    settings = import_extra("apache_beam.options.pipeline_options").PipelineOptions(list(options))
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            settings.get_all_options()
    except SystemExit:  # Beam's parser ends the program after a page about all its options
        raise UserError(f"Beam options: {said.getvalue().strip().rsplit('error: ')[-1]}") from None
    return beam.Pipeline(options=settings)


def write_shards(jobs: Sequence[ShardJob], pipeline: Any) -> dict[str, ShardResult]:
    """Runs the pipeline, which writes the shards of all jobs, and waits for its end.

    Args:
      jobs: what to write; all shards go to one folder.
      pipeline: from `open_pipeline`; used up.

    Returns:
      What the shards hold, by file name.

    Raises:
      OSError: the pipeline failed, or a shard that a worker wrote is not in the folder.
    """
    if not jobs:
        return {}
    beam = import_extra("apache_beam")
    jobs = [_with_absolute_paths(job) for job in jobs]
    try:
        files = [str(_leave(job)) for job in jobs]
        # Reshuffled, so that a runner does not give all to the worker that made the list.
        _ = pipeline | beam.Create(files) | beam.Reshuffle() | "Write" >> beam.Map(write_from_file)
        _run(pipeline)
        return {job.path.name: written(job.path) for job in jobs}
    finally:
        for job in jobs:
            _job_path(job.path).unlink(missing_ok=True)


def write_from_file(job_file: str) -> None:
    """What a worker does: writes the shard of the job in a file, unless an earlier try of Beam's has done it."""
    path = pathlib.Path(job_file)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: not found. Expected workers that see the output folder under the same path")
    job = pickle.loads(path.read_bytes())
    if finished(job) is None:
        write_shard(job)


def _run(pipeline: Any) -> None:
    try:
        pipeline.run().wait_until_finish()
    except RuntimeError as error:  # what Beam makes of every error in a worker; the last line says which
        reason = str(error).strip().splitlines()[-1]
        if reason.startswith("KeyboardInterrupt"):  # Ctrl-C, with the worker in this process
            raise KeyboardInterrupt from error
        raise OSError(f"the Beam pipeline failed, run the same command to resume: {reason}") from error


def _leave(job: ShardJob) -> pathlib.Path:
    """Writes the job's file, and removes the shard and the note of other jobs."""
    job.path.unlink(missing_ok=True)  # first: without its note it would be taken for the user's
    note_path(job.path).unlink(missing_ok=True)
    path = _job_path(job.path)
    with atomic_path(path) as temporary:
        temporary.write_bytes(pickle.dumps(job))
    return path


def _job_path(shard: pathlib.Path) -> pathlib.Path:
    return shard.with_name(f"{shard.name}{JOB_SUFFIX}")


def _with_absolute_paths(job: ShardJob) -> ShardJob:
    """Workers run in folders of their own."""
    images = tuple(dataclasses.replace(image, path=image.path.absolute()) for image in job.images)
    return dataclasses.replace(job, path=job.path.absolute(), images=images)
