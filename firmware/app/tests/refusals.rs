//! A request that is refused has changed nothing: a device that is never sent what it would refuse answers all else
//! alike.

mod common;

use common::{Desk, Random, ask, heads, pack_of, requests, start};
use supple_link::Request;
use supple_link::message::Register;

#[test]
fn what_is_refused_changes_no_later_answer() {
    let mut refused = 0;
    for seed in 0..4000 {
        let mut random = Random(seed);
        let pack = pack_of(0.0, &heads(&mut random));
        let mut desks = [Desk::with_pack(&pack), Desk::with_pack(&pack)];
        let [all_desk, some_desk] = &mut desks;
        let (mut all, mut some) = (start(&pack, all_desk), start(&pack, some_desk));
        for turn in 0..80 {
            requests(&mut random, |request| match ask(&mut all, all_desk, request) {
                Ok(answer) => {
                    let other = ask(&mut some, some_desk, request);
                    assert_eq!(other, Ok(answer), "{seed} {turn} {request:?}");
                }
                Err(_) => refused += 1,
            });
            for register in [Register::Feature, Register::Logits, Register::Head] {
                let read = Request::Read { register, offset: random.below(3) };
                let (all, some) = (ask(&mut all, all_desk, &read), ask(&mut some, some_desk, &read));
                assert_eq!(all, some, "{seed} {turn}");
            }
        }
    }
    assert!(refused > 1000, "{refused}");
}
