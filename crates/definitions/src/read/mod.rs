//! The text of a file of jobs, turned into jobs: every mistake with its place and a hint.
//!
//! Does no I/O and reads no environment: where the file is and what stands in it are arguments.

mod config_value;
mod executor;
mod job;
mod keys;
mod op;
mod order;
mod pools;
mod retries;
mod values;

use std::path::Path;
use std::sync::Arc;

use config::yaml::{Document, Node, Value, parse};
use config::{Code, Place, Problem, Problems, Reader};
use model::{CodeLocation, JobName};
use wire::shim::Asset;

use self::keys::{Known, known_map};
use self::values::is_name;
use crate::job::{Job, JobText};

pub use self::retries::{MAX_RETRIES, MAX_SECONDS};
pub use self::values::NAME_BYTES;

/// How many jobs a file may have: more are no file that people write.
pub const MAX_JOBS: usize = 5_000;

/// How many ops a job may have: each is a row that every run of it writes.
pub const MAX_OPS: usize = 5_000;

const FILE: Known = Known {
    keys: &["location", "executor", "jobs"],
    instead: &[("name", "did you mean `location`?")],
    empty: "begin with `jobs:` and below it the name of a job",
};

/// How a file is called, and where it is.
#[derive(Debug, Clone, Copy)]
pub struct FilePath<'a> {
    /// How messages call it.
    pub shown: &'a str,
    /// Its path from the root: what its commands name relatively stands in the same folder.
    pub absolute: &'a Path,
}

/// What a file of jobs defines.
#[derive(Debug)]
pub struct Definitions {
    /// The name of the code location.
    pub location: CodeLocation,
    /// Its jobs, in the order of the file; at least one.
    pub jobs: Vec<Arc<Job>>,
    /// Its assets; files of commands have none.
    pub assets: Vec<Asset>,
    /// What its writer should know although nothing is wrong.
    pub warnings: Vec<Problem>,
    /// Where the location is named, if the file does that.
    pub(crate) named_at: Option<Place>,
}

impl Definitions {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// Everything that is wrong in it.
    pub fn read(file: FilePath<'_>, bytes: &[u8]) -> Result<Self, Problems> {
        let folder = folder_of(file)?;
        let Document { source, root } = parse(file.shown, bytes)?;
        let mut reader = Reader::new(&source);
        let read = read_root(&mut reader, &root, file, folder);
        let warnings = reader.finish()?;
        // Whatever is missing was told; the words here are for what nobody foresaw.
        let Some((location, named_at, texts)) = read else {
            return Err(Problem::of_file(file.shown, "the file cannot be read").into());
        };
        let jobs: Result<Vec<Arc<Job>>, _> =
            texts.into_iter().map(|text| Job::new(text).map(Arc::new)).collect();
        match jobs {
            Ok(jobs) => Ok(Self { location, jobs, assets: Vec::new(), warnings, named_at }),
            Err(error) => Err(Problem::of_file(file.shown, error.to_string()).into()),
        }
    }
}

/// Returns the folder in which commands run; plans are JSON, so it must be Unicode.
fn folder_of(file: FilePath<'_>) -> Result<&Path, Problem> {
    let folder = file.absolute.parent().filter(|folder| folder.to_str().is_some());
    folder.ok_or_else(|| {
        Problem::of_file(file.shown, "the name of the file's folder is not Unicode")
            .with_hint("move the file to a folder whose name is")
    })
}

/// What all jobs of a file have in common.
struct Common<'a> {
    /// Where their commands run.
    folder: &'a Path,
    /// The limits inside their runs, as far as a job has none of its own.
    executor: executor::Found,
}

type Read = (CodeLocation, Option<Place>, Vec<JobText>);

fn read_root(
    reader: &mut Reader<'_>,
    root: &Node,
    file: FilePath<'_>,
    folder: &Path,
) -> Option<Read> {
    let fields = known_map(reader, root, "the file", &FILE)?;
    let named = fields.get("location");
    let location = match named {
        Some(node) => {
            values::name(reader, node, "`location`").and_then(|n| CodeLocation::new(n).ok())
        }
        None => location_of_stem(reader, root, file),
    };
    let named_at = named.and_then(|node| reader.source().problem(node.span, "").place);
    let Some(jobs) = fields.get("jobs") else {
        let message = "the file has no `jobs`".to_owned();
        FILE.refuse_missing(reader, &fields, &["jobs"], message, FILE.empty);
        return None;
    };
    // The jobs are read although the location may have no name: all problems are told at once.
    let any = location.clone().unwrap_or_else(|| CodeLocation::like(""));
    let executor = fields.get("executor").and_then(|node| executor::read(reader, node));
    let common = Common { folder, executor: executor.unwrap_or_default() };
    let texts = read_jobs(reader, jobs, &any, &common)?;
    Some((location?, named_at, texts))
}

fn location_of_stem(
    reader: &mut Reader<'_>,
    root: &Node,
    file: FilePath<'_>,
) -> Option<CodeLocation> {
    let stem = file.absolute.file_stem().unwrap_or_default().to_string_lossy();
    if is_name(&stem) {
        return CodeLocation::new(&*stem).ok();
    }
    let message = format!(
        "the file's name, {}, cannot be the name of a code location",
        config::quoted(&stem)
    );
    let start = config::Span { start: root.span.start, end: root.span.start };
    let hint = "give it one, as in `location: reports`, or rename the file";
    reader.refuse_as(Code::WrongValue, start, message, hint);
    None
}

fn read_jobs(
    reader: &mut Reader<'_>,
    node: &Node,
    location: &CodeLocation,
    common: &Common<'_>,
) -> Option<Vec<JobText>> {
    if node.value == Value::Null {
        refuse_no_jobs(reader, node);
        return None;
    }
    let fields = reader.map(node, "`jobs`")?;
    let mut texts = Vec::new();
    for (index, (name, span, node)) in fields.in_order().enumerate() {
        if index == MAX_JOBS {
            let message = format!("the file has more than {MAX_JOBS} jobs");
            reader.refuse_as(Code::TooLarge, span, message, "split the file");
            break;
        }
        let is_named = values::check_name(reader, name, span, "the name of a job");
        let text = job::read(reader, name, node, common);
        let name = JobName::new(name).ok().filter(|_| is_named);
        texts.extend(name.zip(text).map(|(name, text)| text.of(name, location.clone())));
    }
    if fields.in_order().next().is_none() {
        refuse_no_jobs(reader, node);
    }
    Some(texts)
}

fn refuse_no_jobs(reader: &mut Reader<'_>, node: &Node) {
    let hint = "write the name of a job below `jobs:`, and its `ops:` below that";
    reader.refuse_as(Code::NoValue, node.span, "the file has no jobs", hint);
}
