//! From a graph to a program: what is needed, in which order, in which loops and which memory.
//!
//! 1. Only what the wanted outputs depend on is kept.
//! 2. Steps are listed as their inputs become ready: products and convolutions first, then all element-wise
//!    operations and sums over one shape together, as one loop.
//! 3. A value gets a buffer from its step to its last reader; buffers are used again. A loop's inner values get none.

use std::collections::{BTreeSet, HashMap};

use super::builder::{Graph, Node, Shape};
use super::kernels::fused::{Code, Instruction, Kind, Loop, MOST_STREAMS, Source, Target};
use super::op::{Constant, Op};

/// Where a value lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Argument(usize),
    Buffer(usize),
}

/// A value to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Operand {
    pub place: Place,
    pub offset: usize,
    pub shape: Shape,
}

impl Operand {
    pub fn len(&self) -> usize {
        self.shape.0 * self.shape.1
    }
}

#[derive(Debug, Clone)]
pub(super) enum Step {
    Loop { plan: Loop, streams: Vec<Operand>, outputs: Vec<usize> },
    Single { op: Op, inputs: Vec<Operand>, output: usize, shape: Shape },
}

/// A program: runs any number of times, on any arguments of the right sizes.
#[derive(Debug, Clone)]
pub struct Program {
    pub(super) steps: Vec<Step>,
    /// Values that each buffer must hold.
    pub(super) buffers: Vec<usize>,
    pub(super) outputs: Vec<Operand>,
    /// Values that each argument must have at least.
    pub(super) arguments: Vec<usize>,
}

impl Program {
    /// Compiles what `outputs` depend on.
    pub fn new(graph: &Graph, outputs: &[Node]) -> Self {
        Compiler::new(graph, outputs).compile(outputs)
    }

    /// Values that a workspace holds between steps: the program's memory, whatever it computes.
    pub fn memory(&self) -> usize {
        self.buffers.iter().sum()
    }

    /// The number of steps.
    pub fn steps(&self) -> usize {
        self.steps.len()
    }

    /// One line a step, for who wants to know what a program does.
    pub fn listing(&self) -> String {
        let line = |step: &Step| match step {
            Step::Loop { plan, streams, outputs } => format!(
                "loop {} × {}: {} operands, {} operations, {} results",
                plan.rows,
                plan.columns,
                streams.len(),
                plan.instructions.len(),
                outputs.len()
            ),
            Step::Single { op, inputs, shape, .. } => {
                let inputs: Vec<Shape> = inputs.iter().map(|input| input.shape).collect();
                format!("{op:?} of {inputs:?} to {shape:?}")
            }
        };
        self.steps.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

struct Compiler<'g> {
    graph: &'g Graph,
    live: Vec<bool>,
    /// Nodes that read each root, through whatever views.
    readers: HashMap<Node, Vec<Node>>,
    outputs: BTreeSet<Node>,
}

enum Group {
    Single(Node),
    Loop(Shape, Vec<Node>),
}

impl<'g> Compiler<'g> {
    fn new(graph: &'g Graph, outputs: &[Node]) -> Self {
        let mut live = vec![false; graph.len()];
        for output in outputs {
            live[output.0 as usize] = true;
        }
        for index in (0..graph.len()).rev() {
            if live[index] {
                for input in &graph.entries[index].inputs {
                    live[input.0 as usize] = true;
                }
            }
        }
        let mut compiler = Self { graph, live, readers: HashMap::new(), outputs: BTreeSet::new() };
        compiler.outputs = outputs.iter().map(|output| compiler.root(*output).0).collect();
        for index in 0..graph.len() {
            let node = Node(index as u32);
            if compiler.live[index] && !compiler.is_view(node) {
                for input in &graph.entries[index].inputs {
                    let root = compiler.root(*input).0;
                    compiler.readers.entry(root).or_default().push(node);
                }
            }
        }
        compiler
    }

    fn is_view(&self, node: Node) -> bool {
        matches!(self.graph.entry(node).op, Op::Reshape | Op::Detach | Op::Columns(_))
    }

