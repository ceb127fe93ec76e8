//! Who calls whom in an image, and the deepest stack along the way.

use std::collections::{BTreeMap, BTreeSet};

use super::exceptions::REGISTER_CALLS;
use super::image::{Function, Image, Machine, place};
use super::step::Step;
use super::{riscv, thumb};

/// What a function does, as far as its stack is concerned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Body {
    /// Bytes of its frame; `None` where only a running processor knows.
    pub frame: Option<u32>,
    /// Functions it calls, by index.
    pub calls: Vec<usize>,
    /// Functions it goes on to, its own frame taken down.
    pub jumps: Vec<usize>,
    /// Where it goes to what a register says.
    pub unresolved: Vec<u32>,
    /// Where it goes to what is no function.
    pub astray: Vec<u32>,
    /// Whether it ever goes back to its caller.
    pub returns: bool,
}

/// All functions of an image and what they do.
#[derive(Debug)]
pub struct Graph<'a> {
    /// The image.
    pub image: &'a Image,
    /// Of each of its functions.
    pub bodies: Vec<Body>,
}

/// A way down: functions and their frames, the outermost first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Path {
    /// Indices of functions, with the bytes each holds while the next one runs.
    pub steps: Vec<(usize, u32)>,
    /// Their sum.
    pub bytes: u32,
}

/// Why there is no deepest stack.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DepthError {
    /// A function that comes back to itself.
    #[error("{} call each other in a circle: {}; use a loop", names.len(), names.join(" -> "))]
    Recursion {
        /// The circle.
        names: Vec<String>,
    },
    /// A call by a register.
    #[error(
        "{name} calls what a register says, at {address:#x}: no function pointers and no `dyn` on the device, \
         for nobody can tell how deep they go"
    )]
    Unresolved {
        /// Who.
        name: String,
        /// Where.
        address: u32,
    },
    /// A jump to where no function is.
    #[error(
        "{name} goes to {address:#x}, where no function is: give the assembly there a `.type` and a `.size`"
    )]
    Astray {
        /// Who.
        name: String,
        /// Where to.
        address: u32,
    },
    /// A frame that is not fixed.
    #[error("{name} takes stack by a register and the compiler does not say how much: give it a fixed frame")]
    Unknown {
        /// Who.
        name: String,
    },
}

impl<'a> Graph<'a> {
    /// Reads all functions.
    pub fn new(image: &'a Image) -> Self {
        let bodies = image.functions.iter().map(|function| body(image, function)).collect();
        Self { image, bodies }
    }

    /// The deepest way down from a function.
    pub fn deepest(&self, root: usize) -> Result<Path, DepthError> {
        let mut known = BTreeMap::new();
        self.search(root, &mut Vec::new(), &mut known)?;
        let mut path = Path::default();
        let mut next = Some(root);
        while let Some(index) = next {
            let Some(&(bytes, held, after)) = known.get(&index) else { break };
            if path.steps.is_empty() {
                path.bytes = bytes;
            }
            path.steps.push((index, held));
            next = after;
        }
        Ok(path)
    }

    /// Fills in what is known of a function: the deepest stack from it on, what it holds of that, who comes next.
    fn search(
        &self,
        index: usize,
        above: &mut Vec<usize>,
        known: &mut BTreeMap<usize, (u32, u32, Option<usize>)>,
    ) -> Result<u32, DepthError> {
        if let Some((bytes, _, _)) = known.get(&index) {
            return Ok(*bytes);
        }
        let name = |index: usize| self.image.functions[index].readable();
        if let Some(start) = above.iter().position(|other| *other == index) {
            let names = above[start..].iter().chain([&index]).map(|index| name(*index)).collect();
            return Err(DepthError::Recursion { names });
        }
        let body = &self.bodies[index];
        if let Some(&address) = body.unresolved.first() {
            return Err(DepthError::Unresolved { name: name(index), address });
        }
        if let Some(&address) = body.astray.first() {
            return Err(DepthError::Astray { name: name(index), address });
        }
        let frame = body.frame.ok_or_else(|| DepthError::Unknown { name: name(index) })?;
        above.push(index);
        let mut deepest = (frame, frame, None);
        let held = body.calls.iter().map(|callee| (frame, *callee));
        for (held, callee) in held.chain(body.jumps.iter().map(|callee| (0, *callee))) {
            let bytes = held + self.search(callee, above, known)?;
            if bytes > deepest.0 {
                deepest = (bytes, held, Some(callee));
            }
        }
        above.pop();
        known.insert(index, deepest);
        Ok(deepest.0)
    }

