//! The operations of the store on one target.

use async_trait::async_trait;
use zeroize::Zeroizing;

use super::disk::{self, Entry};
use super::dotenv::{self, Lines, Names};
use super::identity;
use super::replace::{self, Lock};
use super::{Bytes, Format, Target};
use crate::error::{Error, Kind, Result};
use crate::ledger::guard;
use crate::stores::document::Layout;
use crate::stores::shape::Shape;
use crate::stores::{
    Capabilities, Document, Found, Observation, Receipt, Store, Version, WriteScope, Written,
};

/// How often a file may change under a writer, who starts again each time. A program that appends a line now and then
/// does so once.
const ATTEMPTS: u32 = 20;

/// How every file of SQLite begins.
const DATABASE: &[u8] = b"SQLite format 3\0";

impl Target {
    /// What the bytes of the file, or their absence, mean for this target. A document of the other format is ours too:
    /// the delivery is given another format, and the next write converts it.
    fn understand(&self, bytes: Option<&[u8]>) -> Found {
        let Some(bytes) = bytes.filter(|bytes| !bytes.trim_ascii().is_empty()) else {
            return Found::Nothing;
        };
        match &self.format {
            Format::Dotenv(names) => {
                let read = || dotenv::read(bytes, names).in_content(bytes);
                json_in(bytes).map_or_else(read, Found::Document)
            }
            Format::Json(_) => match std::str::from_utf8(bytes).map(Shape::understand) {
                Ok(found @ (Found::Document(_) | Found::Nothing)) => found,
                _ => dotenv::read_alone(bytes).map_or_else(
                    || {
                        let why = "it holds something else than a delivered document";
                        Found::foreign(why).in_content(bytes)
                    },
                    Found::Document,
                ),
            },
        }
    }

    /// Of a shared file only the lines of this delivery count: others write theirs at any time.
    fn version(&self, bytes: Option<&[u8]>) -> Version {
        let Some(bytes) = bytes else {
            return Version::Absent;
        };
        match (&self.format, self.understand(Some(bytes))) {
            (Format::Dotenv(_), Found::Nothing) => Version::Absent,
            (Format::Dotenv(_), Found::Document(document)) => {
                Version::of_bytes(Layout::Slots.render(&document).as_bytes())
            }
            _ => Version::of_bytes(bytes),
        }
    }

    fn foreign(&self, why: &str) -> Error {
        let way_out = match &self.format {
            Format::Json(_) => "Move the file away, or choose another path.",
            Format::Dotenv(_) => {
                "Correct or move what stands there, or choose another path or prefix."
            }
        };
        Error::new(
            Kind::Invalid,
            format!("{} is not ours to overwrite", self.place()),
            format!("{}: {why}. {way_out}", self.path.display()),
        )
    }

    /// The bytes of the file, once it is certain that ours can take their place. Whether they may is for the caller to
    /// say, by what it expects; but lines cannot be set in what is not understood.
    fn replaceable(&self) -> Result<Option<Bytes>> {
        let bytes = disk::read(&self.path)?;
        let there = bytes.as_ref().map(|bytes| bytes.as_slice());
        // Nobody means a database to be a placeholder, and this one may be the ledger.
        if there.is_some_and(|bytes| bytes.starts_with(DATABASE)) {
            return Err(self.foreign("it is a database"));
        }
        match (&self.format, self.understand(there)) {
            (Format::Dotenv(_), Found::Foreign(why)) => Err(self.foreign(&why.to_string())),
            _ => Ok(bytes),
        }
    }

    fn check_now(&self) -> Result<()> {
        self.replaceable()?;
        replace::rehearse(&self.path)
    }

    fn observe_now(&self) -> Result<Observation> {
        let bytes = disk::read(&self.path)?;
        let bytes = bytes.as_ref().map(|bytes| bytes.as_slice());
        match (self.understand(bytes), &self.format) {
            // What cannot be read is not gone.
            (Found::Foreign(why), Format::Dotenv(names))
                if bytes.is_some_and(|bytes| dotenv::mentions(bytes, names)) =>
            {
                Err(self.broken(&why.to_string()))
            }
            (found, _) => Ok(Observation {
                found,
                version: self.version(bytes),
            }),
        }
    }

    fn broken(&self, why: &str) -> Error {
        Error::new(
            Kind::Invalid,
            format!("{} cannot be read", self.place()),
            format!("{}: {why}. Correct what stands there.", self.path.display()),
        )
    }

    /// Brings the file to hold `content`, unless it does already.
    fn write_now(&self, content: &Content, expected: &Version) -> Result<Version> {
        replace::create_directories(&self.path)?;
        let lock = Lock::take(&self.path)?;
        for _ in 0..ATTEMPTS {
            let before = self.replaceable()?;
            let after = content.after(before.as_ref().map_or(&[], |bytes| bytes));
            let written = self.version(Some(&after));
            if before.as_ref() == Some(&after) {
                return Ok(written);
            }
            self.refuse_another(before.as_ref(), expected)?;
            if lock.replace(before.as_ref(), &after)? {
                return self.read_back(written);
            }
        }
        Err(self.restless())
    }

    /// Others may have added their lines to a shared file already.
    fn read_back(&self, written: Version) -> Result<Version> {
        let there = disk::read(&self.path)?;
        if self.version(there.as_ref().map(|bytes| bytes.as_slice())) == written {
            return Ok(written);
        }
        Err(Error::new(
            Kind::Stale,
            format!("{} does not hold what was written", self.place()),
            "Another program wrote to it at the same moment. Apply again.",
        ))
    }

