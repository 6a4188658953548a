//! A small world in virtual time: a real state, a store that checks what is written, a launcher and
//! workers that behave badly, and crashes between any two steps.
//!
//! After each commit the checks of `checks.rs` look at the rows, which is all that they share with
//! the rules. `PROPTEST_CASES` sets how many worlds are played; a world that fails is told by its
//! seed and its number of moves, and is played again by [`one_world`].
#![expect(
    clippy::unwrap_used,
    reason = "a world that cannot be made is a mistake in the test, and must end it"
)]

extern crate pointsman_lifecycle as lifecycle;

mod answers;
mod chance;
mod changes;
mod checks;
mod daemon;
mod launcher;
mod outside;
mod play;
mod setup;
mod store;
mod users;

use proptest::prelude::{any, prop_assert, proptest};

use crate::play::{Telling, World};

/// Plays one world: so many moves with crashes and faults, then none until everything has ended.
/// One that fails is played again, to tell its story.
fn one_world(seed: u64, moves: usize) -> Result<(), String> {
    let played = |telling| {
        let mut world = World::new(seed, telling);
        let played = world.play(moves).and_then(|()| world.finish());
        played.map_err(|wrong| format!("{wrong}\n{}", world.story()))
    };
    played(Telling::Nothing).or_else(|_| played(Telling::Story))
}

proptest! {
    #[test]
    fn every_promise_is_kept_after_every_commit_and_everything_ends(
        seed in any::<u64>(),
        moves in 0..240_usize,
    ) {
        let played = one_world(seed, moves);
        prop_assert!(played.is_ok(), "{}", played.unwrap_err());
    }
}
