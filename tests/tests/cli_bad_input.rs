//! Whatever is wrong with the input, the command says it in one message with a remedy, ends with 1 (2 for wrong
//! usage), prints nothing and leaves nothing half-written.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use supple_tests::run::{
    Outcome, RECIPE, Scratch, Training, files, firmware, read, run, scratch, supple, train, write,
};
use supple_tests::{data, full, root};

static SCRATCH: LazyLock<Scratch> = LazyLock::new(|| scratch("cli_bad_input"));
static TRAINED: LazyLock<(Training, PathBuf)> = LazyLock::new(|| train(&SCRATCH, "trained", &[]));
/// A recipe that is sound but never trained here.
static SOUND: LazyLock<PathBuf> = LazyLock::new(|| SCRATCH.file("sound.toml", RECIPE));

fn pack() -> &'static PathBuf {
    &TRAINED.1
}

/// `supple eval` of the trained pack on generated drawings it has not seen.
fn eval(more: &[&str]) -> Command {
    let mut command = supple(&[&"eval", pack(), &"--data", &"glyphs:2", &"--way", &"4"]);
    command.args(["--queries", "2", "--episodes", "2"]).args(more);
    command
}

fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().expect("a header");
    writer.write_image_data(&vec![255; (width * height) as usize]).expect("the pixels");
    writer.finish().expect("an end");
    bytes
}

#[test]
fn wrong_usage_is_two_with_a_way_out() {
    let cases: [(&[&str], &str); 11] = [
        (&["evaluate"], "eval"),
        (&["eval", "a.supple", "--data", "glyphs", "--kind", "new"], "new-domain"),
        (&["eval", "a.supple", "--data", "glyphs", "--source", "mnist"], "wake-words"),
        (&["eval", "a.supple", "--data", "glyphs", "--hold-back", "6"], "last-domains=N"),
        (&["train"], "RECIPE"),
        (&["eval", "a.supple"], "--data"),
        (&["eval", "a.supple", "--data", "glyphs", "--way", "many"], "--way"),
        (&["eval", "a.supple", "--data", "glyphs", "--on", "mars"], "qemu"),
        (&["eval", "a.supple", "--data", "glyphs", "--episodes", "-1"], "-1"),
        (&["pack", "runs/glyphs"], "--out"),
        (&["inspect", "a.supple", "--threads", "0"], "--threads"),
    ];
    for (arguments, word) in cases {
        run(supple(&[]).args(arguments)).misused(&[word, "--help"]);
    }
    let bare = run(&mut supple(&[]));
    assert_eq!((bare.code, bare.stdout.as_str()), (Some(2), ""), "{bare:?}");
    assert!(bare.stderr.contains("Usage: supple"), "{bare:?}");
}

#[test]
fn data_that_is_none_is_named_and_nothing_is_written() {
    let wrong_size = SCRATCH.join("wrong size");
    write(&wrong_size.join("alphabet/character/1.png"), png(28, 28));
    write(&wrong_size.join("alphabet/character/2.png"), png(28, 30));
    let mixed = SCRATCH.join("mixed");
    write(&mixed.join("alphabet/character/1.png"), png(105, 105));
    write(&mixed.join("alphabet/character/2.png"), png(28, 28));
    let broken = SCRATCH.join("broken");
    write(&broken.join("alphabet/character/1.png"), &png(105, 105)[..60]);
    let no_drawings = SCRATCH.join("no drawings");
    write(&no_drawings.join("alphabet/readme.txt"), "hello");
    // An archive's end without any entry before it: a whole zip.
    let empty_zip = [&b"PK\x05\x06"[..], &[0; 18]].concat();
    let cut_zip = [&b"PK\x03\x04"[..], &[0; 200]].concat();

    let cases: [(PathBuf, &[&str]); 9] = [
        (SCRATCH.join("gone.zip"), &["gone.zip does not exist", "--data"]),
        (
            SCRATCH.file("notes.txt", "no drawings here"),
            &["notes.txt is neither a folder nor a zip", "--data"],
        ),
        (SCRATCH.file("empty.zip", empty_zip), &["empty.zip holds no drawing", "alphabet/character/*.png"]),
        (SCRATCH.file("cut.zip", cut_zip), &["cut.zip is neither a folder nor a zip"]),
        (no_drawings, &["no drawings holds no drawing", "alphabet/character/*.png"]),
        (wrong_size, &["alphabet/character/2.png is 28 × 30 pixels", "resize or remove it"]),
        (mixed, &["alphabet/character/2.png is 28 × 28 pixels", "105 × 105 like the first"]),
        (broken, &["alphabet/character/1.png is not a readable PNG", "repair or remove it"]),
        ("glyphs:many".into(), &["`glyphs:many`", "glyphs:SEED"]),
    ];
    let out = SCRATCH.join("of bad data");
    for (path, words) in cases {
        run(&mut supple(&[&"train", &*SOUND, &"--data", &path, &"--out", &out])).refused(words);
        run(&mut supple(&[&"eval", pack(), &"--data", &path])).refused(words);
        assert!(!out.exists(), "{}", path.display());
    }
    // Sound, but too little to hold alphabets back.
    let few = SCRATCH.join("few");
    for character in 0..8 {
        write(&few.join(format!("alphabet/character{character}/1.png")), png(28, 28));
    }
    run(&mut supple(&[&"train", &*SOUND, &"--data", &few, &"--out", &out]))
        .refused(&["1 of the 1 domain(s) of few", "hold_back of [data]"]);
    assert!(!out.exists());
}

