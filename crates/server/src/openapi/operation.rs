//! One operation of the API as the document tells it: what goes in, what comes out, what can be
//! refused. It knows what every operation has in common, and nothing of any single one.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use wire::api::ErrorCode;

/// The name by which the document speaks of the token.
pub(crate) const TOKEN: &str = "token";

/// The only kind of body that requests have, and most answers.
pub(crate) const JSON: &str = "application/json";

/// What any request may be answered with: for another host, when the daemon does not answer in time,
/// and when something fails inside.
const ALWAYS: [ErrorCode; 3] =
    [ErrorCode::ForbiddenHost, ErrorCode::Unavailable, ErrorCode::Internal];

/// What stands before everything that is not a mere read.
const BEFORE_WRITES: [ErrorCode; 4] = [
    ErrorCode::Unauthorized,
    ErrorCode::ForbiddenOrigin,
    ErrorCode::UnsupportedMediaType,
    ErrorCode::DiskFull,
];

/// What is refused of bodies.
const OF_BODIES: [ErrorCode; 5] = [
    ErrorCode::InvalidJson,
    ErrorCode::UnknownKey,
    ErrorCode::BadRequest,
    ErrorCode::TooLarge,
    ErrorCode::Timeout,
];

/// What is refused of queries.
const OF_QUERIES: [ErrorCode; 2] = [ErrorCode::UnknownKey, ErrorCode::BadRequest];

/// The shapes that a document must define, by name.
pub(crate) type Shapes = BTreeMap<String, Value>;

/// An operation: a method of an address.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    id: &'static str,
    summary: &'static str,
    description: &'static str,
    needs_token: bool,
    parameters: Vec<Value>,
    body: Option<Value>,
    answers: BTreeMap<u16, Value>,
    errors: BTreeSet<ErrorCode>,
    shapes: Shapes,
}

impl Operation {
    /// Begins an operation that reads. `id` is what generated clients call it.
    pub(crate) fn read(id: &'static str, summary: &'static str) -> Self {
        Self {
            id,
            summary,
            description: "",
            needs_token: false,
            parameters: Vec::new(),
            body: None,
            answers: BTreeMap::new(),
            errors: ALWAYS.into(),
            shapes: Shapes::new(),
        }
    }

    /// Begins an operation that changes something: it needs the token.
    pub(crate) fn write(id: &'static str, summary: &'static str) -> Self {
        Self { needs_token: true, ..Self::read(id, summary) }.refuses(&BEFORE_WRITES)
    }

    /// Says more about it.
    pub(crate) fn describe(self, description: &'static str) -> Self {
        Self { description, ..self }
    }

    /// It refuses every query parameter.
    pub(crate) fn no_query(self) -> Self {
        self.refuses(&OF_QUERIES)
    }

    /// It takes the query parameters of this type, and no others.
    pub(crate) fn query<P: IntoParams>(mut self) -> Self {
        for parameter in P::into_params(|| None) {
            self.parameters.push(json(&parameter));
        }
        self.no_query()
    }

    /// It takes one parameter: part of its address, a query parameter or a header.
    pub(crate) fn parameter(mut self, parameter: Value) -> Self {
        self.parameters.push(parameter);
        self
    }

    /// It is about one run.
    pub(crate) fn of_run(self) -> Self {
        let description = "The run: its id, or a beginning of it that no other run has, of at least \
                           four digits.";
        self.parameter(in_path("run", description)).refuses(&[
            ErrorCode::BadRequest,
            ErrorCode::UnknownRun,
            ErrorCode::AmbiguousPrefix,
        ])
    }

    /// It takes a body of this shape.
    pub(crate) fn body<T: ToSchema>(mut self) -> Self {
        let schema = self.shape::<T>();
        self.body = Some(json!({ "required": true, "content": { JSON: { "schema": schema } } }));
        self.refuses(&OF_BODIES)
    }

