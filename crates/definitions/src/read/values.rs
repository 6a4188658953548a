//! Single values: names, texts as they are written, tags, variables.

use std::collections::BTreeMap;

use config::yaml::{Node, Value};
use config::{Code, Reader, Span, quoted};
use model::{PRIORITY_TAG, Priority, PriorityError};
use wire::plan::EnvValue;

/// How long a name may be, in bytes: names become parts of file names and of lines.
pub const NAME_BYTES: usize = 128;

/// The variables by which a command is told about its run.
const OWN_VARIABLES: [&str; 8] = [
    "POINTSMAN_RUN_ID",
    "POINTSMAN_JOB",
    "POINTSMAN_STEP",
    "POINTSMAN_ATTEMPT",
    "POINTSMAN_TRY",
    "POINTSMAN_TAGS",
    "POINTSMAN_CONFIG",
    "POINTSMAN_CONFIG_FILE",
];

/// Returns whether a text can be the name of a job, an op or a code location.
pub(super) fn is_name(text: &str) -> bool {
    let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    (1..=NAME_BYTES).contains(&text.len())
        && text.bytes().all(is_of_name)
        && !text.starts_with(['.', '-'])
}

/// Notes a name that is none; returns whether it is one.
pub(super) fn check_name(reader: &mut Reader<'_>, text: &str, span: Span, what: &str) -> bool {
    if is_name(text) {
        return true;
    }
    let message = match text {
        "" => format!("{what} is empty"),
        text => format!("{what} cannot be {}", quoted(text)),
    };
    let hint = if text.len() > NAME_BYTES {
        format!("it may have {NAME_BYTES} characters")
    } else {
        "use letters, digits, `_`, `.` and `-`, and begin with a letter, a digit or `_`".to_owned()
    };
    reader.refuse_as(Code::WrongValue, span, message, hint);
    false
}

/// Takes a name.
pub(super) fn name<'n>(reader: &mut Reader<'_>, node: &'n Node, what: &str) -> Option<&'n str> {
    let text = reader.text(node, what)?;
    check_name(reader, text, node.span, what).then_some(text)
}

/// Takes a text; a number or `yes` without quotes is none.
pub(super) fn text(reader: &mut Reader<'_>, node: &Node, what: &str) -> Option<String> {
    let text = reader.text(node, what)?.to_owned();
    without_nul(reader, node.span, text, what)
}

/// Takes a text in which something stands.
pub(super) fn filled_text(reader: &mut Reader<'_>, node: &Node, what: &str) -> Option<String> {
    let text = text(reader, node, what)?;
    if text.trim().is_empty() {
        let message = format!("{what} is empty");
        reader.refuse_as(Code::NoValue, node.span, message, "write it, or remove the key");
        return None;
    }
    Some(text)
}

/// Takes a single value as it is written: `1.0`, `yes` and `0x10` are the texts that they look like.
pub(super) fn written(reader: &mut Reader<'_>, node: &Node, what: &str) -> Option<String> {
    let text = match &node.value {
        Value::Text(text) => text.clone(),
        Value::Bool(_) | Value::Int(_) | Value::Float(_) => {
            reader.source().slice(node.span).trim_matches(['\'', '"']).to_owned()
        }
        Value::Null => {
            let hint = "write '' for an empty text, or put the word in quotes";
            reader.refuse_as(Code::NoValue, node.span, format!("{what} is nothing"), hint);
            return None;
        }
        Value::List(_) | Value::Map(_) => {
            reader.refuse_kind(node, what, "text");
            return None;
        }
    };
    without_nul(reader, node.span, text, what)
}

/// No text that reaches a process or a database can have the character NUL in it.
fn without_nul(reader: &mut Reader<'_>, span: Span, text: String, what: &str) -> Option<String> {
    if !text.contains('\0') {
        return Some(text);
    }
    refuse_nul(reader, span, what);
    None
}

