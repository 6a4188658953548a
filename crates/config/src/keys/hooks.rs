//! The keys under each item of `submission_hooks`.

use super::{Bounds, Key, Kind, MODULE, OPAQUE_CONFIG, OURS, Owner, Presence, TEXT};
use crate::wording::{COMMAND, TAG_RULE as TAG_RULE_DOC, WHEN};

/// Less than the time that all hooks together have, so that the submitter hears which one it was.
const TIMEOUT: Bounds = Bounds { min: 1, max: 15, words: "between 1 and 15" };

/// Under each item of `submission_hooks`.
pub const HOOK: &[Key] = &[
    Key { name: "tag", kind: Kind::Block(TAG_RULE), doc: TAG_RULE_DOC, ..OURS },
    Key {
        name: "reject",
        kind: TEXT,
        doc: "Refuses the run; this is the reason that the submitter is told.",
        ..OURS
    },
    Key { name: "command", kind: Kind::Names, doc: COMMAND, ..OURS },
    Key {
        name: "timeout_seconds",
        kind: Kind::Whole(TIMEOUT),
        default: "5",
        doc: "How long the program may take over one run, the time to start included. After that the \
              submission fails and the program is ended.",
        ..OURS
    },
    Key { name: "when", kind: Kind::Block(CONDITION), doc: WHEN, ..OURS },
    Key {
        example: "",
        doc: "The Python module of a run coordinator class, which is asked about every run.",
        ..HOOK_MODULE
    },
    Key { name: "class", example: "", doc: "The class in it.", ..HOOK_MODULE },
    Key { owner: Owner::Pointsman, ..OPAQUE_CONFIG },
];

const HOOK_MODULE: Key = Key { owner: Owner::Pointsman, presence: Presence::Optional, ..MODULE };

/// Under `tag` of an item of `submission_hooks`.
pub const TAG_RULE: &[Key] = &[
    Key {
        name: "key",
        kind: TEXT,
        example: "team",
        doc: "The key of the tag. `dagster/priority` counts as the run's priority; \
              `dagster/code_location` and what begins with `.dagster/` cannot be set.",
        presence: Presence::Required,
        ..OURS
    },
    Key {
        name: "from",
        kind: Kind::Choice(&["header", "code_location", "job", "user", "constant"]),
        example: "code_location",
        doc: "Where its value comes from: a header of the request, the name of the code location or \
              of the job, who submits the run, or `value`.",
        presence: Presence::Required,
        ..OURS
    },
    Key {
        name: "header",
        kind: TEXT,
        doc: "The name of the header, in any case; with `from: header`.",
        ..OURS
    },
    Key {
        name: "value",
        kind: Kind::Text(super::Emptiness::Allowed),
        doc: "The value; with `from: constant`.",
        ..OURS
    },
    Key {
        name: "default",
        kind: Kind::Text(super::Emptiness::Allowed),
        doc: "The value where the header is missing or empty, or nobody is named; with \
              `from: header` and `from: user`.",
        ..OURS
    },
    Key {
        name: "overwrite",
        default: "false",
        doc: "What happens to a tag that the run has already, from its submitter, its job or an \
              earlier item: with `true` this value takes its place.",
        ..OURS
    },
];

/// Under `when` of an item of `submission_hooks`.
pub const CONDITION: &[Key] = &[
    Key { name: "job", kind: TEXT, doc: "The name of the job.", ..OURS },
    Key { name: "location", kind: TEXT, doc: "The name of its code location.", ..OURS },
    Key {
        name: "tags",
        kind: Kind::Texts,
        default: "any",
        doc: "Tags that the run must have, each with its value.",
        ..OURS
    },
    Key {
        name: "headers",
        kind: Kind::Texts,
        default: "any",
        doc: "Headers that the request must have, each with its value.",
        ..OURS
    },
    Key {
        name: "without_tags",
        kind: Kind::Names,
        default: "none",
        doc: "Keys of tags that the run must not have.",
        ..OURS
    },
    Key {
        name: "without_headers",
        kind: Kind::Names,
        default: "none",
        doc: "Names of headers that the request must not have.",
        ..OURS
    },
];
