use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;

/// Bytes in memory.
struct Bytes<'b>(&'b [u8]);

impl Source for Bytes<'_> {
    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), ReadError> {
        let from = self.0.get(offset as usize..).and_then(|rest| rest.get(..bytes.len()));
        bytes.copy_from_slice(from.ok_or(ReadError::Beyond)?);
        Ok(())
    }
}

/// The same numbers as vectors.
#[derive(Debug, Clone, PartialEq)]
struct Kept {
    entry: Entry,
    rows: Vec<u16>,
    parameters: [Vec<f32>; 4],
    velocity: [Vec<f32>; 4],
    labels: Vec<u16>,
    targets: Vec<f32>,
}

impl Kept {
    fn numbers(&self) -> Numbers<'_> {
        Numbers {
            rows: &self.rows,
            parameters: self.parameters.each_ref().map(Vec::as_slice),
            velocity: self.velocity.each_ref().map(Vec::as_slice),
            labels: &self.labels,
            targets: &self.targets,
        }
    }

    /// As long as it, and nothing of it.
    fn blank(&self) -> Self {
        let blank = |part: &Vec<f32>| vec![f32::NAN; part.len()];
        Self {
            entry: self.entry.clone(),
            rows: vec![7; self.rows.len()],
            parameters: self.parameters.each_ref().map(blank),
            velocity: self.velocity.each_ref().map(blank),
            labels: vec![7; self.labels.len()],
            targets: blank(&self.targets),
        }
    }
}

fn written(header: &Header, heads: &[Kept], support: &[u8]) -> Vec<u8> {
    let mut bytes = header.to_bytes().to_vec();
    for head in heads {
        let before = bytes.len();
        write_head(header, &head.entry, &head.numbers(), |more: &[u8]| {
            bytes.extend(more);
            Ok::<_, ()>(())
        })
        .expect("vectors grow");
        assert_eq!((bytes.len() - before) as u64, head.entry.bytes(header));
    }
    bytes.extend(support);
    bytes
}

fn reader(bytes: &[u8]) -> Reader<Bytes<'_>> {
    Reader::new(Bytes(bytes), bytes.len() as u32)
}

/// Reads all that a device would check.
fn checked(bytes: &[u8]) -> Result<Header, SnapshotError> {
    let mut reader = reader(bytes);
    let header = reader.header()?;
    for _ in 0..header.heads {
        let entry = reader.entry()?;
        let label = |label| label == NO_LABEL || label & 0x7fff < entry.way;
        reader.check_head(&header, &entry, |row| row & 0x3fff < 5, label)?;
    }
    reader.check_support(&header)?;
    reader.end()?;
    Ok(header)
}

fn entry(name: &str) -> Entry {
    let name = name.try_into().expect("short");
    Entry { name, numbers: false, velocity: false, hidden: 0, way: 1, steps: 0 }
}

/// One class head of one row, one head for two numbers with a hidden unit and momentum; three samples in `i8`.
fn example() -> (Header, Vec<Kept>, Vec<u8>) {
    let header = Header { heads: 2, trunk: TrunkHash([9; 16]), features: 2, samples: 3, cache: Element::I8 };
    let classes = Kept {
        entry: Entry { steps: 0x0102_0304, ..entry("é") },
        rows: vec![0x8004],
        parameters: [vec![], vec![], vec![1.0, -2.0], vec![0.5]],
        velocity: Default::default(),
        labels: vec![0, NO_LABEL, 0x8000],
        targets: vec![],
    };
    let numbers = Kept {
        entry: Entry { numbers: true, velocity: true, hidden: 1, way: 2, ..entry("two") },
        rows: vec![0, 1],
        parameters: [vec![1.5, 2.5], vec![3.5], vec![4.5, 5.5], vec![6.5, 7.5]],
        velocity: [vec![1.25, 2.25], vec![3.25], vec![4.25, 5.25], vec![6.25, 7.25]],
        labels: vec![0, NO_LABEL, 0x8000],
        targets: vec![1.0, 2.0, 0.0, 0.0, 5.0, 6.0],
    };
    let scales = [1.0_f32, 0.0, 2.0].into_iter().flat_map(f32::to_le_bytes);
    let support = scales.chain([1, 0x81, 0, 0, 127, 255]).collect();
    (header, vec![classes, numbers], support)
}

