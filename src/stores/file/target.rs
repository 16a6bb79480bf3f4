//! The operations of the store on one target.

use async_trait::async_trait;
use zeroize::Zeroizing;

use super::disk::{self, Standing};
use super::dotenv::{self, Lines, Names};
use super::replace::{self, Lock};
use super::{Bytes, Format, Target};
use crate::error::{Error, Kind, Result};
use crate::stores::document::Layout;
use crate::stores::{Document, Found, Receipt, Store, Territory};

impl Target {
    /// What the bytes of the file, or their absence, mean for this target.
    fn understand(&self, bytes: Option<&[u8]>) -> Found {
        let Some(bytes) = bytes.filter(|bytes| !bytes.trim_ascii().is_empty()) else {
            return Found::Nothing;
        };
        match &self.format {
            Format::Dotenv(names) => dotenv::read(bytes, names),
            Format::Json(_) => std::str::from_utf8(bytes)
                .ok()
                .and_then(Layout::parse)
                .map_or_else(
                    || Found::Foreign("it holds something else than a delivered document".into()),
                    Found::Document,
                ),
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

    /// The bytes of the file, once it is certain that they may be replaced by ours.
    fn replaceable(&self) -> Result<Option<Bytes>> {
        let bytes = disk::read(&self.path)?;
        match self.understand(bytes.as_ref().map(|bytes| bytes.as_slice())) {
            Found::Foreign(why) => Err(self.foreign(&why)),
            Found::Nothing | Found::Document(_) => Ok(bytes),
        }
    }

    fn check_now(&self) -> Result<()> {
        self.replaceable()?;
        replace::rehearse(&self.path)
    }

    fn read_now(&self) -> Result<Found> {
        match disk::standing(&self.path)? {
            Standing::Odd(what) => Ok(Found::Foreign(format!("it is {what}"))),
            _ => {
                let bytes = disk::read(&self.path)?;
                Ok(self.understand(bytes.as_ref().map(|bytes| bytes.as_slice())))
            }
        }
    }

    /// Brings the file to hold `content`, unless it does already.
    fn write_now(&self, content: &Content) -> Result<()> {
        replace::create_directories(&self.path)?;
        let lock = Lock::take(&self.path)?;
        let before = self.replaceable()?;
        let after = content.after(before.as_ref().map_or(&[], |bytes| bytes));
        if before.as_ref() == Some(&after) {
            return Ok(());
        }
        lock.replace(&after)?;
        let read_back = disk::read(&self.path)?;
        match read_back.as_ref() == Some(&after) {
            true => Ok(()),
            false => Err(self.not_read_back()),
        }
    }

    fn not_read_back(&self) -> Error {
        Error::new(
            Kind::Stale,
            format!("{} does not hold what was written", self.place()),
            "Another program wrote to it at the same moment. Apply again.",
        )
    }

    fn remove_now(&self) -> Result<()> {
        if matches!(disk::standing(&self.path)?, Standing::Nothing) {
            return Ok(());
        }
        let lock = Lock::take(&self.path)?;
        match &self.format {
            Format::Json(_) => self.remove_whole(&lock),
            Format::Dotenv(names) => self.remove_lines(&lock, names),
        }
    }

    /// Does not mind loose permissions: a key that others can read had better go.
    fn remove_whole(&self, lock: &Lock) -> Result<()> {
        let bytes = disk::read_whoever_may(&self.path)?;
        match self.understand(bytes.as_ref().map(|bytes| bytes.as_slice())) {
            Found::Foreign(why) => Err(self.foreign(&why)),
            Found::Nothing | Found::Document(_) => lock.delete(),
        }
    }

    fn remove_lines(&self, lock: &Lock, names: &Names) -> Result<()> {
        let Some(before) = self.replaceable()? else {
            return Ok(());
        };
        let after = dotenv::set(&before, names, &Lines::none());
        if after.trim_ascii().is_empty() {
            lock.delete()
        } else if after != before {
            lock.replace(&after)
        } else {
            Ok(())
        }
    }

    /// What to write, made before any file is touched.
    fn content(&self, document: &Document) -> Result<Content> {
        match &self.format {
            Format::Json(layout) => {
                let text = layout.render(document);
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
            Self::Lines(names, lines) => dotenv::set(before, names, lines),
        }
    }
}

#[async_trait]
impl Store for Target {
    fn place(&self) -> String {
        match &self.format {
            Format::Json(_) => format!("file {}", self.path.display()),
            Format::Dotenv(names) => format!("file {} ({})", self.path.display(), names.prefix()),
        }
    }

    fn territory(&self) -> Territory {
        let name = format!("file {}", self.path.display());
        match &self.format {
            Format::Json(_) => Territory::whole(name),
            Format::Dotenv(names) => Territory::part(name, names.prefix()),
        }
    }

    async fn check(&self) -> Result<()> {
        let target = self.clone();
        aside(move || target.check_now()).await
    }

    /// Done in place: looking at a small local file takes less time than handing it to another thread.
    async fn read(&self) -> Result<Found> {
        self.read_now()
    }

    async fn write(&self, document: &Document, _token: &str) -> Result<Receipt> {
        let target = self.clone();
        let content = self.content(document)?;
        aside(move || target.write_now(&content)).await?;
        Ok(Receipt { version: None })
    }

    async fn remove(&self) -> Result<()> {
        let target = self.clone();
        aside(move || target.remove_now()).await
    }
}

/// Waiting for a lock and for the disk may take long; the threads that serve Terraform do not wait with it.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        Error::new(
            Kind::Other,
            "A file was not handled to the end",
            format!("{error}. Apply again; if it stays, report it as a bug of this provider."),
        )
    })?
}