    /// Whether a function stays in itself for ever.
    pub fn is_endless_loop(&self, index: usize) -> bool {
        let body = &self.bodies[index];
        !body.returns && body.calls.is_empty() && body.jumps.is_empty() && body.unresolved.is_empty()
    }

    /// The functions from which `index` is reached directly.
    pub fn callers(&self, index: usize) -> impl Iterator<Item = usize> {
        let bodies = self.bodies.iter().enumerate();
        bodies
            .filter(move |(_, body)| body.calls.contains(&index) || body.jumps.contains(&index))
            .map(|(caller, _)| caller)
    }
}

/// Reads one function.
fn body(image: &Image, function: &Function) -> Body {
    let mut body = Body { frame: function.frame, ..Body::default() };
    let (mut pushed, mut unknown, mut goes_on) = (0, false, true);
    for (address, step) in steps(image, function) {
        goes_on = true;
        match step {
            Step::Other => {}
            // Armv6-M has no long jump but its call, which compilers take within functions that keep their return
            // address elsewhere.
            Step::Call(to) if to > function.start && to < function.end => goes_on = false,
            Step::Call(to) => match image.function_at(to) {
                Some(callee) => body.calls.push(callee),
                None => body.astray.push(to),
            },
            Step::Jump { to, always } => {
                goes_on = !always;
                if !(function.start..function.end).contains(&to) {
                    match image.function_at(to) {
                        // Assembly may jump with its frame still up.
                        Some(callee) if function.frame.is_none() => body.calls.push(callee),
                        Some(callee) => body.jumps.push(callee),
                        None => body.astray.push(to),
                    }
                }
            }
            Step::Return => {
                goes_on = false;
                body.returns = true;
            }
            Step::Table => goes_on = false,
            Step::CallRegister => body.unresolved.push(address),
            Step::JumpRegister => {
                goes_on = false;
                body.unresolved.push(address);
            }
            Step::Push(bytes) => pushed += bytes,
            Step::PushUnknown => unknown = true,
        }
    }
    if function.frame.is_none() {
        // All that is ever taken, as if nothing were given back in between.
        body.frame = (!unknown).then_some(pushed);
        if goes_on && let Some(next) = image.function_at(function.end) {
            body.calls.push(next);
        }
    }
    // RISC-V has one instruction for tables and for far jumps. Far jumps to known places are told from the two
    // instructions before them; what is left goes by the function's tables, of which one may serve several jumps.
    if image.machine == Machine::RiscV && !body.unresolved.is_empty() {
        let (tables, reached) = riscv_tables(image, function);
        if tables > 0 {
            body.unresolved.clear();
            body.calls.extend(reached);
        }
    }
    // A compiler may keep the address of a function in a register, or choose among functions by a table. There are no
    // function pointers in the sources, so what such a function calls is among those whose addresses it makes or that
    // stand in its tables.
    if image.machine == Machine::Arm && !body.unresolved.is_empty() {
        let reached = addresses(image, function);
        let reached = if reached.is_empty() { listed(image, function) } else { Some(reached) };
        if let Some(reached) = reached {
            body.unresolved.clear();
            body.calls.extend(reached);
        }
    }
    body.calls.sort_unstable();
    body.calls.dedup();
    body.jumps.sort_unstable();
    body.jumps.dedup();
    body
}

/// The instructions of a function, with their addresses.
fn steps<'a>(image: &'a Image, function: &'a Function) -> impl Iterator<Item = (u32, Step)> + 'a {
    let mut at = function.start;
    let mut before = [None; 2];
    std::iter::from_fn(move || {
        while at < function.end && !image.is_code(at) {
            at += 2;
            before = [None; 2];
        }
        if at >= function.end {
            return None;
        }
        let address = at;
        let first = image.half(at)?;
        let (length, step) = match image.machine {
            Machine::Arm => thumb::decode(at, first, image.half(at + 2), |at| image.word(at)),
            Machine::RiscV => {
                let code = image.word(at).unwrap_or(first.into());
                let decoded = riscv::decode(at, code, before);
                before = [before[1], (decoded.0 == 4).then_some(code)];
                decoded
            }
        };
        at += length;
        Some((address, step))
    })
}

/// What the list of exceptions says that a function calls; `None` where it says nothing.
fn listed(image: &Image, function: &Function) -> Option<Vec<usize>> {
    let name = function.readable();
    let callees = REGISTER_CALLS.iter().find(|call| name.starts_with(call.name))?.callees;
    let functions = image.functions.iter().map(Function::readable).enumerate();
    let called = functions.filter(|(_, name)| callees.iter().any(|callee| name.starts_with(callee)));
    // Where the list names callees, one that was renamed must not pass.
    let called: Vec<usize> = called.map(|(index, _)| index).collect();
    (callees.is_empty() || !called.is_empty()).then_some(called)
}