#[test]
fn the_bytes_are_those_of_the_format() {
    let (header, heads, support) = example();
    let mut expected = b"SNAP\x01\x00\x02\x00".to_vec();
    expected.extend([9; 16]);
    expected.extend([2, 0, 3, 0, 1, 0, 0, 0]);
    let named = |expected: &mut Vec<u8>, name: &str| {
        expected.extend(name.as_bytes());
        expected.resize(expected.len() + 32 - name.len(), 0);
    };
    named(&mut expected, "é");
    expected.extend([0, 0, 0, 0, 1, 0, 0, 0, 4, 3, 2, 1]);
    expected.extend([4, 0x80, 0, 0]);
    expected.extend([1.0_f32, -2.0, 0.5].into_iter().flat_map(f32::to_le_bytes));
    expected.extend([0, 0, 0xff, 0xff, 0, 0x80, 0, 0]);
    named(&mut expected, "two");
    expected.extend([1, 1, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0]);
    expected.extend([0, 0, 1, 0]);
    let parameters = [1.5_f32, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5];
    expected.extend(parameters.into_iter().flat_map(f32::to_le_bytes));
    expected.extend(parameters.map(|x| x - 0.25).into_iter().flat_map(f32::to_le_bytes));
    expected.extend([0, 0, 0xff, 0xff, 0, 0x80, 0, 0]);
    expected.extend([1.0_f32, 2.0, 0.0, 0.0, 5.0, 6.0].into_iter().flat_map(f32::to_le_bytes));
    expected.extend(1.0_f32.to_le_bytes());
    expected.extend([0; 4]);
    expected.extend(2.0_f32.to_le_bytes());
    expected.extend([1, 0x81, 0, 0, 127, 255]);
    let bytes = written(&header, &heads, &support);
    assert_eq!(bytes, expected);
    assert_eq!(header.support_bytes(), support.len() as u64);
    assert_eq!(checked(&bytes), Ok(header));
}

#[test]
fn what_is_read_is_what_was_written() {
    let (header, heads, support) = example();
    let bytes = written(&header, &heads, &support);
    let mut reader = reader(&bytes);
    assert_eq!(reader.header(), Ok(header));
    for head in &heads {
        let mut read = head.blank();
        assert_eq!(reader.entry().as_ref(), Ok(&head.entry));
        let numbers = NumbersMut {
            rows: &mut read.rows,
            parameters: read.parameters.each_mut().map(Vec::as_mut_slice),
            velocity: read.velocity.each_mut().map(Vec::as_mut_slice),
        };
        reader.read_head(numbers).expect("whole");
        reader.read_labels(&header, &head.entry, &mut read.labels, &mut read.targets).expect("whole");
        assert_eq!(&read, head);
    }
    let mut read = vec![0; support.len()];
    reader.bytes(&mut read).expect("whole");
    assert_eq!(read, support);
    assert_eq!(reader.end(), Ok(()));
    assert_eq!(reader.bytes(&mut [0]), Err(SnapshotError::Length));
}

#[test]
fn parts_can_be_passed_over() {
    let (header, heads, support) = example();
    let bytes = written(&header, &heads, &support);
    let mut reader = reader(&bytes);
    reader.header().expect("sound");
    let entry = reader.entry().expect("sound");
    reader.skip_head(&header, &entry).expect("whole");
    let entry = reader.entry().expect("sound");
    assert_eq!(entry, heads[1].entry);
    let mut read = heads[1].blank();
    let numbers = NumbersMut {
        rows: &mut read.rows,
        parameters: read.parameters.each_mut().map(Vec::as_mut_slice),
        velocity: read.velocity.each_mut().map(Vec::as_mut_slice),
    };
    reader.read_head(numbers).expect("whole");
    reader.skip_labels(&header, &entry).expect("whole");
    assert_eq!(reader.end(), Err(SnapshotError::Length));
    assert_eq!(reader.check_support(&header), Ok(()));
    assert_eq!(reader.end(), Ok(()));
}

