//! What the code of steps tells: events, on which nothing of a run hangs.

use std::sync::Arc;

use model::{AssetEvent, RunId, StepKey, StepStatus, Timestamp};

use crate::command::{Told, ToldAsset};
use crate::state::{Note, State};
use crate::steps::shorten;

impl State {
    /// Notes what the code of a step has told. Only a step that is running has code that tells
    /// something.
    pub(crate) fn tell(&mut self, run: RunId, at: Timestamp, step: &StepKey, told: Told) {
        let row = self.active(run).and_then(|active| active.steps.get(step));
        if row.is_none_or(|row| row.status != StepStatus::Running) {
            let what = format!("step {step} tells something and is not running");
            return self.note_senseless(run, &what);
        }
        let Told { step, kind, message, data, asset } = told;
        self.note(run, Note::of_step(kind, &step, shorten(message)).with_data(data.clone()));
        if let Some((asset, data)) = asset.zip(data) {
            let event = self.asset_event(run, at, step, asset, data);
            self.pending.asset_events.extend(event);
        }
    }

    /// Returns what is kept of the asset: it tells the same as the event that was noted last.
    fn asset_event(
        &self,
        run: RunId,
        at: Timestamp,
        step: StepKey,
        told: ToldAsset,
        data: Arc<str>,
    ) -> Option<AssetEvent> {
        let of = self.image.run(run)?;
        let change = self.pending.events.last()?.change;
        let ToldAsset { kind, asset, partition, check, passed, severity } = told;
        Some(AssetEvent {
            change,
            kind,
            asset,
            partition,
            check,
            passed,
            severity,
            run,
            job: of.job.clone(),
            location: of.location.clone(),
            step,
            at,
            data,
        })
    }
}