    /// It answers with JSON of this shape.
    pub(crate) fn answers<T: ToSchema>(mut self, status: u16, description: &str) -> Self {
        let schema = self.shape::<T>();
        self.answer(status, description, json!({ JSON: { "schema": schema } }))
    }

    /// It answers with content of these types; none, if there are none.
    pub(crate) fn answer(mut self, status: u16, description: &str, content: Value) -> Self {
        let mut answer = json!({ "description": description });
        if content.as_object().is_some_and(|types| !types.is_empty()) {
            answer["content"] = content;
        }
        self.answers.insert(status, answer);
        self
    }

    /// It may be refused with these codes.
    pub(crate) fn refuses(mut self, codes: &[ErrorCode]) -> Self {
        self.errors.extend(codes);
        self
    }

    /// Adds a shape to those that the document defines, and refers to it.
    pub(crate) fn shape<T: ToSchema>(&mut self) -> Value {
        self.shapes.extend(shapes_of::<T>());
        reference(&T::name())
    }

    /// Returns what the document says of it, with the shapes that it refers to.
    pub(crate) fn into_parts(self) -> (Value, Shapes) {
        let mut told = json!({
            "operationId": self.id,
            "summary": self.summary,
            "parameters": self.parameters,
        });
        if !self.description.is_empty() {
            told["description"] = self.description.into();
        }
        if let Some(body) = self.body {
            told["requestBody"] = body;
        }
        if self.needs_token {
            told["security"] = json!([{ TOKEN: [] }]);
        }
        let mut responses = refusals(&self.errors);
        responses.extend(self.answers);
        let responses: serde_json::Map<String, Value> =
            responses.into_iter().map(|(status, told)| (status.to_string(), told)).collect();
        told["responses"] = responses.into();
        (told, self.shapes)
    }
}

/// Describes a part of an address.
pub(crate) fn in_path(name: &str, description: &str) -> Value {
    json!({
        "name": name, "in": "path", "required": true, "description": description,
        "schema": { "type": "string", "minLength": 1, "pattern": r"^\S+$" },
    })
}

/// Describes a query parameter or a header that may be left out.
pub(crate) fn optional(place: &str, name: &str, description: &str, schema: &Value) -> Value {
    json!({
        "name": name, "in": place, "required": false, "description": description,
        "schema": schema,
    })
}

/// Returns a shape and all that it refers to, by name.
pub(crate) fn shapes_of<T: ToSchema>() -> Shapes {
    let mut shapes = vec![(T::name().into_owned(), T::schema())];
    T::schemas(&mut shapes);
    shapes.into_iter().map(|(name, schema)| (name, json(&schema))).collect()
}

/// Refers to a shape.
pub(crate) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// Returns something of the document as JSON.
pub(crate) fn json(part: &impl Serialize) -> Value {
    // What is written consists of texts, numbers and lists, which always can be.
    serde_json::to_value(part).unwrap_or_default()
}

/// Describes the answers that are errors: the codes of each status, and no others.
fn refusals(errors: &BTreeSet<ErrorCode>) -> BTreeMap<u16, Value> {
    let mut by_status: BTreeMap<u16, Vec<ErrorCode>> = BTreeMap::new();
    for code in errors {
        by_status.entry(code.status()).or_default().push(*code);
    }
    let told = |codes: Vec<ErrorCode>| {
        let meanings: Vec<String> =
            codes.iter().map(|code| format!("- `{code}`: {}", code.meaning().trim())).collect();
        let words: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
        let code = json!({ "properties": { "code": { "enum": words } } });
        let narrowed = json!({ "properties": { "error": code } });
        let schema = json!({ "allOf": [reference("ErrorAnswer"), narrowed] });
        json!({ "description": meanings.join("\n"), "content": { JSON: { "schema": schema } } })
    };
    by_status.into_iter().map(|(status, codes)| (status, told(codes))).collect()
}
