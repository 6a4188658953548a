//! The hooks of all kinds, asked about runs; those that are programs are real ones.

mod chain;
mod command;
mod rules;

use model::{CodeLocation, JobName, RunId, Tags};

use super::*;

/// A run of the job `nightly` in the code location `etl`, with these tags.
fn offer(tags: &[(&str, &str)]) -> Offer {
    Offer {
        run: RunId::from_u128(7),
        job: JobName::new("nightly").unwrap(),
        location: CodeLocation::new("etl").unwrap(),
        tags: tags.iter().copied().collect(),
        config: r#"{"day":1}"#.into(),
        headers: Headers::default(),
        user: None,
    }
}

/// The same with headers.
fn with_headers(tags: &[(&str, &str)], headers: &[(&str, &str)]) -> Offer {
    Offer { headers: Headers::new(headers.iter().copied()).unwrap(), ..offer(tags) }
}

fn as_text(tags: &Tags) -> String {
    tags.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
}
