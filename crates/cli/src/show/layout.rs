//! How wide columns are, and how a text is cut to a width.
//!
//! Widths are counted in places of a terminal: a Chinese letter takes two, an accent none.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How many blanks stand between two columns.
pub(crate) const GAP: usize = 2;

/// What stands in place of what is cut off.
const ELLIPSIS: char = '…';

/// The widths below which no column is cut while another has more: a short id is whole at the first.
const LEAST: [usize; 2] = [8, 3];

/// Returns how wide a text is.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// Cuts a text to a width; one that is cut ends in an ellipsis.
pub(crate) fn cut(text: &str, most: usize) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let (mut taken, mut kept) = (0, String::new());
    for c in text.chars() {
        taken += c.width().unwrap_or(0);
        if taken >= most {
            break;
        }
        kept.push(c);
    }
    if most > 0 {
        kept.push(ELLIPSIS);
    }
    kept
}

/// Returns how wide each column is, given how wide each wants to be and how much there is for all
/// with their gaps: the widest are cut first, and to the same width. Where even narrow columns have
/// no room, nothing is cut: such lines are as long as they are.
pub(crate) fn fit(wanted: &[usize], available: usize) -> Vec<usize> {
    let room = available.saturating_sub(GAP * wanted.len().saturating_sub(1));
    let capped = |cap: usize| wanted.iter().map(|width| (*width).min(cap)).sum::<usize>();
    if wanted.iter().sum::<usize>() <= room {
        return wanted.to_vec();
    }
    let Some(least) = LEAST.into_iter().find(|least| capped(*least) <= room) else {
        return wanted.to_vec();
    };
    let mut cap = least;
    while capped(cap + 1) <= room {
        cap += 1;
    }
    let mut left = room - capped(cap);
    let share = |width: &usize| {
        let more = usize::from(*width > cap && left > 0);
        left -= more;
        (*width).min(cap) + more
    };
    wanted.iter().map(share).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_to_its_width_and_says_so() {
        assert_eq!(cut("nightly", 7), "nightly");
        assert_eq!(cut("nightly", 6), "night…");
        assert_eq!(cut("日本語", 6), "日本語");
        assert_eq!(cut("日本語", 5), "日本…");
        assert_eq!(cut("日本語", 4), "日…");
        assert_eq!(cut("ab", 1), "…");
        assert_eq!(cut("ab", 0), "");
    }

    #[test]
    fn the_widest_columns_are_cut_first() {
        assert_eq!(fit(&[8, 10, 60], 82), [8, 10, 60]);
        assert_eq!(fit(&[8, 10, 60], 52), [8, 10, 30]);
        assert_eq!(fit(&[8, 40, 60], 52), [8, 20, 20]);
        assert_eq!(fit(&[8, 40, 60], 53), [8, 21, 20]);
    }

    #[test]
    fn short_columns_are_cut_last_and_nothing_is_where_nothing_fits() {
        assert_eq!(fit(&[8, 8, 60], 28), [8, 8, 8]);
        assert_eq!(fit(&[8, 8, 60], 20), [6, 5, 5]);
        assert_eq!(fit(&[8, 8, 60], 12), [8, 8, 60]);
    }
}