/// The functions whose addresses a Thumb function puts into registers, and those in the tables that it knows.
fn addresses(image: &Image, function: &Function) -> Vec<usize> {
    let half = |at| if image.is_code(at) { image.half(at) } else { Some(0) };
    let constants = thumb::constants(function.start, function.end, half, |at| image.word(at));
    let starts = |to: u32| image.functions.binary_search_by_key(&(to & !1), |function| function.start).ok();
    let called = |to: u32| if to & 1 == 1 { starts(to) } else { None };
    let mut found = Vec::new();
    for constant in constants {
        match called(constant) {
            Some(callee) => found.push(callee),
            None => {
                found.extend((constant..).step_by(4).map_while(|at| image.word(at)).map_while(called));
            }
        }
    }
    found
}

/// How many constants that a RISC-V function makes are tables, of places in itself or of functions, and which functions
/// those may be.
fn riscv_tables(image: &Image, function: &Function) -> (usize, BTreeSet<usize>) {
    let own = |to: u32| (function.start..function.end).contains(&to);
    let starts = |to: u32| image.functions.binary_search_by_key(&to, |function| function.start).ok();
    let (mut tables, mut reached) = (0, BTreeSet::new());
    // A table that two jumps go by is made twice.
    for place in riscv_constants(image, function) {
        let entries = (place..).step_by(4).map_while(|at| image.word(at));
        // Handlers that nobody wrote are 0.
        let handlers = entries.map_while(|to| if to == 0 { Some(None) } else { starts(to).map(Some) });
        let handlers: Vec<usize> = handlers.flatten().collect();
        tables += usize::from(image.word(place).is_some_and(own) || !handlers.is_empty());
        reached.extend(handlers);
    }
    (tables, reached)
}

/// Every address that a RISC-V function puts together of a page and a rest.
fn riscv_constants(image: &Image, function: &Function) -> Vec<u32> {
    let mut pages = [None; 32];
    let mut constants = Vec::new();
    let mut at = function.start;
    while at < function.end {
        let Some(first) = image.half(at) else { break };
        if first & 3 != 3 {
            // c.lui, and c.addi.
            let (register, code) = (usize::from(first >> 7 & 31), u32::from(first));
            let immediate = super::step::signed((code >> 12 & 1) << 5 | code >> 2 & 31, 6);
            match (first & 3, first >> 13) {
                (1, 3) if register != 2 => pages[register] = Some((immediate << 12) as u32),
                (1, 0) => {
                    constants.extend(pages[register].map(|page| page.wrapping_add_signed(immediate)));
                }
                _ => {}
            }
            at += 2;
            continue;
        }
        let Some(code) = image.word(at) else { break };
        let (rd, rs1) = ((code >> 7 & 31) as usize, (code >> 15 & 31) as usize);
        match code & 0x7f {
            0x37 => pages[rd] = Some(code & 0xffff_f000),
            0x17 => pages[rd] = Some(at.wrapping_add(code & 0xffff_f000)),
            0x13 if code >> 12 & 7 == 0 => {
                let immediate = super::step::signed(code >> 20, 12);
                constants.extend(pages[rs1].map(|page| page.wrapping_add_signed(immediate)));
            }
            _ => {}
        }
        at += 4;
    }
    constants
}

/// The function with a name, if there is one.
pub fn named(image: &Image, name: &str) -> Option<usize> {
    image.functions.iter().position(|function| function.names.iter().any(|other| other == name))
}

