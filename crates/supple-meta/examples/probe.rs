use std::time::Instant;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let recipe = supple_meta::recipe::Recipe::read(args[1].as_ref()).unwrap_or_else(|e| panic!("{e}"));
    let set = if args[2] == "glyphs" {
        supple_data::glyphs::generate(1)
    } else {
        supple_data::omniglot::load(args[2].as_ref()).unwrap()
    };
    let mut t = supple_meta::trainer::Trainer::new(recipe, &set).unwrap();
    eprintln!(
        "macs {} features {} params {}",
        t.trunk().macs(),
        t.trunk().features(),
        t.trunk().parameters()
    );
    if let Some(out) = args.get(3)
        && let Ok(state) = supple_meta::checkpoint::read(out.as_ref())
    {
        t.resume(state).unwrap();
    }
    let start = Instant::now();
    let (mut l, mut a, mut n) = (0.0, 0.0, 0);
    while !t.finished() {
        let p = t.iterate().unwrap();
        l += p.loss;
        a += p.accuracy;
        n += 1;
        if p.iteration % 100 == 0
            && p.iteration % t.recipe().training.validation_every != 0
            && p.iteration <= 500
        {
            println!(
                "{} {:.0}s loss {:.4} acc {:.4}",
                p.iteration,
                start.elapsed().as_secs_f64(),
                l / n as f32,
                a / n as f64
            );
        }
        if p.iteration % t.recipe().training.validation_every == 0 {
            let v = t.validate();
            println!(
                "{} {:.0}s loss {:.4} acc {:.4} val {:.4?} rates {:?}",
                p.iteration,
                start.elapsed().as_secs_f64(),
                l / n as f32,
                a / n as f64,
                v,
                t.layout().rates(&t.state().learned).iter().map(|r| (r.weights, r.bias)).collect::<Vec<_>>()
            );
            l = 0.0;
            a = 0.0;
            n = 0;
            if let Some(out) = args.get(3) {
                supple_meta::checkpoint::write(out.as_ref(), t.state()).unwrap();
            }
        }
    }
}
