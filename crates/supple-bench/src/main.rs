//! Measures one case: `supple-bench --case sine-maml`. `cargo xtask bench host` compares with other programs.
#![deny(unsafe_code, missing_docs)]

use std::error::Error;
use std::io::Write;
use std::num::NonZero;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use serde_json::json;
use supple_bench::cases::{self, Settings};
use supple_bench::measure::{measure, pin, positive};
use supple_bench::protocol::CaseName;

#[derive(Parser)]
#[command(about = "Measures one case of meta-training on the host and prints a line of JSON")]
struct Arguments {
    /// The case.
    #[arg(long)]
    case: CaseName,
    /// Time limit; 10 if there is no limit of iterations either.
    #[arg(long, value_parser = positive)]
    seconds: Option<f64>,
    /// Threads, each on a processor of its own.
    #[arg(long, default_value = "1")]
    threads: NonZero<usize>,
    /// Outer iterations.
    #[arg(long)]
    iterations: Option<u64>,
    /// Of tasks and starting parameters.
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
    let threads = arguments.threads.get();
    if let Err(error) = pin(threads) {
        eprintln!("warning: threads are not pinned, figures may vary: {error}");
    }
    // Only threads started after pinning inherit it.
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;
    let settings = Settings { seed: arguments.seed, iterations: arguments.iterations };
    let mut case = cases::start(arguments.case, &settings);
    let seconds = arguments.seconds.or(arguments.iterations.is_none().then_some(10.0));
    let limit = seconds.map(Duration::from_secs_f64);
    let measurement = measure(case.as_mut(), arguments.iterations, limit);
    let (final_metric, metric) = case.final_metric();
    let per_second = |time: Duration| measurement.iterations as f64 / time.as_secs_f64();
    let line = json!({
        "case": arguments.case.to_string(),
        "program": "supple",
        "threads": threads,
        "iterations_per_cpu_second": measurement.processor.map(per_second),
        "iterations_per_second": per_second(measurement.wall),
        "iterations": measurement.iterations,
        "final_metric": final_metric,
        "metric": metric,
    });
    Ok(writeln!(std::io::stdout().lock(), "{line}")?)
}