#[test]
fn a_recipe_is_refused_with_its_line_or_key() {
    let of = |from: &str, to: &str| {
        assert!(RECIPE.contains(from), "{from}");
        RECIPE.replacen(from, to, 1)
    };
    let huge = "9223372036854775807";
    let cases: Vec<(String, &[&str])> = vec![
        (of("steps = 3", "step = 3"), &["line 20", "unknown field `step`", "--print-recipe"]),
        (of("seed = 1", "sead = 1"), &["line 2", "unknown field `sead`"]),
        (of("kernel = 3", "kernels = 3"), &["line 8", "Block"]),
        (of("iterations = 100\n", ""), &["missing field `iterations`"]),
        (of("iterations = 100", "iterations = \"100\""), &["line 28", "iterations"]),
        (of("[head]", "[head"), &["line 15"]),
        (of("\"glyphs\"", "\"mnist\""), &["mnist", "omniglot"]),
        (of("way = 8", "way = 9"), &["training.way", "head.capacity (8)"]),
        (of("max_support = 40", "max_support = 39"), &["head.max_support", "40"]),
        (of("iterations = 100", "iterations = 0"), &["training.iterations", "at least 1"]),
        (of("capacity = 8", "capacity = 70000"), &["head.capacity", "1024"]),
        (of("queries = 2", "queries = 1000"), &["8 classes with 1001 samples each", "recipe"]),
        (of("queries = 2", &format!("queries = {huge}")), &["samples each", "recipe"]),
        (of("shots = [1, 5]", &format!("shots = [1, {huge}]")), &["head.max_support"]),
        (of("way = 8", &format!("way = {huge}")), &["training.way"]),
        (of("stride = 2", "stride = 0"), &["stride"]),
        (of("kernel = 3", "kernel = 0"), &["kernel"]),
        (of("kernel = 3", &format!("kernel = {huge}")), &["kernel"]),
        (of("padding = 1", &format!("padding = {huge}")), &["padding"]),
        (of("channels = 4", "channels = 0"), &["channels"]),
        (of("channels = 4", &format!("channels = {huge}")), &["channels"]),
        ("".to_owned(), &["missing field `trunk`"]),
        ("\u{0}\u{1}".to_owned(), &["is not a recipe"]),
    ];
    let out = SCRATCH.join("of bad recipes");
    let mut wrong = Vec::new();
    for (index, (recipe, words)) in cases.iter().enumerate() {
        let path = SCRATCH.file(&format!("recipe{index}.toml"), recipe);
        let outcome = run(&mut supple(&[&"train", &path, &"--out", &out]));
        let told = words.iter().all(|word| outcome.stderr.contains(word));
        if !told || outcome.code != Some(1) || outcome.stderr.contains("panicked") || out.exists() {
            wrong.push(format!("{words:?}: {outcome:#?}"));
        } else {
            outcome.refused(words);
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));

    run(&mut supple(&[&"train", &SCRATCH.join("gone.toml"), &"--out", &out])).refused(&["gone.toml"]);
    let latin = SCRATCH.file("latin.toml", b"# caf\xe9\n");
    run(&mut supple(&[&"train", &latin, &"--out", &out])).refused(&["latin.toml"]);
    let omniglot = SCRATCH.file("omniglot.toml", of("\"glyphs\"", "\"omniglot\""));
    run(&mut supple(&[&"train", &omniglot, &"--out", &out])).refused(&["omniglot", "--data"]);
    assert!(!out.exists());
}