    /// What a view looks at, and from which value on.
    fn root(&self, node: Node) -> (Node, usize) {
        let entry = self.graph.entry(node);
        match entry.op {
            Op::Reshape | Op::Detach => self.root(entry.inputs[0]),
            Op::Columns(first) => {
                let (root, offset) = self.root(entry.inputs[0]);
                (root, offset + first * entry.shape.0)
            }
            _ => (node, 0),
        }
    }

    /// The shape of the loop that a node can be part of.
    fn loop_shape(&self, node: Node) -> Option<Shape> {
        let entry = self.graph.entry(node);
        match entry.op {
            Op::Unary(_) | Op::Binary(_) | Op::Broadcast => Some(entry.shape),
            Op::SumRows | Op::SumColumns => Some(self.graph.shape(entry.inputs[0])),
            _ => None,
        }
    }

    fn is_sum(&self, node: Node) -> bool {
        matches!(self.graph.entry(node).op, Op::SumRows | Op::SumColumns)
    }

    fn computed(&self, node: Node) -> bool {
        !matches!(self.graph.entry(node).op, Op::Input { .. })
    }

    fn order(&self) -> Vec<Group> {
        let mut waiting: HashMap<Node, usize> = HashMap::new();
        let (mut singles, mut loops) = (BTreeSet::new(), BTreeSet::new());
        let nodes: Vec<Node> = (0..self.graph.len() as u32)
            .map(Node)
            .filter(|node| self.live[node.0 as usize] && !self.is_view(*node) && self.computed(*node))
            .collect();
        let file = |node: Node, singles: &mut BTreeSet<Node>, loops: &mut BTreeSet<Node>| {
            if self.loop_shape(node).is_some() {
                loops.insert(node)
            } else {
                singles.insert(node)
            };
        };
        for node in &nodes {
            let inputs =
                self.graph.entry(*node).inputs.iter().filter(|input| self.computed(self.root(**input).0));
            let count = inputs.count();
            waiting.insert(*node, count);
            if count == 0 {
                file(*node, &mut singles, &mut loops);
            }
        }
        let mut groups = Vec::new();
        // Releases the readers of a node; those that are ready are passed on.
        let release = |node: Node, waiting: &mut HashMap<Node, usize>| -> Vec<Node> {
            let mut ready = Vec::new();
            for reader in self.readers.get(&node).into_iter().flatten() {
                if let Some(count) = waiting.get_mut(reader) {
                    *count -= 1;
                    if *count == 0 {
                        ready.push(*reader);
                    }
                }
            }
            ready
        };
        loop {
            if let Some(node) = singles.pop_first() {
                groups.push(Group::Single(node));
                for ready in release(node, &mut waiting) {
                    file(ready, &mut singles, &mut loops);
                }
                continue;
            }
            let Some(first) = loops.pop_first() else { break };
            let shape = self.loop_shape(first).unwrap_or_default();
            let mut members = vec![first];
            let mut streams = BTreeSet::new();
            let mut candidates: BTreeSet<Node> =
                loops.iter().copied().filter(|node| self.loop_shape(*node) == Some(shape)).collect();
            loops.retain(|node| !candidates.contains(node));
            let mut held = Vec::new();
            let mut inside: BTreeSet<Node> = [first].into();
            let mut next = Some(first);
            while let Some(node) = next {
                for input in &self.graph.entry(node).inputs {
                    if !inside.contains(input) {
                        streams.insert(*input);
                    }
                }
                // What reads a sum, or a view of a member, waits until the loop has ended.
                for ready in release(node, &mut waiting) {
                    let direct = |member: &Node| self.graph.entry(ready).inputs.contains(member);
                    let through_views = self
                        .graph
                        .entry(ready)
                        .inputs
                        .iter()
                        .any(|input| self.is_view(*input) && inside.contains(&self.root(*input).0));
                    let after_sum = inside.iter().any(|member| self.is_sum(*member) && direct(member));
                    if self.loop_shape(ready) == Some(shape) && !through_views && !after_sum {
                        candidates.insert(ready);
                    } else {
                        held.push(ready);
                    }
                }
                next = if streams.len() + 2 > MOST_STREAMS { None } else { candidates.pop_first() };
                if let Some(node) = next {
                    members.push(node);
                    inside.insert(node);
                }
            }
            for node in held.into_iter().chain(candidates) {
                file(node, &mut singles, &mut loops);
            }
            groups.push(Group::Loop(shape, members));
        }
        groups
    }

