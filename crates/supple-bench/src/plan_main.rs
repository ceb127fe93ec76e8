//! Measures a trunk's plan beside tract and prints a line of JSON; `cargo xtask bench host --case plan-conv4`.
#![deny(unsafe_code, missing_docs)]

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use serde_json::{Value, json};
use supple_bench::measure::{pin, positive};
use supple_bench::plan::{Times, compare};

#[derive(Parser)]
#[command(about = "Measures a trunk's plan beside tract, by turns on one thread, and prints a line of JSON")]
struct Arguments {
    /// Time limit; 10 if there is no limit of iterations either.
    #[arg(long, value_parser = positive)]
    seconds: Option<f64>,
    /// Runs of each.
    #[arg(long)]
    iterations: Option<u64>,
    /// Of weights and input.
    #[arg(long, default_value = "0")]
    seed: u64,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    if let Err(error) = pin(1) {
        eprintln!("warning: the thread is not pinned, figures may vary: {error}");
    }
    let seconds = arguments.seconds.or(arguments.iterations.is_none().then_some(10.0));
    let compared = compare(arguments.seed, arguments.iterations, seconds.map(Duration::from_secs_f64))?;
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    // Runs take no breaks, so a second of the median's speed stands for one of processor time.
    let of = |program: &str, times: &Times, other: &Times, metric: &str| -> Value {
        let per_second = 1.0 / times.median().as_secs_f64();
        json!({
            "case": "plan-conv4",
            "program": program,
            "threads": 1,
            "iterations_per_cpu_second": per_second,
            "iterations_per_second": per_second,
            "iterations": times.count(),
            "microseconds_median": micros(times.median()),
            "microseconds_fastest": micros(times.fastest()),
            "time_over_other_fastest": times.fastest().as_secs_f64() / other.fastest().as_secs_f64(),
            "final_metric": micros(times.fastest()),
            "metric": metric,
        })
    };
    let fastest = "microseconds_fastest";
    let mut line = of("supple", &compared.plan, &compared.tract, fastest);
    line["beside"] = of("tract", &compared.tract, &compared.plan, fastest);
    line["macs"] = compared.macs.into();
    Ok(writeln!(std::io::stdout().lock(), "{line}")?)
}