#[test]
fn eval_refuses_episodes_the_pack_or_the_data_cannot_give() {
    let huge = "18446744073709551615";
    let cases: [(&[&str], &[&str]); 20] = [
        (&["--way", "9"], &["--way 9", "capacity of 8"]),
        (&["--way", huge], &["capacity of 8"]),
        (&["--way", "0"], &["at least 1"]),
        (&["--shot", "11"], &["44 support samples", "max_support", "lower --shot"]),
        (&["--shot", huge], &["max_support"]),
        (&["--shot", "0"], &["at least 1"]),
        (&["--queries", "0"], &["at least 1"]),
        (&["--queries", "20"], &["--queries", "21 samples"]),
        (&["--queries", huge], &["--queries"]),
        (&["--episodes", "0"], &["--episodes"]),
        (&["--episodes", huge], &["--episodes"]),
        (&["--steps", huge], &["--steps"]),
        (&["--split", "tests"], &["`tests` is not a split", "validation"]),
        (&["--shots", "1,11"], &["44 support samples", "--shots"]),
        (&["--split", "validation", "--hold-back", "domains=gone"], &["no domain `gone`", "--hold-back"]),
        (&["--split", "train", "--hold-back", "last-domains=0"], &["0 of the", "--hold-back"]),
        (&["--compare", "gone.supple"], &["gone.supple", "check the path"]),
        (&["--source", "fsdd", "--data", "gone.zip"], &["gone.zip does not exist"]),
        (&["--on", "qemu", "--board", "arduino"], &["no board `arduino`", "mps2-an386"]),
        (
            &["--report", "/no/such/folder/page.html"],
            &["/no/such/folder/page.html", "does not exist", "--report"],
        ),
    ];
    let mut wrong = Vec::new();
    for (arguments, words) in cases {
        // A flag given twice would be wrong usage.
        let default = [["--way", "4"], ["--queries", "2"], ["--episodes", "2"]];
        let default = default.iter().filter(|flag| !arguments.contains(&flag[0])).flatten();
        let mut command = supple(&[&"eval", pack()]);
        if !arguments.contains(&"--data") {
            command.args(["--data", "glyphs:2"]);
        }
        let outcome = run(command.args(default).args(arguments));
        let told = words.iter().all(|word| outcome.stderr.contains(word));
        if !told || outcome.code != Some(1) || outcome.stderr.contains("panicked") {
            wrong.push(format!("{words:?}: {outcome:#?}"));
        } else {
            outcome.refused(words);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn on_the_data_of_its_training_the_split_must_be_named() {
    let on = |more: &[&str]| run(supple(&[&"eval", pack(), &"--data", &"glyphs", &"--way", &"4"]).args(more));
    on(&[]).refused(&["trained on glyphs", "--split", "validation"]);
    on(&["--episodes", "2", "--split", "train"]).succeeded();
}

#[test]
fn a_trunk_alone_compiles_but_is_not_evaluated() {
    let alone = SCRATCH.join("trunk alone.supple");
    let trunk = TRAINED.0.out.join("trunk.onnx");
    run(&mut supple(&[&"compile", &trunk, &"-o", &alone])).succeeded();
    run(&mut supple(&[&"eval", &alone, &"--data", &"glyphs"]))
        .refused(&["trunk alone.supple holds no head", "supple pack"]);
    run(&mut supple(&[&"eval", &trunk, &"--data", &"glyphs"])).refused(&[
        "trunk.onnx",
        "does not begin with `SUPL`",
        "supple compile",
    ]);
    run(&mut supple(&[&"eval", &SCRATCH.join("gone.supple"), &"--data", &"glyphs"]))
        .refused(&["gone.supple"]);
    run(&mut supple(&[&"inspect", &SCRATCH.join("gone.supple")])).refused(&["gone.supple", "check the path"]);
    run(&mut supple(&[&"inspect", pack(), &"--board", &"arduino"]))
        .refused(&["no board `arduino`", "mps2-an386"]);
    run(&mut supple(&[&"inspect", &std::env::temp_dir()])).refused(&["cannot read"]);
}

#[test]
fn pack_refuses_half_and_mixed_trainings() {
    let trained = &TRAINED.0.out;
    let out = SCRATCH.join("never.supple");
    let pack_of = |folder: &PathBuf| run(&mut supple(&[&"pack", folder, &"-o", &out]));
    pack_of(&SCRATCH.join("gone")).refused(&["holds no trunk.onnx", "supple train"]);

    let copy = SCRATCH.join("copy");
    write(&copy.join("trunk.onnx"), read(trained.join("trunk.onnx")));
    pack_of(&copy).refused(&["head.postcard", "train first"]);
    let mut head = read(trained.join("head.postcard"));
    head[100] ^= 1;
    write(&copy.join("head.postcard"), &head);
    pack_of(&copy).refused(&["head.postcard is no head, or is damaged", "train again"]);
    head[100] ^= 1;
    write(&copy.join("head.postcard"), &head);
    let mut trunk = read(trained.join("trunk.onnx"));
    let last = trunk.len() / 2;
    trunk[last] ^= 1;
    write(&copy.join("trunk.onnx"), trunk);
    pack_of(&copy).refused(&["trained with another trunk", "keep the two of one training together"]);
    assert!(!out.exists());
}

#[test]
fn what_cannot_be_written_leaves_nothing_and_keeps_what_was_there() {
    let trained = &TRAINED.0.out;
    let trunk = trained.join("trunk.onnx");
    let file = SCRATCH.file("a file", "as it was");
    for out in [SCRATCH.join("gone/out.supple"), file.join("out.supple")] {
        let words = [&out.display().to_string(), "check that the folder exists"];
        run(&mut supple(&[&"pack", trained, &"-o", &out])).refused(&words);
        run(&mut supple(&[&"compile", &trunk, &"-o", &out])).refused(&words);
        assert!(!out.exists());
    }
    // A folder where the pack should go.
    let folder = SCRATCH.join("folder.supple");
    write(&folder.join("inside"), "as it was");
    run(&mut supple(&[&"pack", trained, &"-o", &folder])).refused(&["folder.supple"]);
    assert_eq!(files(&folder).len(), 1);
    assert!(!SCRATCH.join("folder.supple.tmp").exists());

    run(&mut supple(&[&"train", &*SOUND, &"--out", &file.join("run")]))
        .refused(&["cannot make the folder", "--out"]);
    assert_eq!(fs::read_to_string(&file).expect("as it was"), "as it was");

    // A pack that was refused does not replace an older one.
    let kept = SCRATCH.file("kept.supple", read(pack()));
    let cut = SCRATCH.file("cut.onnx", &read(&trunk)[..5000]);
    run(&mut supple(&[&"compile", &cut, &"-o", &kept])).refused(&["cut.onnx"]);
    assert!(read(&kept) == read(pack()));
}

#[test]
fn resume_refuses_other_and_damaged_checkpoints_and_leaves_them() {
    let resume = |name: &str, checkpoint: &[u8], more: &[&str], words: &[&str]| {
        let training = Training::new(&SCRATCH, name);
        write(&training.out.join("checkpoint"), checkpoint);
        run(&mut training.command(&[&["--resume"], more].concat())).refused(words);
        assert_eq!(files(&training.out), [(training.out.join("checkpoint"), checkpoint.to_vec())].into());
    };
    let sound = read(TRAINED.0.out.join("checkpoint"));
    let other = ["checkpoint", "another"];
    resume("other seed", &sound, &["--seed", "2"], &other);
    resume("other data", &sound, &["--data", "glyphs:2"], &other);
    let mut flipped = sound.clone();
    flipped[sound.len() / 2] ^= 0x10;
    let damaged = ["is no checkpoint, or is damaged", "leave --resume out to start anew"];
    resume("flipped", &flipped, &[], &damaged);
    resume("cut", &sound[..sound.len() - 40], &[], &damaged);
    resume("empty", &[], &[], &damaged);
    resume("text", b"a checkpoint", &[], &damaged);

    let nothing = Training::new(&SCRATCH, "nothing to resume");
    run(&mut nothing.command(&["--resume"])).refused(&["cannot read the checkpoint", "leave --resume out"]);
    assert!(!nothing.out.exists());
}

/// A field of a protobuf message that holds bytes: text, or a message.
fn field(number: u8, bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref();
    let length = u8::try_from(bytes.len()).ok().filter(|length| *length < 128);
    let long = [bytes.len() as u8 | 0x80, (bytes.len() >> 7) as u8];
    let length = length.map_or(long.to_vec(), |length| vec![length]);
    [&[number << 3 | 2], &length[..], bytes].concat()
}

/// A field that holds a number below 128.
fn number(number: u8, value: u8) -> Vec<u8> {
    vec![number << 3, value]
}

/// ONNX of these nodes, each name and operator, from one to the next, on `[1, 4]`.
fn onnx(nodes: &[(&str, &str)]) -> Vec<u8> {
    let shape = field(2, [field(1, number(1, 1)), field(1, number(1, 4))].concat());
    let tensor =
        |name: &str| [field(1, name), field(2, field(1, [number(1, 1), shape.clone()].concat()))].concat();
    let mut graph = Vec::new();
    for (index, (name, operator)) in nodes.iter().enumerate() {
        let [from, to] = [index, index + 1].map(|value| format!("v{value}"));
        graph.extend(field(1, [field(1, from), field(2, to), field(3, name), field(4, operator)].concat()));
    }
    graph.extend([field(2, "graph"), field(11, tensor("v0"))].concat());
    graph.extend(field(12, tensor(&format!("v{}", nodes.len()))));
    [number(1, 8), field(8, number(2, 13)), field(7, graph)].concat()
}

#[test]
fn unsupported_nodes_of_a_model_are_all_named_once_and_no_pack_is_written() {
    let out = SCRATCH.join("refused.supple");
    let compile = |name: &str, nodes: &[(&str, &str)]| {
        let model = SCRATCH.file(name, onnx(nodes));
        run(&mut supple(&[&"compile", &model, &"-o", &out]))
    };
    compile("sound.onnx", &[("straight", "Relu"), ("same", "Identity")]).succeeded();
    fs::remove_file(&out).expect("it was written");

    let nodes =
        [("gate", "LSTM"), ("fine", "Relu"), ("bend", "GRU"), ("again", "LSTM"), ("mine", "Frobnicate")];
    let outcome = compile("refused.onnx", &nodes);
    outcome.refused(&["refused.onnx was not compiled", "supported operators: Abs, Add"]);
    for (name, operator) in nodes {
        let times = usize::from(name != "fine");
        let named = format!("node `{name}` ({operator})");
        assert_eq!(outcome.stderr.matches(&named).count(), times, "{named}: {}", outcome.stderr);
    }
    assert!(!out.exists());

    // A name that would paint the terminal.
    let outcome = compile("escape.onnx", &[("\u{1b}[2Jgone\n", "LSTM")]);
    outcome.refused(&["gone"]);
    assert!(!outcome.stderr.contains('\u{1b}'), "{outcome:?}");
    // Where it could be cut is told all the same.
    let told = run(&mut supple(&[&"inspect", &SCRATCH.join("refused.onnx")]));
    assert_eq!(told.code, Some(1), "{told:?}");
    assert!(told.stdout.contains("no part of it compiles"), "{told:?}");
    assert!(told.stderr.contains("node `gate` (LSTM)"), "{told:?}");
    let told = run(&mut supple(&[&"inspect", &SCRATCH.join("refused.onnx"), &"--json"]));
    let object: serde_json::Value = serde_json::from_str(&told.stdout).expect("an object");
    assert_eq!(
        (&object["refusals"][0]["node"], object["cuts"].as_array().map(Vec::len)),
        (&"gate".into(), Some(5))
    );

    // Cut before what stands in the way, it compiles; names like one that is not there are told.
    let nodes = [("first", "Relu"), ("second", "Neg"), ("third", "LSTM")];
    let outcome = compile("to cut.onnx", &nodes);
    outcome.refused(&["node `third` (LSTM)"]);
    let model = SCRATCH.join("to cut.onnx");
    let cut = |name: &str| run(&mut supple(&[&"compile", &model, &"--output", &name, &"-o", &out]));
    cut("v9").refused(&["no tensor `v9`", "`v1`"]);
    assert!(!out.exists());
    cut("v1").succeeded();
    let told = run(&mut supple(&[&"inspect", &model]));
    assert!(told.stdout.contains("ends at `v"), "{told:?}");
    let usage = run(&mut supple(&[&"compile", &model, &"--time-limit", &"0", &"-o", &out]));
    usage.misused(&["--time-limit", "--help"]);
}

#[test]
fn a_cut_or_foreign_model_is_refused_whatever_its_length() {
    let whole = read(TRAINED.0.out.join("trunk.onnx"));
    let out = SCRATCH.join("of cut models.supple");
    let step = if full() { 40 } else { 800 };
    let lengths = (0..whole.len()).step_by(step).chain(whole.len() - 3..whole.len());
    for length in lengths {
        let model = SCRATCH.file("cut short.onnx", &whole[..length]);
        let outcome = run(&mut supple(&[&"compile", &model, &"-o", &out]));
        outcome.refused(&["cut short.onnx"]);
        assert!(!out.exists(), "{length} of {} bytes", whole.len());
    }
    for (name, bytes) in [("picture.onnx", png(28, 28)), ("text.onnx", b"import onnx\n".to_vec())] {
        run(&mut supple(&[&"compile", &SCRATCH.file(name, bytes), &"-o", &out])).refused(&[name]);
    }
    run(&mut supple(&[&"compile", pack(), &"-o", &out])).refused(&["was not compiled"]);
    assert!(!out.exists());
}

#[test]
fn real_models_of_other_kinds_compile_or_are_refused_in_words() {
    let Some(folder) = data("models_onnx") else { return };
    let out = SCRATCH.join("of other kinds.supple");
    let models = fs::read_dir(folder).expect("a folder").filter_map(|entry| Some(entry.ok()?.path()));
    let models: Vec<PathBuf> =
        models.filter(|path| path.extension().is_some_and(|end| end == "onnx")).collect();
    assert!(!models.is_empty());
    for model in models {
        let outcome = run(&mut supple(&[&"compile", &model, &"-o", &out]));
        let name = model.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if outcome.code == Some(0) {
            fs::remove_file(&out).expect("it was written");
            println!("{name} compiles");
            continue;
        }
        outcome.refused(&[&name]);
        println!("{}", outcome.stderr.lines().next().unwrap_or_default());
        assert!(!out.exists());
    }
}

/// With 4 GB of address space, or a command that reads on and on would take the machine down with it.
#[cfg(target_os = "linux")]
#[test]
fn endless_files_are_refused() {
    let zeros = PathBuf::from("/dev/zero");
    let training = Training::new(&SCRATCH, "endless");
    fs::create_dir_all(&training.out).expect("a folder");
    std::os::unix::fs::symlink(&zeros, training.out.join("checkpoint")).expect("a link");
    let out = SCRATCH.join("endless.supple");
    let cases: [(Command, &str); 6] = [
        (supple(&[&"inspect", &zeros]), "/dev/zero has more than"),
        (supple(&[&"compile", &zeros, &"-o", &out]), "/dev/zero has more than"),
        (supple(&[&"eval", &zeros, &"--data", &"glyphs"]), "/dev/zero has more than"),
        (supple(&[&"eval", pack(), &"--data", &zeros]), "/dev/zero is neither a folder nor a zip"),
        (supple(&[&"train", &zeros, &"--out", &out]), "recipe /dev/zero: it has more than"),
        (training.command(&["--resume"]), "it has more than"),
    ];
    for (command, word) in cases {
        let mut limited = Command::new("sh");
        limited.args(["-c", "ulimit -v 4000000 && exec \"$@\"", "sh"]).arg(command.get_program());
        run(limited.args(command.get_args()).env("RUST_BACKTRACE", "0")).refused(&[word]);
    }
    assert!(!out.exists());
}

/// A full disk behind standard output, and a reader that has gone.
#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_printed_is_no_panic() {
    let full = fs::File::options().write(true).open("/dev/full").expect("Linux has one");
    run_printing_to(full.into()).refused(&["cannot print the result"]);
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let outcome = run_printing_to(writer.into());
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""), "{outcome:?}");
}

