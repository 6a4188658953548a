//! Which items of `submission_hooks` are mistakes: those that do nothing, or two things, or lack what
//! they need, or name what no hook gets or may set.

use model::{PRIORITY_TAG, Priority, is_reserved_tag, is_withheld_header};

use crate::code::Code;
use crate::problem::quoted;
use crate::reader::Reader;
use crate::record::{Datum, Found, Record};

/// What an item can do, by the key that says it.
const ACTIONS: [&str; 4] = ["tag", "reject", "command", "module"];

/// Keys that have a meaning beside one other key only.
const COMPANIONS: [(&str, &str); 3] =
    [("timeout_seconds", "command"), ("class", "module"), ("config", "module")];

/// Notes every mistake in the items of a file.
pub(crate) fn refuse_what_is_no_hook(reader: &mut Reader<'_>, root: &Record) {
    let Some((_, items)) = root.blocks("submission_hooks") else { return };
    for (index, item) in items.iter().enumerate() {
        let path = format!("submission_hooks[{index}]");
        refuse_not_one_action(reader, &path, item);
        refuse_companions(reader, &path, item);
        if let Some(rule) = item.block("tag") {
            refuse_tag(reader, &format!("{path}.tag"), rule);
        }
        if let Some(found) = item.given("command") {
            refuse_empty(reader, &format!("{path}.command"), found);
        }
        if let Some(found) = item.given("config") {
            refuse_no_map(reader, &format!("{path}.config"), found);
        }
        if let (Some(found), Some(when)) = (item.given("when"), item.block("when")) {
            refuse_condition(reader, &format!("{path}.when"), found, when);
        }
    }
}

fn refuse_not_one_action(reader: &mut Reader<'_>, path: &str, item: &Record) {
    let mut said: Vec<(&str, &Found)> =
        ACTIONS.iter().filter_map(|key| Some((*key, item.given(key)?))).collect();
    said.sort_by_key(|(_, found)| found.key_span);
    let (first, others) = match said.split_first() {
        Some(((first, _), others)) => (*first, others),
        // What a class lacks is told by itself.
        None if item.given("class").is_some() => return,
        None => {
            let message = format!("`{path}` does nothing");
            let hint = "give it one of `tag`, `reject`, `command` and `module`";
            reader.refuse_as(Code::MissingKey, item.span, message, hint);
            return;
        }
    };
    for (other, found) in others {
        let message = format!("`{path}.{other}` cannot stand beside `{first}`");
        let hint = "an item does one thing: make two items of them";
        reader.refuse_as(Code::Conflict, found.key_span, message, hint);
    }
}

fn refuse_companions(reader: &mut Reader<'_>, path: &str, item: &Record) {
    for (key, with) in COMPANIONS {
        if let (Some(found), None) = (item.given(key), item.given(with)) {
            let (code, message, hint) = if key == "class" {
                let hint = "add `module: my_package.hooks`".to_owned();
                (Code::MissingKey, format!("`{path}` has no `module`"), hint)
            } else {
                let message = format!("`{path}.{key}` has no meaning without `{with}`");
                (Code::Conflict, message, format!("remove it, or add `{with}`"))
            };
            reader.refuse_as(code, found.key_span, message, hint);
        }
    }
    if let (Some(found), None) = (item.given("module"), item.given("class")) {
        let message = format!("`{path}` has no `class`");
        reader.refuse_as(Code::MissingKey, found.key_span, message, "add `class: MyHook`");
    }
    if let (Some(found), Some(_)) = (item.given("when"), item.given("module")) {
        let message = format!("`{path}.when` cannot stand beside `module`");
        let hint = "remove it: a class decides by itself which runs it is about";
        reader.refuse_as(Code::Conflict, found.key_span, message, hint);
    }
}

fn refuse_no_map(reader: &mut Reader<'_>, path: &str, found: &Found) {
    if matches!(&found.datum, Datum::Anything(value) if !value.is_object()) {
        let hint = "write the keys that the class takes, or remove it";
        reader.refuse_as(Code::WrongType, found.span, format!("`{path}` must be a map"), hint);
    }
}

