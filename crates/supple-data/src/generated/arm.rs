//! A planar arm of two links that holds an unknown payload: which torques give a wanted motion.
//!
//! Inverse dynamics of two rigid links in a vertical plane with the payload as a point at the tip (Spong, Hutchinson,
//! Vidyasagar: Robot Modeling and Control, 2006, section 7.4), with viscous friction in the joints. Torques are linear in
//! the payload's mass, so a head on good features can learn it from few samples.

use rand::{Rng, RngExt};

/// Sine and cosine of both angles, both speeds over 2 rad/s, both accelerations over 5 rad/s².
pub const INPUTS: usize = 8;
/// Torques of both joints.
pub const OUTPUTS: [&str; 2] = ["shoulder torque, 10 N·m", "elbow torque, 10 N·m"];

const LENGTHS: [f32; 2] = [0.4, 0.35];
const MASSES: [f32; 2] = [2.0, 1.5];
const GRAVITY: f32 = 9.81;
/// N·m per rad/s.
const FRICTION: f32 = 0.3;
/// Heaviest payload, kg.
const HEAVIEST: f32 = 3.0;
const SPEED: f32 = 2.0;
const ACCELERATION: f32 = 5.0;
/// N·m.
const TORQUE: f32 = 10.0;
/// Of a measured torque, as a share of `TORQUE`.
const NOISE: f32 = 0.01;

/// An arm with its payload.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Arm {
    /// kg.
    pub payload: f32,
}

/// Angles (the elbow's from the upper link on), speeds and accelerations of both joints, in radians and seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Motion {
    /// Shoulder from the horizontal, elbow from the upper link.
    pub angles: [f32; 2],
    /// Their derivatives.
    pub speeds: [f32; 2],
    /// Their second derivatives.
    pub accelerations: [f32; 2],
}

impl Arm {
    /// Draws a payload.
    pub fn draw(random: &mut impl Rng) -> Self {
        Self { payload: random.random_range(0.0..HEAVIEST) }
    }

    /// Torques of both joints, N·m.
    pub fn torques(&self, motion: &Motion) -> [f32; 2] {
        let ([l1, l2], [m1, m2], m) = (LENGTHS, MASSES, self.payload);
        let (c1, c2) = (l1 / 2.0, l2 / 2.0);
        let inertia = |mass: f32, length: f32| mass * length * length / 12.0;
        let (i1, i2) = (inertia(m1, l1), inertia(m2, l2));
        let a1 = i1 + m1 * c1 * c1 + i2 + m2 * (l1 * l1 + c2 * c2) + m * (l1 * l1 + l2 * l2);
        let a2 = m2 * l1 * c2 + m * l1 * l2;
        let a3 = i2 + m2 * c2 * c2 + m * l2 * l2;
        let ([q1, q2], [v1, v2], [w1, w2]) = (motion.angles, motion.speeds, motion.accelerations);
        let (sine, cosine) = libm::sincosf(q2);
        let coupling = a2 * sine;
        let lower = (m2 * c2 + m * l2) * GRAVITY * libm::cosf(q1 + q2);
        let upper = (m1 * c1 + (m2 + m) * l1) * GRAVITY * libm::cosf(q1) + lower;
        let shoulder = (a1 + 2.0 * a2 * cosine) * w1 + (a3 + a2 * cosine) * w2
            - coupling * (2.0 * v1 * v2 + v2 * v2)
            + upper
            + FRICTION * v1;
        let elbow = (a3 + a2 * cosine) * w1 + a3 * w2 + coupling * v1 * v1 + lower + FRICTION * v2;
        [shoulder, elbow]
    }