/// The functions that the processor itself calls later on: interrupts and exceptions.
pub fn handlers(image: &Image) -> Vec<usize> {
    let vectors = image.words_of(".vector_table");
    // The first two are the stack and the start.
    let vectors = vectors.into_iter().skip(2).filter(|vector| *vector != 0);
    let mut found: Vec<usize> =
        vectors.filter_map(|vector| image.function_at(place(image.machine, vector))).collect();
    found.extend(["_start_trap", "_default_start_trap"].iter().filter_map(|name| named(image, name)));
    found.sort_unstable();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: u32 = 0x1000;

    /// An image of Thumb functions: each with its frame, if the compiler tells it, and its instructions.
    fn image(functions: &[(Option<u32>, &[u16])]) -> Image {
        let (mut at, mut list, mut bytes) = (FIRST, Vec::new(), Vec::new());
        for (index, (frame, code)) in functions.iter().enumerate() {
            let end = at + 2 * code.len() as u32;
            list.push(Function {
                names: vec![format!("f{index}")],
                start: at,
                end,
                sized: true,
                frame: *frame,
            });
            bytes.extend(code.iter().flat_map(|half| half.to_le_bytes()));
            at = end;
        }
        Image::of(Machine::Arm, FIRST, list, vec![(".text".to_owned(), FIRST, bytes)])
    }

    fn deepest(functions: &[(Option<u32>, &[u16])]) -> Result<(u32, Vec<(usize, u32)>), DepthError> {
        let image = image(functions);
        let path = Graph::new(&image).deepest(0)?;
        Ok((path.bytes, path.steps))
    }

    /// Of two callees the deeper one counts; what only assembly says is read from it.
    #[test]
    fn the_deepest_way_is_found() {
        let functions: [(Option<u32>, &[u16]); 3] = [
            (Some(16), &[0xb510, 0xf000, 0xf803, 0xf000, 0xf802, 0xbd10]), // bl f1; bl f2
            (Some(40), &[0x4770]),
            (None, &[0xb5f0, 0xb087, 0xb007, 0xbdf0]), // push of 20, sub of 28
        ];
        assert_eq!(deepest(&functions), Ok((64, vec![(0, 16), (2, 48)])));
    }

    /// A jump to another function leaves nothing behind; from assembly it may.
    #[test]
    fn a_tail_call_gives_its_frame_back() {
        let callee: (Option<u32>, &[u16]) = (Some(40), &[0x4770]);
        let jump: &[u16] = &[0xb500, 0xe7ff]; // push {lr}; b f1
        assert_eq!(deepest(&[(Some(16), jump), callee]), Ok((40, vec![(0, 0), (1, 40)])));
        assert_eq!(deepest(&[(None, jump), callee]), Ok((44, vec![(0, 4), (1, 40)])));
    }

    #[test]
    fn a_far_jump_within_a_function_is_no_recursion() {
        let code: &[u16] = &[0xb500, 0xf000, 0xf800, 0xbd00]; // push {lr}; bl to the pop
        assert_eq!(deepest(&[(Some(4), code)]), Ok((4, vec![(0, 4)])));
    }

    #[test]
    fn what_has_no_deepest_way_is_refused() {
        let circle: [(Option<u32>, &[u16]); 2] = [
            (Some(8), &[0xf000, 0xf801, 0x4770]), // bl f1
            (Some(8), &[0xf7ff, 0xfffb, 0x4770]), // bl f0
        ];
        let names = ["f0", "f1", "f0"].map(str::to_owned).to_vec();
        assert_eq!(deepest(&circle), Err(DepthError::Recursion { names }));
        let name = || "f0".to_owned();
        let unresolved = DepthError::Unresolved { name: name(), address: FIRST };
        assert_eq!(deepest(&[(Some(8), &[0x4798, 0x4770])]), Err(unresolved)); // blx r3
        let astray = DepthError::Astray { name: name(), address: FIRST + 8 };
        assert_eq!(deepest(&[(Some(8), &[0xf000, 0xf802, 0x4770])]), Err(astray)); // bl beyond
        assert_eq!(deepest(&[(None, &[0x44a5, 0x4770])]), Err(DepthError::Unknown { name: name() })); // add sp, r4
    }

    /// ldr r3, [pc, #4]; blx r3; blx r3; pop; the address of f1.
    #[test]
    fn an_address_kept_in_a_register_is_followed() {
        let code: &[u16] = &[0xb510, 0x4b01, 0x4798, 0xbd10, 0x100d, 0];
        let callee: (Option<u32>, &[u16]) = (Some(40), &[0x4770]);
        assert_eq!(deepest(&[(Some(8), code), callee]), Ok((48, vec![(0, 8), (1, 40)])));
        // The same by a table, whose place the literal is.
        let code: &[u16] = &[0xb510, 0x4b01, 0x4798, 0xbd10, 0x100c, 0, 0x1011, 0];
        assert_eq!(deepest(&[(Some(8), code), callee]), Ok((48, vec![(0, 8), (1, 40)])));
    }

    #[test]
    fn an_endless_loop_is_known() {
        let image = image(&[(Some(8), &[0xbf00, 0xe7fd]), (Some(0), &[0x4770])]);
        let graph = Graph::new(&image);
        assert!(graph.is_endless_loop(0) && !graph.is_endless_loop(1));
    }
}
