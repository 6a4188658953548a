//! What every dialect must do. Each function takes a new, empty store.

use model::{Batch, Epoch, RunStatus};
use pointsman_store::{Position, Store};

use crate::world::{World, now};

pub(crate) async fn leader(store: &Store) -> Epoch {
    store.take_leadership("a", "http://127.0.0.1:1", now(0)).await.unwrap()
}

pub(crate) async fn what_is_committed_is_loaded(store: &Store) {
    let epoch = leader(store).await;
    let (mut world, mut batch) = (World::default(), Batch::default());
    let mut first = world.submit(&mut batch, "a", &[("team", "x"), ("dagster/priority", "3")]);
    let second = world.submit(&mut batch, "b", &[]);
    store.commit(epoch, &batch).await.unwrap();
    let mut batch = Batch::default();
    world.go_on(&mut batch, &mut first, RunStatus::Starting);
    store.commit(epoch, &batch).await.unwrap();
    let loaded = store.load().await.unwrap();
    let runs: Vec<_> = loaded.runs.iter().map(|stored| (&stored.run, &stored.life)).collect();
    assert_eq!(runs, [(&first.run, &first.life), (&second.run, &second.life)]);
    assert_ne!(loaded.position, Position::default());
    assert_eq!(store.check().await.unwrap(), []);
}

macro_rules! on_sqlite {
    ($($name:ident),* $(,)?) => {
        mod on_sqlite {
            $(
                #[tokio::test]
                async fn $name() {
                    let folder = tempfile::tempdir().unwrap();
                    let path = folder.path().join("pointsman.db");
                    let store = pointsman_store::Store::open(&path).await.unwrap();
                    super::$name(&store).await;
                }
            )*
        }
    };
}

on_sqlite! {
    what_is_committed_is_loaded,
}
