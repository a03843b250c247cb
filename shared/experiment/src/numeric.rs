//! Finds roots, maxima and integrals of smooth functions of one variable.

/// Nodes and weights of the twelve-point Gauss–Legendre rule on −1..1, of which it takes both signs (Abramowitz and
/// Stegun, table 25.4).
const GAUSS_LEGENDRE: [(f64, f64); 6] = [
    (0.125_233_408_511_468_9, 0.249_147_045_813_402_8),
    (0.367_831_498_998_180_2, 0.233_492_536_538_354_8),
    (0.587_317_954_286_617_5, 0.203_167_426_723_065_9),
    (0.769_902_674_194_304_7, 0.160_078_328_543_346_2),
    (0.904_117_256_370_474_9, 0.106_939_325_995_318_4),
    (0.981_560_634_246_719_3, 0.047_175_336_386_511_8),
];

/// Where a concave log likelihood changes its sign between a point where it is at least 0 and one where it is below. `f`
/// gives value and slope. Bisection first, as Newton's method crawls along the likelihood's poles; then Newton's method from
/// the outside, where no tangent of a concave function passes the root. The answer errs to the outside, by about 1e-9 of its
/// distance from `inside`.
pub(crate) fn crossing(inside: f64, outside: f64, f: impl Fn(f64) -> (f64, f64)) -> f64 {
    /// Bisection alone seldom needs more.
    const MOST_STEPS: usize = 100;
    const NEAR: f64 = -10.0;
    let start = inside;
    let (mut inside, mut outside) = (inside, outside);
    for _ in 0..MOST_STEPS {
        let (value, slope) = f(outside);
        let root_of_tangent = outside - value / slope;
        let between = (root_of_tangent - inside) * (outside - root_of_tangent) > 0.0;
        let next = if value >= NEAR && between {
            root_of_tangent
        } else {
            0.5 * (inside + outside)
        };
        if (next - outside).abs() <= 1e-9 * (outside - start).abs() {
            break;
        }
        if f(next).0 >= 0.0 {
            inside = next;
        } else {
            outside = next;
        }
    }
    outside
}

/// The place and value of a function's maximum between two points, by golden sections until both ends of the bracket lie
/// less than `near` below it. Where the function is level, the maximum is sought towards `from`.
pub(crate) fn maximum(from: f64, to: f64, near: f64, f: impl Fn(f64) -> f64) -> (f64, f64) {
    /// Reaches neighbouring numbers from any bracket.
    const MOST_STEPS: usize = 80;
    const GOLDEN: f64 = 0.618_033_988_749_895;
    let at = |x: f64| (x, f(x));
    let section = |from: f64, to: f64| at(from + GOLDEN * (to - from));
    let (mut first, mut last) = (at(from), at(to));
    let (mut second, mut third) = (section(last.0, first.0), section(first.0, last.0));
    for _ in 0..MOST_STEPS {
        let highest = second.1.max(third.1);
        if highest - first.1 < near && highest - last.1 < near {
            break;
        }
        if third.1 > second.1 {
            (first, second) = (second, third);
            third = section(first.0, last.0);
        } else {
            (last, third) = (third, second);
            second = section(last.0, first.0);
        }
    }
    [second, third, last].into_iter().fold(
        first,
        |best, other| if other.1 > best.1 { other } else { best },
    )
}

/// ln ∫ exp f over 0..=`end`, for a function whose details are wider than `step`, except that its peaks may be as narrow
/// as they like. Each peak is found first, then integrated in panels that widen with the distance from it.
pub(crate) fn log_integral(end: f64, step: f64, f: impl Fn(f64) -> f64) -> f64 {
    let steps = (end / step).ceil().max(1.0) as usize;
    let at = |index: usize| end * index as f64 / steps as f64;
    let values: Vec<f64> = (0..=steps).map(|index| f(at(index))).collect();
    let mut log_sum = f64::NEG_INFINITY;
    let mut valley = 0;
    for index in 0..=steps {
        let fell = index > 0 && values[index - 1] > values[index];
        let rises = index < steps && values[index + 1] >= values[index];
        if !(fell && rises || index == steps) {
            continue;
        }
        let highest = (valley..=index)
            .reduce(|best, other| {
                if values[other] > values[best] {
                    other
                } else {
                    best
                }
            })
            .expect("a valley and the next one");
        let around = [highest.max(valley + 1) - 1, (highest + 1).min(index)];
        log_sum = log_add(
            log_sum,
            log_integral_of_peak([at(valley), at(index)], around.map(at), &f),
        );
        valley = index;
    }
    log_sum
}

/// ln ∫ exp f between two valleys, with a single peak, which lies in `around`.
fn log_integral_of_peak(valleys: [f64; 2], around: [f64; 2], f: &impl Fn(f64) -> f64) -> f64 {
    /// A point this little below the peak is as good as the peak.
    const NEAR: f64 = 0.1;
    let (peak, highest) = maximum(around[0], around[1], NEAR, f);
    let sides = valleys.map(|valley| integral_beside(peak, valley, |x| (f(x) - highest).exp()));
    highest + (sides[0] + sides[1]).ln()
}

/// ∫ g from the peak of g, where it is 1, to the valley on one of its sides.
fn integral_beside(peak: f64, valley: f64, g: impl Fn(f64) -> f64) -> f64 {
    /// The first panel ends where a third is left, the last one where nothing is.
    const SOME: f64 = 0.3;
    const NOTHING: f64 = 1e-18;
    let mut width = valley - peak;
    while g(peak + width) < SOME && width.abs() > 1e-15 * peak {
        width /= 2.0;
    }
    let mut sum = 0.0;
    let mut start = peak;
    while (valley - start).abs() > 0.0 {
        let end = if (valley - start).abs() > width.abs() {
            start + width
        } else {
            valley
        };
        let (centre, half) = (0.5 * (start + end), 0.5 * (end - start));
        let mean_pairs: f64 = GAUSS_LEGENDRE
            .into_iter()
            .map(|(node, weight)| weight * (g(centre - half * node) + g(centre + half * node)))
            .sum();
        sum += half.abs() * mean_pairs;
        if g(end) < NOTHING {
            break;
        }
        start = end;
        width *= 2.0;
    }
    sum
}

/// ln(exp a + exp b)
pub(crate) fn log_add(a: f64, b: f64) -> f64 {
    let (low, high) = (a.min(b), a.max(b));
    if low == f64::NEG_INFINITY {
        return high;
    }
    high + (low - high).exp().ln_1p()
}
