//! `workspace.yaml`: the code locations that a deployment has, as Dagster writes it.

use std::path::{Path, PathBuf};

use config::yaml::{Document, Node, Value, parse};
use config::{Code, Fields, Problems, Reader, StepStart};
use wire::shim::{Target, TargetKind};

use super::PythonLocation;

/// How the file is called.
pub const WORKSPACE: &str = "workspace.yaml";

/// How many code locations a workspace may have: each is an interpreter that is started.
const MAX_LOCATIONS: usize = 200;

/// The kinds of entries, each with the key that says what is loaded when more than that is said.
const KINDS: [(&str, &str); 3] = [
    ("python_file", "relative_path"),
    ("python_module", "module_name"),
    ("python_package", "package_name"),
];

/// Entries of Dagster's that name nothing that can be loaded here.
const NOT_HERE: [(&str, &str); 2] = [
    (
        "grpc_server",
        "a code server is not asked: name its file or module, with its `executable_path`",
    ),
    ("autoload_defs_module", "name the module that makes the definitions as `python_module`"),
];

/// Where a workspace file stands, and where Python runs if it does not say.
#[derive(Debug, Clone, Copy)]
struct Ground<'a> {
    folder: &'a Path,
    current: &'a Path,
}

/// Reads the text of a workspace file that stands at `path`, absolute; `current` is the folder in which
/// Python runs where the file does not say.
///
/// # Errors
/// Everything that is wrong in it.
pub fn read_workspace(
    path: &Path,
    current: &Path,
    bytes: &[u8],
) -> Result<Vec<PythonLocation>, Problems> {
    let shown = path.display().to_string();
    let Document { source, root } = parse(&shown, bytes)?;
    let mut reader = Reader::new(&source);
    let ground = Ground { folder: path.parent().unwrap_or(path), current };
    let locations = entries(&mut reader, &root, ground);
    reader.finish()?;
    Ok(locations)
}

fn entries(reader: &mut Reader<'_>, root: &Node, ground: Ground<'_>) -> Vec<PythonLocation> {
    if root.value == Value::Null {
        return Vec::new();
    }
    let Some(fields) = reader.map_of(root, "the workspace", &["load_from"]) else {
        return Vec::new();
    };
    let Some(node) = reader.required(&fields, "load_from", "the workspace") else {
        return Vec::new();
    };
    let items = reader.list(node, "`load_from`").unwrap_or_default();
    if items.len() > MAX_LOCATIONS {
        let message = format!("`load_from` has more than {MAX_LOCATIONS} entries");
        let hint = "split the workspace: each entry is an interpreter that is started";
        reader.refuse_as(Code::TooLarge, node.span, message, hint);
        return Vec::new();
    }
    items.iter().filter_map(|item| entry(reader, item, ground)).collect()
}

fn entry(reader: &mut Reader<'_>, item: &Node, ground: Ground<'_>) -> Option<PythonLocation> {
    let fields = reader.map(item, "an entry of `load_from`")?;
    let mut keys = fields.in_order();
    let (Some((key, span, value)), None) = (keys.next(), keys.next()) else {
        let hint = "begin each location with `- `, as in `- python_file: defs.py`";
        reader.refuse_with_hint(item.span, "an entry of `load_from` names one location", hint);
        return None;
    };
    if let Some((_, hint)) = NOT_HERE.iter().find(|(known, _)| *known == key) {
        let message = format!("`{key}` is not supported");
        reader.refuse_as(Code::UnknownKey, span, message, *hint);
        return None;
    }
    let Some((kind, name_key)) = KINDS.iter().find(|(known, _)| *known == key) else {
        let known: Vec<&str> = KINDS.iter().map(|(known, _)| *known).collect();
        reader.refuse_unknown(key, span, "an entry of `load_from`", &known);
        return None;
    };
    if value.as_map().is_none() {
        let name = reader.text(value, &format!("`{kind}`"))?;
        return Some(location(kind, name, &Said::default(), ground));
    }
    let known =
        [name_key, "attribute", "working_directory", "location_name", "executable_path", "steps"];
    let fields = reader.map_of(value, &format!("`{kind}`"), &known)?;
    let name = reader.required(&fields, name_key, &format!("`{kind}`"));
    let said = Said {
        attribute: text(reader, &fields, "attribute"),
        working_directory: text(reader, &fields, "working_directory"),
        location_name: text(reader, &fields, "location_name"),
        executable_path: text(reader, &fields, "executable_path"),
        steps: steps(reader, &fields),
        is_long: true,
    };
    let name = name.and_then(|node| reader.text(node, &format!("`{name_key}`")))?;
    Some(location(kind, name, &said, ground))
}

/// What an entry says beside what is loaded.
#[derive(Debug, Default)]
struct Said {
    attribute: Option<String>,
    working_directory: Option<String>,
    location_name: Option<String>,
    executable_path: Option<String>,
    steps: Option<StepStart>,
    is_long: bool,
}

