//! The page on the HTTP API: every JSON that it shows is as the document of the API says.

use serde_json::{Value, json};

use super::document::wrong_with;
use crate::openapi::document;

const PAGE: &str = include_str!("../../../../docs/http-api.md");

/// A block of the page: the heading above it, the word behind its fence, and its text.
type Block = (String, String, String);

fn blocks() -> Vec<Block> {
    let (mut blocks, mut heading) = (Vec::new(), String::new());
    let mut lines = PAGE.lines();
    while let Some(line) = lines.next() {
        if let Some(title) = line.strip_prefix("##") {
            title.trim_matches(['#', ' ', '`']).clone_into(&mut heading);
        } else if let Some(word) = line.strip_prefix("```") {
            let text: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push((heading.clone(), word.to_owned(), text.join("\n")));
        }
    }
    blocks
}

/// Returns the schemas of what goes into an operation and of what comes out of it.
fn schemas(document: &Value, heading: &str) -> Vec<Value> {
    if heading == "Errors" {
        return vec![json!({ "$ref": "#/components/schemas/ErrorAnswer" })];
    }
    let (method, path) = heading.split_once(' ').unwrap();
    let operation = &document["paths"][path][method.to_lowercase()];
    let answers = operation["responses"].as_object().unwrap().iter();
    let answers = answers.filter(|(status, _)| status.starts_with('2')).map(|(_, told)| told);
    let contents = answers.chain([&operation["requestBody"]]).map(|told| &told["content"]);
    let schema = |content: &Value| {
        let stream = &content["text/event-stream"];
        let (plain, of_event) = (&content["application/json"]["schema"], &stream["schema"]);
        if stream.is_null() { plain.clone() } else { of_event["contentSchema"].clone() }
    };
    contents.map(schema).filter(Value::is_object).collect()
}

/// Says how a piece of JSON is not as a schema says. It may leave keys out if it says so by `...`, and
/// has none that the schema does not know.
fn problems(document: &Value, mut schema: Value, mut shown: Value) -> Vec<String> {
    if shown.as_object_mut().unwrap().remove("...").is_some() {
        schema = without_required(document, &schema);
    }
    schema["unevaluatedProperties"] = json!(false);
    wrong_with(document, schema, &shown)
}

/// Returns a schema whose own keys may all be left out.
fn without_required(document: &Value, schema: &Value) -> Value {
    let reference = schema["$ref"].as_str().map(|reference| reference.trim_start_matches('#'));
    let mut schema = reference.map_or(schema, |place| document.pointer(place).unwrap()).clone();
    schema.as_object_mut().unwrap().remove("required");
    for part in schema.get_mut("allOf").and_then(Value::as_array_mut).into_iter().flatten() {
        *part = without_required(document, part);
    }
    schema
}

#[test]
fn what_the_page_shows_is_as_the_document_says() {
    let document = document();
    let mut count = 0;
    for (heading, word, text) in blocks() {
        let text = match word.as_str() {
            "json" => text.as_str(),
            // An event as it comes.
            "text" => text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap(),
            _ => continue,
        };
        let shown: Value = serde_json::from_str(text).unwrap();
        let schemas = schemas(&document, &heading);
        let wrong: Vec<_> =
            schemas.into_iter().map(|schema| problems(&document, schema, shown.clone())).collect();
        assert!(wrong.iter().any(Vec::is_empty), "{heading}: {wrong:#?}\n{text}");
        count += 1;
    }
    assert_eq!(count, PAGE.matches("\n```json").count() + PAGE.matches("\n```text").count());
}

#[test]
fn a_key_that_is_wrong_or_missing_is_found() {
    let document = document();
    let is_right = |heading: &str, shown: Value| {
        let schemas = schemas(&document, heading);
        schemas.into_iter().any(|schema| problems(&document, schema, shown.clone()).is_empty())
    };
    let health = "GET /healthz";
    assert!(is_right(health, json!({"status": "ok"})));
    assert!(!is_right(health, json!({"status": "ok", "statuses": 1})));
    assert!(!is_right(health, json!({"status": 1, "...": "..."})));
    assert!(!is_right(health, json!({})));
    assert!(is_right(health, json!({"...": "..."})));
}