#[cfg(target_os = "linux")]
fn run_printing_to(stdout: Stdio) -> Outcome {
    let mut command = supple(&[&"inspect", pack()]);
    let process = command.stdout(stdout).stderr(Stdio::piped()).spawn().expect("it starts");
    Outcome::of(&command, process.wait_with_output().expect("it ends"))
}

#[test]
fn missing_firmware_and_qemu_are_named_with_what_installs_them() {
    let on = ["--on", "qemu", "--firmware"];
    run(eval(&on).arg(SCRATCH.join("gone.elf"))).refused(&["gone.elf", "cargo xtask firmware"]);
    let nowhere = SCRATCH.join("nowhere");
    fs::create_dir_all(&nowhere).expect("a folder");
    let outcome = run(eval(&on).arg(firmware()).env("PATH", &nowhere));
    outcome.refused(&["qemu-system-arm does not start", "apt-get install", "cargo xtask setup"]);
    // A file that is no firmware: QEMU ends, and its own words are shown.
    let text = SCRATCH.file("text.elf", "no firmware");
    run(eval(&on).arg(text)).refused(&[]);
    // Another board's firmware runs here too, but what it tells would be told of the wrong board.
    let other = root().join("target/firmware/mps2-an385.elf");
    run(eval(&on).arg(other)).refused(&["`mps2-an385`", "not of `mps2-an386`", "--board"]);
    let image = root().join("target/firmware/microbit.elf");
    let microbit = ["--on", "qemu", "--board", "microbit", "--firmware"];
    let outcome = run(eval(&microbit).arg(image));
    outcome.refused(&["bytes of memory, the firmware gives", "--max-support"]);
}