/// Reads how steps are started: a key of ours, which Dagster refuses.
fn steps(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<StepStart> {
    let node = fields.get("steps").filter(|node| node.value != Value::Null)?;
    let word = reader.text(node, "`steps`")?;
    let steps = StepStart::of_word(word);
    if steps.is_none() {
        let hint = "`forked` executes steps by forks of one process that has loaded the code";
        let message = format!("`steps` is `cold` or `forked`, not `{word}`");
        reader.refuse_with_hint(node.span, message, hint);
    }
    steps
}

fn text(reader: &mut Reader<'_>, fields: &Fields<'_>, key: &str) -> Option<String> {
    let node = fields.get(key).filter(|node| node.value != Value::Null)?;
    reader.text(node, &format!("`{key}`")).map(str::to_owned)
}

/// Makes a location. Paths stand relative to the workspace file. Without a working directory, that is
/// the current folder, but for files that are named with more than their path: Dagster takes the
/// workspace's folder for these.
fn location(kind: &str, name: &str, said: &Said, ground: Ground<'_>) -> PythonLocation {
    let (what, is_file) = match kind {
        "python_file" => (TargetKind::File { path: ground.folder.join(name) }, true),
        "python_module" => (TargetKind::Module { module: name.to_owned() }, false),
        _ => (TargetKind::Package { package: name.to_owned() }, false),
    };
    let working_directory = match &said.working_directory {
        Some(folder) => ground.folder.join(folder),
        None if is_file && said.is_long => ground.folder.to_owned(),
        None => ground.current.to_owned(),
    };
    // A program without a slash is looked for in PATH.
    let executable = said.executable_path.as_deref().map(|program| {
        let is_path = program.contains('/');
        if is_path { ground.folder.join(program) } else { PathBuf::from(program) }
    });
    let target = Target { what, attribute: said.attribute.clone(), working_directory };
    let location = PythonLocation::new(target, said.location_name.as_deref(), executable);
    PythonLocation { steps: said.steps, ..location }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn read(text: &str) -> Result<Vec<PythonLocation>, Problems> {
        read_workspace(Path::new("/srv/workspace.yaml"), Path::new("/current"), text.as_bytes())
    }

    fn check(text: &str, expected: &Expect) {
        let shown = |location: &PythonLocation| {
            let Target { attribute, working_directory, .. } = &location.target;
            let executable = location.executable.as_deref().unwrap_or(Path::new("-"));
            format!(
                "{}: {location} {attribute:?} in {} by {}\n",
                location.name,
                working_directory.display(),
                executable.display()
            )
        };
        match read(text) {
            Ok(locations) => expected.assert_eq(&locations.iter().map(shown).collect::<String>()),
            Err(problems) => expected.assert_eq(&problems.to_string()),
        }
    }

    #[test]
    fn all_forms_are_read() {
        let text = "
load_from:
  - python_file: jobs/defs.py
  - python_file:
      relative_path: jobs/more.py
      attribute: defs
      location_name: more
      executable_path: .venv/bin/python
  - python_module: team.defs
  - python_module: {module_name: team.other, working_directory: src, executable_path: python3.12}
  - python_package: {package_name: team}
";
        check(
            text,
            &expect![[r#"
            defs.py: /srv/jobs/defs.py None in /current by -
            more: /srv/jobs/more.py Some("defs") in /srv by /srv/.venv/bin/python
            team.defs: module team.defs None in /current by -
            team.other: module team.other None in /srv/src by python3.12
            team: package team None in /current by -
        "#]],
        );
        check("", &expect![""]);
    }

    #[test]
    fn a_location_may_say_how_its_steps_are_started() {
        let steps = |text: &str| read(text).unwrap()[0].steps;
        let of =
            |word| format!("load_from: [{{python_module: {{module_name: a, steps: {word}}}}}]");
        assert_eq!(steps(&of("forked")), Some(StepStart::Forked));
        assert_eq!(steps(&of("cold")), Some(StepStart::Cold));
        assert_eq!(steps(&of("null")), None);
        assert_eq!(steps("load_from: [{python_module: a}]"), None);
    }

    #[test]
    fn what_is_wrong_is_shown_with_its_place() {
        check(
            "load_from:\n  - grpc_server: {port: 4266}\n",
            &expect![[r"
            /srv/workspace.yaml:2:5: `grpc_server` is not supported
             2 |   - grpc_server: {port: 4266}
               |     ^^^^^^^^^^^
               = hint: a code server is not asked: name its file or module, with its `executable_path`"]],
        );
        check(
            "load_from:\n  - python_modul: a\n",
            &expect![[r"
            /srv/workspace.yaml:2:5: an entry of `load_from` has no key `python_modul`
             2 |   - python_modul: a
               |     ^^^^^^^^^^^^
               = hint: did you mean `python_module`?"]],
        );
        check(
            "load_from:\n  - python_module: {module_name: a, steps: hot}\n",
            &expect![[r"
            /srv/workspace.yaml:2:44: `steps` is `cold` or `forked`, not `hot`
             2 |   - python_module: {module_name: a, steps: hot}
               |                                            ^^^
               = hint: `forked` executes steps by forks of one process that has loaded the code"]],
        );
        assert!(read("load_from: {python_file: a.py}").is_err());
        assert!(read("load_from: [{python_file: {attribute: defs}}]").is_err());
        assert!(read("load_from: [{python_file: a.py, python_module: b}]").is_err());
    }
}
