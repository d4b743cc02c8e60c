//! Sets of paths: which fields somebody manages, and which ones changed.

use super::path::PathElement;
use super::topology::{TypeId, Types};
use std::cmp::Ordering;

/// A set of paths as a tree, sorted on every level.
///
/// * Shape: every node is a member itself or has members below it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Set<'a> {
    nodes: Vec<Node<'a>>,
}

/// One element of one level.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Node<'a> {
    pub(super) element: PathElement<'a>,
    /// Whether the path that ends here is in the set.
    pub(super) member: bool,
    /// The paths that go on from here.
    pub(super) below: Set<'a>,
}

impl Node<'_> {
    fn is_empty(&self) -> bool {
        !self.member && self.below.is_empty()
    }
}

impl<'a> Set<'a> {
    pub(super) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    pub(super) fn nodes(&self) -> &[Node<'a>] {
        &self.nodes
    }

    /// Adds what comes after everything that is in the set; [`Set::sort`] makes up for elements out of order.
    pub(super) fn push(&mut self, element: PathElement<'a>, member: bool, below: Self) {
        if member || !below.is_empty() {
            self.nodes.push(Node { element, member, below });
        }
    }

    /// Sorts what was pushed, and unites what was pushed twice.
    pub(super) fn sort(&mut self) {
        if self.nodes.windows(2).all(|pair| matches!(pair, [a, b] if a.element < b.element)) {
            return;
        }
        self.nodes.sort_by(|a, b| a.element.cmp(&b.element));
        self.nodes.dedup_by(|later, first| {
            let same = later.element == first.element;
            if same {
                first.member |= later.member;
                first.below.unite(std::mem::take(&mut later.below));
            }
            same
        });
    }