    fn restless(&self) -> Error {
        Error::new(
            Kind::Stale,
            format!(
                "{} is written by another program all the time",
                self.place()
            ),
            format!(
                "It changed {ATTEMPTS} times between a look and the moment of the write, and was left as it is. Stop that \
                 program, or choose another path, and apply again."
            ),
        )
    }

    /// Somebody else was here since the place was looked at.
    fn refuse_another(&self, bytes: Option<&Bytes>, expected: &Version) -> Result<()> {
        if self.version(bytes.map(|bytes| bytes.as_slice())) == *expected {
            return Ok(());
        }
        Err(Error::new(
            Kind::Stale,
            format!("{} was changed in the meantime", self.place()),
            "Another program wrote to it since this apply looked at it. It was left as it is. Plan again.",
        ))
    }

    fn remove_now(&self, expected: &Version) -> Result<()> {
        if matches!(disk::entry(&self.path)?, Entry::Missing) {
            return Ok(());
        }
        let lock = Lock::take(&self.path)?;
        match &self.format {
            Format::Json(_) => self.remove_whole(&lock, expected),
            Format::Dotenv(names) => self.remove_lines(&lock, names, expected),
        }
    }

    /// Does not mind loose permissions: a key that others can read had better go.
    fn remove_whole(&self, lock: &Lock, expected: &Version) -> Result<()> {
        let Some(bytes) = disk::read_whoever_may(&self.path)? else {
            return Ok(());
        };
        if json_in(&bytes).is_none() && !bytes.trim_ascii().is_empty() {
            // A document in the other format is that of another delivery.
            return match dotenv::read_alone(&bytes) {
                Some(_) => Ok(()),
                None => Err(self.foreign("it holds something else than a delivered document")),
            };
        }
        self.refuse_another(Some(&bytes), expected)?;
        lock.delete()
    }

    fn remove_lines(&self, lock: &Lock, names: &Names, expected: &Version) -> Result<()> {
        for _ in 0..ATTEMPTS {
            // A document in the other format is that of another delivery.
            let before = self.replaceable()?.filter(|bytes| json_in(bytes).is_none());
            let Some(before) = before else {
                return Ok(());
            };
            self.refuse_another(Some(&before), expected)?;
            let after = dotenv::set(&before, names, &Lines::none());
            if after.trim_ascii().is_empty() {
                return lock.delete();
            }
            if after == before || lock.replace(Some(&before), &after)? {
                return Ok(());
            }
        }
        Err(self.restless())
    }

    /// What to write, made before any file is touched.
    fn content(&self, document: &Document) -> Result<Content> {
        match &self.format {
            Format::Json(shape) => {
                let text = shape.render(document);
                let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() + 1));
                bytes.extend_from_slice(text.as_bytes());
                bytes.push(b'\n');
                Ok(Content::Whole(bytes))
            }
            Format::Dotenv(names) => Lines::of(document)
                .map(|lines| Content::Lines(names.clone(), lines))
                .map_err(|what| {
                    Error::new(
                        Kind::Invalid,
                        format!("The {what} cannot be written to {}", self.place()),
                        "It is empty, or holds a character that sh, docker --env-file and dotenv libraries do not \
                         read alike (a space, a quote, $, # and the like). Set format = \"json\" for this delivery.",
                    )
                }),
        }
    }
}

/// What a write brings about.
enum Content {
    /// This is all of the file.
    Whole(Bytes),
    /// These lines are in it.
    Lines(Names, Lines),
}

impl Content {
    fn after(&self, before: &[u8]) -> Bytes {
        match self {
            Self::Whole(bytes) => bytes.clone(),
            Self::Lines(names, lines) if json_in(before).is_some() => {
                dotenv::set(&[], names, lines)
            }
            Self::Lines(names, lines) => dotenv::set(before, names, lines),
        }
    }
}

fn json_in(bytes: &[u8]) -> Option<Document> {
    Shape::parse(std::str::from_utf8(bytes).ok()?)
}

#[async_trait]
impl Store for Target {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            readable: true,
            local: true,
            ..Capabilities::default()
        }
    }

    fn place(&self) -> String {
        match &self.format {
            Format::Json(_) => format!("file {}", self.path.display()),
            Format::Dotenv(names) => format!("file {} ({})", self.path.display(), names.prefix()),
        }
    }

    fn write_scope(&self) -> WriteScope {
        let name = format!("file {}", identity::of(&self.path).display());
        let write_scope = match &self.format {
            Format::Json(_) => WriteScope::whole(name),
            Format::Dotenv(names) => WriteScope::part(name, names.prefix()),
        };
        write_scope.also(identity::handle(&self.path))
    }

    async fn identity(&self) -> Result<String> {
        Ok(self.write_scope().to_string())
    }

    async fn check(&self, _: Option<&Observation>) -> Result<()> {
        let target = self.clone();
        aside(move || target.check_now()).await
    }

    /// Done in place: looking at a small local file takes less time than handing it to another thread.
    async fn observe(&self) -> Result<Observation> {
        self.observe_now()
    }

    async fn write(&self, document: &Document, _: &str, expected: &Version) -> Result<Written> {
        let (target, expected) = (self.clone(), expected.clone());
        let content = self.content(document)?;
        let content = aside(move || target.write_now(&content, &expected)).await?;
        Ok(Written::Done(Receipt {
            content,
            version: None,
        }))
    }

    async fn remove(&self, expected: &Version) -> Result<()> {
        let (target, expected) = (self.clone(), expected.clone());
        aside(move || target.remove_now(&expected)).await
    }
}

/// Waiting for a lock and for the disk may take long; the threads that serve Terraform do not wait with it.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    guard::aside(work).await.map_err(|error| {
        Error::new(
            Kind::Other,
            "A file was not handled to the end",
            format!("{error}. Apply again; if it stays, report it as a bug of this provider."),
        )
    })?
}
