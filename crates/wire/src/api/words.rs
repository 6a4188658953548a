//! The words of `model` in JSON: each enum that has one word a variant is written as that word.

use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

/// Declares how an enum with `as_str` and `from_name` is written and read.
macro_rules! word {
    ($module:ident, $type:ty, $what:literal) => {
        pub(crate) mod $module {
            use serde::{Deserialize, Deserializer, Serializer, de};

            pub(crate) fn serialize<S: Serializer>(
                word: &$type,
                serializer: S,
            ) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(word.as_str())
            }

            pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
                deserializer: D,
            ) -> Result<$type, D::Error> {
                let text = String::deserialize(deserializer)?;
                <$type>::from_name(&text)
                    .ok_or_else(|| de::Error::custom(format!("there is no {} {text:?}", $what)))
            }

            /// Describes the words.
            pub(crate) fn schema() -> utoipa::openapi::Object {
                super::schema(<$type>::ALL.iter().map(|word| word.as_str()))
            }
        }
    };
}

word!(run_status, model::RunStatus, "run status");
word!(step_status, model::StepStatus, "step status");
word!(event_kind, model::EventKind, "event kind");
word!(failure_reason, model::FailureReason, "failure reason");

/// Describes a text that is one of these words.
pub(crate) fn schema(words: impl Iterator<Item = &'static str>) -> Object {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).build()
}
