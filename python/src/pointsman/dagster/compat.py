"""Every name of Dagster's that is not public, and everything that differs between its versions.

No other file of this package imports from `dagster._*`: what breaks with a new version of Dagster
breaks here. Tried with the oldest, a middle and the newest version of the range.

Private names that are used as attributes elsewhere (undocumented, the same in all versions):
`RepositoryDefinition.get_all_jobs`, `.schedule_defs`, `.sensor_defs`, `.asset_graph`;
the attributes of steps of an execution plan; the payloads of `DagsterEvent`.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster
import yaml
from dagster._core.code_pointer import load_python_file, load_python_module
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.definitions.reconstruct import repository_def_from_target_def
from dagster._core.errors import DagsterUnmetExecutorRequirementsError
from dagster._core.event_api import EventLogCursor
from dagster._core.events import (
    AssetObservationData,
    DagsterEvent,
    DagsterEventType,
    StepMaterializationData,
)
from dagster._core.events.log import EventLogEntry
from dagster._core.execution.api import create_execution_plan, execute_plan_iterator
from dagster._core.execution.plan.inputs import FromDynamicCollect, FromMultipleSources
from dagster._core.execution.plan.outputs import StepOutputHandle
from dagster._core.execution.plan.state import KnownExecutionState
from dagster._core.execution.plan.step import (
    ExecutionStep,
    UnresolvedCollectExecutionStep,
    UnresolvedMappedExecutionStep,
)
from dagster._core.execution.resources_init import get_transitive_required_resource_keys
from dagster._core.execution.retries import RetryMode
from dagster._core.instance import InstanceType
from dagster._core.launcher import RunLauncher
from dagster._core.run_coordinator import (
    DefaultRunCoordinator,
    QueuedRunCoordinator,
    RunCoordinator,
    SubmitRunContext,
)
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecord,
    AssetCheckExecutionRecordStatus,
)
from dagster._core.storage.dagster_run import RunRecord
from dagster._core.storage.event_log import EventLogStorage
from dagster._core.storage.event_log.base import AssetEntry, AssetRecord
from dagster._core.storage.mem_io_manager import InMemoryIOManager, mem_io_manager
from dagster._core.storage.noop_compute_log_manager import NoOpComputeLogManager
from dagster._core.storage.root import LocalArtifactStorage
from dagster._core.storage.runs import RunStorage
from dagster._core.system_config.objects import ResolvedRunConfig
from dagster._core.workspace.autodiscovery import loadable_targets_from_loaded_module
from dagster._core.workspace.context import WorkspaceRequestContext
from dagster._serdes import ConfigurableClassData
from dagster._utils.error import serializable_error_info_from_exc_info
from dotenv import dotenv_values

try:  # from 1.12
    from dagster._core.remote_origin import (
        RegisteredCodeLocationOrigin,
        RemoteJobOrigin,
        RemoteRepositoryOrigin,
    )
except ImportError:
    from dagster._core.remote_representation.origin import (  # pyright: ignore
        RegisteredCodeLocationOrigin,
        RemoteJobOrigin,
        RemoteRepositoryOrigin,
    )

try:  # from 1.12
    from dagster import AssetCheckEvaluation
except ImportError:
    from dagster._core.definitions.asset_check_evaluation import (  # pyright: ignore
        AssetCheckEvaluation,
    )

try:  # from 1.11
    from dagster._core.definitions.partitions.context import partition_loading_context
except ImportError:
    partition_loading_context = None

try:  # from 1.10
    from dagster._core.types.pagination import PaginatedResults
except ImportError:
    PaginatedResults = None

try:  # from 1.10
    from dagster._core.definitions.job_base import RepoBackedJob
except ImportError:
    RepoBackedJob = None

__all__ = [
    "AssetEntry",
    "AssetObservationData",
    "AssetRecord",
    "DagsterEvent",
    "DagsterEventType",
    "DagsterUnmetExecutorRequirementsError",
    "DefaultRunCoordinator",
    "EventLogEntry",
    "EventLogStorage",
    "ExecutionStep",
    "InstanceType",
    "KnownExecutionState",
    "LocalArtifactStorage",
    "NoOpComputeLogManager",
    "QueuedRunCoordinator",
    "RetryMode",
    "RunCoordinator",
    "RunLauncher",
    "RunRecord",
    "RunStorage",
    "StepMaterializationData",
    "StepOutputHandle",
    "SubmitRunContext",
    "UnresolvedCollectExecutionStep",
    "UnresolvedMappedExecutionStep",
    "WorkspaceRequestContext",
    "create_execution_plan",
    "executable_job",
    "execute_plan_iterator",
    "load_python_file",
    "load_python_module",
    "repository_def_from_target_def",
    "serializable_error_info_from_exc_info",
    "silence_default_console",
]

OLDEST = (1, 9)
NEWEST = (1, 13)

# The functions of Dagster's that ask the event log for themselves, whichever a version has.
DATA_VERSION_CALLS = frozenset(
    {
        "_fetch_input_asset_version_info",
        # Which materialization a check of a partition is about, from 1.13.
        "_get_partitioned_target_materialization_data",
        "build_external_execution_context_data",
        "fetch_external_input_asset_version_info",
    }
)


def version() -> str:
    """Returns the version of Dagster, as `1.13.29`."""
    return dagster.__version__


def version_warning() -> str | None:
    """Returns a warning if nobody has tried this version."""
    parts = tuple(int(part) for part in version().split(".")[:2] if part.isdigit())
    if OLDEST <= parts <= NEWEST:
        return None
    tried = f"{OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]}"
    return f"Dagster {version()} is installed; Pointsman is tried with {tried}"


def only_target(module: Any) -> Any:
    """Returns what a module defines: its `Definitions`, else its repository, job, graph, assets."""
    targets = loadable_targets_from_loaded_module(module)
    if len(targets) > 1:
        names = ", ".join(target.attribute for target in targets)
        raise dagster.DagsterInvariantViolationError(
            f"{module.__name__} has several repositories ({names}), and a code location has one: "
            "make a location of each, with its name as the attribute"
        )
    return targets[0].target_definition


def without_import_wrapper(error: BaseException) -> BaseException:
    """Returns the error of the user's import that Dagster wraps in one of its own."""
    is_wrapper = type(error).__name__ == "DagsterImportError"
    return error.__cause__ if is_wrapper and error.__cause__ is not None else error


