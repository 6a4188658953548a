//! What the code of a step tells, from its shape on the wire to an event of the run.

use std::sync::Arc;

use lifecycle::{Told, ToldAsset};
use model::{AssetEventKind, EventKind, StepKey};
use serde::Serialize;
use serde_json::{Value, json};
use wire::told::{self as shape, AboutAsset, MAX_EVENT_DATA};

/// How much longer than the worker cuts them data may be: what is cut is told beside it.
const SLACK: usize = 16 * 1024;

/// Returns the event of a step that tells this.
pub(crate) fn event(step: StepKey, told: shape::Told) -> Told {
    let data = data_of(&told);
    let (kind, message, asset) = match told {
        shape::Told::Materialization(about) => {
            let message = of_partition(about.asset_key.clone(), about.partition.as_deref());
            let asset = of_asset(AssetEventKind::Materialization, about);
            (EventKind::AssetMaterialization, message, Some(asset))
        }
        shape::Told::Observation(about) => {
            let message = of_partition(about.asset_key.clone(), about.partition.as_deref());
            let asset = of_asset(AssetEventKind::Observation, about);
            (EventKind::AssetObservation, message, Some(asset))
        }
        shape::Told::Check { asset_key, check, passed, severity, .. } => {
            let how = outcome(passed, severity.as_deref());
            let message = format!("check {check} of {asset_key} {how}");
            let asset = ToldAsset {
                kind: AssetEventKind::Check,
                asset: asset_key,
                partition: None,
                check: Some(check),
                passed: Some(passed),
                severity,
            };
            (EventKind::AssetCheckEvaluation, message, Some(asset))
        }
        shape::Told::Expectation { label, passed, .. } => {
            let label = label.unwrap_or_else(|| "an expectation".to_owned());
            let message = format!("{label} {}", outcome(passed, None));
            (EventKind::StepExpectationResult, message, None)
        }
        shape::Told::Output { name, mapping_key, .. } => {
            let message = mapping_key.map_or(name.clone(), |key| format!("{name}[{key}]"));
            (EventKind::StepOutput, message, None)
        }
        shape::Told::Started => (EventKind::StepStart, String::new(), None),
        shape::Told::Succeeded => (EventKind::StepSuccess, String::new(), None),
        shape::Told::Skipped => (EventKind::StepSkipped, String::new(), None),
        shape::Told::UpForRetry { error } => {
            let message = error.as_ref().map(shape::Error::sentence).unwrap_or_default();
            (EventKind::StepUpForRetry, message, None)
        }
        shape::Told::Failed { error } => (EventKind::StepFailure, error.sentence(), None),
        shape::Told::LeftOut { events } => {
            let message = format!("{events} events that the step has told are left out: too many");
            (EventKind::EngineEvent, message, None)
        }
    };
    Told { step, kind, message, data, asset }
}

/// Returns the data of an event that tells what went wrong.
pub(crate) fn error_data(error: &shape::Error) -> Option<Arc<str>> {
    written(&json!({ "error": error }))
}

fn outcome(passed: bool, severity: Option<&str>) -> String {
    match (passed, severity) {
        (true, _) => "passed".to_owned(),
        (false, Some(severity)) => format!("failed ({severity})"),
        (false, None) => "failed".to_owned(),
    }
}

fn of_partition(asset: String, partition: Option<&str>) -> String {
    match partition {
        Some(partition) => format!("{asset}, partition {partition}"),
        None => asset,
    }
}

fn of_asset(kind: AssetEventKind, about: AboutAsset) -> ToldAsset {
    let (asset, partition) = (about.asset_key, about.partition);
    ToldAsset { kind, asset, partition, check: None, passed: None, severity: None }
}

/// Returns all of it but the word that its event has as its kind.
fn data_of(told: &shape::Told) -> Option<Arc<str>> {
    let mut value = serde_json::to_value(told).ok()?;
    let parts = value.as_object_mut()?;
    parts.remove("kind");
    if parts.is_empty() { None } else { written(&value) }
}

/// Writes data. The worker has cut them; any that are longer all the same are left out.
fn written(data: &impl Serialize) -> Option<Arc<str>> {
    let text = serde_json::to_string(data).ok()?;
    if text.len() <= MAX_EVENT_DATA + SLACK {
        return Some(text.into());
    }
    Some(Value::Object(serde_json::Map::new()).to_string().into())
}
