//! 95 % intervals of means, by Student's t distribution: episodes may be few.

/// 97.5 % of Student's t distribution lie below this many standard errors, for 1 to 30 degrees of freedom.
const QUANTILES: [f64; 30] = [
    12.706_204_736,
    4.302_652_730,
    3.182_446_305,
    2.776_445_105,
    2.570_581_836,
    2.446_911_851,
    2.364_624_252,
    2.306_004_135,
    2.262_157_163,
    2.228_138_852,
    2.200_985_160,
    2.178_812_830,
    2.160_368_656,
    2.144_786_688,
    2.131_449_546,
    2.119_905_299,
    2.109_815_578,
    2.100_922_040,
    2.093_024_054,
    2.085_963_447,
    2.079_613_845,
    2.073_873_068,
    2.068_657_610,
    2.063_898_562,
    2.059_538_553,
    2.055_529_439,
    2.051_830_516,
    2.048_407_142,
    2.045_229_642,
    2.042_272_456,
];
/// The same of the normal distribution.
const NORMAL: f64 = 1.959_963_985;

/// Mean and half the width of its 95 % interval. Of a single value nothing is known about the spread.
pub fn of(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    match values.len() {
        0 | 1 => (mean, 0.0),
        length => (mean, quantile(length - 1) * (squares / (count - 1.0) / count).sqrt()),
    }
}

/// Beyond the table by Fisher and Cornish's expansion, which is right there to six digits.
fn quantile(freedom: usize) -> f64 {
    if let Some(quantile) = freedom.checked_sub(1).and_then(|index| QUANTILES.get(index)) {
        return *quantile;
    }
    let (n, z) = (freedom as f64, NORMAL);
    let (z3, z5, z7) = (z.powi(3), z.powi(5), z.powi(7));
    z + (z3 + z) / (4.0 * n)
        + (5.0 * z5 + 16.0 * z3 + 3.0 * z) / (96.0 * n * n)
        + (3.0 * z7 + 19.0 * z5 + 17.0 * z3 - 15.0 * z) / (384.0 * n.powi(3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_interval() {
        let (mean, margin) = of(&[0.5, 0.7, 0.9, 0.7]);
        assert!((mean - 0.7).abs() < 1e-12);
        // Deviation √(0.08 / 3), over √4, times 3.18.
        assert!((margin - 0.259_846).abs() < 1e-5, "{margin}");
        assert_eq!(of(&[0.5]), (0.5, 0.0));
    }

    #[test]
    fn quantiles_beyond_the_table_go_on_from_it() {
        for (freedom, expected) in
            [(31, 2.039_513_4), (60, 2.000_297_8), (120, 1.979_930_4), (599, 1.963_932_3)]
        {
            assert!((quantile(freedom) - expected).abs() < 1e-5, "{freedom}: {}", quantile(freedom));
        }
        assert!(QUANTILES.windows(2).all(|pair| pair[0] > pair[1]));
        assert!(quantile(31) < QUANTILES[29] && quantile(1_000_000) > NORMAL);
    }
}