def executable_job(
    repository: Any,
    job_name: str,
    op_selection: Sequence[str] | None,
    asset_selection: frozenset[Any] | None,
) -> Any:
    """Returns the job in the form that executes, with the ops or assets selected."""
    job_definition = repository.get_job(job_name)
    if op_selection or asset_selection is not None:
        subset = job_definition.get_subset(
            op_selection=op_selection or None, asset_selection=asset_selection
        )
        return _SelectedJob(subset, repository) if RepoBackedJob else InMemoryJob(subset)
    if RepoBackedJob is None:
        return InMemoryJob(job_definition)
    return RepoBackedJob(job_name=job_name, repository_def=repository)


class _SelectedJob(InMemoryJob):
    """A part of a job that still knows its repository (`context.repository_def`)."""

    def __init__(self, job_definition: Any, repository: Any) -> None:
        super().__init__(job_definition)
        self._repository = repository

    def get_repository_definition(self) -> Any:
        return self._repository


def upstream_outputs(step_input: Any) -> list[StepOutputHandle]:
    """Returns the outputs that an input of a step is made of; of a dynamic one, the placeholder."""
    if hasattr(step_input, "get_step_output_handle_deps_with_placeholders"):
        return list(step_input.get_step_output_handle_deps_with_placeholders())
    return list(step_input.get_step_output_handle_dependencies())


def is_fan_in(step_input: Any) -> bool:
    """Tells whether an input is a list of values, some of which may be missing."""
    return isinstance(step_input.source, (FromMultipleSources, FromDynamicCollect))


