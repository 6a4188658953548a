//! What a guard is told by its arguments, both ways: the worker writes them, the guard reads them.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

/// What a guard is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orders {
    /// The file of the step's lock.
    pub lock: PathBuf,
    /// Where the command's standard output is kept.
    pub out: PathBuf,
    /// Where the command's standard error is kept.
    pub err: PathBuf,
    /// What the command reads on its standard input; nothing, if not set.
    pub input: Option<PathBuf>,
    /// Where is kept what the command writes on a descriptor of its own beside its output, if it has
    /// one: its last arguments are then `--answer-fd` and the number of that descriptor.
    pub answer: Option<PathBuf>,
    /// The socket of a server that may have the command executed by a fork of itself; it is started as
    /// it is where that is refused, and if it has no answer.
    pub fork: Option<PathBuf>,
    /// How many bytes are kept of standard output, and of standard error.
    pub max_output: u64,
    /// How many bytes are kept of the answer.
    pub max_answer: u64,
    /// How long the command and what it started have between SIGTERM and SIGKILL; at most a year.
    pub grace: Duration,
    /// The folder in which the command runs.
    pub cwd: PathBuf,
    /// The program and its arguments, at least the program; never read by a shell.
    pub command: Vec<OsString>,
}

/// Says why the arguments of a guard are wrong.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OrdersError {
    /// An argument that it does not know, or one without its value.
    #[error("the argument {0} is unknown or has no value")]
    Unknown(String),
    /// A value that is not what it should be.
    #[error("the value of {0} is not a number that it can be")]
    NotANumber(&'static str),
    /// An argument that must be there is not.
    #[error("the argument {0} is missing")]
    Missing(&'static str),
}

/// The arguments, in the order in which they are written.
const LOCK: &str = "--lock";
const OUT: &str = "--out";
const ERR: &str = "--err";
const INPUT: &str = "--in";
const ANSWER: &str = "--answer";
const FORK: &str = "--fork";
const MAX_OUTPUT: &str = "--max-output";
const MAX_ANSWER: &str = "--max-answer";
const GRACE: &str = "--grace-seconds";
const CWD: &str = "--cwd";
/// Everything behind it is the command.
const COMMAND: &str = "--";

impl Orders {
    /// Writes the arguments.
    pub fn to_args(&self) -> Vec<OsString> {
        let mut args: Vec<OsString> = vec![
            LOCK.into(),
            self.lock.clone().into(),
            OUT.into(),
            self.out.clone().into(),
            ERR.into(),
            self.err.clone().into(),
            MAX_OUTPUT.into(),
            self.max_output.to_string().into(),
            MAX_ANSWER.into(),
            self.max_answer.to_string().into(),
            GRACE.into(),
            format!("{}.{:09}", self.grace.as_secs(), self.grace.subsec_nanos()).into(),
            CWD.into(),
            self.cwd.clone().into(),
        ];
        let named = [(INPUT, &self.input), (ANSWER, &self.answer), (FORK, &self.fork)];
        for (name, path) in named {
            args.extend(path.iter().flat_map(|path| [name.into(), path.clone().into()]));
        }
        args.push(COMMAND.into());
        args.extend(self.command.iter().cloned());
        args
    }

    /// Reads the arguments.
    ///
    /// # Errors
    /// One is unknown, missing or no number.
    pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Self, OrdersError> {
        let mut args = args.into_iter();
        let mut given = Given::default();
        while let Some(name) = args.next() {
            if name == COMMAND {
                break;
            }
            let unknown = || OrdersError::Unknown(name.display().to_string());
            let slot = given.slot(&name).ok_or_else(unknown)?;
            *slot = Some(args.next().ok_or_else(unknown)?);
        }
        let command: Vec<OsString> = args.collect();
        if command.is_empty() {
            return Err(OrdersError::Missing("-- COMMAND"));
        }
        given.into_orders(command)
    }
}

/// The values as they are given.
#[derive(Default)]
struct Given {
    lock: Option<OsString>,
    out: Option<OsString>,
    err: Option<OsString>,
    input: Option<OsString>,
    answer: Option<OsString>,
    fork: Option<OsString>,
    max_output: Option<OsString>,
    max_answer: Option<OsString>,
    grace: Option<OsString>,
    cwd: Option<OsString>,
}

impl Given {
    fn slot(&mut self, name: &OsString) -> Option<&mut Option<OsString>> {
        match name.to_str()? {
            LOCK => Some(&mut self.lock),
            OUT => Some(&mut self.out),
            ERR => Some(&mut self.err),
            INPUT => Some(&mut self.input),
            ANSWER => Some(&mut self.answer),
            FORK => Some(&mut self.fork),
            MAX_OUTPUT => Some(&mut self.max_output),
            MAX_ANSWER => Some(&mut self.max_answer),
            GRACE => Some(&mut self.grace),
            CWD => Some(&mut self.cwd),
            _ => None,
        }
    }

    fn into_orders(self, command: Vec<OsString>) -> Result<Orders, OrdersError> {
        let path = |value: Option<OsString>, name| {
            value.map(PathBuf::from).ok_or(OrdersError::Missing(name))
        };
        let grace: f64 = number(self.grace, GRACE)?;
        Ok(Orders {
            lock: path(self.lock, LOCK)?,
            out: path(self.out, OUT)?,
            err: path(self.err, ERR)?,
            input: self.input.map(PathBuf::from),
            answer: self.answer.map(PathBuf::from),
            fork: self.fork.map(PathBuf::from),
            max_output: number(self.max_output, MAX_OUTPUT)?,
            max_answer: number(self.max_answer, MAX_ANSWER)?,
            grace: Duration::try_from_secs_f64(grace)
                .map_err(|_| OrdersError::NotANumber(GRACE))?,
            cwd: path(self.cwd, CWD)?,
            command,
        })
    }
}

fn number<T: std::str::FromStr>(
    value: Option<OsString>,
    name: &'static str,
) -> Result<T, OrdersError> {
    let value = value.ok_or(OrdersError::Missing(name))?;
    let text = value.to_str().ok_or(OrdersError::NotANumber(name))?;
    text.parse().map_err(|_| OrdersError::NotANumber(name))
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    fn orders() -> Orders {
        Orders {
            lock: "/a/lock".into(),
            out: "/a/--out".into(),
            err: "/a/err".into(),
            input: None,
            answer: None,
            fork: None,
            max_output: u64::MAX,
            max_answer: 7,
            grace: Duration::from_millis(1500),
            cwd: "/".into(),
            command: ["--lock", "--", ";$()\n -rf", ""].map(OsString::from).to_vec(),
        }
    }

    #[test]
    fn orders_read_back_as_they_were_written() {
        let mut orders = orders();
        orders.command.push(OsString::from_vec(vec![0xff, 0xfe]));
        assert_eq!(Orders::parse(orders.to_args()), Ok(orders.clone()));
        (orders.input, orders.answer) = (Some("--".into()), Some("/a/answer".into()));
        orders.fork = Some("/a/forks".into());
        assert_eq!(Orders::parse(orders.to_args()), Ok(orders));
    }

    #[test]
    fn wrong_arguments_are_named() {
        let parse = |args: &[&str]| Orders::parse(args.iter().map(OsString::from)).unwrap_err();
        assert_eq!(parse(&["--x", "1"]), OrdersError::Unknown("--x".to_owned()));
        assert_eq!(parse(&["--lock"]), OrdersError::Unknown("--lock".to_owned()));
        assert_eq!(parse(&["--lock", "a"]), OrdersError::Missing("-- COMMAND"));
        assert_eq!(parse(&["--grace-seconds", "-1", "--", "true"]), OrdersError::Missing("--lock"));
        let mut args = orders().to_args();
        let grace = args.iter().position(|arg| arg == GRACE).unwrap() + 1;
        args[grace] = "-1".into();
        assert_eq!(Orders::parse(args), Err(OrdersError::NotANumber("--grace-seconds")));
    }
}
