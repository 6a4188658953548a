//! `pointsman init`: writes an example to begin with.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use clap::Args;

use crate::answer::{Answer, UNREADABLE, WRONG};

/// The name of the file that is written into a folder.
const FILE: &str = "jobs.yaml";

/// Where the example goes.
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// A folder, made if it is not there, or the name of a file that ends in .yaml or .yml.
    #[arg(value_name = "FOLDER or FILE", default_value = ".")]
    path: PathBuf,
}

/// Writes the example; a file that is there is never written over.
pub(crate) fn init(args: &InitArgs) -> Answer {
    let is_file = args.path.extension().is_some_and(|end| end == "yaml" || end == "yml");
    let path = if is_file { args.path.clone() } else { args.path.join(FILE) };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let written = folder.map_or(Ok(()), fs::create_dir_all).and_then(|()| {
        let mut file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        file.write_all(definitions::template().as_bytes())
    });
    let shown = path.display();
    match written {
        Ok(()) => Answer {
            stdout: format!(
                "wrote {shown}\n\nNext:\n  pointsman dev {shown}\n\nand in another terminal:\n  \
                 pointsman job list\n"
            ),
            ..Answer::default()
        },
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Answer {
            stderr: format!(
                "error: {shown} is there already and was left as it is; name another folder or file\n"
            ),
            code: WRONG,
            ..Answer::default()
        },
        Err(error) => Answer {
            stderr: format!("error: cannot write {shown}: {error}\n"),
            code: UNREADABLE,
            ..Answer::default()
        },
    }
}