def executor_config(definition: Any, run_config: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Returns the name and the resolved config of the executor that a run would have in Dagster."""
    execution = ResolvedRunConfig.build(definition, run_config).execution
    name = execution.execution_engine_name or definition.executor_def.name
    config = dict(execution.execution_engine_config or {})
    if name == "multi_or_in_process_executor":
        # A selector: the executor's name is the only key of its config.
        chosen, config = next(iter(config.items()), ("multiprocess", {}))
        return chosen, dict(config or {})
    return name, config


def has_default_executor(definition: Any) -> bool:
    """Tells whether a job left it to Dagster how it executes."""
    return definition.executor_def is dagster.multi_or_in_process_executor


def retries_disabled(config: Mapping[str, Any]) -> bool:
    """Tells whether an executor's config says that no step is tried again."""
    return "disabled" in (config.get("retries") or {})


def deferred_retries(config: Mapping[str, Any]) -> RetryMode:
    """Returns how a step is to take a retry: the program waits and starts it again, or nobody."""
    return RetryMode.DISABLED if retries_disabled(config) else RetryMode.DEFERRED


def own_retries(config: Mapping[str, Any]) -> RetryMode:
    """Returns how the steps of a run in one process take a retry: they wait themselves."""
    return RetryMode.DISABLED if retries_disabled(config) else RetryMode.ENABLED


def config_message(error: Any) -> str:
    """Returns what is wrong with a run config, in Dagster's words without its own frames."""
    return _without_stacks(str(error))


def config_errors(error: Any) -> list[dict[str, str]]:
    """Returns the single errors of a run config that is refused, each with its place."""
    return [
        {"path": _path(each.stack), "message": _without_stacks(each.message)}
        for each in error.errors
    ]


def _without_stacks(text: str) -> str:
    return _STACK.sub("", text).rstrip()


# What processing a value has raised (a variable that is not set) is told with Dagster's frames.
_STACK = re.compile(r"\n+Stack Trace:\n(?:(?!    Error \d+:)[ ]+.*\n?)*")


def _path(stack: Any) -> str:
    path = ""
    for entry in stack.entries:
        if hasattr(entry, "field_name"):
            path += f".{entry.field_name}"
        elif hasattr(entry, "list_index"):
            path += f"[{entry.list_index}]"
        else:
            path += f".{entry.map_key}"
    return path.lstrip(".")


def is_dynamic(partitions: Any) -> bool:
    """Tells whether some keys of a partitions definition are not in the code."""
    if isinstance(partitions, dagster.MultiPartitionsDefinition):
        return any(is_dynamic(dimension.partitions_def) for dimension in partitions.partitions_defs)
    return isinstance(partitions, dagster.DynamicPartitionsDefinition)


def dynamic_names(partitions: Any) -> list[str]:
    """Returns the names of the dynamic partitions that a definition is made of."""
    if isinstance(partitions, dagster.MultiPartitionsDefinition):
        dimensions = [dimension.partitions_def for dimension in partitions.partitions_defs]
        return [name for dimension in dimensions for name in dynamic_names(dimension)]
    name = getattr(partitions, "name", None)
    return [name] if isinstance(partitions, dagster.DynamicPartitionsDefinition) and name else []


def has_partition(partitions: Any, key: str, instance: Any) -> bool:
    """Tells whether there is a partition of a key; the instance knows those not in the code."""
    if partition_loading_context is None:
        return partitions.has_partition_key(key, dynamic_partitions_store=instance)
    with partition_loading_context(dynamic_partitions_store=instance):
        return partitions.has_partition_key(key)


def is_in_memory(definition: Any, resource_key: str) -> bool:
    """Tells whether a resource is Dagster's IO manager that keeps values in memory.

    An instance of it that the user gave is wrapped into a function that returns it.
    """
    resource = definition.resource_defs.get(resource_key)
    if resource is None:
        return False
    if resource is mem_io_manager:
        return True
    function = getattr(resource, "resource_fn", None)
    cells = getattr(function, "__closure__", None) or ()
    return any(isinstance(_content(cell), InMemoryIOManager) for cell in cells)


def _content(cell: Any) -> object:
    try:
        return cell.cell_contents
    except ValueError:  # the cell is empty
        return None


def selected_asset_keys(definition: Any) -> set[Any]:
    """Returns the keys of the assets that a job makes."""
    layer = definition.asset_layer
    if hasattr(layer, "selected_asset_keys"):  # from 1.10
        return set(layer.selected_asset_keys)
    return set(layer.executable_asset_keys)


def is_made_by_dagster(job_name: str) -> bool:
    """Tells whether a job is one that Dagster makes of assets, not one that the user named."""
    return job_name.startswith(("__ASSET_JOB", "__anonymous_asset_job_"))


def pools_of_asset(node: Any) -> list[str]:
    """Returns the pools of the ops that make an asset: several for a graph, else at most one."""
    computation = getattr(node.assets_def, "node_def", None) if node.is_executable else None
    if computation is None:
        return []
    ops = computation.iterate_op_defs()
    return sorted({op.pool or op.tags.get("dagster/concurrency_key") or "" for op in ops} - {""})


def known_state(
    retries: Mapping[str, int],
    dynamic: Mapping[str, Mapping[str, Sequence[str] | None]],
    outputs: set[StepOutputHandle],
) -> KnownExecutionState:
    """Returns what has happened in a run so far, as Dagster hands it to the process of a step."""
    return KnownExecutionState(
        previous_retry_attempts=retries,
        dynamic_mappings={step: dict(found) for step, found in dynamic.items()},
        ready_outputs=outputs,
    )


def remote_origin(location: str, job_name: str) -> RemoteJobOrigin:
    """Returns where a run's job comes from. Dagster makes no queued run without it."""
    place = RegisteredCodeLocationOrigin(location_name=location)
    repository = RemoteRepositoryOrigin(
        code_location_origin=place, repository_name="__repository__"
    )
    return RemoteJobOrigin(repository_origin=repository, job_name=job_name)


# From 1.12.
_CHECKS_KNOW_PARTITIONS = "partition" in AssetCheckExecutionRecord._fields


def check_evaluation(partition: str | None, **said: Any) -> Any:
    """Returns what a check said."""
    more: dict[str, Any] = {"partition": partition} if _CHECKS_KNOW_PARTITIONS else {}
    return AssetCheckEvaluation(**said, **more)


def check_record(key: Any, number: int, entry: Any, passed: bool, partition: str | None) -> Any:
    """Returns how a check ended, as the event log tells it."""
    statuses = AssetCheckExecutionRecordStatus
    more: dict[str, Any] = {"partition": partition} if _CHECKS_KNOW_PARTITIONS else {}
    return AssetCheckExecutionRecord(
        key=key,
        id=number,
        run_id=entry.run_id,
        status=statuses.SUCCEEDED if passed else statuses.FAILED,
        event=entry,
        create_timestamp=entry.timestamp,
        **more,
    )


def passed_of(statuses: Any) -> frozenset[bool]:
    """Returns which of the two ends of a check are among statuses; both, if none are named."""
    if statuses is None:
        return frozenset({True, False})
    of = {
        AssetCheckExecutionRecordStatus.SUCCEEDED: True,
        AssetCheckExecutionRecordStatus.FAILED: False,
    }
    return frozenset(of[status] for status in statuses if status in of)


def cursor_of(storage_id: int) -> str:
    """Returns the place in the event log behind an event."""
    return EventLogCursor.from_storage_id(storage_id).to_string()


def page_of(keys: Sequence[str], limit: int, ascending: bool, cursor: str | None) -> Any:
    """Returns a page of a list. No version asks for one that does not have pages."""
    assert PaginatedResults is not None
    return PaginatedResults.create_from_sequence(
        keys, limit=limit, ascending=ascending, cursor=cursor
    )


def schedule_context(
    repository: Any, schedule: Any, instance: Any, at: datetime, log: logging.Logger
) -> dagster.ScheduleEvaluationContext:
    """Returns the context in which a schedule is evaluated for an instant."""
    context = _ScheduleContext(
        instance_ref=None,
        scheduled_execution_time=at,
        repository_name=repository.name,
        schedule_name=schedule.name,
        resources=_resources(repository, schedule),
        repository_def=repository,
    )
    context._instance = instance
    context._logger = log  # type: ignore[assignment]
    return context


class _ScheduleContext(dagster.ScheduleEvaluationContext):
    """A context whose instance is ours, which has no reference by which Dagster could make it."""

    @property
    def instance(self) -> Any:
        return self._instance


def sensor_context(
    repository: Any, sensor: Any, instance: Any, tick: Mapping[str, Any], log: logging.Logger
) -> dagster.SensorEvaluationContext:
    """Returns the context in which a sensor is evaluated."""
    context = dagster.SensorEvaluationContext(
        instance_ref=None,
        last_tick_completion_time=tick.get("last_tick_at"),
        last_run_key=tick.get("last_run_key"),
        cursor=tick.get("cursor"),
        repository_name=repository.name,
        repository_def=repository,
        instance=instance,
        sensor_name=sensor.name,
        resources=_resources(repository, sensor),
        last_sensor_start_time=tick.get("started_at"),
    )
    context._logger = log  # type: ignore[assignment]
    return context


def _resources(repository: Any, instigator: Any) -> dict[str, Any]:
    all_of_them = repository.get_top_level_resources()
    wanted = get_transitive_required_resource_keys(instigator.required_resource_keys, all_of_them)
    return {key: value for key, value in all_of_them.items() if key in wanted}


def configured(module: str, class_name: str, config: Mapping[str, Any]) -> Any:
    """Returns a coordinator as Dagster makes it of `{module, class, config}`."""
    data = ConfigurableClassData(module, class_name, yaml.safe_dump(dict(config)))
    return data.rehydrate(as_type=RunCoordinator)


def workspace_of(made_by: type, instance: Any, request: Any) -> Any:
    """Returns the workspace of a request, of a class given, that knows no code locations."""
    made: Any = object.__new__(made_by)
    made._instance, made._source = instance, request
    return made


def queue_settings(coordinator: QueuedRunCoordinator) -> dict[str, Any]:
    """Returns what a coordinator says of its queue, by the names of its config."""
    queue = coordinator.get_run_queue_config()
    return {
        "max_concurrent_runs": queue.max_concurrent_runs,
        "tag_concurrency_limits": list(queue.tag_concurrency_limits or ()),
        "max_user_code_failure_retries": queue.max_user_code_failure_retries,
        "user_code_failure_retry_delay": queue.user_code_failure_retry_delay,
        "block_op_concurrency_limited_runs": (
            queue.should_block_op_concurrency_limited_runs,
            queue.op_concurrency_slot_buffer,
        ),
        "dequeue_interval_seconds": coordinator.dequeue_interval_seconds,
        "dequeue_use_threads": coordinator.dequeue_use_threads,
        "dequeue_num_workers": coordinator.dequeue_num_workers,
    }


def plain_queue(config: Mapping[str, Any]) -> QueuedRunCoordinator:
    """Returns Dagster's own coordinator with those keys of a config that it knows."""
    known: Any = QueuedRunCoordinator.config_type()
    kept = {key: value for key, value in config.items() if key in known}
    return configured(QueuedRunCoordinator.__module__, QueuedRunCoordinator.__name__, kept)


def silence_default_console() -> None:
    """Keeps Dagster from writing every event on stderr, which belongs to the user's code.

    Loggers that the job or its run config name are untouched.
    """
    from dagster._core.execution import context_creation_job

    context_creation_job.default_system_loggers = lambda _instance: []  # pyright: ignore


def answer_for_instance(answer: Callable[[], Any]) -> None:
    """Lets `DagsterInstance.get()` say what `context.instance` says.

    Otherwise it would open the storage of a Dagster installation on this machine, where there is
    one, which knows nothing of the runs here.
    """
    dagster.DagsterInstance.get = staticmethod(answer)  # type: ignore[method-assign]


def environment_of_project(folder: str) -> dict[str, str]:
    """Returns what the file `.env` of a folder says, which Dagster reads before it loads code."""
    path = Path(folder) / ".env"
    if not path.is_file():
        return {}
    return {key: value for key, value in dotenv_values(path).items() if value is not None}