fn refuse_tag(reader: &mut Reader<'_>, path: &str, rule: &Record) {
    let key = rule.text("key").map(|key| key.value).unwrap_or_default();
    if let (true, Some(found)) = (is_reserved_tag(&key), rule.given("key")) {
        let message = format!("`{path}.key` cannot be {}", quoted(&key));
        reader.refuse_as(
            Code::WrongValue,
            found.span,
            message,
            "only Pointsman itself sets this tag: choose another key",
        );
    }
    let from = rule.text("from").map(|from| from.value).unwrap_or_default();
    refuse_misfits(reader, path, rule, &from);
    if let Some(found) = rule.given("header") {
        refuse_header_of(reader, &format!("{path}.header"), found);
    }
    if key == PRIORITY_TAG {
        for name in ["value", "default"] {
            refuse_no_priority(reader, &format!("{path}.{name}"), rule.given(name));
        }
    }
}

/// Each source has keys of its own.
fn refuse_misfits(reader: &mut Reader<'_>, path: &str, rule: &Record, from: &str) {
    for (key, sources, example) in [
        ("header", &["header"][..], "add `header: X-Team`"),
        ("value", &["constant"][..], "add `value: docs`"),
        ("default", &["header", "user"][..], ""),
    ] {
        let is_of_source = sources.contains(&from);
        match (rule.given(key), rule.given("from")) {
            (None, Some(found)) if is_of_source && !example.is_empty() => {
                let message = format!("`{path}` has no `{key}`, which `from: {from}` needs");
                reader.refuse_as(Code::MissingKey, found.span, message, example);
            }
            (Some(found), Some(_)) if !is_of_source && !from.is_empty() => {
                let message = format!("`{path}.{key}` has no meaning with `from: {from}`");
                let hint = format!("remove it, or write `from: {}`", sources.join("` or `from: "));
                reader.refuse_as(Code::Conflict, found.key_span, message, hint);
            }
            _ => {}
        }
    }
}

fn refuse_no_priority(reader: &mut Reader<'_>, path: &str, found: Option<&Found>) {
    let Some(found) = found else { return };
    let Datum::Text(text) = &found.datum else { return };
    if let Err(error) = Priority::parse(text) {
        let message = format!("`{path}`: {error}");
        let hint = "a priority is a whole number in quotes, as in '5'";
        reader.refuse_as(Code::WrongValue, found.span, message, hint);
    }
}

fn refuse_empty(reader: &mut Reader<'_>, path: &str, found: &Found) {
    if matches!(&found.datum, Datum::Names(names) if names.is_empty()) {
        let message = format!("`{path}` is empty");
        let hint = "write the program and its arguments, as in [python3, hook.py]";
        reader.refuse_as(Code::NoValue, found.span, message, hint);
    }
}

fn refuse_condition(reader: &mut Reader<'_>, path: &str, found: &Found, when: &Record) {
    let written = reader.source().slice(found.span);
    let is_empty = written.trim_matches(['{', '}', ' ']).is_empty();
    if when.fields.is_empty() && is_empty {
        let message = format!("`{path}` says nothing");
        let hint = "remove it to have the hook see every run";
        reader.refuse_as(Code::NoValue, found.span, message, hint);
    }
    for key in ["headers", "without_headers"] {
        let path = format!("{path}.{key}");
        match when.given(key).map(|found| (found, &found.datum)) {
            Some((found, Datum::Texts(texts))) => {
                for name in texts.keys() {
                    refuse_header(reader, &path, found, name);
                }
            }
            Some((found, Datum::Names(names))) => {
                for name in names {
                    refuse_header(reader, &path, found, name);
                }
            }
            _ => {}
        }
    }
}

fn refuse_header_of(reader: &mut Reader<'_>, path: &str, found: &Found) {
    if let Datum::Text(name) = &found.datum {
        refuse_header(reader, path, found, name);
    }
}

fn refuse_header(reader: &mut Reader<'_>, path: &str, found: &Found, name: &str) {
    let is_name = |c: u8| c.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&c);
    if is_withheld_header(name) {
        let message = format!("`{path}` cannot name {}", quoted(name));
        let hint = "this header holds a secret, and no hook is told it";
        reader.refuse_as(Code::WrongValue, found.span, message, hint);
    } else if name.is_empty() || !name.bytes().all(is_name) {
        let message = format!("`{path}`: {} is no name of a header", quoted(name));
        let hint = "a name has letters, digits and `-`, as in X-Team";
        reader.refuse_as(Code::WrongValue, found.span, message, hint);
    }
}
