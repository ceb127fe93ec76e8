//! Elements moved from place to place.

use supple_pack::op::Walk;

/// Carries the elements of a [`Walk`] over; `None` where one lies outside.
///
/// # Shapes
/// `input` and `output` are all elements of a value, in their order.
pub fn copy<T: Copy>(input: &[T], output: &mut [T], walk: &Walk) -> Option<()> {
    let [a, b, c, d, run] = walk.lengths;
    // Places are known to fit 24 bits; what lies between may wrap.
    let step = |place: (u32, u32), axis: usize| -> (u32, u32) {
        let by = |steps: &[i32; 5]| steps.get(axis).copied().unwrap_or_default();
        (place.0.wrapping_add_signed(by(&walk.from_steps)), place.1.wrapping_add_signed(by(&walk.to_steps)))
    };
    let side_by_side = walk.from_steps[4] == 1 && walk.to_steps[4] == 1;
    let mut outer = (walk.from, walk.to);
    for _ in 0..a {
        let mut second = outer;
        for _ in 0..b {
            let mut third = second;
            for _ in 0..c {
                let mut fourth = third;
                for _ in 0..d {
                    let mut place = fourth;
                    if side_by_side {
                        let (from, to) = (place.0 as usize, place.1 as usize);
                        let from = input.get(from..)?.get(..run.into())?;
                        let to = output.get_mut(to..)?.get_mut(..run.into())?;
                        to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
                    } else {
                        for _ in 0..run {
                            *output.get_mut(place.1 as usize)? = *input.get(place.0 as usize)?;
                            place = step(place, 4);
                        }
                    }
                    fourth = step(fourth, 3);
                }
                third = step(third, 2);
            }
            second = step(second, 1);
        }
        outer = step(outer, 0);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_channels_beside_three() {
        // Concatenation of pixels of two channels into pixels of three, from channel 1 on.
        let walk = Walk {
            lengths: [1, 1, 1, 2, 2],
            from: 0,
            from_steps: [0, 0, 0, 2, 1],
            to: 1,
            to_steps: [0, 0, 0, 3, 1],
        };
        let mut output = [9; 6];
        copy(&[1, 2, 3, 4], &mut output, &walk).unwrap();
        assert_eq!(output, [9, 1, 2, 9, 3, 4]);
    }

    #[test]
    fn a_transposition_and_a_reversal() {
        let walk = Walk {
            lengths: [1, 1, 1, 2, 3],
            from: 5,
            from_steps: [0, 0, 0, -3, -1],
            to: 0,
            to_steps: [0, 0, 0, 1, 2],
        };
        let mut output = [0.0; 6];
        copy(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &mut output, &walk).unwrap();
        // Read 6 5 4 / 3 2 1, written down the columns.
        assert_eq!(output, [6.0, 3.0, 5.0, 2.0, 4.0, 1.0]);
    }

    #[test]
    fn a_step_outside_is_refused() {
        let walk =
            Walk { lengths: [1, 1, 1, 1, 3], from: 0, from_steps: [1; 5], to: 0, to_steps: [0, 0, 0, 0, 1] };
        assert_eq!(copy(&[1, 2], &mut [0; 3], &walk), None);
        let back = Walk { from_steps: [0, 0, 0, 0, -1], ..walk };
        assert_eq!(copy(&[1, 2, 3], &mut [0; 3], &back), None);
    }
}
