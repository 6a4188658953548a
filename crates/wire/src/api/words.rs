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
                let words = <$type>::ALL.iter().map(|word| word.as_str());
                super::schema(concat!("The ", $what, "."), words)
            }
        }
    };
}

word!(run_status, model::RunStatus, "run status");
word!(step_status, model::StepStatus, "step status");
word!(event_kind, model::EventKind, "event kind");
word!(asset_event_kind, model::AssetEventKind, "kind of an event of an asset");
word!(failure_reason, model::FailureReason, "failure reason");

/// Describes a text that is one of these words.
pub(crate) fn schema(description: &str, words: impl IntoIterator<Item = &'static str>) -> Object {
    let text = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words));
    text.description(Some(description)).build()
}

/// A list of run statuses.
pub(crate) mod run_statuses {
    use model::RunStatus;
    use serde::{Deserialize, Deserializer, Serializer};
    use utoipa::openapi::schema::{Array, ArrayBuilder};

    /// Describes the list.
    pub(crate) fn schema() -> Array {
        let list = ArrayBuilder::new().items(super::run_status::schema());
        list.description(Some("Runs in one of these statuses.")).build()
    }

    #[derive(Deserialize)]
    struct Word(#[serde(with = "super::run_status")] RunStatus);

    pub(crate) fn serialize<S: Serializer>(
        words: &[RunStatus],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(words.iter().map(|word| word.as_str()))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<RunStatus>, D::Error> {
        let words = Vec::<Word>::deserialize(deserializer)?;
        Ok(words.into_iter().map(|Word(status)| status).collect())
    }
}
