//! How much a message adds to the commit of a turn, about: what that holds is bounded by it.

use lifecycle::{Command, MAX_WRITTEN_TAGS, ReportKind};
use model::Tags;

use crate::commands::Message;

/// What a report comes to, with an error that is as long as it may be, but without what code has told,
/// in bytes.
const LARGEST_REPORT: usize = 4096;

/// Returns about how much a message adds to the commit or looks at, in bytes, if that may be much.
pub(super) fn bytes_of(message: &Message) -> usize {
    let command = match message {
        Message::Command { command, .. } => command,
        Message::Question { bytes, .. } => return *bytes,
        Message::Hint(_) | Message::Configure { .. } | Message::Stop => return 0,
    };
    if let Command::Submit(submit) = command {
        submit.submission.config.len() + submit.tags.size()
    } else if let Command::Report { reports, .. } = command {
        reports.iter().map(|report| LARGEST_REPORT + bytes_of_data(&report.kind)).sum()
    } else if let Command::Change { runs, .. } = command {
        bytes_of_change(runs.len())
    } else if let Command::ChangePartitions { add, remove, .. } = command {
        add.iter().chain(remove).map(|key| key.as_str().len()).sum()
    } else {
        0
    }
}

/// Returns about how much a change of so many runs may come to.
pub(crate) fn bytes_of_change(runs: usize) -> usize {
    runs.saturating_mul(Tags::MAX_SIZE).min(MAX_WRITTEN_TAGS)
}

/// Returns how long that of a report is which has no small bound: what code tells and raises.
fn bytes_of_data(kind: &ReportKind) -> usize {
    let data = match kind {
        ReportKind::Told { told, .. } => told.data.as_ref(),
        ReportKind::UpForRetry { details, .. } | ReportKind::Failed { details, .. } => {
            details.as_ref()
        }
        ReportKind::Planned(keys) => return keys.iter().map(|key| key.as_str().len()).sum(),
        ReportKind::Asked(_)
        | ReportKind::GaveBack(_)
        | ReportKind::FirstPassDone
        | ReportKind::Started { .. }
        | ReportKind::Succeeded(_)
        | ReportKind::Skipped { .. }
        | ReportKind::Canceled(_)
        | ReportKind::Ended(_) => None,
    };
    data.map_or(0, |data| data.len())
}
