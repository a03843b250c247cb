//! Logistic regression without a penalty, by Newton's method, as statsmodels' `Logit` fits it.

/// The fitted coefficients, and what is known of their errors.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fit<const P: usize> {
    pub(crate) coefficients: [f64; P],
    /// The inverse of the information, at the last step but one, which differs by about a millionth.
    pub(crate) covariance: [[f64; P]; P],
}

/// 1/(1 + e^−x)
pub(crate) fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Fits P(outcome) = sigmoid(row · coefficients), beginning at `start`. `rows` gives the same rows each time. None where the data
/// determine no coefficients: a column that the others add up to, or outcomes that the columns separate.
pub(crate) fn fit<const P: usize, I: Iterator<Item = ([f64; P], bool)>>(
    rows: impl Fn() -> I,
    start: [f64; P],
) -> Option<Fit<P>> {
    const MOST_STEPS: usize = 40;
    /// Newton's method doubles the digits with each step: after this one, the next would change the twelfth.
    const SMALLEST_STEP: f64 = 1e-6;
    /// Odds of a million million: only separated outcomes lead there.
    const LARGEST_STEP: f64 = 30.0;
    let mut coefficients = start;
    for _ in 0..MOST_STEPS {
        let mut gradient = [0.0; P];
        let mut information = [[0.0; P]; P];
        for (row, outcome) in rows() {
            let mut log_odds = 0.0;
            for (value, coefficient) in row.iter().zip(coefficients) {
                log_odds += value * coefficient;
            }
            let probability = sigmoid(log_odds);
            let residual = f64::from(u8::from(outcome)) - probability;
            let weight = probability * (1.0 - probability);
            for i in 0..P {
                gradient[i] += residual * row[i];
                for j in 0..=i {
                    information[i][j] += weight * row[i] * row[j];
                }
            }
        }
        let covariance = inverse(information)?;
        let mut longest: f64 = 0.0;
        for (coefficient, line) in coefficients.iter_mut().zip(covariance) {
            let step: f64 = line.iter().zip(gradient).map(|(a, b)| a * b).sum();
            *coefficient += step;
            longest = longest.max(step.abs());
        }
        if longest.is_nan() || longest > LARGEST_STEP {
            return None;
        }
        if longest < SMALLEST_STEP {
            return Some(Fit {
                coefficients,
                covariance,
            });
        }
    }
    None
}

/// The inverse of a symmetric matrix of which the lower triangle is given; none where it is not positive definite.
fn inverse<const P: usize>(lower: [[f64; P]; P]) -> Option<[[f64; P]; P]> {
    /// Of a column's own length, what must be left of it beside the columns before.
    const LEAST_LEFT: f64 = 1e-10;
    // Cholesky's factor.
    let mut factor = [[0.0; P]; P];
    for i in 0..P {
        for j in 0..=i {
            let before: f64 = (0..j).map(|k| factor[i][k] * factor[j][k]).sum();
            let left = lower[i][j] - before;
            factor[i][j] = match i == j {
                true if left > LEAST_LEFT * lower[i][i] => left.sqrt(),
                true => return None,
                false => left / factor[j][j],
            };
        }
    }
    let mut inverse = [[0.0; P]; P];
    for column in 0..P {
        let mut solution = [0.0; P];
        for i in 0..P {
            let before: f64 = (0..i).map(|k| factor[i][k] * solution[k]).sum();
            let unit = f64::from(u8::from(i == column));
            solution[i] = (unit - before) / factor[i][i];
        }
        for i in (0..P).rev() {
            let after: f64 = (i + 1..P).map(|k| factor[k][i] * solution[k]).sum();
            solution[i] = (solution[i] - after) / factor[i][i];
        }
        for (line, value) in inverse.iter_mut().zip(solution) {
            line[column] = value;
        }
    }
    Some(inverse)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit_of<const P: usize>(rows: &[([f64; P], bool)]) -> Option<Fit<P>> {
        fit(|| rows.iter().copied(), [0.0; P])
    }

    #[test]
    fn a_constant_is_the_log_odds_of_the_rate() {
        let rows: Vec<_> = (0..50).map(|row| ([1.0], row < 10)).collect();
        let Fit {
            coefficients,
            covariance,
        } = fit_of(&rows).unwrap();
        assert!((coefficients[0] - (0.2_f64 / 0.8).ln()).abs() < 1e-12);
        assert!((covariance[0][0] - 1.0 / (50.0 * 0.2 * 0.8)).abs() < 1e-8);
    }

    #[test]
    fn what_the_data_do_not_determine_is_none() {
        let separated: Vec<_> = (0..20)
            .map(|row| ([1.0, f64::from(row)], row < 10))
            .collect();
        assert!(fit_of(&separated).is_none());
        let collinear: Vec<_> = (0..20).map(|row| ([1.0, 3.0], row % 3 == 0)).collect();
        assert!(fit_of(&collinear).is_none());
        assert!(fit_of(&[([1.0], true), ([1.0], true)]).is_none());
        assert!(fit_of::<1>(&[]).is_none());
    }
}
