//! `pointsman help`: the help of any command, and topics that no single command is about.

use std::fmt::Write;

use clap::{Args, Command};

use crate::answer::{Answer, UNREADABLE};

/// A topic: its name, what it is about, its page.
struct Topic {
    name: &'static str,
    about: &'static str,
    page: &'static str,
}

const TOPICS: &[Topic] = &[
    Topic {
        name: "limits",
        about: "Which limit do I need?",
        page: include_str!("help/limits.txt"),
    },
    Topic {
        name: "priority",
        about: "Which run goes first, and how to change that",
        page: include_str!("help/priority.txt"),
    },
    Topic {
        name: "waiting",
        about: "Why does my run not start?",
        page: include_str!("help/waiting.txt"),
    },
    Topic {
        name: "exit-codes",
        about: "What exit codes mean, and what scripts can rely on",
        page: include_str!("help/exit-codes.txt"),
    },
];

#[derive(Debug, Args)]
#[command(after_help = topics())]
pub(crate) struct HelpArgs {
    /// The command, or a topic
    #[arg(value_name = "COMMAND or TOPIC")]
    words: Vec<String>,
}

/// Returns the list of topics, as help pages show it.
pub(crate) fn topics() -> String {
    let mut text = "Topics:\n".to_owned();
    for Topic { name, about, .. } in TOPICS {
        let _ = writeln!(text, "  {name:<10}  {about}");
    }
    text + "\nExample:\n  pointsman help limits\n  pointsman help run list"
}

/// Returns the help that is asked for. `root` is the whole command line.
pub(crate) fn run(args: &HelpArgs, mut root: Command) -> Answer {
    root.build();
    if let [name] = args.words.as_slice()
        && let Some(topic) = TOPICS.iter().find(|topic| topic.name == name)
    {
        return Answer { stdout: topic.page.to_owned(), ..Answer::default() };
    }
    let mut command = &root;
    for (depth, word) in args.words.iter().enumerate() {
        match command.find_subcommand(word) {
            Some(found) => command = found,
            None => return unknown(word, command, if depth == 0 { TOPICS } else { &[] }),
        }
    }
    // As `COMMAND --help` says it, short or long.
    let asked = ["pointsman"].into_iter().chain(args.words.iter().map(String::as_str));
    let help = match root.clone().try_get_matches_from(asked.chain(["--help"])) {
        Ok(_) => String::new(),
        Err(help) => help.to_string(),
    };
    let more = if args.words.is_empty() { format!("\n{}\n", topics()) } else { String::new() };
    Answer { stdout: help + &more, ..Answer::default() }
}

fn unknown(word: &str, command: &Command, topics: &[Topic]) -> Answer {
    let commands = command.get_subcommands().filter(|command| !command.is_hide_set());
    let known = commands.map(Command::get_name).chain(topics.iter().map(|topic| topic.name));
    let known: Vec<&str> = known.collect();
    let hint = if known.is_empty() {
        format!("`{}` has no commands of its own", command.get_name())
    } else {
        format!("known: {}", known.join(", "))
    };
    let stderr = format!("error: there is no command or topic `{word}`\nhint: {hint}\n");
    Answer { stderr, code: UNREADABLE, ..Answer::default() }
}