    fn compile(self, outputs: &[Node]) -> Program {
        let groups = self.order();
        // Which group reads each root last.
        let mut group_of: HashMap<Node, usize> = HashMap::new();
        for (index, group) in groups.iter().enumerate() {
            match group {
                Group::Single(node) => {
                    group_of.insert(*node, index);
                }
                Group::Loop(_, members) => members.iter().for_each(|node| {
                    group_of.insert(*node, index);
                }),
            }
        }
        let last_read = |node: Node| -> usize {
            if self.outputs.contains(&node) {
                return usize::MAX;
            }
            let readers = self.readers.get(&node).into_iter().flatten();
            readers.filter_map(|reader| group_of.get(reader)).copied().max().unwrap_or(0)
        };
        let mut memory = Memory::default();
        let mut steps = Vec::with_capacity(groups.len());
        for (index, group) in groups.iter().enumerate() {
            match group {
                Group::Single(node) => {
                    let entry = self.graph.entry(*node);
                    let inputs = entry.inputs.iter().map(|input| self.operand(*input, &memory)).collect();
                    let output = memory.take(*node, entry.shape.0 * entry.shape.1, last_read(*node));
                    steps.push(Step::Single { op: entry.op.clone(), inputs, output, shape: entry.shape });
                }
                Group::Loop(shape, members) => {
                    let stored = |node: Node| {
                        self.outputs.contains(&node)
                            || self.is_sum(node)
                            || self
                                .readers
                                .get(&node)
                                .into_iter()
                                .flatten()
                                .any(|reader| group_of.get(reader) != Some(&index))
                    };
                    steps.push(self.build_loop(*shape, members, stored, last_read, &mut memory));
                }
            }
            memory.release(index);
        }
        let mut arguments = Vec::new();
        for (index, entry) in self.graph.entries.iter().enumerate() {
            if let (true, Op::Input { argument, offset }) = (self.live[index], &entry.op) {
                if arguments.len() <= *argument {
                    arguments.resize(argument + 1, 0);
                }
                arguments[*argument] = arguments[*argument].max(offset + entry.shape.0 * entry.shape.1);
            }
        }
        let outputs = outputs.iter().map(|output| self.operand(*output, &memory)).collect();
        Program { steps, buffers: memory.sizes, outputs, arguments }
    }

    fn operand(&self, node: Node, memory: &Memory) -> Operand {
        let (root, offset) = self.root(node);
        let shape = self.graph.shape(node);
        match self.graph.entry(root).op {
            Op::Input { argument, offset: start } => {
                Operand { place: Place::Argument(argument), offset: start + offset, shape }
            }
            _ => Operand { place: Place::Buffer(memory.of[&root]), offset, shape },
        }
    }

