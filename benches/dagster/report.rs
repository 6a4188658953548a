//! How figures are printed.

pub(crate) fn heading(title: &str) {
    println!("\n{title}");
}

pub(crate) fn line(label: &str, what: &str) {
    println!("{label:>34}  {what}");
}

/// What was measured of one way of doing a thing, in seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) wall: f64,
    pub(crate) processor: f64,
}

/// Prints a cost, and how many times the base it is.
pub(crate) fn beside(label: &str, cost: Cost, base: Cost) {
    let (wall, processor) = (cost.wall / base.wall, cost.processor / base.processor);
    line(
        label,
        &format!(
            "wall {:8.2} s ({wall:.2})   processor {:8.2} s ({processor:.2})",
            cost.wall, cost.processor
        ),
    );
}
