//! A disk that loses power: what was not made durable is there in part, sector by sector, or not at all.

use std::cell::{Ref, RefCell};
use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::rc::Rc;

use pure_mqtt_net::store::{Files, LogFile};

const SECTOR: usize = 64; // small, so that records are torn

#[derive(Clone)]
pub struct Disk(Rc<RefCell<State>>);

struct State {
    /// Files as programs see them.
    inodes: Vec<Inode>,
    names: BTreeMap<String, usize>,
    /// Names as they are on the medium, and what was done to them since.
    durable_names: BTreeMap<String, usize>,
    changes: Vec<Change>,
    random: fastrand::Rng,
    /// So many operations until the power fails.
    fuse: Option<u64>,
    faults: Faults,
    syncs: u64,
    space: Option<usize>,
    is_dead: bool,
}

/// How often things go wrong, in 1,000.
#[derive(Clone, Copy, Default)]
pub struct Faults {
    pub sync: u32,
    pub write: u32,
    pub folder: u32,
    /// Writes that take less than they were given.
    pub short: u32,
}

#[derive(Clone, Default)]
struct Inode {
    seen: Vec<u8>,
    durable: Vec<u8>,
    /// Sectors that are to be written to the medium.
    dirty: Vec<usize>,
}

#[derive(Clone)]
enum Change {
    Named(String, usize),
    Renamed(String, String, usize),
    Removed(String),
}

impl Disk {
    pub fn new(seed: u64) -> Self {
        Self(Rc::new(RefCell::new(State::new(seed))))
    }

    pub fn fail_after(&self, operations: u64) {
        self.0.borrow_mut().fuse = Some(operations);
    }

    pub fn faults(&self, faults: Faults) {
        self.0.borrow_mut().faults = faults;
    }

    /// So many bytes may be written altogether; `None` for all that are wanted.
    pub fn space(&self, bytes: Option<usize>) {
        self.0.borrow_mut().space = bytes;
    }

    pub fn syncs(&self) -> u64 {
        self.0.borrow().syncs
    }

    pub fn is_dead(&self) -> bool {
        self.0.borrow().is_dead
    }

    /// What a program sees of a file.
    pub fn bytes(&self, name: &str) -> Ref<'_, Vec<u8>> {
        Ref::map(self.0.borrow(), |state| &state.inodes[state.names[name]].seen)
    }

    /// Changes a byte, on the medium as well.
    pub fn flip(&self, name: &str, offset: usize, bits: u8) {
        let mut state = self.0.borrow_mut();
        let index = state.names[name];
        state.inodes[index].seen[offset] ^= bits;
    }

    /// Puts bytes into a file that nobody has written there.
    pub fn overwrite(&self, name: &str, offset: usize, bytes: &[u8]) {
        let mut state = self.0.borrow_mut();
        let index = state.names[name];
        let seen = &mut state.inodes[index].seen;
        seen.resize(seen.len().max(offset + bytes.len()), 0);
        seen[offset..offset + bytes.len()].copy_from_slice(bytes);
    }

    pub fn list(&self) -> Vec<String> {
        self.0.borrow().names.keys().cloned().collect()
    }

    /// The disk as the next process sees it, when one was killed: what was not made durable is still on its way.
    pub fn killed(&self) -> Self {
        let disk = Self::new(0);
        let state = self.0.borrow();
        *disk.0.borrow_mut() = State {
            inodes: state.inodes.clone(),
            names: state.names.clone(),
            durable_names: state.durable_names.clone(),
            changes: state.changes.clone(),
            random: state.random.clone(),
            ..State::new(0)
        };
        disk
    }

    /// The disk as it comes up again after the power has failed now.
    pub fn lose_power(&self, seed: u64) -> Self {
        let state = self.0.borrow();
        let mut random = fastrand::Rng::with_seed(seed);
        let mut names = state.durable_names.clone();
        // A journaling file system keeps the order of these; one that doesn't loses any of them.
        let in_order = random.bool();
        let kept = random.usize(..=state.changes.len());
        for (index, change) in state.changes.iter().enumerate() {
            if if in_order { index < kept } else { random.bool() } {
                match change.clone() {
                    Change::Named(name, inode) => drop(names.insert(name, inode)),
                    Change::Renamed(from, to, inode) => {
                        names.remove(&from);
                        names.insert(to, inode);
                    }
                    Change::Removed(name) => drop(names.remove(&name)),
                }
            }
        }
        let inodes = state.inodes.iter().map(|inode| inode.after_loss(&mut random)).collect();
        let disk = Self::new(random.u64(..));
        *disk.0.borrow_mut() = State { inodes, durable_names: names.clone(), names, random, ..State::new(0) };
        disk
    }
}

impl Inode {
    fn after_loss(&self, random: &mut fastrand::Rng) -> Self {
        let mut bytes = self.durable.clone();
        let all = random.u8(..4);
        for sector in &self.dirty {
            let is_written = match all {
                0 => true,
                1 => false,
                _ => random.bool(),
            };
            let range = sector * SECTOR..((sector + 1) * SECTOR).min(self.seen.len());
            if is_written && !range.is_empty() {
                if bytes.len() < range.end {
                    bytes.resize(range.end, 0);
                }
                bytes[range.clone()].copy_from_slice(&self.seen[range]);
            }
        }
        if bytes.len() < self.seen.len() && random.bool() {
            bytes.resize(self.seen.len(), 0); // the length was written and the data wasn't
        }
        Self { seen: bytes.clone(), durable: bytes, dirty: Vec::new() }
    }
}