    fn build_loop(
        &self,
        shape: Shape,
        members: &[Node],
        stored: impl Fn(Node) -> bool,
        last_read: impl Fn(Node) -> usize,
        memory: &mut Memory,
    ) -> Step {
        let mut plan = Loop { rows: shape.0, columns: shape.1, ..Loop::default() };
        let mut streams: Vec<Operand> = Vec::new();
        let mut outputs = Vec::new();
        let mut sources: HashMap<Node, Source> = HashMap::new();
        let mut targets = Vec::new();
        // Buffers of results are taken after all operands are known, since none may lie over another.
        for node in members {
            for input in &self.graph.entry(*node).inputs {
                if members.contains(input) || sources.contains_key(input) {
                    continue;
                }
                let operand = self.operand(*input, memory);
                let kind = match operand.shape {
                    _ if operand.shape == shape => Kind::Full,
                    (1, 1) => Kind::Number,
                    (_, 1) => Kind::Column,
                    _ => Kind::Row,
                };
                let slot = if kind == Kind::Full { 0 } else { plan.slots };
                plan.slots += usize::from(kind != Kind::Full);
                sources.insert(*input, Source::Stream(streams.len()));
                plan.streams.push((kind, slot));
                streams.push(operand);
            }
        }
        // A slot is free again after the last instruction that reads it.
        let mut last_use: HashMap<Node, usize> = HashMap::new();
        for (index, node) in members.iter().enumerate() {
            for input in &self.graph.entry(*node).inputs {
                last_use.insert(*input, index);
            }
        }
        let mut free = Vec::new();
        for (index, node) in members.iter().enumerate() {
            let entry = self.graph.entry(*node);
            let source = |at: usize| sources[&entry.inputs[at.min(entry.inputs.len() - 1)]];
            let (a, b) = (source(0), source(1));
            let code = match entry.op {
                Op::Unary(unary) => Code::Unary(unary),
                Op::Binary(binary) => Code::Binary(binary),
                Op::SumRows => Code::SumRows,
                Op::SumColumns => Code::SumColumns,
                _ => Code::Copy,
            };
            let to = if stored(*node) {
                targets.push(*node);
                Target::Output(targets.len() - 1)
            } else {
                Target::Slot(free.pop().unwrap_or_else(|| {
                    plan.slots += 1;
                    plan.slots - 1
                }))
            };
            sources.insert(
                *node,
                match to {
                    Target::Slot(slot) => Source::Slot(slot),
                    Target::Output(output) => Source::Output(output),
                },
            );
            plan.instructions.push(Instruction { code, a, b, to });
            let mut inputs = entry.inputs.clone();
            inputs.dedup();
            for input in inputs {
                if let (Some(Source::Slot(slot)), true) = (sources.get(&input), last_use[&input] == index) {
                    free.push(*slot);
                }
            }
        }
        for node in targets {
            let (rows, columns) = self.graph.shape(node);
            outputs.push(memory.take(node, rows * columns, last_read(node)));
        }
        // Where nothing depends on the shape, one long row is as good, and tiles of it are full.
        let sums = plan.instructions.iter().any(|i| matches!(i.code, Code::SumRows | Code::SumColumns));
        if !sums && plan.streams.iter().all(|(kind, _)| matches!(kind, Kind::Full | Kind::Number)) {
            (plan.rows, plan.columns) = (1, shape.0 * shape.1);
        }
        Step::Loop { plan, streams, outputs }
    }
}

/// Buffers, and who has them.
#[derive(Default)]
struct Memory {
    sizes: Vec<usize>,
    of: HashMap<Node, usize>,
    free: Vec<usize>,
    /// Last reader of each taken buffer.
    taken: Vec<(usize, usize)>,
}

impl Memory {
    /// The free buffer that fits best, or the largest one enlarged, or a new one.
    fn take(&mut self, node: Node, size: usize, last_read: usize) -> usize {
        let fitting = self.free.iter().filter(|buffer| self.sizes[**buffer] >= size);
        let best = fitting.min_by_key(|buffer| self.sizes[**buffer]).copied();
        let best = best.or_else(|| self.free.iter().max_by_key(|buffer| self.sizes[**buffer]).copied());
        let buffer = match best {
            Some(buffer) => {
                self.free.retain(|free| *free != buffer);
                self.sizes[buffer] = self.sizes[buffer].max(size);
                buffer
            }
            None => {
                self.sizes.push(size);
                self.sizes.len() - 1
            }
        };
        self.of.insert(node, buffer);
        self.taken.push((buffer, last_read));
        buffer
    }

    /// Frees what no step after this one reads.
    fn release(&mut self, step: usize) {
        let free = &mut self.free;
        self.taken.retain(|(buffer, last)| {
            let needed = *last > step;
            if !needed {
                free.push(*buffer);
            }
            needed
        });
    }
}

/// A filled matrix as its number.
pub(super) fn filled(op: &Op) -> Option<f64> {
    match op {
        Op::Fill(Constant(value)) => Some(*value),
        _ => None,
    }
}
