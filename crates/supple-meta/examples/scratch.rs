//! Scratch.
use std::path::Path;
use std::time::Instant;
use supple_data::broken::OnBroken;
use supple_meta::recipe::{Recipe, Source};
use supple_meta::trainer::Trainer;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let recipe = Recipe::read(Path::new(&args[1])).unwrap_or_else(|e| panic!("{e}"));
    let data = std::env::var("SUPPLE_DATA").unwrap_or("/work/shared/data".into());
    let data = Path::new(&data);
    let set = match recipe.data.source {
        Source::Fsdd => supple_data::audio::fsdd::load(&data.join("fsdd"), OnBroken::Refuse).unwrap().0,
        Source::WakeWords => supple_data::audio::wake_words::load(&data.join("wakewords_picovoice"), "picovoice", OnBroken::Refuse).unwrap().0,
        Source::Har => supple_data::sensors::har::load(&data.join("har_spsw"), OnBroken::Refuse).unwrap().0,
        Source::Ecg => supple_data::sensors::ecg::load(&data.join("ecg_mitbih"), OnBroken::Refuse).unwrap().0,
        Source::Gas => supple_data::sensors::gas::load(&data.join("gas_drift"), OnBroken::Refuse).unwrap().0,
        other => panic!("{other:?}"),
    };
    println!("{} samples, {:?}, domains {:?}", set.len(), set.shape(), &set.domains()[..set.domains().len().min(30)]);
    let start = Instant::now();
    let mut trainer = Trainer::new(recipe, &set, None).unwrap_or_else(|e| panic!("{e}"));
    println!("{} macs, {} features", trainer.learner().network.macs(), trainer.learner().network.features());
    let mut loss = 0.0;
    while !trainer.finished() {
        let p = trainer.iterate().unwrap();
        loss += 0.02 * (p.loss - loss);
        if p.iteration % trainer.recipe().training.validation_every == 0 {
            println!("{} {:.1}s loss {loss:.3} acc {:.3} {:.4?}", p.iteration, start.elapsed().as_secs_f64(), p.accuracy, trainer.validate());
        }
    }
    trainer.finish();
    let way = trainer.recipe().training.validation_way;
    for shot in [1, 5] {
        match trainer.validate_at(way, shot, 600) { Ok(v) => println!("way {way} shot {shot}: {v:.4?}"), Err(e) => println!("{e}") }
    }
}