impl State {
    fn new(seed: u64) -> Self {
        Self {
            inodes: Vec::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            changes: Vec::new(),
            random: fastrand::Rng::with_seed(seed),
            fuse: None,
            faults: Faults::default(),
            syncs: 0,
            space: None,
            is_dead: false,
        }
    }

    /// Counts an operation; an error once the power has failed.
    fn operate(&mut self) -> io::Result<()> {
        if self.is_dead {
            return Err(io::Error::other("the power has failed"));
        }
        if let Some(fuse) = &mut self.fuse {
            if *fuse == 0 {
                self.is_dead = true;
                return Err(io::Error::other("the power fails"));
            }
            *fuse -= 1;
        }
        Ok(())
    }

    fn chance(&mut self, in_thousand: u32) -> bool {
        self.random.u32(..1_000) < in_thousand
    }
}

impl Files for Disk {
    type File = DiskFile;

    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.list())
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        Ok(self.bytes(name).clone())
    }

    fn create(&mut self, name: &str) -> io::Result<DiskFile> {
        let mut state = self.0.borrow_mut();
        state.operate()?;
        assert!(!state.names.contains_key(name), "{name} is there already");
        if state.space == Some(0) {
            return Err(ErrorKind::StorageFull.into());
        }
        let inode = state.inodes.len();
        state.inodes.push(Inode::default());
        state.names.insert(name.into(), inode);
        state.changes.push(Change::Named(name.into(), inode));
        Ok(DiskFile { disk: self.clone(), inode, length: 0, has_failed: false })
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        state.operate()?;
        let faults = state.faults;
        if state.chance(faults.folder) {
            return Err(io::Error::other("the name could not be written"));
        }
        let inode = state.names.remove(from).expect("it is there");
        assert!(state.names.insert(to.into(), inode).is_none(), "{to} is there already");
        state.changes.push(Change::Renamed(from.into(), to.into(), inode));
        Ok(())
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        state.operate()?;
        let inode = state.names.remove(name).ok_or(ErrorKind::NotFound)?;
        let freed = state.inodes[inode].seen.len();
        state.space = state.space.map(|space| space + freed);
        state.changes.push(Change::Removed(name.into()));
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        state.operate()?;
        let faults = state.faults;
        if state.chance(faults.folder) {
            return Err(io::Error::other("the folder could not be written"));
        }
        state.durable_names = state.names.clone();
        state.changes.clear();
        Ok(())
    }

    fn path(&self, name: &str) -> PathBuf {
        PathBuf::from("/disk").join(name)
    }
}

pub struct DiskFile {
    disk: Disk,
    inode: usize,
    /// How much was written.
    length: usize,
    has_failed: bool,
}

impl Write for DiskFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        assert!(!self.has_failed, "a file is tried again after a failure");
        let mut state = self.disk.0.borrow_mut();
        let (faults, is_full) = (state.faults, state.space.is_some_and(|space| space == 0));
        let end = self.length + bytes.len();
        let mut count = bytes.len();
        let dies = state.operate().is_err();
        if dies || state.chance(faults.short) {
            count = state.random.usize(usize::from(!dies)..=count); // the power may fail within it
        }
        if is_full || state.chance(faults.write) {
            self.has_failed = true;
            return Err(if is_full {
                ErrorKind::StorageFull.into()
            } else {
                io::Error::other("it could not be written")
            });
        }
        if let Some(space) = &mut state.space {
            let new = end.saturating_sub(self.length).min(*space).min(count);
            *space -= new;
            count = new;
        }
        let inode = &mut state.inodes[self.inode];
        let end = self.length + count;
        if inode.seen.len() < end {
            inode.seen.resize(end, 0);
        }
        inode.seen[self.length..end].copy_from_slice(&bytes[..count]);
        if count > 0 {
            inode.dirty.extend(self.length / SECTOR..=(end - 1) / SECTOR);
        }
        self.length = end;
        if dies { Err(io::Error::other("the power fails")) } else { Ok(count) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl LogFile for DiskFile {
    fn reserve(&mut self, length: u64) -> io::Result<()> {
        let mut state = self.disk.0.borrow_mut();
        state.operate()?;
        if state.space.is_some() {
            return Err(ErrorKind::StorageFull.into());
        }
        let inode = &mut state.inodes[self.inode];
        if inode.seen.len() < length as usize {
            inode.seen.resize(length as usize, 0);
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        assert!(!self.has_failed, "a file is tried again after a failure");
        let mut state = self.disk.0.borrow_mut();
        let faults = state.faults;
        state.syncs += 1;
        if state.operate().is_err() {
            return Err(io::Error::other("the power fails")); // and what was dirty stays so
        }
        let fails = state.chance(faults.sync);
        let mut random = fastrand::Rng::with_seed(state.random.u64(..));
        let inode = &mut state.inodes[self.inode];
        if fails {
            // Some of it was written. The rest counts as clean from now on, and is gone: the system says so once.
            let after = inode.after_loss(&mut random);
            (inode.durable, inode.dirty) = (after.durable, Vec::new());
            self.has_failed = true;
            return Err(io::Error::other("it could not be made durable"));
        }
        // A file whose dirty sectors were dropped by an earlier failure would not become durable here.
        let sectors = std::mem::take(&mut inode.dirty);
        inode.durable.resize(inode.seen.len(), 0);
        for sector in sectors {
            let range = sector * SECTOR..((sector + 1) * SECTOR).min(inode.seen.len());
            let seen = inode.seen[range.clone()].to_vec();
            inode.durable[range].copy_from_slice(&seen);
        }
        Ok(())
    }
}
