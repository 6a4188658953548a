//! Dynamic partitions: each is there once, and keeps its place.

use model::{Batch, DynamicPartition, PartitionKey, PartitionsName, Presence};
use pointsman_store::Store;

use super::leader;

fn name(name: &str) -> PartitionsName {
    PartitionsName::new(name).unwrap()
}

fn batch(changes: &[(&str, &str, Presence)]) -> Batch {
    let change = |&(set, key, presence): &(&str, &str, Presence)| {
        (DynamicPartition { name: name(set), key: PartitionKey::new(key).unwrap() }, presence)
    };
    Batch { partitions: changes.iter().map(change).collect(), ..Batch::default() }
}

async fn keys(store: &Store, of: &str, page: u32) -> Vec<String> {
    let (mut keys, mut after) = (Vec::new(), 0);
    loop {
        let found = store.partitions(&name(of), after, page).await.unwrap();
        let Some((last, _)) = found.last() else { return keys };
        after = *last;
        keys.extend(found.iter().map(|(_, key)| key.to_string()));
    }
}

pub(crate) async fn keys_are_listed_in_the_order_in_which_they_came(store: &Store) {
    use Presence::{Added, Removed};
    let epoch = leader(store).await;
    let first = [("c", "z", Added), ("c", "a b", Added), ("d", "z", Added), ("c", "m", Added)];
    store.commit(epoch, &batch(&first)).await.unwrap();
    let second =
        [("c", "m", Removed), ("c", "z", Added), ("c", "é\"\\", Added), ("x", "y", Removed)];
    store.commit(epoch, &batch(&second)).await.unwrap();
    store.commit(epoch, &batch(&[("c", "m", Added)])).await.unwrap();
    for page in [1, 2, 10] {
        assert_eq!(keys(store, "c", page).await, ["z", "a b", "é\"\\", "m"]);
    }
    assert_eq!(keys(store, "d", 1).await, ["z"]);
    let all = store.partition_names(None, 10).await.unwrap();
    assert_eq!(all, [(name("c"), 4), (name("d"), 1)]);
    assert_eq!(store.partition_names(None, 1).await.unwrap(), all[..1]);
    assert_eq!(store.partition_names(Some("c"), 10).await.unwrap(), all[1..]);
    let asked = ["m", "nobody", "z"].map(|key| PartitionKey::new(key).unwrap());
    let among = store.partitions_among(&name("c"), &asked).await.unwrap();
    assert_eq!(among.iter().map(PartitionKey::as_str).collect::<Vec<_>>(), ["m", "z"]);
    assert_eq!(store.partitions_among(&name("none"), &asked).await.unwrap().len(), 0);
}