    /// Appends a random motion and its measured torques.
    pub fn sample(&self, random: &mut impl Rng, input: &mut Vec<f32>, target: &mut Vec<f32>) {
        let mut even = |limit: f32| random.random_range(-limit..limit);
        let motion = Motion {
            angles: [even(core::f32::consts::PI), even(core::f32::consts::PI)],
            speeds: [even(SPEED), even(SPEED)],
            accelerations: [even(ACCELERATION), even(ACCELERATION)],
        };
        for angle in motion.angles {
            let (sine, cosine) = libm::sincosf(angle);
            input.extend([sine, cosine]);
        }
        input.extend(motion.speeds.map(|speed| speed / SPEED));
        input.extend(motion.accelerations.map(|acceleration| acceleration / ACCELERATION));
        // The sum of three even draws is close to normal.
        let mut noise = || NOISE * (0..3).map(|_| random.random_range(-1.0f32..1.0)).sum::<f32>();
        target.extend(self.torques(&motion).map(|torque| torque / TORQUE + noise()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arm_at_rest_carries_weight_alone() {
        let rest = |angles| Motion { angles, speeds: [0.0; 2], accelerations: [0.0; 2] };
        // Stretched out level: each mass times its distance times g.
        let [shoulder, elbow] = Arm { payload: 1.0 }.torques(&rest([0.0, 0.0]));
        let expected = GRAVITY * (2.0 * 0.2 + 1.5 * (0.4 + 0.175) + 1.0 * 0.75);
        assert!((shoulder - expected).abs() < 1e-4, "{shoulder} {expected}");
        assert!((elbow - GRAVITY * (1.5 * 0.175 + 0.35)).abs() < 1e-4);
        // Upright nothing pulls.
        let upright = Arm { payload: 2.0 }.torques(&rest([core::f32::consts::FRAC_PI_2, 0.0]));
        assert!(upright.iter().all(|torque| torque.abs() < 1e-4));
    }

    /// τ = τ₀ + m φ: the difference that 2 kg make is twice that of 1 kg.
    #[test]
    fn torques_are_linear_in_the_payload() {
        let motion = Motion { angles: [0.3, -1.1], speeds: [1.2, -0.7], accelerations: [3.0, -2.0] };
        let at = |payload| Arm { payload }.torques(&motion);
        for joint in 0..2 {
            let (none, one, two) = (at(0.0)[joint], at(1.0)[joint], at(2.0)[joint]);
            assert!((two - none - 2.0 * (one - none)).abs() < 1e-4);
        }
    }

    /// Without gravity and friction, power is the change of kinetic energy; checked along a short motion.
    #[test]
    fn torques_do_the_work_of_the_motion() {
        let arm = Arm { payload: 1.5 };
        let at = |t: f32| Motion {
            angles: [0.5 * libm::sinf(2.0 * t), 0.8 * libm::cosf(1.5 * t)],
            speeds: [libm::cosf(2.0 * t), -1.2 * libm::sinf(1.5 * t)],
            accelerations: [-2.0 * libm::sinf(2.0 * t), -1.8 * libm::cosf(1.5 * t)],
        };
        let energy = |motion: &Motion| {
            let still = Motion { speeds: [0.0; 2], accelerations: [0.0; 2], ..*motion };
            // ½ q̇ᵀ M q̇, the columns of M by unit accelerations at rest.
            let weight = arm.torques(&still);
            let column = |accelerations| {
                let torques = arm.torques(&Motion { accelerations, ..still });
                [torques[0] - weight[0], torques[1] - weight[1]]
            };
            let (first, second) = (column([1.0, 0.0]), column([0.0, 1.0]));
            let [v1, v2] = motion.speeds;
            0.5 * (v1 * (first[0] * v1 + second[0] * v2) + v2 * (first[1] * v1 + second[1] * v2))
        };
        let t = 0.37;
        let change = (energy(&at(t + 1e-2)) - energy(&at(t - 1e-2))) / 2e-2;
        let motion = at(t);
        let weight = arm.torques(&Motion { speeds: [0.0; 2], accelerations: [0.0; 2], ..motion });
        let torques = arm.torques(&motion);
        let power: f32 =
            (0..2).map(|i| (torques[i] - weight[i] - FRICTION * motion.speeds[i]) * motion.speeds[i]).sum();
        assert!((power - change).abs() < 2e-2, "{power} {change}");
    }
}
