//! The queue, page by page, in the order in which its runs are looked at.

use std::collections::BTreeMap;
use std::str::FromStr;

use axum::Json;
use axum::extract::State;
use model::{Explanation, Priority, RunId, Seq};
use store::{Cursor, StoredRun};
use wire::api::{Page, QueueEntry, QueuePage, sentences};

use super::runs::priority;
use crate::app::App;
use crate::error::ApiError;
use crate::query::{Query, page_size, place};

/// Where a page ended: the priority and the sequence number of its last run, and its position then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct End {
    priority: Priority,
    seq: Seq,
    position: u64,
}

impl FromStr for End {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split('.').collect();
        let read = || {
            let [priority, seq, position] = parts.as_slice() else { return None };
            Some(Self {
                priority: Priority::new(priority.parse().ok()?),
                seq: Seq::new(seq.parse().ok()?),
                position: position.parse().ok()?,
            })
        };
        read().ok_or_else(|| "it is no place in the queue".to_owned())
    }
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.priority.get(), self.seq, self.position)
    }
}

/// `GET /api/v1/queue`.
pub(crate) async fn queue(
    State(app): State<App>,
    query: Query,
) -> Result<Json<QueuePage>, ApiError> {
    let page = query.read(Page::from_pairs)?;
    let after: Option<End> = place("after", page.after.as_deref())?;
    let limit = page_size(page.limit);
    let cursor = after.map(|end| Cursor::of_run(end.priority, end.seq));
    let found = app.store().queue_page(cursor, limit).await?;
    let ids = found.iter().map(|stored| stored.run.id).collect();
    let answers = app.handle.explain(ids).await?;
    let explanations: BTreeMap<RunId, Explanation> =
        answers.into_iter().filter_map(|answer| Some((answer.run, answer.explanation?))).collect();
    let ahead = after.map_or(0, |end| end.position);
    let entries = entries(&found, &explanations, ahead);
    let next = found.last().filter(|_| found.len() == limit as usize).map(|last| {
        let position = ahead.saturating_add(entries.len() as u64);
        End { priority: priority(&last.run), seq: last.run.seq, position }.to_string()
    });
    let total = app.handle.status().await?.queued;
    Ok(Json(QueuePage { entries, total, next }))
}

/// Returns the entries of a page. A run that has left the queue since the page was read is left out.
fn entries(
    found: &[StoredRun],
    explanations: &BTreeMap<RunId, Explanation>,
    ahead: u64,
) -> Vec<QueueEntry> {
    let waits = |explanation: &&Explanation| **explanation != Explanation::Holding;
    let waiting = found
        .iter()
        .filter_map(|stored| Some((stored, explanations.get(&stored.run.id).filter(waits)?)));
    let entry = |(index, (stored, explanation)): (u64, (&StoredRun, &Explanation))| QueueEntry {
        position: ahead.saturating_add(index),
        run: stored.run.id.to_string(),
        job: stored.run.job.to_string(),
        priority: priority(&stored.run).get(),
        waiting_since: stored.life.submitted_at.into(),
        explanation: explanation.into(),
        sentences: sentences(explanation),
    };
    (1..).zip(waiting).map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_page_reads_back_and_nothing_else_does() {
        let end = End { priority: Priority::new(-3), seq: Seq::new(u64::MAX), position: 50 };
        assert_eq!(end.to_string().parse(), Ok(end));
        for text in ["", "1", "1.2", "1.2.3.4", "x.2.3", "1.-2.3", "99999999999.1.1", "1.2. 3"] {
            assert!(text.parse::<End>().is_err(), "{text}");
        }
    }
}
