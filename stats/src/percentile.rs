//! Exact percentiles, by a named rule.

/// Which value stands at a share of the ordered values. All rules agree where the share falls on a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Method {
    /// Between the two neighbours, by distance (type 7 of Hyndman and Fan 1996, as in spreadsheets and
    /// NumPy).
    #[default]
    Linear,
    /// The least value at or above the share: rank `ceil(n p)`.
    Nearest,
    /// The value whose place is nearest: index `round(p (n - 1))`, halves upwards.
    Rounded,
}

impl Method {
    /// Every method with the name by which queries and files choose it.
    pub const NAMES: [(&'static str, Self); 3] = [
        ("linear", Self::Linear),
        ("nearest", Self::Nearest),
        ("rounded", Self::Rounded),
    ];

    /// The method of a name of [`Method::NAMES`]; none if no method has it.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let found = Self::NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, method)| *method)
    }

    /// The percentile of values in any order, which it reorders; none if there are none. `share` is from 0 to
    /// 1. NaN counts as greater than every number.
    pub fn of(self, values: &mut [f64], share: f64) -> Option<f64> {
        let place = self.place(values.len(), share)?;
        let (_, &mut at, above) = values.select_nth_unstable_by(place.index, f64::total_cmp);
        if place.part == 0.0 {
            return Some(at);
        }
        match above.iter().copied().min_by(f64::total_cmp) {
            Some(next) => Some(between(at, next, place.part)),
            None => Some(at),
        }
    }

    /// The percentile of values in ascending order; none if there are none. `share` is from 0 to 1.
    #[must_use]
    pub fn of_sorted(self, values: &[f64], share: f64) -> Option<f64> {
        let place = self.place(values.len(), share)?;
        let at = values[place.index];
        match values.get(place.index + 1) {
            Some(next) if place.part > 0.0 => Some(between(at, *next, place.part)),
            _ => Some(at),
        }
    }

    /// Where the percentile stands among `count` ordered values; none if there are none.
    pub(crate) fn place(self, count: usize, share: f64) -> Option<Place> {
        let last = count.checked_sub(1)?;
        let exact = share * last as f64;
        let (index, part) = match self {
            Self::Linear => (exact.floor(), exact - exact.floor()),
            Self::Nearest => (rank(share, count) - 1.0, 0.0),
            Self::Rounded => (exact.round(), 0.0),
        };
        // A negative index, of the share 0, saturates to 0.
        let index = (index as usize).min(last);
        Some(Place { index, part })
    }
}

/// A place among ordered values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Place {
    /// Index of the value at or below the place.
    pub(crate) index: usize,
    /// How far the place is on the way to the next value, from 0 to below 1.
    pub(crate) part: f64,
}

/// The point on the way from a value to the next greater one.
pub(crate) fn between(at: f64, next: f64, part: f64) -> f64 {
    // Infinite neighbours that are equal have no difference.
    if part > 0.0 && next != at {
        at + (next - at) * part
    } else {
        at
    }
}

/// The least whole number that is not below `share * count`. What a product is off a whole number by rounding
/// does not make it the next one: 0.07 of 100 is 7.
#[must_use]
pub fn rank(share: f64, count: usize) -> f64 {
    let exact = share * count as f64;
    let whole = exact.round();
    if (exact - whole).abs() <= 4.0 * f64::EPSILON * exact.max(1.0) {
        whole
    } else {
        exact.ceil()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(method: Method, values: &[f64], share: f64) -> Option<f64> {
        method.of(&mut values.to_vec(), share)
    }

    #[test]
    fn a_method_is_found_by_its_name_alone() {
        for (name, method) in Method::NAMES {
            assert_eq!(Method::parse(name), Some(method));
        }
        assert_eq!(Method::parse("Linear"), None);
        assert_eq!(Method::parse(""), None);
    }

    #[test]
    fn the_three_rules_differ_between_two_values() {
        let values = [40.0, 10.0, 30.0, 20.0];
        assert_eq!(of(Method::Linear, &values, 0.5), Some(25.0));
        assert_eq!(of(Method::Nearest, &values, 0.5), Some(20.0));
        assert_eq!(of(Method::Rounded, &values, 0.5), Some(30.0));
        assert_eq!(
            of(Method::Linear, &values, 0.95),
            Some(30.0 + 10.0 * (0.95 * 3.0 - 2.0))
        );
    }

    #[test]
    fn the_least_and_the_greatest_are_the_same_for_all_rules() {
        for (name, method) in Method::NAMES {
            assert_eq!(of(method, &[3.0, 1.0, 2.0], 0.0), Some(1.0), "{name}");
            assert_eq!(of(method, &[3.0, 1.0, 2.0], 1.0), Some(3.0), "{name}");
            assert_eq!(of(method, &[7.0], 0.3), Some(7.0), "{name}");
            assert_eq!(of(method, &[], 0.5), None, "{name}");
            assert_eq!(method.of_sorted(&[], 0.5), None, "{name}");
        }
    }

    #[test]
    fn nearest_rank_of_twenty_and_of_a_hundred() {
        let numbers = |n: u32| (1..=n).map(f64::from).collect::<Vec<_>>();
        assert_eq!(of(Method::Nearest, &numbers(20), 0.95), Some(19.0));
        assert_eq!(of(Method::Nearest, &numbers(100), 0.99), Some(99.0));
        assert_eq!(of(Method::Rounded, &numbers(51), 0.99), Some(51.0));
    }

    #[test]
    fn a_product_that_is_off_by_rounding_is_no_further_rank() {
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        for percent in 1..=100 {
            let found = of(Method::Nearest, &hundred, f64::from(percent) / 100.0);
            assert_eq!(found, Some(f64::from(percent)));
        }
        assert_eq!(of(Method::Nearest, &hundred, 0.0700001), Some(8.0));
    }

    #[test]
    fn infinite_values_do_not_become_nan() {
        let endless = f64::INFINITY;
        assert_eq!(of(Method::Linear, &[endless, endless, 1.0], 0.9), Some(endless));
        assert_eq!(of(Method::Linear, &[-endless, endless], 0.0), Some(-endless));
    }

    proptest! {
        #[test]
        fn selection_and_sorting_find_the_same(
            mut values in prop::collection::vec(-1e6..1e6_f64, 1..60),
            share in 0.0..=1.0_f64,
        ) {
            for (_, method) in Method::NAMES {
                let selected = method.of(&mut values.clone(), share);
                values.sort_by(f64::total_cmp);
                prop_assert_eq!(selected, method.of_sorted(&values, share));
            }
        }
    }
}
