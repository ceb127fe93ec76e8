//! ONNX's own cases: tract on the model as it is, the compiled plan on one sample after the other, both against
//! the stored outputs. `docs/conformance.md` says which cases and how.

mod attributes;
mod batch;
#[path = "../onnx/mod.rs"]
mod onnx;
mod relevant;
mod wheel;

use std::collections::BTreeMap;
use std::fmt::Write;

use rayon::prelude::*;
use supple_tests::skipped;
use supple_tests::table::Table;
use supple_trunk::CompileOptions;

use onnx::oracle;
use onnx::plan::{NoPlan, Plan};
use onnx::tensor::Tolerance;
use relevant::{Irrelevant, Relevant, relevant};

/// As ONNX's own runner has it.
const TOLERANCE: Tolerance = Tolerance { absolute: 1e-7, relative: 1e-3 };

const PASS: &str = "pass";
const MISMATCH: &str = "mismatch";
const UNSUPPORTED: &str = "unsupported";
const HELD_BACK: &str = "held-back";
const ERROR: &str = "error";

/// What became of a case.
struct Outcome {
    operator: String,
    input: String,
    tract: &'static str,
    plan: &'static str,
    reason: String,
}

#[test]
fn every_relevant_case_of_onnx_passes_or_is_refused() {
    let Some(wheel) = wheel::find() else {
        return skipped(
            "onnx 1.22.0: `cargo xtask setup` fetches it, or name its wheel in SUPPLE_ONNX_WHEEL",
        );
    };
    let cases = wheel::cases(&wheel);
    assert!(cases.len() > 1500, "{} holds {} cases", wheel.display(), cases.len());
    let found: Vec<(&String, Result<Outcome, Irrelevant>)> = cases
        .par_iter()
        .map(|(name, case)| (name, relevant(name, case).map(|relevant| run(name, &relevant))))
        .collect();

    let mut table = Table::new("conformance.tsv", &["case", "operator", "input", "tract", "plan", "reason"]);
    let mut left_out: BTreeMap<Irrelevant, usize> = BTreeMap::new();
    let mut outcomes = Vec::new();
    for (name, outcome) in found {
        match outcome {
            Ok(outcome) => {
                let Outcome { operator, input, tract, plan, reason } = &outcome;
                table.add(&[name, operator, input, tract, plan, reason]);
                outcomes.push(outcome);
            }
            Err(why) => *left_out.entry(why).or_default() += 1,
        }
    }
    print!("{}", totals(&outcomes));
    for (why, count) in left_out {
        println!("left out: {count} ({why})");
    }
    let wrong = outcomes.iter().filter(|outcome| outcome.plan == MISMATCH).count();
    table.check();
    assert_eq!(wrong, 0, "plans that give something else than ONNX stored; see {MISMATCH} in the table");
}

fn run(name: &str, case: &Relevant) -> Outcome {
    let samples = case.samples();
    let (tract, said) = by_tract(name, case, &samples);
    let (plan, reason) = match by_plan(case, &samples) {
        Ok(()) => (PASS, String::new()),
        Err(Fault::NoPlan(NoPlan::Refused(error))) => (UNSUPPORTED, NoPlan::Refused(error).to_string()),
        Err(Fault::NoPlan(NoPlan::HeldBack(error))) => (HELD_BACK, NoPlan::HeldBack(error).to_string()),
        Err(Fault::NoPlan(NoPlan::Broken(why)) | Fault::Differs(why)) => (MISMATCH, why),
    };
    let reasons: Vec<String> = [reason, said].into_iter().filter(|text| !text.is_empty()).collect();
    let shape: Vec<String> = case.sample_shape.iter().map(usize::to_string).collect();
    Outcome {
        operator: case.operator.clone(),
        input: format!("{} of {}", samples.len(), shape.join("x")),
        tract,
        plan,
        reason: reasons.join(" | "),
    }
}

enum Fault {
    NoPlan(NoPlan),
    Differs(String),
}

fn by_plan(case: &Relevant, samples: &[(&[f32], &[f32])]) -> Result<(), Fault> {
    let plan = Plan::compile(&case.sample, &CompileOptions::default()).map_err(Fault::NoPlan)?;
    for (input, stored) in samples {
        let found = plan.run(input).map_err(Fault::NoPlan)?;
        TOLERANCE.holds(&found, stored).map_err(Fault::Differs)?;
    }
    Ok(())
}

/// tract on the case as it is, and what it says about it.
///
/// # Panics
/// If tract passes the case, but not what it was rewritten to.
fn by_tract(name: &str, case: &Relevant, samples: &[(&[f32], &[f32])]) -> (&'static str, String) {
    match oracle::run(&case.full, &case.input.shape, &[&case.input.values]) {
        Err(why) => return (ERROR, format!("tract: {}", shortened(&why))),
        Ok(outputs) => {
            if let Err(why) = TOLERANCE.holds(&outputs[0], &case.output.values) {
                return (MISMATCH, format!("tract: {why}"));
            }
        }
    }
    let inputs: Vec<&[f32]> = samples.iter().map(|(input, _)| *input).collect();
    let outputs = oracle::run(&case.sample, &case.sample_shape, &inputs)
        .unwrap_or_else(|why| panic!("{name} as rewritten: {why}"));
    for (found, (_, stored)) in outputs.iter().zip(samples) {
        TOLERANCE.holds(found, stored).unwrap_or_else(|why| panic!("{name} as rewritten: {why}"));
    }
    (PASS, String::new())
}

/// tract's chains of reasons end with whole dumps of its graph.
fn shortened(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.chars().take(160).collect()
}

/// For each operator: how many cases, how many tract passes, what became of the plans.
fn totals(outcomes: &[Outcome]) -> String {
    let mut rows: BTreeMap<&str, [usize; 6]> = BTreeMap::new();
    for outcome in outcomes {
        let columns = [
            true,
            outcome.tract == PASS,
            outcome.plan == PASS,
            outcome.plan == UNSUPPORTED,
            outcome.plan == HELD_BACK,
            outcome.plan == MISMATCH,
        ];
        for name in [&*outcome.operator, "total"] {
            let row = rows.entry(name).or_default();
            for (count, holds) in row.iter_mut().zip(columns) {
                *count += usize::from(holds);
            }
        }
    }
    let mut text = format!(
        "{:<28} {:>6} {:>6} {:>6} {UNSUPPORTED:>12} {HELD_BACK:>10} {MISMATCH:>9}\n",
        "operator", "cases", "tract", "plan"
    );
    // The total comes last: every operator begins with a capital.
    for (name, [cases, tract, plan, unsupported, held_back, mismatch]) in rows {
        let _ = writeln!(
            text,
            "{name:<28} {cases:>6} {tract:>6} {plan:>6} {unsupported:>12} {held_back:>10} {mismatch:>9}"
        );
    }
    text
}