    /// Adds one path.
    pub(super) fn insert(&mut self, path: &[PathElement<'a>]) {
        let Some((first, rest)) = path.split_first() else { return };
        let at = match self.position(first) {
            Ok(at) => at,
            Err(at) => {
                self.nodes.insert(at, Node { element: first.clone(), member: false, below: Self::default() });
                at
            }
        };
        let Some(node) = self.nodes.get_mut(at) else { return };
        if rest.is_empty() {
            node.member = true;
        } else {
            node.below.insert(rest);
        }
    }

    fn position(&self, element: &PathElement<'_>) -> Result<usize, usize> {
        self.nodes.binary_search_by(|node| node.element.cmp(element))
    }

    /// The node of that element, if there is one.
    pub(super) fn get(&self, element: &PathElement<'_>) -> Option<&Node<'a>> {
        self.position(element).ok().and_then(|at| self.nodes.get(at))
    }

    /// The node of the field of that name, if there is one.
    pub(super) fn field(&self, name: &str) -> Option<&Node<'a>> {
        self.get(&PathElement::Field(name))
    }

    /// Whether the path is in the set.
    pub(super) fn has(&self, path: &[PathElement<'_>]) -> bool {
        match path {
            [] => false,
            [last] => self.get(last).is_some_and(|node| node.member),
            [first, rest @ ..] => self.get(first).is_some_and(|node| node.below.has(rest)),
        }
    }

    /// Whether every path of this set is in the other one.
    pub(super) fn is_within(&self, other: &Set<'_>) -> bool {
        let mut others = other.nodes.iter();
        self.nodes.iter().all(|node| {
            others.by_ref().find(|other| other.element >= node.element).is_some_and(|other| {
                other.element == node.element && (other.member || !node.member) && node.below.is_within(&other.below)
            })
        })
    }

    /// Adds every path of the other set.
    pub(super) fn unite(&mut self, other: Self) {
        if other.is_empty() {
            return;
        }
        if self.is_empty() {
            *self = other;
            return;
        }
        let mut mine = std::mem::take(&mut self.nodes).into_iter().peekable();
        let mut others = other.nodes.into_iter().peekable();
        loop {
            let order = match (mine.peek(), others.peek()) {
                (Some(a), Some(b)) => a.element.cmp(&b.element),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => break,
            };
            let node = match order {
                Ordering::Less => mine.next(),
                Ordering::Greater => others.next(),
                Ordering::Equal => mine.next().zip(others.next()).map(|(mut node, other)| {
                    node.member |= other.member;
                    node.below.unite(other.below);
                    node
                }),
            };
            self.nodes.extend(node);
        }
    }

    /// The paths that are in both.
    pub(super) fn intersection(&self, other: &Set<'_>) -> Self {
        let mut both = Self::default();
        let mut others = other.nodes.iter().peekable();
        for node in &self.nodes {
            while others.next_if(|other| other.element < node.element).is_some() {}
            let Some(other) = others.next_if(|other| other.element == node.element) else { continue };
            both.push(node.element.clone(), node.member && other.member, node.below.intersection(&other.below));
        }
        both
    }

    /// Removes the paths of the other set, and tells whether there was one.
    pub(super) fn subtract(&mut self, other: &Set<'_>) -> bool {
        self.remove(other, &|node, other| {
            let removed = node.member && other.member;
            node.member &= !other.member;
            node.below.subtract(&other.below) || removed
        })
    }

    /// Removes the paths of the other set and all paths below them, and tells whether there was one.
    pub(super) fn subtract_below(&mut self, other: &Set<'_>) -> bool {
        self.remove(other, &|node, other| {
            if other.member {
                node.member = false;
                node.below = Set::default();
                return true;
            }
            node.below.subtract_below(&other.below)
        })
    }

    fn remove(&mut self, other: &Set<'_>, from: &dyn Fn(&mut Node<'a>, &Node<'_>) -> bool) -> bool {
        let mut removed = false;
        let mut others = other.nodes.iter().peekable();
        for node in &mut self.nodes {
            while others.next_if(|other| other.element < node.element).is_some() {}
            match others.next_if(|other| other.element == node.element) {
                Some(other) => removed |= from(node, other),
                None if others.peek().is_none() => break,
                None => {}
            }
        }
        if removed {
            self.nodes.retain(|node| !node.is_empty());
        }
        removed
    }

    /// Makes members of all named fields that have members below them.
    pub(super) fn own_named_fields(&mut self, types: &Types, ty: Option<TypeId>) {
        let Some(ty) = ty else { return };
        let atom = types.atom(ty);
        for node in self.nodes.iter_mut().filter(|node| !node.below.is_empty()) {
            let below = match (&node.element, &atom.map, &atom.list) {
                (PathElement::Field(name), Some(map), _) => {
                    let named = map.field(name);
                    node.member |= named.is_some();
                    named.or(map.rest)
                }
                (PathElement::Key(_), _, Some(list)) => Some(list.items),
                _ => None,
            };
            node.below.own_named_fields(types, below);
        }
    }

    /// Brings a set that was written for an earlier schema up to date: whoever owns parts of what is atomic now owns
    /// all of it. Tells whether anything changed.
    pub(super) fn reconcile(&mut self, types: &Types, ty: TypeId) -> bool {
        let atom = types.atom(ty);
        let mut changed = false;
        for node in &mut self.nodes {
            let below = match (&atom.map, &atom.list) {
                (Some(map), _) => match &node.element {
                    _ if map.deduced => None,
                    PathElement::Field(name) => map.field(name).or(map.rest),
                    _ => map.rest,
                },
                (None, Some(list)) if atom.scalar.is_none() => Some(list.items),
                _ => None,
            };
            let Some(below) = below else { continue };
            if node.below.is_empty() {
                continue;
            }
            if types.atom(below).is_atomic_container() {
                node.member = true;
                node.below = Self::default();
                changed = true;
            } else {
                changed |= node.below.reconcile(types, below);
            }
        }
        changed
    }

    /// Calls `found` with each path, in upstream's order: all members of a level before what is below them.
    pub(super) fn for_each(&self, found: &mut dyn FnMut(&[PathElement<'a>])) {
        self.walk(&mut Vec::new(), found);
    }

    fn walk(&self, path: &mut Vec<PathElement<'a>>, found: &mut dyn FnMut(&[PathElement<'a>])) {
        for node in self.nodes.iter().filter(|node| node.member) {
            path.push(node.element.clone());
            found(path);
            path.pop();
        }
        for node in self.nodes.iter().filter(|node| !node.below.is_empty()) {
            path.push(node.element.clone());
            node.below.walk(path, found);
            path.pop();
        }
    }
}
