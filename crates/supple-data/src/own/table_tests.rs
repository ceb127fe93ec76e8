use proptest::prelude::*;

use super::*;
use crate::own;
use crate::own::npy::tests::{floats, npy, npz, texts, whole};
use crate::samples::Labels;

type Arrays<'a> = &'a [(&'a str, Vec<u8>)];

fn load_from(bytes: &[u8], on_broken: OnBroken) -> Result<(DataSet, Skipped), LoadError> {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("mine.npz");
    std::fs::write(&path, bytes).unwrap();
    own::load(&path, on_broken)
}

fn loaded(arrays: Arrays) -> DataSet {
    load_from(&npz(arrays), OnBroken::Refuse).unwrap().0
}

fn refused(arrays: Arrays, part: &str) {
    let message = load_from(&npz(arrays), OnBroken::Refuse).unwrap_err().to_string();
    assert!(message.contains(part) && message.contains("mine.npz"), "{message}");
}

fn x() -> (&'static str, Vec<u8>) {
    ("x", floats("(3, 2)", &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]))
}

#[test]
fn whole_numbers_are_classes() {
    let set = loaded(&[x(), ("y", whole(&[10, -1, 9])), ("domain", texts(&["b", "a", "b"]))]);
    assert_eq!((set.name(), set.shape(), set.len()), ("mine", SampleShape::vector(2), 3));
    assert_eq!((set.domains().join(" ").as_str(), set.domain_of()), ("b a", &[0, 1, 0][..]));
    let Labels::Classes { names, of } = &set.tasks()[0].labels else { panic!("classes") };
    assert_eq!((names.join(" ").as_str(), &of[..]), ("9 10", &[Some(1), None, Some(0)][..]));
}

#[test]
fn texts_are_classes() {
    let set = loaded(&[x(), ("y", texts(&["no", "", "yes"])), ("domain", whole(&[7, 7, -1]))]);
    assert_eq!(set.domains(), ["7", "-1"]);
    let Labels::Classes { names, of } = &set.tasks()[0].labels else { panic!("classes") };
    assert_eq!((names.join(" ").as_str(), &of[..]), ("no yes", &[Some(0), None, Some(1)][..]));
}

#[test]
fn floats_are_values() {
    let set = loaded(&[x(), ("y", floats("(3,)", &[0.5, f32::NAN, 2.0]))]);
    assert_eq!(set.domains(), [ONE_DOMAIN]);
    let Labels::Values { names, of } = &set.tasks()[0].labels else { panic!("values") };
    assert_eq!((names.join(" ").as_str(), of[0], of[1].is_nan(), of[2]), ("y", 0.5, true, 2.0));
    let set = loaded(&[x(), ("y", floats("(3, 2)", &[1.0; 6]))]);
    let Labels::Values { names, of } = &set.tasks()[0].labels else { panic!("values") };
    assert_eq!((names.join(" ").as_str(), of.len()), ("y0 y1", 6));
}

#[test]
fn samples_have_up_to_three_dimensions() {
    let y = || ("y", whole(&[0]));
    let of = |shape| loaded(&[("x", floats(shape, &[1.0; 12])), y()]).shape();
    assert_eq!(of("(1, 4, 3)"), SampleShape::signal(4, 3));
    assert_eq!(of("(1, 2, 2, 3)"), SampleShape { height: 2, width: 2, channels: 3 });
    refused(&[("x", floats("(1,)", &[1.0])), y()], "`x`: a sample has 0 dimensions");
    refused(&[("x", floats("()", &[1.0])), y()], "`x` is one number");
    refused(&[("x", floats("(1, 0)", &[])), y()], "`x`: it holds no values");
    refused(&[("x", texts(&["a"])), y()], "`x`");
}

#[test]
fn broken_rows_are_refused_or_skipped() {
    let arrays = [("x", floats("(3, 1)", &[1.0, f32::NAN, 2.0])), ("y", whole(&[0, 1, -2]))];
    refused(&arrays, "row 1 (from 0): value 0 of `x` is NaN");
    let (set, skipped) = load_from(&npz(&arrays), OnBroken::Skip).unwrap();
    assert_eq!((set.len(), skipped.files.len()), (1, 2));
    assert!(skipped.files[1].1.contains("row 2 (from 0): `y` is -2"));
    refused(&[x(), ("y", floats("(3,)", &[0.0, 1.0, f32::INFINITY]))], "row 2 (from 0): `y` is inf");
    refused(&[x(), ("y", floats("(3, 2)", &[0.0, 1.0, f32::NAN, 1.0, 1.0, 1.0]))], "NaN in part");
    let all = [("x", floats("(1, 1)", &[f32::NAN])), ("y", whole(&[0]))];
    let error = load_from(&npz(&all), OnBroken::Skip).unwrap_err();
    assert!(matches!(error, LoadError::NoSamples { skipped: 1, .. }));
    refused(&[("x", floats("(0, 1)", &[])), ("y", whole(&[]))], "holds no usable sample");
}

#[test]
fn arrays_that_do_not_fit_are_refused() {
    refused(&[x()], "no array `y`");
    refused(&[("y", whole(&[1]))], "no array `x`");
    refused(&[x(), ("y", whole(&[0, 1]))], "`y` has 2 rows where `x` has 3");
    refused(&[x(), ("y", floats("()", &[1.0]))], "`y` has 0 rows");
    refused(&[x(), ("y", floats("(3, 1, 1)", &[1.0; 3]))], "its size is [3, 1, 1]");
    refused(&[x(), ("y", npy("<i4", "False", "(3, 1)", &[0; 12]))], "expected is one a sample");
    refused(&[x(), ("y", whole(&[0; 3])), ("domain", whole(&[0]))], "`domain` has 1 rows");
    refused(
        &[x(), ("y", whole(&[0; 3])), ("domain", floats("(3,)", &[0.0; 3]))],
        "`domain`: it holds no whole",
    );
    refused(
        &[("x", npy("|u1", "False", "(100001, 1)", &[0; 100_001])), ("y", whole(&[0]))],
        "at most 100000",
    );
    refused(&[("x", floats("(4294967296, 4294967296)", &[]))], "array `x`: its size");
    let many: Vec<i64> = (0..10_001).collect();
    refused(
        &[("x", npy("|u1", "False", "(10001, 1)", &[0; 10_001])), ("y", whole(&many))],
        "10001 different",
    );
    let message = load_from(b"no zip", OnBroken::Skip).unwrap_err().to_string();
    assert!(message.contains("neither a folder nor an .npz"), "{message}");
}

proptest! {
    #[test]
    fn any_bytes_are_loaded_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..5),
        cut in any::<prop::sample::Index>(), whole_file in any::<bool>(),
        bytes in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let mut file = npz(&[x(), ("y", whole(&[0, 1, -1]))]);
        for (place, value) in changes {
            let place = place.index(file.len());
            file[place] = value;
        }
        if !whole_file {
            file.truncate(cut.index(file.len()));
        }
        for bytes in [&file, &bytes] {
            let _ = load_from(bytes, OnBroken::Skip);
        }
    }
}