#[test]
fn heads_without_their_trunk_are_not_judged_on_samples() {
    let heads = SCRATCH.join("heads.supple");
    run(&mut supple(&[&"pack", &TRAINED.0.out, &"--heads-only", &"-o", &heads])).succeeded();
    let mut command = supple(&[&"eval", &heads, &"--data", &"glyphs:2"]);
    run(&mut command).refused(&["without their trunk", "16 features", "--stream-features"]);
}

/// A folder with a `qemu-system-arm` that is this script.
#[cfg(unix)]
fn stand_in(name: &str, script: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let folder = SCRATCH.join(name);
    let program = folder.join("qemu-system-arm");
    write(&program, format!("#!/bin/sh\n{script}\n"));
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("rights");
    folder
}

#[cfg(unix)]
#[test]
fn a_board_that_ends_at_once_is_told_with_its_last_words() {
    let path = stand_in("ends", "echo no such machine >&2\nexit 3");
    let outcome = run(eval(&["--on", "qemu", "--firmware"]).arg(firmware()).env("PATH", path));
    outcome.refused(&["qemu-system-arm has ended (exit status: 3)", "saying: no such machine"]);
}

/// Takes 20 s: ten tries of two.
#[cfg(unix)]
#[test]
fn a_board_that_does_not_answer_is_told_and_not_left_running() {
    let process = SCRATCH.join("process");
    let path = stand_in("silent", &format!("echo $$ > '{}'\nexec /bin/sleep 600", process.display()));
    let outcome = run(eval(&["--on", "qemu", "--firmware"]).arg(firmware()).env("PATH", path));
    outcome.refused(&["the board does not answer", "reset the board"]);
    let process = String::from_utf8(read(process)).expect("a number");
    let alive = Command::new("kill").args(["-0", process.trim()]).output().expect("kill runs");
    assert!(!alive.status.success(), "process {process} is still there");
}
