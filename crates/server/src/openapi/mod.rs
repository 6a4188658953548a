//! The API as an OpenAPI 3.1 document, made of the table of routes and of the shapes on the wire.
//!
//! What is not in the table is not in the document, and what is in the table but for the workers'
//! routes is: those are no part of the API that others may use.

pub(crate) mod operation;

use serde_json::{Map, Value, json};
use wire::api::ErrorAnswer;

use self::operation::{Shapes, TOKEN, shapes_of};
use crate::routes::table;

const ABOUT: &str = "\
The HTTP API of Pointsman, a run coordinator: it decides which run may start, when, and says why not \
yet.

The server listens on a loopback address, and every request must be addressed to a loopback name. \
Reads need no token; everything that changes something does. Times are RFC 3339 in UTC with \
microseconds, and what is absent or unlimited is `null`. Requests are read strictly: a key or a query \
parameter that is not known is an error. Answers may get more keys; read them leniently.

A request has 10 s to arrive and is answered within 30 s. A body has at most 1 MiB. Lists are read page \
by page: what one page gives as `next` is given to the next one. The routes by which workers speak to \
their daemon (`/worker/v1`) are not part of this: they may change with every version.";

const ABOUT_TOKEN: &str = "The text of the file `token` in the home of the daemon, which its owner \
alone can read.";

/// The shapes that users write: what may be left out there is said by the shape itself. In answers,
/// every key is there.
const OF_REQUESTS: [&str; 11] = [
    "SubmitRun",
    "Deployment",
    "CancelRun",
    "SetPoolLimit",
    "Nothing",
    "ReloadLocations",
    "RunChanges",
    "RunQuery",
    "RunChange",
    "FreeSlots",
    "ChangePartitions",
];

/// Returns the OpenAPI document of the API.
pub fn document() -> Value {
    let (mut paths, mut shapes) = (Map::new(), Shapes::new());
    for row in table() {
        let mut methods = Map::new();
        for (method, operation) in row.operations {
            let (told, needed) = operation.into_parts();
            methods.insert(method.to_owned(), told);
            shapes.extend(needed);
        }
        if !methods.is_empty() {
            paths.insert(row.path.to_owned(), methods.into());
        }
    }
    shapes.extend(shapes_of::<ErrorAnswer>());
    for (name, schema) in &mut shapes {
        if !OF_REQUESTS.contains(&name.as_str()) {
            require_all(schema);
        }
    }
    // Exactly one of the two is given; `null` is as good as nothing.
    shapes.entry("RunChanges".to_owned()).and_modify(|shape| {
        let by = |key: &str, kind: &str, description: &str| {
            let given = json!({ "type": kind, "description": description });
            json!({ "required": [key], "properties": { key: given } })
        };
        shape["oneOf"] = json!([
            by("runs", "array", "The runs, by their ids."),
            by("query", "object", "The runs, by what they are like."),
        ]);
    });
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Pointsman",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/", "description": "The server that gives this document." }],
        "paths": paths,
        "components": {
            "schemas": shapes,
            "securitySchemes": {
                TOKEN: { "type": "http", "scheme": "bearer", "description": ABOUT_TOKEN },
            },
        },
    });
    tidy(&mut document);
    document
}

/// Says of every object in a shape that all its keys are there.
fn require_all(schema: &mut Value) {
    if let Some(Value::Object(properties)) = schema.get("properties") {
        let keys: Vec<&String> = properties.keys().collect();
        schema["required"] = json!(keys);
    }
    for parts in ["allOf", "oneOf", "anyOf"] {
        if let Some(Value::Array(parts)) = schema.get_mut(parts) {
            parts.iter_mut().for_each(require_all);
        }
    }
}

/// Turns the links of Rust's documentation into plain text, wherever a description stands.
fn tidy(value: &mut Value) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                match value {
                    Value::String(text) if key == "description" => {
                        *text = text.replace("[`", "`").replace("`]", "`").replace("super::", "");
                    }
                    Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
                    Value::Array(_) | Value::Object(_) => tidy(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
