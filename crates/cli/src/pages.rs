//! `pointsman completions` and `pointsman man`: what shells and `man` know of the command line, made of
//! the very definitions that are parsed.

use std::path::PathBuf;

use clap::{Args, Command};
use clap_complete::Shell;

use crate::answer::{Answer, UNREADABLE};

#[derive(Debug, Args)]
#[command(after_help = "\
To have it in every new shell:
  bash  pointsman completions bash > ~/.local/share/bash-completion/completions/pointsman
  zsh   pointsman completions zsh > ~/.zfunc/_pointsman
        (with `fpath+=~/.zfunc; autoload -Uz compinit && compinit` in ~/.zshrc)
  fish  pointsman completions fish > ~/.config/fish/completions/pointsman.fish

Example:
  source <(pointsman completions bash)")]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

#[derive(Debug, Args)]
#[command(after_help = "\
To read them with `man pointsman` and `man pointsman-run-list`:
  pointsman man --dir ~/.local/share/man/man1

Example:
  pointsman man | man -l -")]
pub(crate) struct ManArgs {
    /// Write a page for every command into this folder, which is made if it is not there
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
}

/// Prints a script that makes a shell complete the commands of `root`.
pub(crate) fn completions(args: &CompletionsArgs, mut root: Command) -> Answer {
    let name = root.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut root, name, &mut script);
    Answer { stdout: String::from_utf8_lossy(&script).into_owned(), ..Answer::default() }
}

/// Prints the manual page of `root`, or writes the pages of all its commands.
pub(crate) fn man(args: &ManArgs, root: Command) -> Answer {
    let written = match &args.dir {
        Some(folder) => std::fs::create_dir_all(folder)
            .and_then(|()| clap_mangen::generate_to(root, folder))
            .map(|()| format!("Wrote the pages to {}.\n", folder.display())),
        None => {
            let mut page = Vec::new();
            let rendered = clap_mangen::Man::new(root).render(&mut page);
            rendered.map(|()| String::from_utf8_lossy(&page).into_owned())
        }
    };
    match written {
        Ok(stdout) => Answer { stdout, ..Answer::default() },
        Err(error) => Answer {
            stderr: format!("error: cannot write the pages: {error}\n"),
            code: UNREADABLE,
            ..Answer::default()
        },
    }
}
