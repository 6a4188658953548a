//! What the document of the API says of dynamic partitions.

use wire::api::{
    ChangePartitions, ChangedPartitions, DynamicPartitionFilter, ErrorCode, Page, PartitionSets,
    Partitions,
};

use crate::openapi::operation::{Operation, in_path};

pub(crate) fn sets() -> Operation {
    Operation::read("listDynamicPartitions", "The names of dynamic partitions that have keys")
        .query::<Page>()
        .answers::<PartitionSets>(200, "A page of names.")
}

/// Says which set.
fn of_set(operation: Operation) -> Operation {
    let name = "The name, as definitions refer to it: up to 255 bytes, no control characters.";
    operation
        .parameter(in_path("name", name))
        .refuses(&[ErrorCode::BadRequest, ErrorCode::InvalidPartition])
}

pub(crate) fn keys() -> Operation {
    of_set(Operation::read("getDynamicPartitions", "The keys of a set of dynamic partitions"))
        .describe("In the order in which they came. A set without keys is one all the same.")
        .query::<DynamicPartitionFilter>()
        .answers::<Partitions>(200, "A page of keys.")
}

pub(crate) fn change() -> Operation {
    of_set(Operation::write("changeDynamicPartitions", "Adds and removes dynamic partitions"))
        .describe(
            "At most 1000 keys in one request, each once, of up to 1024 bytes, without control \
             characters and without `...`. All of it is done, or nothing. What is there already is \
             not added again, what is not there is not removed.",
        )
        .body::<ChangePartitions>()
        .answers::<ChangedPartitions>(200, "What has changed.")
}
