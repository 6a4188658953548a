//! The config of a job: any YAML as JSON.

use config::yaml::{Node, Value};
use config::{Code, Reader};
use serde_json::{Map, Number, Value as Json};

use super::values::refuse_nul;

/// Takes a map with text keys at every depth; what JSON cannot say is noted.
pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Json {
    match node.value {
        Value::Map(_) => json(reader, node),
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Float(_)
        | Value::Text(_)
        | Value::List(_) => {
            reader.refuse_kind(node, "`config`", "a map");
            Json::Null
        }
    }
}

fn json(reader: &mut Reader<'_>, node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(answer) => Json::Bool(*answer),
        Value::Int(number) => whole(reader, node, *number),
        Value::Float(number) => fraction(reader, node, *number),
        Value::Text(text) => {
            if text.contains('\0') {
                refuse_nul(reader, node.span, "a value of `config`");
            }
            Json::String(text.clone())
        }
        Value::List(items) => Json::Array(items.iter().map(|item| json(reader, item)).collect()),
        Value::Map(_) => {
            let fields = reader.map(node, "`config`");
            let entries = fields.iter().flat_map(config::Fields::in_order);
            Json::Object(
                entries
                    .map(|(key, _, node)| (key.to_owned(), json(reader, node)))
                    .collect::<Map<String, Json>>(),
            )
        }
    }
}

/// A number beyond 64 bits was read as the nearest that fits, which is not what was written.
fn whole(reader: &mut Reader<'_>, node: &Node, number: i64) -> Json {
    let is_edge = number == i64::MAX || number == i64::MIN;
    if is_edge && reader.source().slice(node.span).replace(['_', '+'], "") != number.to_string() {
        let hint = "put it in quotes, so that it is a text";
        reader.refuse_as(Code::OutOfRange, node.span, "the number does not fit into 64 bits", hint);
    }
    Json::from(number)
}

fn fraction(reader: &mut Reader<'_>, node: &Node, number: f64) -> Json {
    if let Some(number) = Number::from_f64(number) {
        return Json::Number(number);
    }
    let hint = "put it in quotes, so that it is a text";
    reader.refuse_as(Code::WrongValue, node.span, "JSON has no such number", hint);
    Json::Null
}
