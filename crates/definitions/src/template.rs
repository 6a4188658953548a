//! The file that a newcomer begins with.

/// Returns the commented example of a file of jobs. It runs as it is where there is `/bin/sh`.
pub fn template() -> &'static str {
    include_str!("template.yaml")
}
