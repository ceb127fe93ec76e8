//! A board whose pack areas lie in longer sectors than its journals: packs are erased, and go on, by those.

mod common;

use common::{Desk, Random, head, pack_of};
use supple_app::{Area, Board, Clock, Device, Memory, Places};
use supple_link::{Answer, DeviceError, PackRefusal, Request};
use supple_pack::Element;

const UNIT: u32 = 4096;

/// The usual board in memory, with longer sectors for packs.
struct Coarse(Desk);

impl Board for Coarse {
    const NAME: &'static str = Desk::NAME;
    const CLOCK: Clock = Desk::CLOCK;
    const PLACES: Places = Desk::PLACES;
    const PACK_UNIT: u32 = UNIT;

    type Flash = <Desk as Board>::Flash;

    fn read_byte(&mut self) -> u8 {
        self.0.read_byte()
    }
    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }
    fn ticks(&mut self) -> u32 {
        self.0.ticks()
    }
    fn fixed_memory(&self) -> u32 {
        self.0.fixed_memory()
    }
    fn stack(&self) -> u32 {
        self.0.stack()
    }
    fn stack_high_water(&self) -> u32 {
        self.0.stack_high_water()
    }
    fn flash(&mut self) -> &mut Self::Flash {
        self.0.flash()
    }
    fn pack(&self, area: Area) -> &'static [u8] {
        self.0.pack(area)
    }
    fn content(&self, area: Area) -> &[u8] {
        self.0.content(area)
    }
    fn keys(&self) -> &[u8] {
        self.0.keys()
    }
    fn restart(&mut self) -> ! {
        self.0.restart()
    }
}

#[test]
fn packs_are_erased_and_go_on_by_the_sectors_that_they_lie_in() {
    let pack = pack_of(1.0, &[head(&mut Random(7), "one".into(), 3, Element::F32)]);
    let mut board = Coarse(Desk::with_pack(&pack));
    let start = Coarse::PLACES.pack(Area::B) as usize;
    board.0.flash.bytes_mut()[start..start + 2 * UNIT as usize].fill(0x5a);
    let memory = Memory { floats: vec![f32::NAN; 400].leak(), labels: vec![5; 100].leak() };
    let mut device = Device::start(memory, &mut board);
    match device.answer(&Request::Packs, &mut board) {
        Ok(Answer::Packs(state)) => assert_eq!(state.unit, UNIT),
        other => panic!("{other:?}"),
    }
    let refusal = DeviceError::PackRefused(PackRefusal::From { from: 1024 });
    assert_eq!(device.answer(&Request::PackBegin { length: 5000, from: 1024 }, &mut board), Err(refusal));
    let sector = |board: &Coarse, index: usize| -> Vec<u8> {
        board.content(Area::B).chunks(UNIT as usize).nth(index).expect("a sector").to_vec()
    };
    // With its first byte a sector is erased to its end, and the next is left alone.
    device.answer(&Request::PackBegin { length: 5000, from: 0 }, &mut board).expect("room");
    device.answer(&Request::PackChunk { offset: 0, bytes: &[1; 256] }, &mut board).expect("sound flash");
    let (first, second) = (sector(&board, 0), sector(&board, 1));
    assert!(first[..256] == [1; 256] && first[256..].iter().all(|byte| *byte != 0x5a));
    assert!(second.iter().all(|byte| *byte == 0x5a));
    // So a transfer goes on at the next one.
    device.answer(&Request::PackBegin { length: 5000, from: UNIT }, &mut board).expect("a border");
    device.answer(&Request::PackChunk { offset: UNIT, bytes: &[2; 256] }, &mut board).expect("sound flash");
    assert_eq!(sector(&board, 0), first);
    assert!(sector(&board, 1)[256..].iter().all(|byte| *byte != 0x5a));
}
