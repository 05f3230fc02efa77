//! Which of a sequence of numbers have come, each once, in what order.

/// Where in the sequence a number came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// After all before it.
    Next,
    /// Before one that is still to come.
    Ahead,
}

/// What has come: all below `next`, and of those above it the ones with a bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    next: u64,
    ahead: u128,
}

impl Window {
    /// Nothing from `first` on has come.
    pub(crate) fn from(first: u64) -> Self {
        Self { next: first, ahead: 0 }
    }

    /// Takes a number; `None` when it has come before, or is too far ahead to be kept.
    pub(crate) fn take(&mut self, number: u64) -> Option<Place> {
        let offset = u32::try_from(number.checked_sub(self.next)?).ok()?;
        let bit = 1_u128.checked_shl(offset)?;
        if self.ahead & bit != 0 {
            return None;
        }
        self.ahead |= bit;
        if offset > 0 {
            return Some(Place::Ahead);
        }
        let whole = self.ahead.trailing_ones();
        self.next += u64::from(whole);
        self.ahead = self.ahead.checked_shr(whole).unwrap_or(0);
        Some(Place::Next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_order_all_are_next() {
        let mut window = Window::from(7);
        assert!((7..1_000).all(|number| window.take(number) == Some(Place::Next)));
        assert_eq!(window, Window::from(1_000));
    }

    #[test]
    fn what_overtakes_is_ahead_and_closes_no_gap() {
        let mut window = Window::from(0);
        assert_eq!(window.take(1), Some(Place::Ahead));
        assert_eq!(window.take(2), Some(Place::Ahead));
        assert_eq!(window.take(0), Some(Place::Next));
        assert_eq!(window, Window::from(3));
    }

    #[test]
    fn nothing_is_taken_twice() {
        let mut window = Window::from(0);
        window.take(0);
        window.take(2);
        assert_eq!(window.take(0), None);
        assert_eq!(window.take(2), None);
    }

    #[test]
    fn the_far_end() {
        let mut window = Window::from(0);
        assert_eq!(window.take(127), Some(Place::Ahead));
        assert_eq!(window.take(128), None);
        for number in 0..127 {
            assert_eq!(window.take(number), Some(Place::Next));
        }
        assert_eq!(window, Window::from(128));
    }
}