/// Notes the character NUL in a text.
pub(super) fn refuse_nul(reader: &mut Reader<'_>, span: Span, what: &str) {
    let message = format!("{what} has the character NUL in it");
    reader.refuse_as(Code::WrongValue, span, message, "take the `\\0` out: no command can get it");
}

/// Tags by key, each value as it is written. A priority that is none is warned of.
pub(super) type TagMap<'n> = BTreeMap<&'n str, (Span, String)>;

/// Takes tags.
pub(super) fn tags<'n>(reader: &mut Reader<'_>, node: &'n Node, of: &str) -> TagMap<'n> {
    let mut tags = BTreeMap::new();
    let Some(fields) = reader.map(node, "`tags`") else {
        return tags;
    };
    for (key, span, node) in fields.in_order() {
        if key.trim().is_empty() || key.contains('\0') {
            let hint = "write a key, as in `team: docs`";
            reader.refuse_as(Code::WrongValue, span, "the key of a tag is blank", hint);
            continue;
        }
        let what = format!("the tag {}", quoted(key));
        if let Some(value) = written(reader, node, &what) {
            if key == PRIORITY_TAG {
                warn_of_priority(reader, node.span, &value, of);
            }
            tags.insert(key, (node.span, value));
        }
    }
    tags
}

fn warn_of_priority(reader: &mut Reader<'_>, span: Span, value: &str, of: &str) {
    let (code, message) = match Priority::parse(value) {
        Ok(_) => return,
        Err(PriorityError::NotAnInteger(_)) => {
            (Code::WrongValue, format!("{} is no priority: {of} has priority 0", quoted(value)))
        }
        Err(PriorityError::OutOfRange(_)) => (
            Code::OutOfRange,
            format!("the priority {} is out of range: {of} has priority 0", quoted(value)),
        ),
    };
    let hint = "write a whole number between -2147483648 and 2147483647";
    reader.warn(code, span, message, hint);
}

/// Takes the variables of a command.
pub(super) fn env(reader: &mut Reader<'_>, node: &Node) -> BTreeMap<String, EnvValue> {
    let mut env = BTreeMap::new();
    let Some(fields) = reader.map(node, "`env`") else {
        return env;
    };
    for (name, span, node) in fields.in_order() {
        let is_good = check_variable(reader, name, span);
        let value = env_value(reader, name, node);
        env.extend(value.filter(|_| is_good).map(|value| (name.to_owned(), value)));
    }
    env
}

fn env_value(reader: &mut Reader<'_>, name: &str, node: &Node) -> Option<EnvValue> {
    let Some(entries) = node.as_map() else {
        return written(reader, node, &format!("the variable {}", quoted(name)))
            .map(EnvValue::Text);
    };
    let from = match entries {
        [entry] if entry.key.as_text() == Some("env") => &entry.value,
        _ => {
            let message = format!("the variable {} must be a text or {{env: NAME}}", quoted(name));
            let hint = format!("{name}: {{env: {name}}} takes it from where Pointsman runs");
            reader.refuse_as(Code::WrongType, node.span, message, hint);
            return None;
        }
    };
    let from_name = reader.text(from, "`env`")?;
    check_is_variable(reader, from_name, from.span).then(|| EnvValue::From(from_name.to_owned()))
}

/// Notes the name of a variable that a command cannot be given.
fn check_variable(reader: &mut Reader<'_>, name: &str, span: Span) -> bool {
    if OWN_VARIABLES.contains(&name) {
        let message = format!("the variable `{name}` is set by Pointsman");
        reader.refuse_as(Code::Conflict, span, message, "give yours another name");
        return false;
    }
    check_is_variable(reader, name, span)
}

fn check_is_variable(reader: &mut Reader<'_>, name: &str, span: Span) -> bool {
    let is_good = !name.is_empty()
        && !name.contains(|c: char| c == '=' || c.is_whitespace() || c.is_control());
    if !is_good {
        let message = format!("{} cannot be the name of a variable", quoted(name));
        let hint = "use letters, digits and `_`, as in `MODE`";
        reader.refuse_as(Code::WrongValue, span, message, hint);
    }
    is_good
}