#[test]
fn what_was_never_written_for_a_sample_without_label_is_kept_as_zero() {
    let (header, mut heads, support) = example();
    let sound = written(&header, &heads, &support);
    heads[1].targets[2] = f32::NAN;
    assert_eq!(written(&header, &heads, &support), sound);
    heads[1].targets[4] = f32::NAN;
    assert_eq!(checked(&written(&header, &heads, &support)), Err(SnapshotError::Content("a target")));
}

#[test]
fn what_cannot_be_is_named() {
    let (header, heads, support) = example();
    let bytes = written(&header, &heads, &support);
    let with = |at: usize, change: &[u8]| {
        let mut changed = bytes.clone();
        changed[at..at + change.len()].copy_from_slice(change);
        checked(&changed)
    };
    let content = |part| Err(SnapshotError::Content(part));
    let nan = f32::NAN.to_le_bytes();
    assert_eq!(with(0, b"X"), Err(SnapshotError::Magic));
    assert_eq!(with(4, &[2]), Err(SnapshotError::Version(2)));
    for (at, value) in [(24, 0), (28, 2), (29, 1), (31, 1)] {
        assert_eq!(with(at, &[value]), content("the header"), "byte {at}");
    }
    assert_eq!(with(32, &[0xff]), content("a head's name"));
    for (at, value) in [(64, 2), (65, 2), (68, 0), (70, 1), (71, 1)] {
        assert_eq!(with(at, &[value]), content("a head"), "byte {at}");
    }
    // One more than the highest row, zeros that are none, numbers that are none, labels of no class.
    assert_eq!(with(76, &[5]), content("a row"));
    assert_eq!(with(78, &[1]), content("a row"));
    assert_eq!(with(84, &nan), content("a parameter"));
    assert_eq!(with(92, &[1]), content("a label"));
    assert_eq!(with(96, &[1, 0x80]), content("a label"));
    assert_eq!(with(98, &[1]), content("a label"));
    let end = bytes.len();
    assert_eq!(with(end - 18, &(-1.0_f32).to_le_bytes()), content("a scale"));
    assert_eq!(with(end - 18, &f32::MAX.to_le_bytes()), content("a scale"));
    assert_eq!(with(end - 1, &[0x80]), content("a feature"));
    for length in 0..end {
        assert_eq!(checked(&bytes[..length]), Err(SnapshotError::Length), "{length} bytes");
    }
    assert_eq!(checked(&[&bytes[..], &[0]].concat()), Err(SnapshotError::Length));
}

#[test]
fn sizes_that_no_memory_has_are_counted_without_overflow() {
    let header = Header {
        heads: u16::MAX,
        trunk: TrunkHash([0; 16]),
        features: u16::MAX,
        samples: u16::MAX,
        cache: Element::F32,
    };
    let largest = Entry {
        numbers: true,
        velocity: true,
        hidden: u16::MAX,
        way: u16::MAX,
        steps: u32::MAX,
        ..entry("")
    };
    assert_eq!(Entry::from_bytes(&largest.to_bytes()), Ok(largest.clone()));
    let bytes = [&header.to_bytes()[..], &largest.to_bytes()].concat();
    assert_eq!(checked(&bytes), Err(SnapshotError::Length));
    assert!(largest.bytes(&header) > u32::MAX.into());
    let mut reader = reader(&bytes);
    reader.header().expect("sound");
    reader.entry().expect("sound");
    assert_eq!(reader.skip_head(&header, &largest), Err(SnapshotError::Length));
}

proptest! {
    #[test]
    fn any_bytes_are_refused_or_counted_to_the_byte(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
        whole in any::<bool>(),
    ) {
        let (header, heads, support) = example();
        let mut bytes = written(&header, &heads, &support);
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if !whole {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(header) = checked(&bytes) {
            prop_assert_eq!(&header.to_bytes()[..], &bytes[..HEADER_BYTES]);
        }
    }
}
