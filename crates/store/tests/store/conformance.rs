//! What every dialect must do. Each function takes a new, empty store.

mod assets;
mod commit;
mod fields;
mod partitions;
mod reads;
mod retention;

use model::{Batch, Epoch, RunId};
use pointsman_store::{CommitError, Loaded, Store, StoredRun};

use crate::world::now;

/// Runs each function on a new SQLite store.
macro_rules! on_sqlite {
    ($($module:ident :: $name:ident),* $(,)?) => {
        $(
            #[tokio::test]
            async fn $name() {
                let folder = tempfile::tempdir().unwrap();
                let store = Store::open(&folder.path().join("pointsman.db")).await.unwrap();
                sendable($module::$name(&store)).await;
            }
        )*
    };
}

on_sqlite! {
    commit::what_is_committed_is_loaded,
    commit::a_run_that_is_retagged_is_found_by_its_new_tags_alone,
    commit::a_leader_of_the_past_writes_nothing,
    commit::a_gap_in_the_change_numbers_is_refused,
    commit::an_id_or_key_that_is_taken_is_refused,
    commit::a_run_that_has_ended_does_not_come_back,
    commit::what_belongs_to_no_stored_run_is_refused,
    commit::a_number_that_no_column_holds_is_refused,
    commit::a_batch_of_thousands_is_one_commit,
    commit::a_commit_that_nobody_waits_for_leaves_the_store_usable,
    assets::what_is_told_of_assets_reads_back_by_every_filter,
    assets::a_page_of_large_events_is_cut_and_goes_on_where_it_ended,
    assets::only_the_latest_of_its_kind_outlives_its_run,
    assets::retention_takes_what_is_superseded_and_old,
    assets::partitions_that_were_made_are_told_in_their_order_each_once,
    fields::every_field_reads_back_as_it_was_written,
    partitions::keys_are_listed_in_the_order_in_which_they_came,
    reads::runs_are_listed_as_a_plain_filter_would,
    reads::the_queue_is_paged_in_its_order,
    reads::a_prefix_finds_all_ids_that_begin_with_it,
    reads::taken_keys_and_ids_are_known,
    reads::events_are_paged_by_number_and_by_change,
    reads::runs_of_one_job_share_its_plan,
    retention::a_deleted_run_leaves_the_event_that_says_so,
    retention::a_plan_goes_with_the_last_run_that_has_it,
    retention::pruning_takes_ended_runs_and_leaves_the_rest,
    retention::events_behind_the_first_young_one_stay,
    retention::pruned_events_leave_the_end_of_the_sequence,
    retention::pruned_keys_are_free_again,
    retention::a_leader_of_the_past_prunes_nothing,
    retention::the_check_finds_what_must_not_be,
}

/// Lets a test compile only if every future of the store that it awaits can move between threads.
fn sendable<F: Future + Send>(test: F) -> F {
    test
}

async fn leader(store: &Store) -> Epoch {
    store.take_leadership("a", "http://127.0.0.1:1", now(0)).await.unwrap()
}

/// Commits a batch that must be refused as broken, sees that nothing has changed and returns why.
async fn broken(store: &Store, epoch: Epoch, batch: &Batch) -> String {
    let before = everything(store).await;
    let why = match store.commit(epoch, batch).await {
        Err(CommitError::Broken(why)) => why,
        other => panic!("the batch should be refused, but: {other:?}"),
    };
    assert_eq!(everything(store).await, before);
    why
}

/// Returns all that the tests look at.
async fn everything(store: &Store) -> (Loaded, Vec<StoredRun>, Vec<model::LifeEvent>) {
    let loaded = store.load().await.unwrap();
    let runs = store.runs(&pointsman_store::RunsFilter::default(), None, 10_000).await.unwrap();
    let events = store.events_after(model::Change::NONE, 100_000).await.unwrap();
    (loaded, runs, events)
}

fn ids<'a>(runs: impl IntoIterator<Item = &'a StoredRun>) -> Vec<RunId> {
    runs.into_iter().map(|stored| stored.run.id).collect()
}
